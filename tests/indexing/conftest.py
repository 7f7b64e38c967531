"""Memories whose language model is a server on this machine."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hippo import Document, Hippo
from hippo.testing import LLMServer

SENTENCES = {
    "Ada Lovelace": "Ada Lovelace met Charles Babbage in London.",
    "Charles Babbage": "Charles Babbage designed the Difference Engine.",
    "Difference Engine": "The Difference Engine is shown in the Science Museum.",
    "Science Museum": "The Science Museum is part of London.",
    "London": "London lies on the Thames.",
    "Thames": "The Thames flows into the North Sea.",
    "North Sea": "The North Sea borders Norway.",
    "Norway": "Norway has its capital in Oslo.",
}


@pytest.fixture
def documents() -> list[Document]:
    """Eight documents of one chunk each, whose ids are their titles in small letters."""
    return [Document(text, id=title.lower(), title=title) for title, text in SENTENCES.items()]


@pytest.fixture
def server() -> Iterator[LLMServer]:
    with LLMServer() as running:
        yield running


@pytest.fixture
def open_with(tmp_path: Path) -> Callable[..., Hippo]:
    """Opens a memory that asks a server: `open_with(server, name="index", extractor="llm", encoder="hashing", ...)`;
    further keywords go into `[llm]`, tables of an extractor into `extractor_options`."""

    def make(
        server: LLMServer,
        name: str = "index",
        *,
        extractor: str | None = "llm",
        encoder: Any = "hashing",
        extractor_options: dict[str, Any] | None = None,
        **llm: Any,
    ) -> Hippo:
        return Hippo.open(
            tmp_path / name,
            encoder=encoder,
            extractor=extractor,
            llm="openai:test",
            overrides={
                "llm": {"openai": {"base_url": server.base_url}, **llm},
                **({"extractor": {"llm": extractor_options}} if extractor_options else {}),
            },
        )

    return make


@pytest.fixture
def facts_of() -> Callable[[Hippo], set[tuple[str, str]]]:
    """What a memory holds: pairs of document and text of each fact."""

    def read(memory: Hippo) -> set[tuple[str, str]]:
        contents = memory.contents()
        owners = contents.chunks["document_id"].to_pylist()
        rows = zip(contents.facts["chunk"].to_pylist(), contents.facts["text"].to_pylist(), strict=True)
        return {(owners[chunk], text) for chunk, text in rows}

    return read
