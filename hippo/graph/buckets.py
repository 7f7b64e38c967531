"""Similar vectors among millions: those that fall into one bucket of fixed random projections are compared.

Cross-polytope hashing (Andoni, Indyk, Laarhoven, Razenshteyn & Schmidt 2015, arXiv 1509.02897): a vector is projected
at random, and its bucket is the axis that it then lies nearest to, with its sign; several such axes make one bucket,
and there are several tables of buckets. The nearer two vectors are, the likelier they meet.

Whether two vectors meet follows from the two alone, not from the company that they are in. So names that come in steps
give the pairs that all of them give at once, as with a search that compares every pair. For that a bucket must not hang
on a rounding: vectors are rounded to whole numbers and projected by signs, so every sum is exact in whatever order.
"""

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TABLES", "bucket_pairs", "buckets"]

TABLES = 64
"""Tables of buckets. Of pairs with a cosine of 0.8, 0.85 and 0.9 some 93, 99 and 100 in a hundred meet in one."""
_AXES = 3
"""Axes that make a bucket."""
_WIDTH = 32
"""Dimensions of a projection."""
_STEPS = 2048
"""A component of 1 as a whole number. Sums of unit vectors then stay far below 2^24, up to which float32 is exact."""
_ROWS = 16_384
_SMALL = 48
"""Members of a bucket up to which buckets of one size are compared together."""
_GATHERED = 1 << 22
"""Numbers gathered from vectors at a time."""
_SQUARE = 2048
_FEW = TABLES * _AXES * _WIDTH // 2
"""New rows up to which comparing them with all is less work than projecting all."""


def buckets(vectors: "NDArray[np.float32]", rows: "NDArray[np.int64]", table: int) -> "NDArray[np.int64]":
    """Number of the bucket of some vectors in one table: int64 `(len(rows),)`.

    Args:
        vectors: float32 `(n, d)`, of at most unit length.
        rows: Which ones.
        table: Number of the table.
    """
    projection = _projection(table, vectors.shape[1])
    found = np.empty(len(rows), np.int64)
    for start in range(0, len(rows), _ROWS):
        whole = np.rint(vectors[rows[start : start + _ROWS]] * np.float32(_STEPS))
        projected = (whole @ projection).reshape(len(whole), _AXES, _WIDTH)
        axes = np.abs(projected).argmax(axis=2)
        positive = np.take_along_axis(projected, axes[:, :, None], axis=2)[:, :, 0] > 0
        code = np.zeros(len(whole), np.int64)
        for part in range(_AXES):
            code = code * (2 * _WIDTH) + 2 * axes[:, part] + positive[:, part]
        found[start : start + _ROWS] = code
    return found


def _projection(table: int, dimension: int) -> "NDArray[np.float32]":
    """A matrix of whole numbers from -8 to 8 that are almost normally distributed: float32 `(d, axes · width)`."""
    count = dimension * _AXES * _WIDTH
    raw = hashlib.shake_128(f"hippo buckets {table}".encode()).digest(2 * count)
    bits = np.unpackbits(np.frombuffer(raw, np.uint8)).reshape(count, 16)
    entries: NDArray[np.float32] = (bits.sum(axis=1) - 8.0).astype(np.float32)
    return entries.reshape(dimension, _AXES * _WIDTH)


