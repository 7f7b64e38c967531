"""One index of the sample corpus for all tests of retrieval."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hippo import Hippo


@pytest.fixture(scope="session")
def corpus(project: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads((project / "data/sample_corpus.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="session")
def questions(project: Path) -> list[str]:
    samples = json.loads((project / "data/sample.json").read_text(encoding="utf-8"))
    return [sample["question"] for sample in samples][:20]


@pytest.fixture(scope="session")
def sample_path(tmp_path_factory: pytest.TempPathFactory, corpus: list[dict[str, str]]) -> Path:
    path = tmp_path_factory.mktemp("retrieval") / "index"
    with Hippo.open(path, encoder="hashing") as memory:
        memory.add(corpus)
    return path


@pytest.fixture(scope="session")
def memory(sample_path: Path) -> Iterator[Hippo]:
    with Hippo.open(sample_path) as opened:
        yield opened
