"""A new store from what is left of a damaged one, and from the documents of a snapshot.

Tables that hold what was written are copied row by row. Documents and chunks that do not come from the snapshot. What
extraction and encoder made is made again where it is lost: the chunks wait for it.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import pyarrow as pa

from hippo.durable import discard, keep_beside, sync_directory, sync_file, writing
from hippo.errors import IndexBusyError, IndexCorruptError, IndexMismatchError, IndexStateError
from hippo.store import journal
from hippo.store.connection import Connection
from hippo.store.documents import EXTRACTION
from hippo.store.invariants import broken
from hippo.store.schema import SCHEMA_VERSION, migrate, schema_version
from hippo.store.versions import PAST_TABLES

__all__ = ["Examination", "copy_tables", "examine", "rebuild"]

_ROWS = 16_384
_OWNED = ("mentions", "facts")


@dataclass(frozen=True, slots=True)
class Examination:
    """What an examination of a store found.

    Attributes:
        damage: What is wrong, by damaged table; None names the file as a whole.
        states: Number of chunks by state of their extraction.
        note: What is to be known besides; None: nothing.
        meta: What it knows about the index, as far as it can be read.
    """

    damage: tuple[tuple[str | None, str], ...] = ()
    states: Mapping[str, int] = field(default_factory=dict)
    note: str | None = None
    meta: Mapping[str, str] = field(default_factory=dict)


def examine(file: Path) -> Examination:
    """Look at every table of a store. Nothing of it is changed.

    Raises:
        IndexBusyError: Another process, or another store in this one, has it open.
        IndexMismatchError: A newer hippo or DuckDB made it.
    """
    note = None
    try:
        with _up_to_date(file) as (connection, version):
            if version < SCHEMA_VERSION:
                note = f"the store is of version {version}; `hippo index` brings it up to date"
            meta = dict(connection.rows("SELECT key, value FROM meta"))
            wrong = journal.mismatches(connection)
            known = {table for table, _ in wrong}
            if known.intersection(("documents", "chunks", "ledger")):
                return Examination(tuple(wrong), note=note, meta=meta)
            wrong += broken(connection, known)
            states = "SELECT state, count(*) FROM ledger GROUP BY state ORDER BY state"
            return Examination(tuple(wrong), dict(connection.rows(states)), note, meta)
    except (IndexBusyError, IndexMismatchError):
        raise
    except IndexStateError as error:
        return Examination(((None, str(error.args[1])),), note=note)


@contextmanager
def _up_to_date(file: Path) -> Iterator[tuple[Connection, int]]:
    """A store that may be read, and its version; of an older one a copy that was brought up to date.

    Raises:
        IndexBusyError: Another process, or another store in this one, has it open.
        IndexCorruptError: It is damaged.
        IndexMismatchError: A newer hippo or DuckDB made it.
    """
    with ExitStack() as stack:
        connection = stack.enter_context(closing(Connection(file, read_only=True)))
        version = schema_version(connection)
        if version < SCHEMA_VERSION:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="hippo-")))
            for part in (file.with_name(f"{file.name}.wal"), file):  # What a crash left in the log counts.
                if part.exists():
                    copyfile(part, folder / part.name)
            connection = stack.enter_context(closing(Connection(folder / file.name)))
            migrate(connection, version)
        yield connection, version


def rebuild(file: Path, documents: Mapping[str, pa.Table] | None, meta: Mapping[str, str]) -> list[str]:
    """Put a sound store in the place of a damaged one, which is kept beside it under another name.

    Args:
        file: The damaged store.
        documents: Tables "documents", "chunks", "synonyms" and "links" with the columns of the store, from a snapshot,
            and those of `PAST_TABLES` if it has any versions that are not in force; None: there is no snapshot.
        meta: What is known about the index, where the damaged store cannot tell.

    Returns:
        What was done, in words.

    Raises:
        IndexBusyError: A writer is at work.
        IndexCorruptError: Documents or chunks are damaged, and there is no snapshot to take them from.
        IndexStateError: The disk refused; the damaged store is still there.
    """
    damaged = {table for table, _ in examine(file).damage}
    temporary = file.with_name(f".store-{secrets.token_hex(4)}.duckdb")
    try:
        with ExitStack() as stack:
            old = None if None in damaged else stack.enter_context(_up_to_date(file))[0]
            new = stack.enter_context(closing(Connection(temporary)))
            migrate(new, 0)
            done = _fill(new, old, damaged, documents, meta)
    except BaseException:
        discard(temporary)
        raise
    with writing(file):
        sync_file(temporary)
        kept = file.with_name(f"{file.stem}-damaged-{secrets.token_hex(4)}{file.suffix}")
        log = file.with_name(f"{file.name}.wal")
        if file.exists():
            keep_beside(file, kept)
            done.append(f"the damaged store is kept as {kept.name}; remove it when all is well")
        if log.exists():
            # It would be taken for the log of the new store.
            log.rename(kept.with_name(f"{kept.name}.wal"))
        sync_directory(file.parent)
        temporary.replace(file)
        sync_directory(file.parent)
    return done


def _fill(
    new: Connection,
    old: Connection | None,
    damaged: set[str | None],
    documents: Mapping[str, pa.Table] | None,
    meta: Mapping[str, str],
) -> list[str]:
    done: list[str] = []
    lost = old is None or damaged.intersection(("documents", "chunks"))
    if lost and documents is None:
        raise IndexCorruptError(
            str(new.path.parent),
            "documents are damaged, and there is no sound snapshot to take them from. Restore the index from a backup",
        )
    with new.transaction():
        known = dict(old.rows("SELECT key, value FROM meta")) if old is not None else dict(meta)
        # What was published is no longer what the store holds, so the next run publishes.
        # What was remembered since a snapshot is still in the log.
        merged = {"fresh": meta.get("fresh", "0")} if lost else {}
        _copy_meta(new, {**known, "published": "", **merged})
        for name in ("documents", "chunks"):
            if lost and documents is not None:
                journal.insert(new, name, documents[name])
                done.append(f"{name} were taken from the newest sound snapshot")
            elif old is not None:
                _copy(new, old, name)
        fresh = old is None or lost or damaged.intersection(("ledger", *_OWNED))
        if fresh:
            waiting = new.table("SELECT id AS chunk_id FROM chunks")
            journal.insert(new, "ledger", _pending(waiting))
            done.append(f"{waiting.num_rows} chunks wait for extraction")
        elif old is not None:
            for name in ("ledger", *_OWNED):
                _copy(new, old, name)
        done += _fill_past(new, old, damaged, documents or {})
        if old is not None and "synonyms" not in damaged:
            _copy(new, old, "synonyms")
        elif documents is not None:
            journal.insert(new, "synonyms", documents["synonyms"])
            done.append("decisions about synonyms were taken from the newest sound snapshot")
        else:
            done.append("decisions about synonyms are lost, for there is no sound snapshot")
        if old is not None and "links" not in damaged:
            _copy(new, old, "links")
        elif documents is not None:
            journal.insert(new, "links", documents["links"])
            done.append("links were taken from the newest sound snapshot")
        else:
            done.append("links are lost, for there is no sound snapshot")
        if old is not None and "embeddings" not in damaged:
            _copy(new, old, "embeddings")
        else:
            done.append("texts wait for embedding")
    return done


def _fill_past(
    new: Connection, old: Connection | None, damaged: set[str | None], documents: Mapping[str, pa.Table]
) -> list[str]:
    """Versions that are not in force any more, all from one place, so that they fit together."""
    if old is not None and not damaged.intersection(PAST_TABLES):
        for name in PAST_TABLES:
            _copy(new, old, name)
        return []
    for name in PAST_TABLES:
        if name in documents:
            journal.insert(new, name, documents[name])
    if PAST_TABLES[0] in documents:
        return ["older versions of documents were taken from the newest sound snapshot"]
    return ["older versions of documents, if there were any, are lost: no sound snapshot has them"]


def copy_tables(new: Connection, old: Connection) -> None:
    """Copy all that a store holds into a new one. One transaction."""
    with new.transaction():
        _copy_meta(new, dict(old.rows("SELECT key, value FROM meta")))
        for name in ("documents", "chunks", "ledger", *_OWNED, *PAST_TABLES, "synonyms", "links", "embeddings"):
            _copy(new, old, name)


def _copy_meta(new: Connection, meta: Mapping[str, str]) -> None:
    for key, value in meta.items():
        if key not in ("schema_version", "duckdb_version"):
            new.run("INSERT INTO meta VALUES (?, ?)", [key, value])


def _copy(new: Connection, old: Connection, name: str) -> None:
    """Copy a table in parts, so that it need not fit into memory."""
    [(last,)] = old.rows(f"SELECT coalesce(max(rowid), -1) FROM {name}")  # noqa: S608
    for first in range(0, last + 1, _ROWS):
        query = f"SELECT * FROM {name} WHERE rowid >= ? AND rowid < ? ORDER BY rowid"  # noqa: S608
        journal.insert(new, name, old.table(query, [first, first + _ROWS]))


def _pending(chunks: pa.Table) -> pa.Table:
    count = chunks.num_rows
    return pa.table(
        {
            "chunk_id": chunks.column("chunk_id"),
            "stage": pa.array([EXTRACTION] * count, pa.string()),
            "state": pa.array(["pending"] * count, pa.string()),
            "fingerprint": pa.nulls(count, pa.string()),
            "reason": pa.nulls(count, pa.string()),
            "attempts": pa.array([0] * count, pa.int32()),
        }
    )
