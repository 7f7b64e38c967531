"""Synonym edges: pairs of entities whose names have similar vectors.

Names that hold a digit take no part: "12 May 1961" and "13 May 1961" are near in every encoder and never the same. Nor
do names of fewer than three letters, in scripts where a letter is not a word.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import regex

from hippo.graph.buckets import bucket_pairs
from hippo.graph.build import Pairs
from hippo.protocols import RangeIndex

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SAMPLE", "Similar", "comparable", "find_similar", "limit", "nearest", "recall_of"]

_WORD_SIGN = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")
_ASCII_DIGIT = regex.compile(r"[0-9]")
_THREE_LETTERS = regex.compile(r"(?:[A-Za-z][^A-Za-z]*){3}")
_ROUNDING = 1e-4
"""An index may round; candidates below the threshold by less than this are compared again."""
_BLOCK = 1024
_WAITING = 1 << 22
"""Pairs that wait to be joined with those that are known."""
SAMPLE = 512
"""Entities on which the recall is measured."""


@dataclass(frozen=True, slots=True)
class Similar:
    """Unordered pairs of entities above the threshold, each once, ordered by row.

    Attributes:
        low: Smaller row of each pair, int64 `(p,)`.
        high: Larger row, int64 `(p,)`.
        similarity: Cosine similarity, float32 `(p,)`, threshold to 1.
    """

    low: "NDArray[np.int64]"
    high: "NDArray[np.int64]"
    similarity: "NDArray[np.float32]"

    @classmethod
    def none(cls) -> "Similar":
        """No pairs."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))

    def renumbered(self, rows: "NDArray[np.int64]") -> "Similar":
        """The pairs in other rows.

        Args:
            rows: New row of each entity, in the same order, int64 `(E,)`; -1: it has none, and no pairs.
        """
        low, high = rows[self.low], rows[self.high]
        kept = (low >= 0) & (high >= 0)
        return Similar(low[kept], high[kept], self.similarity[kept])

    def without(self, rows: "NDArray[np.bool_]") -> "Similar":
        """The pairs that are not wholly within some rows, bool `(E,)`."""
        kept = ~(rows[self.low] & rows[self.high])
        return Similar(self.low[kept], self.high[kept], self.similarity[kept])

    def joined(self, other: "Similar") -> "Similar":
        """These pairs and others, none of which is among these."""
        low, high = np.concatenate([self.low, other.low]), np.concatenate([self.high, other.high])
        order = np.lexsort((high, low))
        return Similar(low[order], high[order], np.concatenate([self.similarity, other.similarity])[order])


def comparable(keys: Sequence[str]) -> "NDArray[np.bool_]":
    """Which entities may have synonyms: bool `(len(keys),)`.

    Examples:
        >>> comparable(["marie curie", "1911", "us", "东京"]).tolist()
        [True, False, False, True]
    """
    return np.fromiter((_comparable(key) for key in keys), bool, len(keys))


def _comparable(key: str) -> bool:
    if key.isascii():  # most are, and are sooner asked so
        return not _ASCII_DIGIT.search(key) and bool(_THREE_LETTERS.search(key))
    if any(character.isdigit() for character in key):
        return False
    return sum(character.isalpha() for character in key) > 2 or bool(_WORD_SIGN.search(key))


def find_similar(
    vectors: "NDArray[np.float32]",
    threshold: float,
    known: "tuple[Similar, NDArray[np.bool_]]",
    index_of: "Callable[[NDArray[np.float32]], RangeIndex]",
    eligible: "NDArray[np.bool_]",
    *,
    exact: bool = True,
) -> Similar:
    """All pairs of eligible entities with a cosine similarity of at least `threshold`.

    Similarities are computed pair by pair, so a pair's does not depend on the company in which it was found, and adding
    entities in several steps gives the same as adding them at once.

    Args:
        vectors: Unit vectors of entities, float32 `(E, d)`.
        threshold: Least cosine similarity.
        known: Pairs found before, and which entities were compared then, bool `(E,)`; only the others are searched for.
        index_of: Makes an exact index of vectors.
        eligible: Which entities take part, bool `(E,)`.
        exact: Whether every pair is compared; else those that meet in a bucket are, and a few pairs may be missed:
            `hippo.graph.buckets`. What is known must have been found in the same way.
    """
    before, compared = known
    rows = np.flatnonzero(eligible)
    fresh = ~compared[rows]
    if not fresh.any():
        return before
    codes = (
        _every_pair(rows, fresh, vectors, threshold, index_of) if exact else _met(rows, ~compared, vectors, threshold)
    )
    low, high = np.divmod(codes, len(vectors))
    similarity = _similarities(vectors, low, high)
    keep = similarity >= threshold
    return before.joined(Similar(low[keep], high[keep], similarity[keep]))


