"""What the snapshot before has made of texts that are there again: their words, and their approximate search."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from hippo.backends.vectors import Earlier
from hippo.errors import IndexCorruptError
from hippo.indexing.embed import blocks_of, hashes_of
from hippo.scratch import Scratch
from hippo.search.lexical import LexicalIndex
from hippo.search.terms import TERMS
from hippo.snapshot import Snapshot
from hippo.snapshot.contents import SEARCH, SEARCHES, WORDS, Contents, read_contents
from hippo.snapshot.manifest import FORMAT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.types import TextKind

__all__ = ["CUT", "Kept", "kept_of", "words_of"]

_LOG = logging.getLogger("hippo.indexing")
CUT = "terms"
"""Key of a manifest that says how texts were cut into terms: only those that were cut alike are taken over."""


@dataclass(frozen=True)
class Kept:
    """What is taken over.

    Attributes:
        rows: Row that each text had in the snapshot before, int64 `(n,)`, by kind; -1: it is new. No row twice.
        words: Their words by kind; empty where texts were cut into terms in another way.
        searches: Their approximate searches by kind.
    """

    rows: "Mapping[str, NDArray[np.int64]]" = field(default_factory=dict)
    words: Mapping[str, LexicalIndex] = field(default_factory=dict)
    searches: Mapping[str, Earlier] = field(default_factory=dict)


def kept_of(root: Path, previous: str | None, hashes: "Mapping[TextKind, pa.ChunkedArray]", scratch: Scratch) -> Kept:
    """What can be taken over from the snapshot before.

    Args:
        root: Folder of the index.
        previous: Its name; None: there is none.
        hashes: `hashes_of` passages and facts of the new snapshot, by kind.
        scratch: Where large tables are put.
    """
    if previous is None:
        return Kept()
    with Snapshot.open(root, previous, verify=False) as snapshot:
        if snapshot.format < FORMAT or snapshot.info.get(CUT) != TERMS:
            return Kept()
        try:
            # What is damaged must not go on from one snapshot to the next. Vectors are compared.
            words = [f"words.{kind}.{part}" for kind in hashes for part in WORDS]
            snapshot.verify("chunks", "facts", *words, f"{SEARCH}.fact/faiss")
        except IndexCorruptError as error:
            _LOG.warning("what snapshot %s holds is not taken over, and made anew: %s", previous, error)
            return Kept()
        before = read_contents(snapshot)
        tables = replace(before.tables, scratch=scratch)
        known = {"passage": tables.passages, "fact": tables.facts.column("text")}
        rows: dict[str, NDArray[np.int64]] = {
            kind: _rows(those, hashes_of(kind, known[kind], scratch)) for kind, those in hashes.items()
        }
        return Kept(rows, before.words, _searches(before, snapshot.info, rows))


def words_of(kept: Kept, kind: str, texts: pa.ChunkedArray, scratch: Scratch) -> tuple[LexicalIndex, int]:
    """Words of all texts of a kind, and how many texts were read for it.

    Args:
        kept: What is taken over.
        kind: "passage" or "fact".
        texts: All of them.
        scratch: Where large arrays are put.
    """
    if kind not in kept.words:
        return LexicalIndex.of_blocks(blocks_of(texts), scratch), len(texts)
    rows = kept.rows[kind]
    new = texts.take(pa.array(np.flatnonzero(rows < 0)))
    return LexicalIndex.of_blocks(blocks_of(new), scratch, (kept.words[kind], rows)), len(new)


def _searches(before: Contents, info: Mapping[str, Any], rows: "Mapping[str, NDArray[np.int64]]") -> dict[str, Earlier]:
    return {
        kind: Earlier(before.searches[kind], before.vectors[kind], rows[kind])
        for kind in info.get(SEARCHES, ())
        if kind in rows
    }


def _rows(hashes: pa.ChunkedArray, known: pa.ChunkedArray) -> "NDArray[np.int64]":
    """Row of each text among known ones, -1 where there is none; of equal texts, the first is the first there."""
    codes = pa.chunked_array([*known.chunks, *hashes.chunks], pa.string()).combine_chunks().dictionary_encode()
    numbers = np.asarray(codes.indices, np.int64)
    before, now = _counted(numbers[: len(known)]), _counted(numbers[len(known) :])
    if not len(before):
        return np.full(len(now), -1, np.int64)
    order = np.argsort(before)
    places = np.minimum(np.searchsorted(before, now, sorter=order), len(before) - 1)
    rows = order[places]
    return np.where(before[rows] == now, rows, -1)


def _counted(numbers: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Numbers that tell equal ones apart, by how many of them came before: int64, of numbers below 2^31."""
    order = np.argsort(numbers, kind="stable")
    first = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    before = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order)))
    found = np.empty(len(order), np.int64)
    found[order] = (numbers[order] << 32) | before
    return found
