"""What the trials do to an index: operations that a seed determines, and what the index holds after each."""

import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from hippo import Document, Hippo
from hippo.maintenance import prune
from hippo.store import SCHEMA_VERSION, Store
from hippo.testing import HashingEncoder
from pipelines.crash.older import make_older
from pipelines.crash.paid import PaidLLM

__all__ = ["ENCODER", "KINDS", "UNMERGED", "Operation", "Place", "history", "perform", "prepare"]

KINDS = ("add", "update", "delete", "sync", "remember", "forget", "publish", "migrate", "prune")
"""Kinds of operations. The first "add" of a history makes the index."""

UNMERGED = ("remember", "prune")
"""Kinds that publish nothing: what lies beside the snapshot stays there."""

ENCODER = HashingEncoder(dimension=64)
"""Of all indexes: its vectors are short, since most of what a trial takes would else be their moments."""

_NAMES = ("Ada", "Boris", "Clara", "Dmitri", "Elena", "Farid", "Greta", "Hugo", "Irene", "Jonas")
_PLACES = ("Arlen", "Bremau", "Corvo", "Dunwick", "Estel", "Farrow", "Gorizia", "Halden")
_MOST = 6
_FROM_FILE = "f"
"""First letter of the ids of documents that come from a folder; those of others begin with "d", or "r"."""
_REMEMBERED = "r"
"""First letter of the ids of documents that are remembered."""
_SAID = "2024-05-08T10:00:00+00:00"
"""When what is remembered was said; without it that would be the moment of the trial."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a trial happens: always at the same path, for an index knows where its documents were read.

    Attributes:
        folder: Holds all of it.
    """

    folder: Path

    @property
    def root(self) -> Path:
        """The index."""
        return self.folder / "index"

    @property
    def files(self) -> Path:
        """The folder that the index is made equal to."""
        return self.folder / "files"

    @property
    def book(self) -> Path:
        """Where it is written down what the language model was paid for."""
        return self.folder / "paid"

    def empty(self) -> None:
        """Remove everything there is."""
        for path in (self.root, self.files):
            shutil.rmtree(path, ignore_errors=True)
        self.book.unlink(missing_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True, slots=True)
class Operation:
    """One call.

    Attributes:
        kind: Of `KINDS`.
        extractor: "pattern" or "llm".
        before: All documents when it begins, text by id.
        after: All documents when it has ended.
        published: All documents of the snapshot when it begins; others have been remembered since.
        documents: Documents added, replaced or remembered; for "sync", all that the folder holds.
        deleted: Ids of documents deleted or forgotten.
        version: For "migrate": the version of the store that it begins with.
    """

    kind: str
    extractor: str
    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    published: dict[str, str] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()
    version: int = SCHEMA_VERSION


def history(seed: int, length: int) -> list[Operation]:
    """A sequence of operations. The first adds; every third history uses a language model."""
    return list(_operations(random.Random(seed), length, "pattern" if seed % 3 else "llm"))  # noqa: S311


def _operations(chance: random.Random, length: int, extractor: str) -> Iterator[Operation]:
    held: dict[str, str] = {}
    published: dict[str, str] = {}
    kinds: list[str] = []
    for number in range(length):
        if not kinds:
            kinds = list(KINDS)
            chance.shuffle(kinds)
        kind = kinds.pop() if held else "add"
        before, documents = dict(held), {}
        deleted: tuple[str, ...] = ()
        own = sorted(key for key in held if not key.startswith(_FROM_FILE))
        if kind == "add":
            documents = {f"d{number}-{place}": _text(chance) for place in range(chance.randint(1, _MOST))}
        elif kind == "update":
            documents = {key: _text(chance) for key in chance.sample(own, min(len(own), 1))}
        elif kind == "remember":
            documents = {f"r{number}-{place}": _text(chance) for place in range(chance.randint(1, 3))}
        elif kind in ("delete", "forget"):
            deleted = tuple(chance.sample(own, min(len(own), chance.randint(1, 3))))
        elif kind == "sync":
            known = {key: text for key, text in held.items() if key.startswith(_FROM_FILE)}
            stay = {key: text for key, text in known.items() if chance.random() < 0.7}
            documents = {**stay, **{f"f{number}-{place}": _text(chance) for place in range(chance.randint(1, 3))}}
            deleted = tuple(sorted(known.keys() - documents.keys()))
        held = {key: text for key, text in {**held, **documents}.items() if key not in deleted}
        version = chance.randrange(1, SCHEMA_VERSION) if kind == "migrate" else SCHEMA_VERSION
        yield Operation(kind, extractor, before, dict(held), published, documents, deleted, version)
        published = published if kind in UNMERGED else dict(held)


def _text(chance: random.Random) -> str:
    sentences = []
    for _ in range(chance.randint(1, 3)):
        (first, second), (home, other, there) = chance.sample(_NAMES, 2), chance.choices(_PLACES, k=3)
        sentences.append(f"{first} {home} met {second} {other} in {there}.")
    return " ".join(sentences)


def prepare(place: Place, operation: Operation) -> None:
    """Bring about what the operation begins with, besides the index that the one before has left."""
    if operation.kind == "sync":
        shutil.rmtree(place.files, ignore_errors=True)
        place.files.mkdir(parents=True)
        for key, text in operation.documents.items():
            (place.files / f"{key}.jsonl").write_text(json.dumps({"id": key, "text": text}) + "\n", encoding="utf-8")
    elif operation.kind == "migrate":
        make_older(place.root, operation.version)
    elif operation.kind == "publish":
        with Store.open(place.root) as store:
            store.set_meta({"published": ""})


def perform(place: Place, operation: Operation) -> None:
    """Do it. Doing what is done already changes nothing."""
    if operation.kind == "prune":
        prune(place.root)
        return
    llm = PaidLLM(place.book) if operation.extractor == "llm" else None
    documents = [_document(key, text) for key, text in operation.documents.items()]
    with Hippo.open(place.root, encoder=ENCODER, extractor=operation.extractor, llm=llm) as memory:
        if operation.kind == "delete":
            if llm is not None:
                # It asks no model about what is remembered and goes along, as it says: rules find the facts until then.
                memory.merge()
            memory.delete(*operation.deleted, missing_ok=True)
        elif operation.kind == "update":
            for one in documents:
                memory.update(one.id or "", text=one.text)
            if not documents:
                memory.merge()
        elif operation.kind == "sync":
            memory.sync(place.files)
        elif operation.kind == "remember":
            memory.remember(documents)
        elif operation.kind == "forget":
            if operation.deleted:
                memory.forget(*operation.deleted, missing_ok=True)
            memory.merge()
        else:
            memory.add(documents)


def _document(key: str, text: str) -> Document:
    said = datetime.fromisoformat(_SAID) if key.startswith(_REMEMBERED) else None
    return Document(text, id=key, timestamp=said)
