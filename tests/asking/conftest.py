"""A small index without a language model, and ways to open it with one."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hippo import Document, Hippo
from hippo.testing import LLMServer

DOCUMENTS = [
    Document("The Iron Bridge was built by Steelworks Smith of Hull.", "bridge", "Iron Bridge"),
    Document("Steelworks Smith was founded by Ada Smith in 1850.", "works", "Steelworks Smith"),
    Document("Ada Smith was born in Riga and studied in Berlin.", "ada", "Ada Smith"),
    Document("Riga is the capital of Latvia on the river Daugava.", "riga", "Riga"),
]


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("asking") / "index"
    with Hippo.open(path, encoder="hashing") as memory:
        memory.add(DOCUMENTS)
    return path


@pytest.fixture(autouse=True)
def _fresh_cache(index: Path) -> Iterator[None]:
    """Every test pays for its own replies."""
    yield
    for file in index.glob("replies.sqlite*"):
        file.unlink()


@pytest.fixture
def server() -> Iterator[LLMServer]:
    with LLMServer() as running:
        yield running


@pytest.fixture
def over_http(index: Path) -> Callable[..., Hippo]:
    """Opens the index with a model behind a server; further keywords are sections of the configuration."""

    def make(server: LLMServer, **sections: dict[str, Any]) -> Hippo:
        llm = {"openai": {"base_url": server.base_url}, "attempts": 1, **sections.pop("llm", {})}
        return Hippo.open(index, llm="openai:test", overrides={"llm": llm, **sections})

    return make
