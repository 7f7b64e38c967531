"""Restart vectors: what questions touch, entities and passages, as probabilities over the nodes of the graph.

For all questions of a block at once: what is done for each by itself takes longer in being called than in being done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Self

import numpy as np

from hippo.retrieval.link import Linked
from hippo.retrieval.profiles import Profile
from hippo.retrieval.sources import Sources, capped, shares_of, within
from hippo.snapshot.contents import Contents

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Occurrences", "Restart", "restarts", "softened"]

Restart = tuple["NDArray[np.int64]", "NDArray[np.float64]", Mapping[int, tuple[float, float]]]
"""Nodes, ascending, and their probabilities; where sources are capped, what each brings without the cap and with it."""


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Entities as m questions touch them, one after another.

    Attributes:
        bounds: Which are of each question: from one number to the next, int64 `(m + 1,)`.
        entities: Their rows, int64 `(o,)`; one that occurs repeatedly has the sum of its weights.
        weights: float64 `(o,)`, non-negative.
        owners: Source of each, int64 `(o,)`; -1: of none.
    """

    bounds: "NDArray[np.int64]"
    entities: "NDArray[np.int64]"
    weights: "NDArray[np.float64]"
    owners: "NDArray[np.int64]"

    @classmethod
    def of(
        cls,
        sizes: "Sequence[int] | NDArray[np.integer]",
        entities: "NDArray[np.integer]",
        weights: "NDArray[np.float64]",
        owners: "NDArray[np.int64] | None" = None,
    ) -> Self:
        """So many of each question."""
        bounds = np.zeros(len(sizes) + 1, np.int64)
        np.cumsum(sizes, out=bounds[1:])
        return cls(bounds, entities.astype(np.int64), weights, np.full(len(entities), -1) if owners is None else owners)

    @property
    def sizes(self) -> "NDArray[np.int64]":
        """How many are of each question, int64 `(m,)`."""
        return self.bounds[1:] - self.bounds[:-1]

    @property
    def questions(self) -> "NDArray[np.int64]":
        """Question of each, int64 `(o,)`."""
        return np.repeat(np.arange(len(self.bounds) - 1), self.sizes)

    def only(self, kept: "NDArray[np.bool_]") -> "Occurrences":
        """Some of them."""
        sizes = np.bincount(self.questions[kept], minlength=len(self.bounds) - 1)
        return Occurrences.of(sizes, self.entities[kept], self.weights[kept], self.owners[kept])

    def mixed(self, other: "Occurrences", share: float) -> "Occurrences":
        """These and others, which take a share of each question that has any: all of it where none are of these."""
        both = (self.sizes > 0) & (other.sizes > 0)
        taken = np.where(both, share, other.sizes > 0)
        questions = np.concatenate([self.questions, other.questions])
        order = np.argsort(questions, kind="stable")
        # Where a question has none of the others, what these weigh stays as it is.
        own = np.where(both[self.questions], _shares(self) * (1.0 - taken[self.questions]), self.weights)
        weights = np.concatenate([own, _shares(other) * taken[other.questions]])
        return Occurrences.of(
            self.sizes + other.sizes,
            np.concatenate([self.entities, other.entities])[order],
            weights[order],
            np.concatenate([self.owners, other.owners])[order],
        )

    def heaviest(self, count: int) -> "Occurrences":
        """Those of the `count` entities of most weight of each question, ties by row."""
        questions, stride = self.questions, int(self.entities.max(initial=0)) + 1
        keys, places = np.unique(questions * stride + self.entities, return_inverse=True)
        total = np.bincount(places, self.weights, minlength=len(keys))
        order = np.lexsort((keys, -total, keys // stride))
        of_each = np.bincount(keys // stride, minlength=len(self.bounds) - 1)
        rank = np.arange(len(keys)) - np.repeat(np.cumsum(of_each) - of_each, of_each)
        kept = np.zeros(len(keys), bool)
        kept[order[rank < count]] = True
        return self.only(kept[places])


def restarts(
    contents: Contents, touched: Occurrences, passages: Sequence[Linked], profile: Profile, sources: Sources | None
) -> list[Restart]:
    """Restart vectors of questions; empty where there are no entities and `profile.when_unlinked` is "dense".

    Args:
        contents: The index.
        touched: Entities that m questions touch.
        passages: Passages that each touches.
        profile: How to seed.
        sources: Where they are capped.
    """
    if profile.entities is not None:
        touched = touched.heaviest(profile.entities)
    first, dense = contents.graph.n_entities, profile.when_unlinked == "dense"
    chosen = [
        np.empty(0, np.int64) if dense and not size else _chosen(one, profile, sources)
        for one, size in zip(passages, touched.sizes.tolist(), strict=True)
    ]
    found = Occurrences.of(
        [len(positions) for positions in chosen],
        np.concatenate([one.rows[positions] for one, positions in zip(passages, chosen, strict=True)]),
        np.concatenate(
            [
                softened(one, positions, profile, profile.passage_temperature)
                for one, positions in zip(passages, chosen, strict=True)
            ]
        ),
    )
    if profile.passage_weight is None:
        share = np.where(touched.sizes > 0, profile.passage_share, 1.0)
        of_entities = _shares(touched) * (1.0 - share)[touched.questions]
        of_passages = _shares(found) * share[found.questions]
    else:
        of_entities, of_passages = touched.weights.copy(), found.weights * profile.passage_weight
    brought: list[Mapping[int, tuple[float, float]]] = [{}] * len(passages)
    if sources is not None:
        brought = _cap(touched, found, of_entities, of_passages, profile.source_cap, sources)
    # Entities come before passages, of which none is there twice.
    keys, places = np.unique(touched.questions * first + touched.entities, return_inverse=True)
    summed = np.asarray(np.bincount(places, of_entities, minlength=len(keys)), np.float64)
    order = np.argsort(found.questions * contents.n_chunks + found.entities, kind="stable")
    nodes = [keys % max(first, 1), found.entities[order] + first]
    masses = [summed, of_passages[order]]
    ends = keys.searchsorted(np.arange(len(passages) + 1) * first).tolist(), found.bounds.tolist()
    return [
        _probable(
            np.concatenate([part[slice(*own)] for part, own in zip(nodes, spans, strict=True)]),
            np.concatenate([part[slice(*own)] for part, own in zip(masses, spans, strict=True)]),
            told,
        )
        for told, *spans in zip(brought, *map(pairwise, ends), strict=True)
    ]


def softened(
    linked: Linked, chosen: "NDArray[np.int64]", profile: Profile, temperature: float
) -> "NDArray[np.float64]":
    """What some candidates weigh, float64 `(c,)`."""
    return linked.weights(chosen, temperature) if profile.weighting == "softmax" else linked.levels(chosen)


def _chosen(passages: Linked, profile: Profile, sources: Sources | None) -> "NDArray[np.int64]":
    """Positions of the passages that seed: the first ones where none is touched."""
    if profile.passages is None:
        return passages.first(None)
    if sources is None:
        best = passages.best(profile.passages)
    else:
        ranked = passages.best(len(passages.rows))
        best = ranked[within(sources.passages[passages.rows[ranked]].tolist(), profile.passages, profile.source_cap)]
    return best if len(best) else passages.first(profile.passages)


def _cap(
    touched: Occurrences,
    found: Occurrences,
    of_entities: "NDArray[np.float64]",
    of_passages: "NDArray[np.float64]",
    cap: float,
    sources: Sources,
) -> list[Mapping[int, tuple[float, float]]]:
    """Cap what each source brings to each question, in place; returned is what each brought, and brings."""
    told: list[Mapping[int, tuple[float, float]]] = []
    for spans in zip(*(pairwise(part.bounds.tolist()) for part in (touched, found)), strict=True):
        ours, theirs = slice(*spans[0]), slice(*spans[1])
        before = np.concatenate([of_entities[ours], of_passages[theirs]])
        if not before.any():
            told.append({})
            continue
        owners = np.concatenate([touched.owners[ours], sources.passages[found.entities[theirs]]])
        after = capped(before, owners, cap)
        size = ours.stop - ours.start
        of_entities[ours], of_passages[theirs] = after[:size], after[size:]
        told.append(shares_of(owners, before, after))
    return told


def _probable(
    nodes: "NDArray[np.int64]", masses: "NDArray[np.float64]", told: Mapping[int, tuple[float, float]]
) -> Restart:
    if not masses.all():
        nodes, masses = nodes[masses > 0], masses[masses > 0]
    return nodes, masses / masses.sum() if len(masses) else masses, told


def _shares(parts: Occurrences) -> "NDArray[np.float64]":
    """Weights of each question summing to 1, where they do not sum to 0."""
    questions = parts.questions
    total = np.bincount(questions, parts.weights, minlength=len(parts.bounds) - 1)
    shares: NDArray[np.float64] = parts.weights / np.where(total > 0, total, 1.0)[questions]
    return shares
