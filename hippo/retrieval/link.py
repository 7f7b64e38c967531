"""Linking: how strongly a question touches each fact and each passage, by cosine similarity and BM25 together.

The two are brought to one scale as standard scores over all candidates of the question: p = z(cosine) + β · z(BM25).
Mean and deviation of the cosines come from the first two moments of the vectors, so that a search which sees only the
nearest of them gives the same standard scores as one that sees all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from hippo.protocols import VectorIndex
from hippo.search.layered import LayeredIndex
from hippo.search.lexical import LexicalIndex
from hippo.search.moments import Moments
from hippo.tracing import traced

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Linked", "Linker", "minmax", "products", "standard_score"]

_LEXICAL_SHARPNESS = 2.0
"""Used where there are no vectors: how fast weights fall per deviation of BM25. A cosine deviation of 0.1 and a
temperature of 0.05, usual values, give the same."""
_ROWS = 512
"""Vectors that meet all queries before the next ones do: as many as stay near the processor."""
_LEAST_DEVIATION = 1e-6
"""Rounding alone lets the float32 similarities of equal vectors deviate by less; it must not become a score."""


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
        touched: Which of them may be chosen, bool `(c,)`: those that share a word with the question, where words are
            all there is, and that are not hidden. None: all.
        sure: How many of the best of them are the best of all; None: each of them, since they are all.
    """

    rows: "NDArray[np.int64]"
    fused: "NDArray[np.float64]"
    dense: "NDArray[np.float64] | None"
    lexical: "NDArray[np.float64]"
    deviation: float
    touched: "NDArray[np.bool_] | None" = None
    sure: int | None = None

    def best(self, count: int) -> "NDArray[np.int64]":
        """Positions of the `count` best candidates that the question touches, best first, ties by row."""
        if self.touched is None:
            return _best(self.fused, self.rows, count)
        places = np.flatnonzero(self.touched)
        return places[_best(self.fused[places], self.rows[places], count)]

    def without(self, hidden: "NDArray[np.bool_]") -> "Linked":
        """The same candidates, of which hidden ones are not chosen: bool by row."""
        shown = ~hidden[self.rows]
        return replace(self, touched=shown if self.touched is None else self.touched & shown)

    def of(self, position: int) -> dict[str, float | None]:
        """Both scores of a candidate, by name, as explanations have them."""
        dense = None if self.dense is None else float(self.dense[position])
        return {"dense": dense, "lexical": float(self.lexical[position])}

    def weights(self, positions: "NDArray[np.int64]", temperature: float) -> "NDArray[np.float64]":
        """Soft-max weights of some candidates, summing to 1: exp((p - p_max) · σ_dense / τ)."""
        if not len(positions):
            return np.empty(0)
        sharpness = self.deviation / temperature if self.dense is not None else _LEXICAL_SHARPNESS
        chosen = self.fused[positions]
        weights: NDArray[np.float64] = np.exp((chosen - chosen.max()) * sharpness)
        weights /= weights.sum()
        return weights

    def levels(self, positions: "NDArray[np.int64]") -> "NDArray[np.float64]":
        """Scores of some candidates, from 0 for the worst of all to 1 for the best; all must be candidates."""
        return minmax(self.fused)[positions]


