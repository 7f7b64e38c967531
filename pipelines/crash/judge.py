"""Whether an index is what it has to be after harm: the old state or the new one, as a fresh build has it."""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from hippo import Hippo
from hippo.errors import HippoError
from hippo.llm import REPLIES_FILE
from hippo.llm.replies import open_reading
from hippo.maintenance import check, repair
from hippo.snapshot import Snapshot, current
from hippo.snapshot.contents import Contents, read_contents
from hippo.store import STORE_FILE
from hippo.store.connection import Connection
from pipelines.crash.history import ENCODER, UNMERGED, Operation, Place, perform
from pipelines.crash.paid import kept, paid

__all__ = ["Fresh", "Seen", "Verdict", "after_flip", "after_harm", "read", "stored"]

_QUESTIONS = ("Whom did Ada Arlen meet?", "Who was in Corvo with the one who met Boris Bremau?")
_NAMING = ("newer", "not examined", "cut off")
"""What notes say that name damage which may be none."""
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
        documents: Text by id, of the snapshot and of what was remembered since.
        published: Those of the snapshot; empty where there is none.
        waiting: Whether something was remembered since.
        arrays: Hash of all tables and arrays of the snapshot.
        rankings: Hash of the rankings for some questions.
    """

    documents: dict[str, str] = field(default_factory=dict)
    published: dict[str, str] = field(default_factory=dict)
    waiting: bool = False
    arrays: str = ""
    rankings: str = ""

    @property
    def fingerprint(self) -> str:
        """Hash of everything."""
        return f"{self.arrays} {self.rankings}"

    def is_like(self, fingerprint: str) -> bool:
        """Whether it is as an index of this fingerprint, but for what was remembered since."""
        return fingerprint.startswith(f"{self.arrays} ") if self.waiting else fingerprint == self.fingerprint


def read(root: Path) -> Seen:
    """Open an index as readers do, and read all of it."""
    if not root.is_dir():
        return Seen()
    with Hippo.open(root, encoder=ENCODER) as memory:
        waiting = memory.waiting > 0
        if current(root) is None and not waiting:
            return Seen()
        documents = {one.id: memory.get(one.id).text for one in memory.documents()}
        ranked = memory.retrieve_many(_QUESTIONS, k=9) if documents else ()
        hits = repr([[(hit.chunk_id, hit.score) for hit in found.hits] for found in ranked])
        rankings = hashlib.sha256(hits.encode()).hexdigest()
    if current(root) is None:
        return Seen(documents, waiting=waiting, rankings=rankings)
    with Snapshot.open(root) as snapshot:
        contents, state = read_contents(snapshot), hashlib.sha256()
        for part in _parts(contents):
            state.update(part)
        # Each of these documents is one chunk.
        ids, texts = (contents.chunks.column(name).to_pylist() for name in ("document_id", "text"))
        return Seen(documents, dict(zip(ids, texts, strict=True)), waiting, state.hexdigest(), rankings)


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


def after_harm(place: Place, operation: Operation, fresh: Fresh, *, again: bool = True) -> Verdict:
    """Judge an index whose process died or failed during an operation. Then the operation is done again.

    Args:
        place: Where the index is.
        operation: What was being done.
        fresh: What it is compared with.
        again: Whether the whole index is examined again when the operation is done.
    """
    root, verdict = place.root, Verdict()
    books = _Books.now(place)
    seen = read(root)
    if not _either(seen, operation):
        verdict.wrong.append(f"readers see neither the old nor the new state: {sorted(seen.documents)}")
    elif not _as_built(seen, operation, fresh):
        verdict.wrong.append("readers see the right documents, but not what a fresh build makes of them")
    if (root / STORE_FILE).exists():
        verdict.wrong += [f"{one.part}: {one.problem}" for one in check(root).problems]
    _finish(place, operation, fresh, books, verdict, again=again)
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
    if not verdict.named and any(words in note for note in health.notes for words in _NAMING):
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
            seen = read(root)
            if not _as_built(seen, _without_lost(seen, operation, verdict), fresh):
                verdict.wrong.append("the next run makes something else of it")
        except HippoError as error:
            verdict.named = verdict.named or f"the next run: {type(error).__name__}"
            if check(root).sound:
                verdict.wrong.append(f"the next run fails, and doctor finds nothing: {error}")
    operation = _repaired(root, operation, verdict)
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


def _either(seen: Seen, operation: Operation) -> bool:
    """Whether readers see the old state or the new one, and a snapshot of one of them, or of what was published."""
    snapshots = (operation.published, operation.before, operation.after)
    return seen.documents in (operation.before, operation.after) and seen.published in snapshots


def _as_built(seen: Seen, operation: Operation, fresh: Fresh) -> bool:
    """Whether it is one of those states, and the snapshot, if there is one, what a fresh build gives."""
    return _either(seen, operation) and (not seen.published or seen.is_like(fresh(seen.published, operation.extractor)))


def _without_lost(seen: Seen, operation: Operation, verdict: Verdict) -> Operation:
    """The operation, if the index has lost what was remembered and lay in a file that is damaged, as somebody said."""
    if not verdict.named:
        return operation
    beside = operation.before.keys() - operation.published.keys() - operation.documents.keys()
    lost = beside - seen.documents.keys()
    before, after = (
        {key: text for key, text in documents.items() if key not in lost}
        for documents in (operation.before, operation.after)
    )
    return replace(operation, before=before, after=after)


def _finish(
    place: Place, operation: Operation, fresh: Fresh, books: _Books, verdict: Verdict, *, again: bool = True
) -> None:
    """Do an operation once more, and see whether it is done."""
    perform(place, operation)
    seen = read(place.root)
    if seen.documents != operation.after:
        verdict.wrong.append(f"doing it again does not finish it: {sorted(seen.documents)}")
    elif not _as_built(seen, operation, fresh):
        verdict.wrong.append("what is there then is not what a fresh build gives")
    elif operation.kind not in UNMERGED and seen.published != operation.after:
        verdict.wrong.append("what was remembered is not merged")
    repeated = [key for key, times in paid(place.book).items() if times > books.spent[key] > 0]
    twice = sum(key in books.kept for key in repeated)
    verdict.lost = len(repeated) - twice
    if twice:
        verdict.wrong.append(f"{twice} replies that were kept are paid for again")
    if again:
        verdict.wrong += [f"afterwards {one.part}: {one.problem}" for one in check(place.root).problems]


def _repaired(root: Path, operation: Operation, verdict: Verdict) -> Operation:
    """Repair an index, and see whether it is sound and has all that was published.

    Returns:
        The operation, without what could not be saved.
    """
    # The scripted model of these trials is no model that a name stands for: what is lost waits for the next run.
    extractor = None if operation.extractor == "llm" else operation.extractor
    health = repair(root, encoder=ENCODER, extractor=extractor)
    verdict.wrong += [f"after the repair {one.part}: {one.problem}" for one in health.problems]
    seen = read(root)
    operation = _without_lost(seen, operation, verdict)
    if not _either(seen, operation):
        verdict.wrong.append(f"the repair loses documents: readers see {sorted(seen.documents)}")
    return operation
