"""A small index with every kind of edge, with and without vectors."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hippo import Document, Hippo

DOCUMENTS = [
    Document(
        "Ada Lovelace worked with Charles Babbage on the Analytical Engine.", "ada", "Ada Lovelace", {"year": 1843}
    ),
    Document("Charles Babbage was born in London.", "babbage", "Charles Babbage", {"year": 1791}),
    Document("The Tower of London stands in London by the Thames.", "tower", "Tower of London", {"year": 1078}),
    Document("Riga lies on the Daugava.", "riga", "Riga", {"year": 1201}),
    Document(
        "The Mole opened a shop in Riga. He sold lamps there. Later he moved to Tartu. He never came back.",
        "mole",
        "The Mole",
    ),
]


def opened(path: Path, encoder: str) -> Iterator[Hippo]:
    with Hippo.open(path, encoder=encoder, overrides={"chunking": {"method": "sentences", "max_tokens": 20}}) as memory:
        memory.add(DOCUMENTS)
        yield memory


@pytest.fixture(scope="session")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hippo]:
    yield from opened(tmp_path_factory.mktemp("exploration") / "index", "hashing")


@pytest.fixture(scope="session")
def wordless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hippo]:
    yield from opened(tmp_path_factory.mktemp("exploration") / "wordless", "none")