class Linker:
    """Scores all texts of one kind (facts or passages) for a question.

    Args:
        lexical: BM25 over the n texts.
        vectors: Unit vectors of the same texts, float32 `(n, d)`, or None.
        moments: Their moments.
        index: A search over them; None: every text is compared.
        more: Unit vectors of further texts, which the index does not search: the last m of the n.
        hidden: Texts that may be neither seeds nor results, bool `(n,)`; None: none.
    """

    def __init__(
        self,
        lexical: LexicalIndex | LayeredIndex,
        vectors: "NDArray[np.float32] | None" = None,
        moments: Moments | None = None,
        index: VectorIndex | None = None,
        *,
        more: "NDArray[np.float32] | None" = None,
        hidden: "NDArray[np.bool_] | None" = None,
    ) -> None:
        self.lexical = lexical
        self.vectors = tuple(block for block in (vectors, more) if block is not None)
        self.moments = moments
        self.index = index
        self.hidden = hidden

    @traced("hippo.retrieve.link")
    def link(
        self,
        questions: Sequence[str],
        queries: "NDArray[np.float32] | None",
        lexical_weight: float,
        best: int | None = None,
    ) -> list[Linked]:
        """Score texts for a block of questions.

        Args:
            questions: m questions.
            queries: Their unit vectors, float32 `(m, d)`; None: by words alone.
            lexical_weight: β.
            best: With a search index: only candidates that are sure to hold this many best texts. None: every text.

        Returns:
            One result per question.
        """
        found = self._link(questions, queries, lexical_weight, best)
        if self.hidden is None:
            return found
        return [one.without(self.hidden) for one in found]

    def _link(
        self,
        questions: Sequence[str],
        queries: "NDArray[np.float32] | None",
        lexical_weight: float,
        best: int | None,
    ) -> list[Linked]:
        if queries is None or not self.vectors or self.moments is None:
            return [self._by_words(question) for question in questions]
        if best and self.index is not None:
            return [
                self._candidates(question, query, best, lexical_weight)
                for question, query in zip(questions, queries, strict=True)
            ]
        rows = np.arange(self.lexical.size)
        blocks = [products(block, queries) for block in self.vectors]
        cosines = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
        return [
            self._fuse(rows, cosines[:, place], words, words, queries[place], lexical_weight)
            for place, words in enumerate(map(self.lexical.scores, questions))
        ]

    def _by_words(self, question: str) -> Linked:
        scores = self.lexical.scores(question)
        standard = standard_score(scores, *_moments(scores))
        return Linked(np.arange(len(scores)), standard, None, standard, 1.0, scores > 0)

    def _candidates(self, question: str, query: "NDArray[np.float32]", count: int, lexical_weight: float) -> Linked:
        """The union of the K nearest by cosine and the K best by BM25, for a K that is large enough.

        It is once no text outside can reach the fused score of the last one wanted: its two parts are at most those of
        the two K-th (Fagin's threshold algorithm). Until then K grows fourfold. With an approximate index this is
        approximate.
        """
        index, searched = cast("VectorIndex", self.index), len(self.vectors[0])
        words, size = self.lexical.scores(question), self.lexical.size
        reach = min(max(64, 4 * count), searched)
        while True:
            nearest, cosines = index.search(query[None, :], reach)
            by_words = _best(words, np.arange(size), reach)
            # What the index does not search is compared in any case.
            rows = np.union1d(np.union1d(nearest[0], by_words), np.arange(searched, size))
            linked = self._fuse(rows, self._cosines(rows, query), words[rows], words, query, lexical_weight)
            if reach == searched:
                return linked
            bound = self._fuse(rows[:1], cosines[0, -1:], words[by_words[-1:]], words, query, lexical_weight).fused[0]
            if np.sort(linked.fused)[-count:][0] >= bound:
                return replace(linked, sure=count)
            reach = min(reach * 4, searched)

    def _cosines(self, rows: "NDArray[np.int64]", query: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """Similarities of some rows, ascending."""
        parts, first = [], 0
        for block in self.vectors:
            own = rows[(rows >= first) & (rows < first + len(block))]
            parts.append(block[own - first] @ query)
            first += len(block)
        return np.concatenate(parts)

    def _fuse(
        self,
        rows: "NDArray[np.int64]",
        cosines: "NDArray[np.float32]",
        words: "NDArray[np.float64]",
        all_words: "NDArray[np.float64]",
        query: "NDArray[np.float32]",
        lexical_weight: float,
    ) -> Linked:
        lexical = standard_score(words, *_moments(all_words))
        if len(cosines) == self.lexical.size and self.hidden is None:
            # All of them are here, and sooner asked than the moments of the vectors, which say the same.
            mean, deviation = _moments(cosines)
        else:
            mean, deviation = cast("Moments", self.moments).of_cosines(query)
        dense = standard_score(cosines, mean, deviation)
        return Linked(rows, dense + lexical_weight * lexical, dense, lexical, deviation)


def products(vectors: "NDArray[np.float32]", queries: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """Similarity of every vector to every query: float32 `(n, m)`, Fortran-ordered.

    Each is a product of two vectors of its own (`matmul` of a row and a column), not an entry of a product of matrices:
    there the last bits depend on the neighbours, so equal passages would be told apart and a question would be answered
    otherwise among others than alone. Some rows at a time meet all queries, so that they come from memory once.
    """
    found = np.empty((len(vectors), len(queries)), np.float32, order="F")
    for start in range(0, len(vectors), _ROWS):
        part = slice(start, start + _ROWS)
        np.matmul(vectors[part, None, None, :], queries[None, :, :, None], out=found[part, :, None, None])
    return found


def minmax(values: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Values from 0 for the lowest to 1 for the highest; all 1 where they are equal."""
    if not len(values):
        return values
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.ones(len(values))


def standard_score(values: "NDArray[np.floating]", mean: float, deviation: float) -> "NDArray[np.float64]":
    """(value - mean) / deviation in float64; zeros where nothing deviates."""
    if deviation <= _LEAST_DEVIATION:
        return np.zeros(len(values))
    score: NDArray[np.float64] = np.subtract(values, mean, dtype=np.float64)
    score /= deviation
    return score


def _moments(values: "NDArray[np.floating]") -> tuple[float, float]:
    if not len(values):
        return 0.0, 0.0
    mean = float(values.sum(dtype=np.float64)) / len(values)
    apart = np.subtract(values, mean, dtype=np.float64)
    apart *= apart
    return mean, math.sqrt(float(apart.sum()) / len(values))


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
