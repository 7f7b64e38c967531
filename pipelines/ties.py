"""Why a ranking differs from the published one: replayed with each choice that a tie leaves open."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.backends.pagerank.power import PowerPageRank
from hippo.retrieval.link import Linked, Linker
from hippo.retrieval.profiles import Profile
from hippo.retrieval.rank import order_of, spread
from hippo.retrieval.seeds import choose, entity_counts, seed
from hippo.snapshot.contents import Contents

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

__all__ = ["CLOSE", "Choices", "Compared", "Difference", "compare"]

CLOSE = 1e-3
"""Relative difference below which scores count as the same."""
_TIE = 1e-5
"""The same for the weights of entities: rounding alone decides between them."""
_BORDER = 1e-6
"""Cosine above the threshold for synonyms within which rounding alone decides."""
_MOST_CHOICES = 500


@dataclass(frozen=True, slots=True)
class Compared:
    """Two rankings of one question.

    Attributes:
        same_top_5: Whether the first five are the same set.
        same_order: Whether all are the same, in the same order.
        whole: Whether all are the same, in any order.
        overlap: Passages that both hold.
        scores: Relative differences of their scores, `|ours - theirs| / theirs`, in the order of theirs.
    """

    same_top_5: bool
    same_order: bool
    whole: bool
    overlap: int
    scores: tuple[float, ...]

    @property
    def largest(self) -> float:
        """The largest relative difference; 0 without common passages."""
        return max(self.scores, default=0.0)

    @property
    def close(self) -> bool:
        """Whether they differ by rounding alone: the same passages have the same scores."""
        return self.whole and self.largest <= CLOSE


@dataclass(frozen=True, slots=True)
class Difference:
    """A question that the two answer differently, and why.

    Attributes:
        question: The question.
        same_top_5: Whether the first five are the same set.
        overlap: Passages that both hold.
        largest: Largest relative difference of their scores.
        cause: In a few words; "unexplained" where no choice gives the published ranking.
        detail: What would have to be chosen.
        settled: Passages that both hold once it is chosen, and the largest difference of scores that is left.
    """

    question: str
    same_top_5: bool
    overlap: int
    largest: float
    cause: str
    detail: str
    settled: tuple[int, float]


def compare(
    rows: Sequence[int], scores: Sequence[float], their_rows: Sequence[int], their_scores: Sequence[float]
) -> Compared:
    """Compare two rankings of passages, best first."""
    ours = dict(zip(rows, scores, strict=True))
    theirs = dict(zip(their_rows, their_scores, strict=True))
    differences = tuple(abs(ours[row] - score) / score for row, score in theirs.items() if row in ours)
    same = set(rows[:5]) == set(their_rows[:5])
    whole = set(rows) == set(their_rows)
    return Compared(same, list(rows) == list(their_rows), whole, len(differences), differences)


class Choices:
    """Replays questions on an index.

    Args:
        contents: The index.
        profile: How it is asked.
        rows: Row of each document in the corpus, by its id; documents have one passage each.
    """

    def __init__(self, contents: Contents, profile: Profile, rows: Mapping[str, int]) -> None:
        self._contents = contents
        self._profile = profile
        self._corpus = np.array([rows[identity] for identity in contents.chunks.column("document_id").to_pylist()])
        self._counts = entity_counts(contents)
        self._names = contents.entities.column("key").to_pylist()
        self._adjacencies = {"": contents.graph.adjacency(profile.kind_weights), **self._without_border_pairs()}
        self._linkers = {
            kind: Linker(contents.words[kind], contents.vectors[kind], contents.moments[kind])
            for kind in ("fact", "passage")
        }
        texts = contents.facts.column("text").to_pylist()
        self._texts = texts
        self._facts = {text: row for row, text in reversed(list(enumerate(texts)))}

    def explain(self, query: "NDArray[np.float32]", theirs: Mapping[str, Any], found: Compared) -> Difference:
        """Why the published ranking of a question is another one.

        Args:
            query: Vector of the question, float32 `(d,)`.
            theirs: What the published code returned: question, facts, ranking, scores.
            found: The two rankings, compared.
        """
        question = theirs["question"]
        facts, passages = (
            self._linkers[kind].link([question], query[None], self._profile.lexical_weight)[0]
            for kind in ("fact", "passage")
        )
        mine = choose(self._contents, facts, self._profile)
        published = np.array([self._facts.get(repr(tuple(fact)), -1) for fact in theirs["facts"]])
        same_facts = set(published.tolist()) == set(mine.tolist())
        chosen = mine if same_facts or (published < 0).any() else published
        best, cause, detail = found, "unexplained", ""
        for left_out, choice, one in self._replays(facts, passages, chosen, theirs):
            if one.close and not best.close:
                best = one
                names = ", ".join(repr(self._names[row]) for row in left_out)
                ties = [("tie at the cap of entities", f"without {names}")] if names else []
                ties += [("synonyms at the threshold", choice)] if choice else []
                cause, detail = (" and ".join(part) for part in zip(*ties, strict=True)) if ties else (cause, detail)
        if not same_facts:
            cause, detail = "other facts" if best.close else "unexplained", self._gap(facts, mine, published)
        elif found.close:
            cause, detail = "passages of nearly the same score", ""
        return Difference(
            question, found.same_top_5, found.overlap, found.largest, cause, detail, (best.overlap, best.largest)
        )

    def _replays(
        self,
        facts: Linked,
        passages: Linked,
        chosen: "NDArray[np.int64]",
        theirs: Mapping[str, Any],
    ) -> "Iterator[tuple[NDArray[np.int64], str, Compared]]":
        """Every choice that is left open: entities left out at the cap, synonyms left out, and what comes of it."""
        for choice, adjacency in self._adjacencies.items():
            for left_out in islice(self._ties(facts, passages, chosen), _MOST_CHOICES):
                # An entity of endless chunks has no weight.
                counts = self._counts.copy()
                counts[left_out] = np.inf
                [seeds] = seed(self._contents, counts, [facts], [passages], self._profile, [chosen])
                nodes = self._contents.graph.passages
                [walked] = spread(
                    PowerPageRank(), adjacency, [seeds], [passages], self._profile, passages=nodes, k=1, tolerance=1e-9
                )
                scores = walked.passages
                best = order_of(scores, passages.fused, len(theirs["ranking"]))
                ranking = self._corpus[best].tolist()
                yield left_out, choice, compare(ranking, scores[best].tolist(), theirs["ranking"], theirs["scores"])

    def _without_border_pairs(self) -> "dict[str, csr_array]":
        """The graph without each pair of synonyms that only rounding may have put above the threshold."""
        graph, similar = self._contents.graph, self._contents.similar
        limit = self._contents.info["synonym_threshold"] + _BORDER
        found = {}
        for pair in np.flatnonzero(similar.similarity < limit):
            low, high = int(similar.low[pair]), int(similar.high[pair])
            weights = {kind: np.array(values) for kind, values in graph.weights.items()}
            for start, end in ((low, high), (high, low)):
                span = slice(graph.indptr[start], graph.indptr[start + 1])
                place = graph.indptr[start] + int(np.searchsorted(graph.indices[span], end))
                weights["synonym"][place], weights["relation"][place] = 0.0, self._triples(low, high)
            choice = f"without {self._names[low]!r} as {self._names[high]!r}"
            found[choice] = replace(graph, weights=weights).adjacency(self._profile.kind_weights)
        return found

    def _triples(self, low: int, high: int) -> int:
        """Number of triples that relate two entities."""
        indices = np.asarray(self._contents.fact_entities[1]).reshape(-1, 2)
        return int((np.sort(indices, axis=1) == (low, high)).all(axis=1).sum())

    def _ties(self, facts: Linked, passages: Linked, chosen: "NDArray[np.int64]") -> "Iterator[NDArray[np.int64]]":
        """Entities to leave out, for every way to fill the last places among the entities of most weight."""
        everyone = replace(self._profile, entities=None, passage_weight=0.0)
        [seeds] = seed(self._contents, self._counts, [facts], [passages], everyone, [chosen])
        cap = self._profile.entities or len(seeds.nodes)
        if len(seeds.nodes) <= cap:
            yield np.empty(0, np.int64)
            return
        last = np.sort(seeds.weights)[-cap]
        tied = np.isclose(seeds.weights, last, rtol=_TIE, atol=0.0)
        places = cap - int(((seeds.weights > last) & ~tied).sum())
        nodes = seeds.nodes[tied]
        for kept in combinations(nodes.tolist(), places):
            yield np.setdiff1d(nodes, kept)

    def _gap(self, facts: Linked, mine: "NDArray[np.int64]", published: "NDArray[np.int64]") -> str:
        """Which facts differ, and by how much of the range of all scores."""
        ours, theirs = np.setdiff1d(mine, published), np.setdiff1d(published, mine)
        if (theirs < 0).any():
            return "a published fact is not in the index"
        levels = facts.levels(np.concatenate([ours, theirs]))
        names = [" ".join(self._texts[row] for row in rows) for rows in (ours, theirs)]
        return f"{names[1]} instead of {names[0]}, scores apart by {np.ptp(levels):.1e}"
