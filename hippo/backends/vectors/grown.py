"""Inverted lists that grow: what was trained for other vectors, and the codes of those that stayed."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.protocols import Vectors

__all__ = ["Earlier", "grown", "lists_read", "stayed"]

_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class Earlier:
    """A search that was kept, of vectors many of which are searched again.

    Attributes:
        folder: Where `FaissVectorIndex.save` has kept it.
        vectors: What it searches, float32 or float16 `(m, d)`.
        rows: Row among them of each vector that is searched now, int64 `(n,)`, none twice; -1: it is new. A wrong row
            does no harm: the vectors are compared.
    """

    folder: Path
    vectors: "Vectors"
    rows: "NDArray[np.int64]"


def stayed(earlier: Earlier, vectors: "Vectors") -> "NDArray[np.int64]":
    """Earlier row of each vector, int64 `(n,)`; -1: it is new, or not the same to the bit."""
    if earlier.vectors.shape[1] != vectors.shape[1] or earlier.vectors.dtype != vectors.dtype:
        return np.full(len(vectors), -1, np.int64)
    rows = earlier.rows.copy()
    for start in range(0, len(rows), _BLOCK):
        part = rows[start : start + _BLOCK]
        there = np.flatnonzero(part >= 0)
        same = (earlier.vectors[part[there]] == vectors[start : start + _BLOCK][there]).all(axis=1)
        part[there[~same]] = -1
    return rows


def grown(faiss: Any, path: Path, vectors: "Vectors", rows: "NDArray[np.int64]") -> Any:
    """Inverted lists of vectors, by the centroids and the quantizer of others: no more is trained.

    Codes of vectors that stayed are copied; only new ones are compared with centroids and encoded. In each list vectors
    are in the order of their rows, as if all had been added at once.

    Args:
        faiss: The package.
        path: Inverted lists that FAISS wrote.
        vectors: What is to be searched, float32 or float16 `(n, d)`.
        rows: Row that each had there, int64 `(n,)`, none twice; -1: it is new.
    """
    index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
    before, held = index.invlists, index.ntotal
    index.own_invlists = False
    before.this.own(True)  # so that they outlive their index for as long as they are read here
    count, size = index.nlist, index.code_size
    added = faiss.ArrayInvertedLists(count, size)
    index.replace_invlists(added, False)
    index.ntotal = 0
    new = np.flatnonzero(rows < 0)
    for start in range(0, len(new), _BLOCK):
        part = new[start : start + _BLOCK]
        index.add_with_ids(np.ascontiguousarray(vectors[part], np.float32), part)
    now = np.full(held, -1, np.int64)
    now[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    lists = faiss.ArrayInvertedLists(count, size)
    for number in range(count):
        ids, codes = _list(faiss, before, number, size)
        there = now[ids] >= 0
        more, its_codes = _list(faiss, added, number, size)
        ids = np.concatenate([now[ids[there]], more])
        codes = np.concatenate([codes[there], its_codes])
        order = np.argsort(ids)
        ids, codes = ids[order], np.ascontiguousarray(codes[order])
        if len(ids):
            lists.add_entries(number, len(ids), faiss.swig_ptr(ids), faiss.swig_ptr(codes))
    index.replace_invlists(lists, True)
    lists.this.disown()
    index.ntotal = len(vectors)
    return index


def lists_read(index: Any) -> float:
    """Share of all vectors that a question is compared with, in expectation, for each list that is probed: 0 to 1.

    Questions fall into lists as vectors do, so that a long list is read more often.
    """
    sizes: Iterable[int] = (index.invlists.list_size(number) for number in range(index.nlist))
    return float(sum((size / max(index.ntotal, 1)) ** 2 for size in sizes))


def _list(faiss: Any, lists: Any, number: int, size: int) -> "tuple[NDArray[np.int64], NDArray[np.uint8]]":
    """Ids and codes of one list, copied."""
    count = lists.list_size(number)
    if not count:
        return np.empty(0, np.int64), np.empty((0, size), np.uint8)
    ids, codes = lists.get_ids(number), lists.get_codes(number)
    found = faiss.rev_swig_ptr(ids, count).copy(), faiss.rev_swig_ptr(codes, count * size).copy().reshape(count, size)
    lists.release_ids(number, ids)
    lists.release_codes(number, codes)
    return found
