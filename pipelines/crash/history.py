"""What the trials do to an index: operations that a seed determines, and what the index holds after each."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hippo import Hippo
from hippo.maintenance import prune

__all__ = ["Operation", "history", "perform"]

_NAMES = ("Ada", "Boris", "Clara", "Dmitri", "Elena", "Farid", "Greta", "Hugo", "Irene", "Jonas")
_PLACES = ("Arlen", "Bremau", "Corvo", "Dunwick", "Estel", "Farrow", "Gorizia", "Halden")
_MOST = 6
_KINDS = ("add", "add", "update", "delete", "prune")


@dataclass(frozen=True, slots=True)
class Operation:
    """One call.

    Attributes:
        kind: "add", "update", "delete" or "prune".
        documents: Documents added or replaced, text by id.
        deleted: Ids of documents deleted.
        after: All documents when it has ended, text by id.
    """

    kind: str
    documents: dict[str, str]
    deleted: tuple[str, ...]
    after: dict[str, str]


def history(seed: int, length: int) -> list[Operation]:
    """A sequence of operations. The first adds."""
    return list(_operations(random.Random(seed), length))  # noqa: S311


def _operations(chance: random.Random, length: int) -> Iterator[Operation]:
    held: dict[str, str] = {}
    for number in range(length):
        kind = chance.choice(_KINDS) if held else "add"
        documents: dict[str, str] = {}
        deleted: tuple[str, ...] = ()
        if kind == "add":
            documents = {f"d{number}-{place}": _text(chance) for place in range(chance.randint(1, _MOST))}
        elif kind == "update":
            documents = {key: _text(chance) for key in chance.sample(sorted(held), min(len(held), 2))}
        elif kind == "delete":
            deleted = tuple(chance.sample(sorted(held), min(len(held), chance.randint(1, 3))))
        held = {key: text for key, text in {**held, **documents}.items() if key not in deleted}
        yield Operation(kind, documents, deleted, dict(held))


def _text(chance: random.Random) -> str:
    sentences = []
    for _ in range(chance.randint(1, 3)):
        (first, second), (home, other, there) = chance.sample(_NAMES, 2), chance.choices(_PLACES, k=3)
        sentences.append(f"{first} {home} met {second} {other} in {there}.")
    return " ".join(sentences)


def perform(root: Path, operation: Operation) -> None:
    """Do it. Doing what is done already changes nothing."""
    if operation.kind == "prune":
        prune(root)
        return
    with Hippo.open(root, encoder="hashing") as memory:
        if operation.kind == "delete":
            memory.delete(*operation.deleted, missing_ok=True)
        else:
            memory.add([{"id": key, "text": text} for key, text in operation.documents.items()])
