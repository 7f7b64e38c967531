"""From pairs of nodes to the graph.

Pure functions of arrays: the same content gives the same arrays, in whatever order it came.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from hippo.graph.model import Graph
from hippo.scratch import Scratch

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Pairs", "assemble", "count_pairs", "distinct_pairs", "extended"]

Pairs = tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.float32]"]
"""Unordered pairs of nodes and their weights: three arrays of one length, each pair once."""

_PAIR, _ENTRY = 64, 80
"""Bytes that an end of a pair takes while pairs are counted, and while they are laid out."""


def count_pairs(
    first: "NDArray[np.int64]", second: "NDArray[np.int64]", n: int, scratch: Scratch | None = None
) -> Pairs:
    """Unordered pairs with the number of times that each occurs; self pairs are left out. Nodes are in [0, n).

    Args:
        first: One node of each pair.
        second: The other.
        n: Number of nodes.
        scratch: Limits the memory: pairs are counted for one range of nodes after another. None: for all at once.
    """
    room = scratch or Scratch()
    ends = room.growing(np.int64), room.growing(np.int64)
    times = room.growing(np.float32)
    lower, higher = np.minimum(first, second), np.maximum(first, second)
    for begin, end in _ranges([first, second], n, scratch, _PAIR):
        inside = lower != higher
        if (begin, end) != (0, n):
            inside &= (lower >= begin) & (lower < end)
        codes, counts = np.unique(lower[inside] * np.int64(n) + higher[inside], return_counts=True)
        for part, rows in zip(ends, np.divmod(codes, max(n, 1)), strict=True):
            part.append(rows)
        times.append(counts)
    return ends[0].array(), ends[1].array(), times.array()


def distinct_pairs(
    first: "NDArray[np.int64]", second: "NDArray[np.int64]", n: int, scratch: Scratch | None = None
) -> Pairs:
    """Unordered pairs, each with weight 1."""
    low, high, counts = count_pairs(first, second, n, scratch)
    return low, high, np.ones_like(counts)


def assemble(n_entities: int, n_passages: int, pairs: Mapping[str, Pairs], scratch: Scratch | None = None) -> Graph:
    """Lay the pairs of every kind over one symmetric CSR pattern, one range of rows after another.

    Args:
        n_entities: E.
        n_passages: P.
        pairs: Pairs of nodes in [0, E + P) by kind, each unordered pair at most once within a kind. The order of the
            kinds makes no difference: the graph has them by name.
        scratch: Where large arrays are put, and how much memory a range of rows may take; None: all at once, in memory.
    """
    n = n_entities + n_passages
    room = scratch or Scratch()
    kinds = sorted(pairs)
    indices, weights = room.growing(np.int32), {kind: room.growing(np.float32) for kind in kinds}
    sizes = [np.zeros(1, np.int64)]
    ends = [part for kind in kinds for part in pairs[kind][:2]]
    for begin, end in _ranges(ends, n, scratch, _ENTRY):
        found = {kind: _sorted(*pairs[kind], n, begin, end) for kind in kinds}
        # Runs that are in order already are merged, in linear time.
        pattern = np.sort(
            np.concatenate([np.empty(0, np.int64), *(codes for codes, _ in found.values())]), kind="stable"
        )
        # What np.unique gives, which is slower by far: it counts on repeats, and here are few.
        pattern = pattern[np.diff(pattern, prepend=-1) > 0]
        for kind, (codes, values) in found.items():
            row = np.zeros(len(pattern), np.float32)
            row[np.searchsorted(pattern, codes)] = values
            weights[kind].append(row)
        indices.append(pattern % max(n, 1))
        sizes.append(np.diff(np.searchsorted(pattern, np.arange(end - begin + 1, dtype=np.int64) * n)))
    made = {kind: row.array() for kind, row in weights.items()}
    return Graph(n_entities, n_passages, np.cumsum(np.concatenate(sizes)).astype(np.int64), indices.array(), made)


def _ranges(
    ends: "Sequence[NDArray[np.integer]]", n: int, scratch: Scratch | None, width: int
) -> list[tuple[int, int]]:
    """Ranges of nodes that cover all, each with about as many ends of pairs as may be held at a time.

    Args:
        ends: Nodes at the ends of pairs.
        n: Number of nodes.
        scratch: The memory; None: there is no limit.
        width: Bytes that an end takes.
    """
    most = max(sum(map(len, ends)), 1) if scratch is None else scratch.rows(width, 0.5)
    if sum(map(len, ends)) <= most:
        return [(0, n)]
    degrees = np.zeros(n, np.int64)
    for part in ends:
        degrees += np.bincount(part, minlength=n)
    total = np.cumsum(degrees)
    cuts = np.searchsorted(total, np.arange(most, total[-1], most), side="right")
    bounds = np.unique(np.concatenate([[0], cuts, [n]])).tolist()
    return list(pairwise(bounds))


def extended(graph: Graph, n_entities: int, n_passages: int, pairs: Mapping[str, Pairs]) -> Graph:
    """A graph with more nodes and pairs; what is there is copied and not built anew.

    Args:
        graph: The graph. Its entities keep their rows, and so do its passages: new ones come after them.
        n_entities: E, new ones included.
        n_passages: P, likewise.
        pairs: More pairs by kind, of nodes in [0, E + P), each unordered pair at most once within a kind. Weights of
            pairs that the kind joins already add up.
    """
    n, shift = n_entities + n_passages, n_entities - graph.n_entities
    sizes = np.diff(graph.indptr)
    rows = np.repeat(_moved(np.arange(graph.n_nodes), graph.n_entities, shift), sizes)
    codes = rows * n + _moved(graph.indices.astype(np.int64), graph.n_entities, shift)
    more = {kind: _sorted(*pairs[kind], n) for kind in sorted(pairs)}
    wanted = np.unique(np.concatenate([np.empty(0, np.int64), *(found for found, _ in more.values())]))
    places = np.searchsorted(codes, wanted)
    new = np.ones(len(wanted), bool)
    inside = places < len(codes)
    new[inside] = codes[places[inside]] != wanted[inside]
    pattern = np.insert(codes, places[new], wanted[new])
    weights = {}
    for kind in sorted({*graph.weights, *more}):
        old = graph.weights.get(kind)
        row = np.zeros(len(pattern), np.float32) if old is None else np.insert(old, places[new], np.float32(0))
        if kind in more:
            found, values = more[kind]
            row[np.searchsorted(pattern, found)] += values
        weights[kind] = row
    counts = np.zeros(n + 1, np.int64)
    counts[_moved(np.arange(graph.n_nodes), graph.n_entities, shift) + 1] = sizes
    counts += np.bincount(wanted[new] // max(n, 1) + 1, minlength=n + 1)
    return Graph(n_entities, n_passages, np.cumsum(counts), (pattern % max(n, 1)).astype(np.int32), weights)


def _moved(nodes: "NDArray[np.int64]", n_entities: int, shift: int) -> "NDArray[np.int64]":
    """Nodes of passages, moved by the number of new entities."""
    return nodes + shift * (nodes >= n_entities)


def _sorted(
    first: "NDArray[np.int64]",
    second: "NDArray[np.int64]",
    weights: "NDArray[np.float32]",
    n: int,
    begin: int = 0,
    end: int | None = None,
) -> "tuple[NDArray[np.int64], NDArray[np.float32]]":
    """Codes `(row - begin) * n + column` of both directions of each pair, ascending, and their weights.

    Args:
        first: One node of each pair.
        second: The other.
        weights: Of the pairs.
        n: Number of nodes.
        begin: First row that is wanted.
        end: Row after the last one; None: n.
    """
    from scipy.sparse import coo_array

    last = n if end is None else end
    rows, columns, values = [], [], []
    for one, other in ((first, second), (second, first)):
        inside = slice(None) if last - begin == n else (one >= begin) & (one < last)
        rows.append(one[inside] - begin)
        columns.append(other[inside])
        values.append(weights[inside])
    both = np.concatenate(rows), np.concatenate(columns)
    # Rows by counting, then columns within each row: far less work than sorting codes.
    matrix = coo_array((np.concatenate(values), both), shape=(last - begin, n)).tocsr()
    matrix.sort_indices()
    places = np.repeat(np.arange(last - begin, dtype=np.int64), np.diff(matrix.indptr))
    return places * n + matrix.indices, matrix.data