def _every_pair(
    rows: "NDArray[np.int64]",
    fresh: "NDArray[np.bool_]",
    vectors: "NDArray[np.float32]",
    threshold: float,
    index_of: "Callable[[NDArray[np.float32]], RangeIndex]",
) -> "NDArray[np.int64]":
    """Codes `low * E + high` of the pairs among some rows that are near, found by comparing every pair."""
    # The new ones last: a block of them is compared with all before it and with itself, so no pair is looked at twice.
    rows = np.concatenate([rows[~fresh], rows[fresh]])
    pool = np.ascontiguousarray(vectors[rows])
    codes = [np.empty(0, np.int64)]
    for start in range(len(rows) - int(fresh.sum()), len(rows), _BLOCK):
        seen = pool[: start + _BLOCK]
        limits, neighbours, _ = index_of(seen).range_search(seen[start:], threshold - _ROUNDING)
        origin = np.repeat(rows[start : start + _BLOCK], np.diff(limits))
        found = rows[neighbours]
        pairs = np.minimum(origin, found) * len(vectors) + np.maximum(origin, found)
        codes.append(pairs[origin != found])
    return np.unique(np.concatenate(codes))


def _met(
    rows: "NDArray[np.int64]", fresh: "NDArray[np.bool_]", vectors: "NDArray[np.float32]", threshold: float
) -> "NDArray[np.int64]":
    """The same, of the pairs that meet in a bucket."""
    known = np.empty(0, np.int64)
    waiting: list[NDArray[np.int64]] = []
    held = 0
    for low, high in bucket_pairs(vectors, rows, fresh, threshold - _ROUNDING):
        waiting.append(low * len(vectors) + high)
        held += len(low)
        if held > len(known) + _WAITING:
            known, waiting, held = np.unique(np.concatenate([known, *waiting])), [], 0
    return np.unique(np.concatenate([known, *waiting]))


def recall_of(
    similar: Similar,
    rows: "NDArray[np.int64]",
    vectors: "NDArray[np.float32]",
    threshold: float,
    index_of: "Callable[[NDArray[np.float32]], RangeIndex]",
) -> tuple[float, int]:
    """Which share of the similar pairs was found, measured on some entities that are compared with all others.

    Args:
        similar: What was found.
        rows: Entities that took part, ascending.
        vectors: Unit vectors of all entities, float32 `(E, d)`.
        threshold: Least cosine similarity.
        index_of: Makes an exact index of vectors.

    Returns:
        The share, 0 to 1, and the number of pairs that it was measured on; (1, 0) where there are none.
    """
    sample = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), SAMPLE)).astype(np.int64))]
    limits, neighbours, _ = index_of(vectors).range_search(np.ascontiguousarray(vectors[sample]), threshold)
    origin = np.repeat(sample, np.diff(limits))
    real = (origin != neighbours) & np.isin(neighbours, rows)
    low, high = np.minimum(origin, neighbours)[real], np.maximum(origin, neighbours)[real]
    codes = np.unique(low * len(vectors) + high)
    found = np.isin(codes, similar.low * len(vectors) + similar.high)
    return (float(found.mean()), len(codes)) if len(codes) else (1.0, 0)


def _similarities(
    vectors: "NDArray[np.float32]", low: "NDArray[np.int64]", high: "NDArray[np.int64]"
) -> "NDArray[np.float32]":
    similarities = np.empty(len(low), np.float32)
    for start in range(0, len(low), 65536):
        part = slice(start, start + 65536)
        similarities[part] = np.einsum("ij,ij->i", vectors[low[part]], vectors[high[part]])
    return np.minimum(similarities, np.float32(1.0))


def limit(similar: Similar, most: int) -> Pairs:
    """Keep pairs that are among the `most` nearest of either side (ties by row): no hub of near-alikes forms."""
    of_low, of_high = nearest(similar, most)
    keep = of_low | of_high
    return similar.low[keep], similar.high[keep], similar.similarity[keep]


def nearest(similar: Similar, most: int) -> "tuple[NDArray[np.bool_], NDArray[np.bool_]]":
    """Which pairs are among the `most` nearest of their lower row, and which of their higher one: bool `(p,)` each.

    Nearest first, ties by row.
    """
    low, high = similar.low, similar.high
    ends, others, values = np.concatenate([low, high]), np.concatenate([high, low]), np.tile(similar.similarity, 2)
    order = np.lexsort((others, -values, ends))
    sorted_ends = ends[order]
    kept = np.zeros(len(order), bool)
    kept[order] = np.arange(len(order)) - np.searchsorted(sorted_ends, sorted_ends) < most
    return kept[: len(low)], kept[len(low) :]
