"""Linking: how strongly a question touches each fact and each passage, by cosine similarity and BM25 together.

The two are brought to one scale as standard scores over all candidates of the question: p = z(cosine) + β · z(BM25).
Mean and deviation of the cosines come from the first two moments of the vectors, so that a search which sees only the
nearest of them gives the same standard scores as one that sees all.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hippo.protocols import VectorIndex
from hippo.search.lexical import LexicalIndex
from hippo.search.moments import Moments

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Linked", "Linker", "standard_score"]

_LEXICAL_SHARPNESS = 2.0
"""Used where there are no vectors: how fast weights fall per deviation of BM25. A cosine deviation of 0.1 and a
temperature of 0.05, usual values, give the same."""


@dataclass(frozen=True, slots=True)
class Linked:
    """Candidates of one question.

    Attributes:
        rows: int64 `(c,)`.
        fused: p, float64 `(c,)`, higher is better.
        dense: Standard score of the cosine similarity, float64 `(c,)`; None without vectors.
        lexical: Standard score of BM25, float64 `(c,)`.
        deviation: Standard deviation of the cosines of all candidates; with a temperature it says how sharp
            weights are.
    """

    rows: "NDArray[np.int64]"
    fused: "NDArray[np.float64]"
    dense: "NDArray[np.float64] | None"
    lexical: "NDArray[np.float64]"
    deviation: float

    def best(self, count: int) -> "NDArray[np.int64]":
        """Positions of the `count` best candidates, best first, ties by row."""
        return _best(self.fused, self.rows, count)

    def weights(self, positions: "NDArray[np.int64]", temperature: float) -> "NDArray[np.float64]":
        """Soft-max weights of some candidates, summing to 1: exp((p - p_max) · σ_dense / τ)."""
        if not len(positions):
            return np.empty(0)
        sharpness = self.deviation / temperature if self.dense is not None else _LEXICAL_SHARPNESS
        chosen = self.fused[positions]
        weights: NDArray[np.float64] = np.exp((chosen - chosen.max()) * sharpness)
        weights /= weights.sum()
        return weights


class Linker:
    """Scores all texts of one kind (facts or passages) for a question.

    Args:
        lexical: BM25 over the n texts.
        vectors: Unit vectors of the same texts, float32 `(n, d)`, or None.
        moments: Their moments.
        index: A search over them, for `top`.
    """

    def __init__(
        self,
        lexical: LexicalIndex,
        vectors: "NDArray[np.float32] | None" = None,
        moments: Moments | None = None,
        index: VectorIndex | None = None,
    ) -> None:
        self.lexical = lexical
        self.vectors = vectors
        self.moments = moments
        self.index = index

    def all(self, question: str, query: "NDArray[np.float32] | None", lexical_weight: float) -> Linked:
        """Scores of every text."""
        cosines = None if self.vectors is None or query is None else self.vectors @ query
        return self._fuse(
            np.arange(self.lexical.size), cosines, self.lexical.scores(question), None, query, lexical_weight
        )

    def top(self, question: str, query: "NDArray[np.float32] | None", count: int, lexical_weight: float) -> Linked:
        """Candidates that are sure to hold the `count` best texts.

        The union of the K nearest by cosine and the K best by BM25 holds them once no text outside can reach the fused
        score of the last one: its two parts are at most those of the two K-th (Fagin's threshold algorithm); until then
        K grows fourfold. An approximate index makes "sure" approximate.
        """
        lexical = self.lexical.scores(question)
        size = self.lexical.size
        if self.index is None or self.vectors is None or query is None or not count:
            return self._fuse(np.arange(size), None, lexical, None, query, lexical_weight)
        reach = max(64, 4 * count)
        while True:
            reach = min(reach, size)
            nearest, similarities = self.index.search(query[None, :], reach)
            by_words = _best(lexical, np.arange(size), reach)
            rows = np.union1d(nearest[0], by_words)
            linked = self._fuse(rows, self.vectors[rows] @ query, lexical[rows], lexical, query, lexical_weight)
            last = np.sort(linked.fused)[-count] if count <= len(rows) else -np.inf
            outside = self._fuse(
                rows[:1], similarities[0, -1:], lexical[by_words[-1:]], lexical, query, lexical_weight
            ).fused[0]
            if reach == size or outside <= last:
                return linked
            reach *= 4

    def _fuse(
        self,
        rows: "NDArray[np.int64]",
        cosines: "NDArray[np.float32] | None",
        lexical: "NDArray[np.float32]",
        all_lexical: "NDArray[np.float32] | None",
        query: "NDArray[np.float32] | None",
        lexical_weight: float,
    ) -> Linked:
        population = lexical if all_lexical is None else all_lexical
        by_words = standard_score(lexical, *_moments(population))
        if cosines is None or self.moments is None or query is None:
            return Linked(rows, by_words, None, by_words, 1.0)
        mean, deviation = self.moments.of_cosines(query)
        dense = standard_score(cosines, mean, deviation)
        return Linked(rows, dense + lexical_weight * by_words, dense, by_words, deviation)


def standard_score(values: "NDArray[np.float32]", mean: float, deviation: float) -> "NDArray[np.float64]":
    """(value - mean) / deviation in float64; zeros where nothing deviates."""
    if deviation <= 1e-12:
        return np.zeros(len(values))
    return (values.astype(np.float64) - mean) / deviation


def _moments(values: "NDArray[np.float32]") -> tuple[float, float]:
    if not len(values):
        return 0.0, 0.0
    return float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))


def _best(scores: "NDArray[np.floating]", rows: "NDArray[np.int64]", count: int) -> "NDArray[np.int64]":
    """Positions of the `count` highest scores, highest first, ties by row."""
    count = min(count, len(scores))
    if count <= 0:
        return np.empty(0, np.int64)
    if count < len(scores):
        cut = np.partition(scores, len(scores) - count)[len(scores) - count]
        above = np.flatnonzero(scores >= cut)
    else:
        above = np.arange(len(scores))
    order: NDArray[np.int64] = above[np.lexsort((rows[above], -scores[above]))][:count]
    return order
