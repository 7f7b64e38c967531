"""Whether an index is what it has to be after harm: the old state or the new one, as a fresh build has it."""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hippo import Hippo
from hippo.errors import HippoError
from hippo.llm import REPLIES_FILE
from hippo.llm.replies import open_reading
from hippo.maintenance import check, repair
from hippo.snapshot.contents import Contents
from hippo.store import STORE_FILE
from hippo.store.connection import Connection
from pipelines.crash.history import Operation, Place, perform
from pipelines.crash.paid import kept, paid

__all__ = ["Fresh", "Seen", "Verdict", "after_flip", "after_harm", "read", "stored"]

_QUESTIONS = ("Whom did Ada Arlen meet?", "Who was in Corvo with the one who met Boris Bremau?")
Fresh = Callable[[dict[str, str], str], str]
"""From documents, text by id, and an extractor to the fingerprint of an index made of them at once."""


@dataclass(slots=True)
class Verdict:
    """What came of an index.

    Attributes:
        wrong: What is wrong with it; empty if nothing is.
        named: Who named the damage, and how; "": nobody, for there is none to be seen.
        lost: Replies of a language model that were asked for again because the process died between hearing them and
            keeping them.
    """

    wrong: list[str] = field(default_factory=list)
    named: str = ""
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What readers see of an index.

    Attributes:
        documents: Text by id; empty where nothing has been published.
        fingerprint: Hash of all tables and arrays, and of the rankings for some questions.
    """

    documents: dict[str, str]
    fingerprint: str


def read(root: Path) -> Seen:
    """Open an index as readers do, and read all of it."""
    if not root.is_dir():
        return Seen({}, "")
    with Hippo.open(root, encoder="hashing") as memory:
        if memory.status().snapshot is None:
            return Seen({}, "")
        contents = memory.contents()
        state = hashlib.sha256()
        for part in _parts(contents):
            state.update(part)
        for found in memory.retrieve_many(_QUESTIONS, k=9) if contents.n_chunks else ():
            state.update(repr([(hit.chunk_id, hit.score) for hit in found.hits]).encode())
        ids, texts = (contents.chunks.column(name).to_pylist() for name in ("document_id", "text"))
    return Seen(dict(zip(ids, texts, strict=True)), state.hexdigest())


def _parts(contents: Contents) -> Iterator[bytes]:
    """All that a snapshot holds, but where its documents were read."""
    tables = [contents.documents.drop_columns(["source"]), contents.chunks, contents.facts, contents.entities]
    tables += [contents.mentions] if contents.mentions is not None else []
    graph, similar = contents.graph, contents.similar
    arrays = [*contents.fact_entities, graph.indptr, graph.indices]
    arrays += [graph.weights[kind] for kind in sorted(graph.weights)]
    arrays += [contents.vectors[kind] for kind in sorted(contents.vectors)]
    arrays += [similar.low, similar.high, similar.similarity]
    for kind in sorted(contents.words):
        words = contents.words[kind]
        arrays += [words.vocabulary, words.indptr, words.texts, words.weights]
    for kind in sorted(contents.moments):
        arrays += [contents.moments[kind].mean, contents.moments[kind].covariance]
    for table in tables:
        yield repr(table.to_pydict()).encode()
    for array in arrays:
        yield np.ascontiguousarray(array).tobytes()


def stored(root: Path) -> str:
    """Hash of every row of the store, and of every reply that is kept."""
    state = hashlib.sha256()
    if (root / STORE_FILE).exists():
        with closing(Connection(root / STORE_FILE, read_only=True)) as store:
            for (table,) in store.rows("SELECT table_name FROM duckdb_tables() ORDER BY table_name"):
                for row in sorted(map(repr, store.rows(f"SELECT * FROM {table}"))):  # noqa: S608
                    state.update(row.encode())
    if (root / REPLIES_FILE).exists():
        with closing(open_reading(root / REPLIES_FILE)) as replies:
            for row in replies.execute("SELECT key, reply FROM replies ORDER BY key"):
                state.update(repr(row).encode())
    return state.hexdigest()


def after_harm(place: Place, operation: Operation, fresh: Fresh) -> Verdict:
    """Judge an index whose process died or failed during an operation. Then the operation is done again.

    Args:
        place: Where the index is.
        operation: What was being done.
        fresh: What it is compared with.
    """
    root, verdict = place.root, Verdict()
    books = _Books.now(place)
    seen = read(root)
    if seen.documents not in (operation.before, operation.after):
        verdict.wrong.append(f"readers see neither the old nor the new state: {sorted(seen.documents)}")
    elif not _as_built(seen, operation, fresh):
        verdict.wrong.append("readers see the right documents, but not what a fresh build makes of them")
    if (root / STORE_FILE).exists():
        verdict.wrong += [f"{one.part}: {one.problem}" for one in check(root).problems]
    _finish(place, operation, fresh, books, verdict)
    return verdict


def after_flip(place: Place, operation: Operation, fresh: Fresh, sums: str, *, repairing: bool) -> Verdict:
    """Judge an index with one flipped bit. Then the next operation is done.

    Args:
        place: Where the index is.
        operation: The next operation.
        fresh: What it is compared with.
        sums: What `stored` said before the bit was flipped; "": the bit is in a log that a crash has left, so the last
            transaction may be gone with it.
        repairing: Whether the index is repaired before the operation, or after a first attempt at it.
    """
    root, verdict = place.root, Verdict()
    books = _Books.now(place)
    same = True
    try:
        same = _as_built(read(root), operation, fresh)
    except HippoError as error:
        verdict.named = f"readers: {type(error).__name__}"
    health = check(root)
    if not verdict.named and health.problems:
        verdict.named = f"doctor: {health.problems[0].part.split()[0]}"
    if not verdict.named and any("newer" in note or "not examined" in note for note in health.notes):
        verdict.named = "doctor: a note"
    if not same and not verdict.named:
        verdict.wrong.append("readers see something else, and nothing names the damage")
    if not verdict.named:
        try:
            if sums and stored(root) != sums:
                verdict.wrong.append("the store holds something else, and nothing names the damage")
        except (HippoError, sqlite3.Error) as error:
            verdict.wrong.append(f"the store cannot be read, which doctor overlooks: {error}")
    if not repairing:
        # The next run may go well, or fail; what it makes of damaged files must not be wrong.
        try:
            perform(place, operation)
            if not _as_built(read(root), operation, fresh):
                verdict.wrong.append("the next run makes something else of it")
        except HippoError as error:
            verdict.named = verdict.named or f"the next run: {type(error).__name__}"
            if check(root).sound:
                verdict.wrong.append(f"the next run fails, and doctor finds nothing: {error}")
    _repair(root, operation, verdict)
    if operation.kind == "delete":
        # It extracts nothing, so what a repair could not extract would go on waiting.
        perform(place, Operation("add", operation.extractor))
    _finish(place, operation, fresh, books, verdict)
    return verdict


@dataclass(frozen=True, slots=True)
class _Books:
    """What had been paid for, and which of the replies were kept. None are where their file is damaged."""

    spent: Counter[str]
    kept: set[str]

    @classmethod
    def now(cls, place: Place) -> "_Books":
        spent = paid(place.book)
        try:
            return cls(spent, kept(place.root, spent))
        except HippoError:
            return cls(spent, set())


def _as_built(seen: Seen, operation: Operation, fresh: Fresh) -> bool:
    """Whether readers see the old state or the new one. Nothing at all may be published as well as not."""
    return any(
        seen.documents == documents and (not documents or seen.fingerprint == fresh(documents, operation.extractor))
        for documents in (operation.before, operation.after)
    )


def _finish(place: Place, operation: Operation, fresh: Fresh, books: _Books, verdict: Verdict) -> None:
    """Do an operation once more, and see whether it is done."""
    perform(place, operation)
    seen = read(place.root)
    if seen.documents != operation.after:
        verdict.wrong.append(f"doing it again does not finish it: {sorted(seen.documents)}")
    elif operation.after and seen.fingerprint != fresh(operation.after, operation.extractor):
        verdict.wrong.append("what is there then is not what a fresh build gives")
    again = [key for key, times in paid(place.book).items() if times > books.spent[key] > 0]
    twice = sum(key in books.kept for key in again)
    verdict.lost = len(again) - twice
    if twice:
        verdict.wrong.append(f"{twice} replies that were kept are paid for again")
    verdict.wrong += [f"afterwards {one.part}: {one.problem}" for one in check(place.root).problems]


def _repair(root: Path, operation: Operation, verdict: Verdict) -> None:
    """Repair an index, and see whether it is sound and has all that was published."""
    # The scripted model of these trials is no model that a name stands for: what is lost waits for the next run.
    extractor = None if operation.extractor == "llm" else operation.extractor
    health = repair(root, encoder="hashing", extractor=extractor)
    verdict.wrong += [f"after the repair {one.part}: {one.problem}" for one in health.problems]
    seen = read(root)
    if seen.documents not in (operation.before, operation.after):
        verdict.wrong.append(f"the repair loses documents: readers see {sorted(seen.documents)}")
