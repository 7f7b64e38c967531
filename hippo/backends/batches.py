"""Batches of texts of like length, so that little is computed on padding."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["equal_lengths", "length_sorted", "pad"]


def length_sorted(lengths: Sequence[int], budget: int) -> Iterator[NDArray[np.int64]]:
    """Positions of texts, longest first, cut into batches whose padded size is at most `budget` tokens.

    A text longer than the budget is a batch of its own. Longest first: what does not fit into memory fails at once.

    Examples:
        >>> [batch.tolist() for batch in length_sorted([2, 9, 3, 4], budget=8)]
        [[1], [3, 2], [0]]
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(-sizes, kind="stable")
    start = 0
    while start < len(order):
        width = max(1, int(sizes[order[start]]))
        end = start + max(1, budget // width)
        yield order[start:end]
        start = end


def equal_lengths(lengths: Sequence[int], budget: int) -> Iterator[NDArray[np.int64]]:
    """The same, where all texts of a batch are equally long: nothing is padded.

    Examples:
        >>> [batch.tolist() for batch in equal_lengths([3, 9, 3, 3, 9], budget=8)]
        [[1], [4], [0, 2], [3]]
    """
    for batch in length_sorted(lengths, budget):
        sizes = np.asarray(lengths, dtype=np.int64)[batch]
        yield from np.split(batch, np.flatnonzero(np.diff(sizes)) + 1)


def pad(sequences: Sequence[Sequence[int]], value: int, *, left: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A rectangle of token ids, int64 `(n, longest)`, and its mask: 1 for a token, 0 for padding.

    Examples:
        >>> ids, mask = pad([[5, 6], [7]], 0, left=False)
        >>> ids.tolist(), mask.tolist()
        ([[5, 6], [7, 0]], [[1, 1], [1, 0]])
    """
    width = max(map(len, sequences), default=0)
    ids = np.full((len(sequences), width), value, dtype=np.int64)
    mask = np.zeros((len(sequences), width), dtype=np.int64)
    for row, sequence in enumerate(sequences):
        place = slice(width - len(sequence), width) if left else slice(0, len(sequence))
        ids[row, place] = sequence
        mask[row, place] = 1
    return ids, mask
