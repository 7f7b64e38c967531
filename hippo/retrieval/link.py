"""Linking: how strongly a question touches each fact and each passage, by cosine similarity and BM25 together.

The two are brought to one scale as standard scores over all candidates of the question: p = z(cosine) + β · z(BM25).
Mean and deviation of the cosines come from the first two moments of the vectors, so that a search which sees only the
nearest of them gives the same standard scores as one that sees all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from hippo.backends.scoring import ARRAYS, held
from hippo.backends.scoring import scoring as choose_scoring
from hippo.backends.scoring.standard import LEAST_DEVIATION, standard_score
from hippo.protocols import VectorIndex
from hippo.search.layered import LayeredIndex
from hippo.search.lexical import LexicalIndex
from hippo.search.moments import Moments
from hippo.tracing import traced

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.backends.scoring import Scoring
    from hippo.backends.scoring.codes import Codes
    from hippo.protocols import Vectors

__all__ = ["Linked", "Linker", "Scaled", "minmax", "standard_score"]

_LEXICAL_SHARPNESS = 2.0
"""Used where there are no vectors: how fast weights fall per deviation of BM25. A cosine deviation of 0.1 and a
temperature of 0.05, usual values, give the same."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """A value of each candidate, `(c,)`, and mean and standard deviation of those of all texts."""

    values: "NDArray[np.floating]"
    mean: float
    deviation: float

    @property
    def standard(self) -> "NDArray[np.float64]":
        """Standard scores, float64 `(c,)`."""
        return standard_score(self.values, self.mean, self.deviation)

    def at(self, position: int) -> float:
        """Standard score of one candidate."""
        return float(standard_score(self.values[position : position + 1], self.mean, self.deviation)[0])


@dataclass(frozen=True, slots=True)
class Linked:
    """Candidates of one question.

    Attributes:
        rows: int64 `(c,)`, ascending.
        fused: p, float64 `(c,)`, higher is better.
        cosines: Cosine similarities; None without vectors. With a temperature, their deviation says how sharp weights
            are.
        words: Scores of BM25.
        touched: Which of them may be chosen, bool `(c,)`: those that share a word with the question, where words are
            all there is, and that are not hidden. None: all.
        shown: Which of them are not hidden, bool `(c,)`; None: all.
        sure: How many of the best of them are the best of all; None: each of them, since they are all.
        scoring: What finds the best.
    """

    rows: "NDArray[np.int64]"
    fused: "NDArray[np.float64]"
    cosines: Scaled | None
    words: Scaled
    touched: "NDArray[np.bool_] | None" = None
    shown: "NDArray[np.bool_] | None" = None
    sure: int | None = None
    scoring: "Scoring" = ARRAYS

    @property
    def dense(self) -> "NDArray[np.float64] | None":
        """Standard scores of the cosine similarities, float64 `(c,)`; None without vectors."""
        return None if self.cosines is None else self.cosines.standard

    @property
    def lexical(self) -> "NDArray[np.float64]":
        """Standard scores of BM25, float64 `(c,)`."""
        return self.words.standard

    def best(self, count: int) -> "NDArray[np.int64]":
        """Positions of the `count` best candidates that the question touches, best first, ties by row."""
        if self.touched is None:
            return self.scoring.best(self.fused, count)
        places = np.flatnonzero(self.touched)
        return places[self.scoring.best(self.fused[places], count)]

    def without(self, hidden: "NDArray[np.bool_]") -> "Linked":
        """The same candidates, of which hidden ones are not chosen: bool by row."""
        shown = ~hidden[self.rows]
        return replace(self, touched=shown if self.touched is None else self.touched & shown, shown=shown)

    def first(self, count: int | None) -> "NDArray[np.int64]":
        """Positions of the first `count` candidates that are not hidden, int64, ascending; None: all of them."""
        shown = np.arange(len(self.rows)) if self.shown is None else np.flatnonzero(self.shown)
        return shown[:count]

    def of(self, position: int) -> dict[str, float | None]:
        """Both scores of a candidate, by name, as explanations have them."""
        dense = None if self.cosines is None else self.cosines.at(position)
        return {"dense": dense, "lexical": self.words.at(position)}

    def weights(self, positions: "NDArray[np.int64]", temperature: float) -> "NDArray[np.float64]":
        """Soft-max weights of some candidates, summing to 1: exp((p - p_max) · σ_dense / τ)."""
        if not len(positions):
            return np.empty(0)
        sharpness = _LEXICAL_SHARPNESS if self.cosines is None else self.cosines.deviation / temperature
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
        vectors: Unit vectors of the same texts, float32 or float16 `(n, d)`, or None.
        moments: Their moments.
        index: A search over them; None: every text is compared.
        codes: The same vectors in 8 bits, by which the best are found where only they are asked for; None: they are
            found by `index`, or by the vectors.
        more: Unit vectors of further texts, which the index does not search: the last m of the n.
        hidden: Texts that may be neither seeds nor results, bool `(n,)`; None: none.
        scoring: What scores; None: what suits the number of texts.
    """

    def __init__(
        self,
        lexical: LexicalIndex | LayeredIndex,
        vectors: "Vectors | None" = None,
        moments: Moments | None = None,
        index: VectorIndex | None = None,
        *,
        more: "Vectors | None" = None,
        hidden: "NDArray[np.bool_] | None" = None,
        scoring: "Scoring | None" = None,
        codes: "Codes | None" = None,
    ) -> None:
        self.lexical = lexical
        self.vectors = tuple(held(block) for block in (vectors, more) if block is not None)
        self.moments = moments
        self.index = index
        self.codes = codes
        self.hidden = hidden
        self.scoring: Scoring = scoring or choose_scoring(lexical.size)
        self._rows = np.arange(lexical.size)

    def rows(self, rows: "NDArray[np.int64]") -> "NDArray[np.float32] | None":
        """Unit vectors of some texts, float32 `(n, d)`, in their order; None: there are none."""
        if not self.vectors:
            return None
        if len(self.vectors) == 1:
            return self.vectors[0][rows].astype(np.float32, copy=False)
        found = np.empty((len(rows), self.vectors[0].shape[1]), np.float32)
        first = 0
        for block in self.vectors:
            own = (rows >= first) & (rows < first + len(block))
            found[own] = block[rows[own] - first]
            first += len(block)
        return found

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
            best: With a search index, or codes: only candidates that are sure to hold this many best texts. None: every
                text.

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
            return self._by_words(questions)
        if best and self.index is not None:
            return self._nearest(questions, queries, best, lexical_weight)
        if best and self.codes is not None:
            return self._near(self.codes, questions, queries, best, lexical_weight)
        blocks = [self.scoring.products(block, queries) for block in self.vectors]
        cosines = np.ascontiguousarray((blocks[0] if len(blocks) == 1 else np.concatenate(blocks)).T)
        # All of them are here, and sooner asked than the moments of the vectors, which say the same.
        whole = self.scoring.moments(cosines) if self.hidden is None else self._of_cosines(queries)
        words, of_words = self._words(questions)
        fused = self.scoring.fused(cosines, whole, words, of_words, lexical_weight)
        return [
            Linked(self._rows, one, Scaled(cosine, *of_cosines), Scaled(word, *of_word), scoring=self.scoring)
            for one, cosine, of_cosines, word, of_word in zip(
                fused, cosines, whole.tolist(), words, of_words.tolist(), strict=True
            )
        ]

    def _words(self, questions: Sequence[str]) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
        """BM25 score of every text for every question, `(m, n)`, and mean and deviation of all, `(m, 2)`."""
        index = self.lexical
        if isinstance(index, LexicalIndex):
            return self.scoring.words(index.texts, index.weights, *index.spans(questions), index.size)
        scores = np.array([index.scores(question) for question in questions]).reshape(len(questions), index.size)
        return scores, self.scoring.moments(scores)

    def _of_cosines(self, queries: "NDArray[np.float32]") -> "NDArray[np.float64]":
        """Mean and deviation of the similarities of all texts to each query, `(m, 2)`."""
        moments = cast("Moments", self.moments)
        return self.scoring.expected(moments.mean, moments.covariance, queries)

    def _by_words(self, questions: Sequence[str]) -> list[Linked]:
        found = []
        for scores, moments in zip(*self._words(questions), strict=True):
            words = Scaled(scores, *moments.tolist())
            found.append(Linked(self._rows, words.standard, None, words, scores > 0, scoring=self.scoring))
        return found

    def _nearest(
        self, questions: Sequence[str], queries: "NDArray[np.float32]", count: int, weight: float
    ) -> list[Linked]:
        """`_candidates` of each question; the first search is one of as many questions as suit the index."""
        index = cast("VectorIndex", self.index)
        reach, step = min(max(64, 4 * count), len(self.vectors[0])), getattr(index, "together", 1)
        found = []
        for start in range(0, len(questions), step):
            asked, some = questions[start : start + step], queries[start : start + step]
            for question, query, *nearest in zip(asked, some, *index.search(some, reach), strict=True):
                found.append(self._candidates(question, query, count, weight, *nearest))
        return found

    def _candidates(
        self,
        question: str,
        query: "NDArray[np.float32]",
        count: int,
        lexical_weight: float,
        nearest: "NDArray[np.int64]",
        cosines: "NDArray[np.float32]",
    ) -> Linked:
        """The union of the K nearest by cosine and the K best by BM25, for a K that is large enough.

        It is once no text outside can reach the fused score of the last one wanted: its two parts are at most those of
        the two K-th (Fagin's threshold algorithm). Until then K grows fourfold. With an approximate index this is
        approximate. The nearest of the first K are given.
        """
        index, searched = cast("VectorIndex", self.index), len(self.vectors[0])
        ([words], of_words), size = self._words([question]), self.lexical.size
        of_cosines = self._of_cosines(query[None])
        while True:
            reach = len(nearest)
            by_words = self.scoring.best(words, reach)
            # What the index does not search is compared in any case.
            rows = np.union1d(np.union1d(nearest, by_words), np.arange(searched, size))
            scores = self._cosines(rows, query), of_cosines, words[rows], of_words
            linked = self._fuse(rows, *scores, lexical_weight)
            if reach == searched:
                return linked
            last = cosines[-1:], of_cosines, words[by_words[-1:]], of_words
            bound = self._fuse(rows[:1], *last, lexical_weight).fused[0]
            shown = linked.fused if self.hidden is None else linked.fused[~self.hidden[rows]]
            if len(shown) >= count and np.sort(shown)[-count] >= bound:
                return replace(linked, sure=count)
            [nearest], [cosines] = index.search(query[None, :], min(reach * 4, searched))

    def _near(
        self, codes: "Codes", questions: Sequence[str], queries: "NDArray[np.float32]", count: int, weight: float
    ) -> list[Linked]:
        """All texts whose approximate score may be one of the `count` best, as they are.

        A text that is one of the best has at least the score of the last of them, and that is at least the last of the
        approximate scores, less their error.
        """
        near, errors = codes.similarities(queries)
        for block in self.vectors[1:]:
            near = np.concatenate([near, self.scoring.products(block, queries).T], axis=1)
        words, of_words = self._words(questions)
        of_cosines = self._of_cosines(queries)
        fused = self.scoring.fused(near, of_cosines, words, of_words, weight)
        if self.hidden is not None:
            fused[:, self.hidden] = -np.inf
        last = [one[self.scoring.best(one, count)[-1:]].min(initial=np.inf) for one in fused]
        limits = np.array(last) - 2.0 * errors / np.maximum(of_cosines[:, 1], LEAST_DEVIATION)
        # Where a number is none, all are: nothing is known of any.
        places = np.flatnonzero(~(fused < limits[:, None]))
        ends = places.searchsorted(np.arange(len(questions) + 1) * fused.shape[1]).tolist()
        places %= max(fused.shape[1], 1)
        vectors = cast("NDArray[np.float32]", self.rows(places))
        found = []
        for place, part in enumerate(map(slice, ends, ends[1:])):
            own, rows = slice(place, place + 1), places[part]
            cosines = self.scoring.products(vectors[part], queries[own])[:, 0]
            linked = self._fuse(rows, cosines, of_cosines[own], words[place, rows], of_words[own], weight)
            found.append(replace(linked, sure=None if len(rows) == len(self._rows) else count))
        return found

    def _cosines(self, rows: "NDArray[np.int64]", query: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """Similarities of some rows, ascending."""
        parts, first = [], 0
        for block in self.vectors:
            own = rows[(rows >= first) & (rows < first + len(block))]
            parts.append(block[own - first].astype(np.float32, copy=False) @ query)
            first += len(block)
        return np.concatenate(parts)

    def _fuse(
        self,
        rows: "NDArray[np.int64]",
        cosines: "NDArray[np.float32]",
        of_cosines: "NDArray[np.float64]",
        words: "NDArray[np.float64]",
        of_words: "NDArray[np.float64]",
        lexical_weight: float,
    ) -> Linked:
        """Some texts for one question; its moments are `(1, 2)`."""
        [fused] = self.scoring.fused(cosines[None], of_cosines, words[None], of_words, lexical_weight)
        scaled = Scaled(cosines, *of_cosines[0].tolist()), Scaled(words, *of_words[0].tolist())
        return Linked(rows, fused, *scaled, scoring=self.scoring)


def minmax(values: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Values from 0 for the lowest to 1 for the highest; all 1 where they are equal."""
    if not len(values):
        return values
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.ones(len(values))
