"""Synonym edges: pairs of entities whose names have similar vectors.

Names that hold a digit take no part: "12 May 1961" and "13 May 1961" are near in every encoder and never the same. Nor
do names of fewer than three letters, in scripts where a letter is not a word.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import regex

from hippo.graph.build import Pairs
from hippo.protocols import RangeIndex

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Similar", "comparable", "find_similar", "limit", "nearest"]

_WORD_SIGN = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")
_ROUNDING = 1e-4
"""An index may round; candidates below the threshold by less than this are compared again."""
_BLOCK = 1024


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
    if any(character.isdigit() for character in key):
        return False
    return sum(character.isalpha() for character in key) > 2 or bool(_WORD_SIGN.search(key))


def find_similar(
    keys: Sequence[str],
    vectors: "NDArray[np.float32]",
    threshold: float,
    known: "tuple[Similar, NDArray[np.bool_]]",
    index_of: "Callable[[NDArray[np.float32]], RangeIndex]",
    eligible: "NDArray[np.bool_] | None" = None,
) -> Similar:
    """All pairs of eligible entities with a cosine similarity of at least `threshold`.

    Similarities are computed pair by pair, so a pair's does not depend on the company in which it was found, and adding
    entities in several steps gives the same as adding them at once.

    Args:
        keys: Entity keys.
        vectors: Their unit vectors, float32 `(E, d)`.
        threshold: Least cosine similarity.
        known: Pairs found before, and which entities were compared then, bool `(E,)`; only the others are searched for.
        index_of: Makes an exact index of vectors.
        eligible: Which entities take part, bool `(E,)`; None: those that are `comparable`.
    """
    before, compared = known
    rows = np.flatnonzero(comparable(keys) if eligible is None else eligible)
    fresh = ~compared[rows]
    if not fresh.any():
        return before
    # The new ones last: a block of them is compared with all before it and with itself, so no pair is looked at twice.
    rows = np.concatenate([rows[~fresh], rows[fresh]])
    pool = np.ascontiguousarray(vectors[rows])
    codes = [np.empty(0, np.int64)]
    for start in range(len(rows) - int(fresh.sum()), len(rows), _BLOCK):
        seen = pool[: start + _BLOCK]
        limits, neighbours, _ = index_of(seen).range_search(seen[start:], threshold - _ROUNDING)
        origin = np.repeat(rows[start : start + _BLOCK], np.diff(limits))
        found = rows[neighbours]
        pairs = np.minimum(origin, found) * len(keys) + np.maximum(origin, found)
        codes.append(pairs[origin != found])
    unique = np.unique(np.concatenate(codes))
    low, high = unique // len(keys), unique % len(keys)
    similarity = _similarities(vectors, low, high)
    keep = similarity >= threshold
    return before.joined(Similar(low[keep], high[keep], similarity[keep]))


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