def bucket_pairs(
    vectors: "NDArray[np.float32]", rows: "NDArray[np.int64]", fresh: "NDArray[np.bool_]", threshold: float
) -> "Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]":
    """Pairs that meet in a bucket and have at least this inner product, some of them several times.

    Args:
        vectors: float32 `(n, d)`, may be mapped.
        rows: Rows that take part, int64, ascending.
        fresh: Rows that are new, bool `(n,)`: of each pair at least one is.
        threshold: Least inner product, within rounding.

    Yields:
        Lower and higher rows, int64 `(p,)` each.
    """
    if int(fresh[rows].sum()) <= _FEW:
        yield from _of_few(vectors, rows, fresh, threshold)
        return
    for table in range(TABLES):
        codes = buckets(vectors, rows, table)
        order = np.argsort(codes, kind="stable")
        ordered, order = codes[order], rows[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        sizes = np.diff(starts, append=len(order))
        news = np.add.reduceat(fresh[order], starts, dtype=np.int64) if len(starts) else sizes
        wanted = (sizes > 1) & (news > 0)
        starts, sizes = starts[wanted], sizes[wanted]
        for size in np.unique(sizes[sizes <= _SMALL]).tolist():
            members = order[starts[sizes == size][:, None] + np.arange(size)]
            step = max(1, _GATHERED // (size * vectors.shape[1]))
            for first in range(0, len(members), step):
                yield _within(vectors, members[first : first + step], fresh, threshold)
        large = sizes > _SMALL
        for start, size in zip(starts[large].tolist(), sizes[large].tolist(), strict=True):
            yield from _of_large(vectors, order[start : start + size], fresh, threshold)


def _of_few(
    vectors: "NDArray[np.float32]", rows: "NDArray[np.int64]", fresh: "NDArray[np.bool_]", threshold: float
) -> "Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]":
    """The same pairs, each once, where few rows are new: of those that are near, the ones that meet."""
    new = rows[fresh[rows]]
    if not len(new):
        return
    lows, highs, held = [new[:0]], [new[:0]], 0
    for begin in range(0, len(new), _SQUARE):
        mine = vectors[new[begin : begin + _SQUARE]]
        for start in range(0, len(rows), _SQUARE):
            others = rows[start : start + _SQUARE]
            one, other = np.nonzero(mine @ vectors[others].T >= threshold)
            first, second = new[begin + one], others[other]
            # Of two new ones each is compared with the other.
            once = ~fresh[second] | (first < second)
            lows.append(np.minimum(first, second)[once])
            highs.append(np.maximum(first, second)[once])
            held += len(lows[-1])
            if held > _GATHERED:
                yield _met(vectors, np.concatenate(lows), np.concatenate(highs))
                lows, highs, held = [new[:0]], [new[:0]], 0
    yield _met(vectors, np.concatenate(lows), np.concatenate(highs))


def _met(
    vectors: "NDArray[np.float32]", low: "NDArray[np.int64]", high: "NDArray[np.int64]"
) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Those of some pairs that share a bucket of some table."""
    met = np.zeros(len(low), bool)
    for table in range(TABLES):
        left = np.flatnonzero(~met)
        if not len(left):
            break
        rows, places = np.unique(np.concatenate([low[left], high[left]]), return_inverse=True)
        codes = buckets(vectors, rows, table)[places]
        met[left] = codes[: len(left)] == codes[len(left) :]
    return low[met], high[met]


def _within(
    vectors: "NDArray[np.float32]", rows: "NDArray[np.int64]", fresh: "NDArray[np.bool_]", threshold: float
) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Pairs within buckets of one size: rows are `(buckets, size)`, ascending in each."""
    members = vectors[rows]
    near = np.matmul(members, members.transpose(0, 2, 1)) >= threshold
    bucket, one, other = np.nonzero(np.triu(near, 1))
    return _kept(rows[bucket, one], rows[bucket, other], fresh)


def _of_large(
    vectors: "NDArray[np.float32]", rows: "NDArray[np.int64]", fresh: "NDArray[np.bool_]", threshold: float
) -> "Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]":
    """Pairs within one bucket, block by block, the upper triangle only; the new ones last, so that old ones rest."""
    rows = np.concatenate([rows[~fresh[rows]], rows[fresh[rows]]])
    old = len(rows) - int(fresh[rows].sum())
    for begin in range(old, len(rows), _SQUARE):
        mine = vectors[rows[begin : begin + _SQUARE]]
        for start in range(0, begin + len(mine), _SQUARE):
            others = rows[start : min(start + _SQUARE, begin + len(mine))]
            one, other = np.nonzero(mine @ vectors[others].T >= threshold)
            earlier = other + start < one + begin
            pair = rows[begin + one[earlier]], others[other[earlier]]
            yield np.minimum(*pair), np.maximum(*pair)


def _kept(
    low: "NDArray[np.int64]", high: "NDArray[np.int64]", fresh: "NDArray[np.bool_]"
) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    new = fresh[low] | fresh[high]
    return low[new], high[new]
