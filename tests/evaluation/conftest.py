"""A small index whose passages lead to each other, made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hippo import Hippo

TOWNS = ("Riga", "Hull", "Ulm", "Bern", "Cork", "Lund", "Graz", "Nantes", "Leiden", "Porto", "Turku", "Gent")
PEOPLE = (
    "Ada Smith", "Bertil Lang", "Clara Voss", "Dan Ober", "Edda Kern", "Falk Rohde", "Greta Moll", "Hanno Pfau",
    "Ida Quist", "Jonas Reck", "Karin Stahl", "Ludo Tamm",
)  # fmt: skip
WORKS = (
    "Iron Bridge", "Stone Tower", "Glass Hall", "Copper Gate", "Timber Church", "Marble Court", "Brick Chapel",
    "Silver Clock", "Granite Pier", "Golden Theatre", "Cedar Library", "Slate Museum",
)  # fmt: skip


@pytest.fixture(scope="session")
def works_documents() -> list[dict[str, str]]:
    """Each work was designed by somebody, who was born in a town."""
    found = []
    for work, person, town in zip(WORKS, PEOPLE, TOWNS, strict=True):
        found.append({"id": work, "title": work, "text": f"{work} was designed by {person}. It is much visited."})
        found.append({"id": person, "title": person, "text": f"{person} was born in {town}. The family was poor."})
        found.append({"id": town, "title": town, "text": f"{town} lies by the water. Ships still call there."})
    return found


@pytest.fixture(scope="session")
def works_path(tmp_path_factory: pytest.TempPathFactory, works_documents: list[dict[str, str]]) -> Path:
    path = tmp_path_factory.mktemp("works") / "index"
    with Hippo.open(path, encoder="hashing") as memory:
        memory.add(works_documents)
    return path


@pytest.fixture(scope="session")
def works(works_path: Path) -> Iterator[Hippo]:
    with Hippo.open(works_path) as memory:
        yield memory
