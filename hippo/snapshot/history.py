"""What was known at an earlier time: when documents came into force, and the versions that are not in force any more.

Both lie beside the contents of a snapshot, which are those of a fresh index of the present documents. Versions are laid
out as an index of them would be, without what follows from all together, and are mapped when somebody asks for them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from hippo.graph.synonyms import Similar
from hippo.graph.tables import Tables, flat
from hippo.snapshot.contents import Contents, read_decisions, read_links, read_words, write_words
from hippo.snapshot.merge import Part, merge, rows_in, union_of
from hippo.snapshot.read import Snapshot
from hippo.snapshot.restrict import finished, restrict
from hippo.snapshot.write import SnapshotWriter
from hippo.types import Version

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["EVER", "History", "Past", "as_microseconds", "as_times", "microseconds", "read_history"]

EVER = np.iinfo(np.int64).min
"""Stands for a start that is not known: the document was always there."""

_STARTS = "history.starts"
_TABLES = ("documents", "chunks", "facts", "mentions")


def microseconds(times: pa.ChunkedArray | pa.Array) -> "NDArray[np.int64]":
    """Times of Arrow as microseconds since 1970 in UTC: int64, `EVER` for null."""
    numbers: NDArray[np.int64] = np.asarray(times.cast(pa.timestamp("us")).cast(pa.int64()).fill_null(EVER), np.int64)
    return numbers


@dataclass(frozen=True)
class Past:
    """Versions that are not in force any more.

    Attributes:
        part: Their tables, words and vectors; documents by id, then as they followed each other, so that ids repeat.
        times: Of each version: started and ended (timestamp[us]; started null: since ever), and ending, "replaced" or
            "deleted".
        similar: Similar pairs of entities of which one at least is in no present document. Rows are those of all
            entities, present and past, by key.
    """

    part: Part
    times: pa.Table
    similar: Similar

    @cached_property
    def bounds(self) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """When each version started and ended: microseconds, int64 `(V,)`."""
        return microseconds(self.times.column("started")), microseconds(self.times.column("ended"))

    def restrict(self, versions: "NDArray[np.bool_]", present: pa.Array) -> "Past":
        """Some of the versions alone.

        Args:
            versions: Which ones, bool `(V,)`.
            present: Keys of the entities of present documents.
        """
        part = self.part.restrict(versions)
        before, now = (union_of(present, one.tables.keys) for one in (self.part, part))
        return Past(part, self.times.filter(pa.array(versions)), self.similar.renumbered(rows_in(before, now)))


@dataclass(frozen=True)
class History:
    """When documents were in force.

    Attributes:
        starts: Since when each present document is: microseconds since 1970 in UTC, int64 `(D,)`, or `EVER`.
        past: Versions that are not in force any more; None: there are none.
    """

    starts: "NDArray[np.int64]"
    past: Past | None = None

    @cached_property
    def _changes(self) -> "NDArray[np.int64]":
        """Times at which something changed, ascending."""
        bounds = self.past.bounds if self.past else ()
        return np.unique(np.concatenate([self.starts, *bounds]))

    def place(self, time: datetime) -> int | None:
        """Number of the stretch between two changes that a time falls into; None: all is as it is at present."""
        moment = as_microseconds(time)
        if (self.past is None or not self._in_force(moment).any()) and (self.starts <= moment).all():
            return None
        return int(np.searchsorted(self._changes, moment, side="right"))

    def at(self, contents: Contents, time: datetime) -> Contents:
        """Contents of an index of the versions that were in force at a time alone: every table and every array of it.

        Args:
            contents: Of the snapshot that this is the history of.
            time: The time.
        """
        moment = as_microseconds(time)
        present = self.starts <= moment
        if self.past is None or not self._in_force(moment).any():
            return restrict(contents, present)
        now = Part(contents.tables, contents.words, contents.vectors).restrict(present)
        then = self.past.part.restrict(self._in_force(moment))
        both = merge(now, then)
        keys, similar = self.similar(contents)
        return finished(both, similar.renumbered(rows_in(keys, both.tables.keys)), contents.info)

    def similar(self, contents: Contents) -> tuple[pa.Array, Similar]:
        """Keys of all entities, present and past, and all similar pairs of them."""
        keys = flat(contents.entities.column("key"))
        if self.past is None:
            return keys, contents.similar
        every = union_of(keys, self.past.part.tables.keys)
        return every, contents.similar.renumbered(rows_in(keys, every)).joined(self.past.similar)

    def versions(self, contents: Contents, document_id: str | None = None) -> list[Version]:
        """All versions, those in force included: by document id, then as they followed each other.

        Args:
            contents: Of the snapshot that this is the history of.
            document_id: Of this document alone; None: of all.
        """
        present = _listed(contents.documents, contents.chunks, pa.table({"started": as_times(self.starts)}))
        past = (
            _listed(self.past.part.tables.documents, self.past.part.tables.chunks, self.past.times) if self.past else []
        )
        # Sorting keeps the order of versions: first those that ended, then the one in force.
        found = sorted([*past, *present], key=lambda version: version.document_id)
        return [one for one in found if document_id is None or one.document_id == document_id]

    def _in_force(self, moment: int) -> "NDArray[np.bool_]":
        """Which past versions were in force."""
        if self.past is None:
            return np.empty(0, bool)
        started, ended = self.past.bounds
        found: NDArray[np.bool_] = (started <= moment) & (moment < ended)
        return found

    def write(self, writer: SnapshotWriter) -> None:
        """Write it beside the contents."""
        writer.array(_STARTS, self.starts)
        if self.past is None:
            return
        part, tables = self.past.part, self.past.part.tables
        for name in _TABLES:
            writer.table(f"past.{name}", getattr(tables, name))
        writer.table("past.times", self.past.times)
        writer.table("past.entities", pa.table({"key": tables.keys}))
        writer.array("past.fact_entities.indptr", tables.fact_entities[0])
        writer.array("past.fact_entities.indices", tables.fact_entities[1])
        for kind, words in part.words.items():
            write_words(writer, f"past.words.{kind}", words)
        for kind, vectors in part.vectors.items():
            writer.array(f"past.vectors.{kind}", vectors)
        for name in ("low", "high", "similarity"):
            writer.array(f"past.similar.{name}", getattr(self.past.similar, name))


def read_history(snapshot: Snapshot) -> History | None:
    """Map the history of a snapshot into memory; None: its format is older than histories."""
    if not snapshot.has(_STARTS):
        return None
    starts = snapshot.array(_STARTS)
    if not snapshot.has("past.times"):
        return History(starts)
    found = {name: snapshot.table(f"past.{name}") for name in _TABLES}
    sizes: Mapping[str, int] = {"passage": found["chunks"].num_rows, "fact": found["facts"].num_rows}
    tables = Tables(
        **found,
        keys=flat(snapshot.table("past.entities").column("key")),
        fact_entities=(snapshot.array("past.fact_entities.indptr"), snapshot.array("past.fact_entities.indices")),
        decisions=read_decisions(snapshot),
        links=read_links(snapshot),
    )
    words = {kind: read_words(snapshot, f"past.words.{kind}", size) for kind, size in sizes.items()}
    vectors = {kind: snapshot.array(f"past.vectors.{kind}") for kind in snapshot.info["vectors"]}
    similar = Similar(*(snapshot.array(f"past.similar.{name}") for name in ("low", "high", "similarity")))
    return History(starts, Past(Part(tables, words, vectors), snapshot.table("past.times"), similar))


def as_times(moments: "NDArray[np.int64]") -> pa.Array:
    """The reverse of `microseconds`."""
    return pa.array(moments, mask=moments == EVER).cast(pa.timestamp("us"))


def _listed(documents: pa.Table, chunks: pa.Table, times: pa.Table) -> list[Version]:
    passages = np.bincount(chunks.column("document").to_numpy(), minlength=documents.num_rows).tolist()
    rows = zip(documents.to_pylist(), passages, times.to_pylist(), strict=True)
    return [
        Version(
            row["document_id"],
            row["title"],
            json.loads(row["metadata"]),
            row["timestamp"],
            row["source"],
            count,
            _utc(time["started"]),
            _utc(time.get("ended")),
            time.get("ending"),
        )
        for row, count, time in rows
    ]


def _utc(time: datetime | None) -> datetime | None:
    return time and time.replace(tzinfo=UTC)


def as_microseconds(time: datetime) -> int:
    """Microseconds since 1970; a time without a zone is UTC."""
    zoned = time if time.tzinfo else time.replace(tzinfo=UTC)
    return (zoned - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
