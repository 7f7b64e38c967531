"""A small index, made once, for all integrations."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hippo import Document, Hippo

DOCUMENTS = [
    Document("The Iron Bridge was built by Steelworks Smith.", "bridge", "Iron Bridge", {"year": 1852, "lang": "en"}),
    Document("Steelworks Smith was founded by Ada Smith in 1850.", "works", "Steelworks Smith", {"year": 1850}),
    Document("Ada Smith was born in Riga and studied in Berlin.", "ada", "Ada Smith", {"year": 1820, "score": "high"}),
    Document("Riga is the capital of Latvia.", "riga", "Riga", {"source": "atlas.pdf"}),
    Document("A letter without any title, found in a drawer.", "letter"),
]
QUESTION = "Where was the founder of the company born that built the Iron Bridge?"


@pytest.fixture(scope="session")
def index_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("integrations") / "index"
    with Hippo.open(path, encoder="hashing") as memory:
        memory.add(DOCUMENTS)
    return path


@pytest.fixture(scope="session")
def memory(index_path: Path) -> Iterator[Hippo]:
    with Hippo.open(index_path) as opened:
        yield opened
