"""Explanation: the strongest path from the question to each of its passages, with the sentence behind every edge.

The strength of a path is the probability that the walk takes it: its seed's share of the restart vector times, for
every step, damping and transition probability. The strongest path is the shortest one when a step costs minus its
logarithm.
"""

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from hippo.retrieval.evidence import Evidence
from hippo.retrieval.profiles import Profile
from hippo.retrieval.seeds import Seeds
from hippo.snapshot.contents import Contents
from hippo.types import PathStep

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

__all__ = ["Paths", "given", "step_costs"]

_HALVES = 50
"""Search reaches paths of a probability of 2 ** -50; weaker ones explain nothing."""


def step_costs(adjacency: "csr_array", damping: float, gains: "NDArray[np.float64] | None") -> "csr_array":
    """Minus the logarithm of damping times transition probability of every step; rows are where a step begins.

    Args:
        adjacency: Symmetric CSR `(n, n)`.
        damping: d.
        gains: g of one question, float64 `(n,)`; None: all ones.
    """
    from scipy.sparse import csr_array

    weights = adjacency.data if gains is None else adjacency.data * gains[adjacency.indices]
    strength = np.add.reduceat(np.append(weights, 0.0), adjacency.indptr[:-1])
    sizes = np.diff(adjacency.indptr)
    probability = weights / np.repeat(strength, sizes)
    return csr_array((-np.log(damping * probability), adjacency.indices, adjacency.indptr), shape=adjacency.shape)


def given(namings: "csr_array", activation: "NDArray[np.float64]") -> "csr_array":
    """What each entity gives to the score of each passage that has its score from entities: CSR `(P, E)`.

    Args:
        namings: From `hippo.retrieval.rank.namings`.
        activation: Of all nodes, entities first, float64 `(n,)`.
    """
    from scipy.sparse import csr_array

    data = namings.data * activation[namings.indices]
    return csr_array((data, namings.indices, namings.indptr), shape=namings.shape)


class Paths:
    """Strongest paths of one question.

    Args:
        contents: The index.
        costs: From `step_costs`.
        profile: For damping and the weights of the kinds of edge.
        seeds: Seeds of the question.
        question: Its text, the source of the first step.
        through: From `given`, where passages have their scores from entities: a path then ends with the entity that
            gives most, and the probability of its last step is that entity's share of the score. None: they have them
            from the walk.
    """

    def __init__(
        self,
        contents: Contents,
        costs: "csr_array",
        profile: Profile,
        seeds: Seeds,
        question: str,
        through: "csr_array | None" = None,
    ) -> None:
        self._contents = contents
        self._evidence = Evidence(contents)
        self._costs = costs
        self._profile = profile
        self._seeds = seeds
        self._question = question
        self._through = through
        self._before, self._shares = self._search()

    def _search(self) -> "tuple[NDArray[np.int32], dict[int, float]]":
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import dijkstra

        seeds, n = self._seeds, self._costs.shape[0]
        # The question becomes node n, with a step to every seed.
        indptr = np.append(self._costs.indptr, self._costs.indptr[-1] + len(seeds.nodes))
        indices = np.concatenate([self._costs.indices, seeds.nodes])
        # A cost of exactly 0 would read as "no step".
        data = np.concatenate([self._costs.data, np.maximum(-np.log(seeds.weights), 1e-12)])
        graph: csr_array[np.float64] = csr_array((data, indices, indptr), shape=(n + 1, n + 1))
        _, before = dijkstra(graph, indices=[n], return_predecessors=True, limit=_HALVES * math.log(2.0))
        return before[0], dict(zip(seeds.nodes.tolist(), seeds.weights.tolist(), strict=True))

    def nodes(self, chunk: int) -> tuple[int, ...]:
        """Nodes of the path to a chunk (its row), beginning with its seed; empty if no activation reaches it."""
        node = self._contents.graph.n_entities + chunk
        if self._through is None:
            return self._trail(node)
        giver = self._giver(chunk)
        return () if giver is None else (*self._trail(giver[0]), node)

    def to(self, chunk: int) -> tuple[PathStep, ...]:
        """Steps from the question to a chunk (its row); empty if no activation reaches it."""
        node = self._contents.graph.n_entities + chunk
        if self._through is None:
            return self._steps(self._trail(node))
        giver = self._giver(chunk)
        if giver is None:
            return ()
        entity, share = giver
        sentence, chunk_id = self._evidence.of_edge(entity, node, "contains")
        last = PathStep(self._evidence.name(entity), self._evidence.name(node), "contains", sentence, chunk_id, share)
        return (*self._steps(self._trail(entity)), last)

    def _giver(self, chunk: int) -> tuple[int, float] | None:
        """The entity that gives most to the score of a chunk, and its share of it; None: none gives anything."""
        through = self._through
        if through is None:
            return None
        span = slice(through.indptr[chunk], through.indptr[chunk + 1])
        gifts = through.data[span]
        if not gifts.any():
            return None
        return int(through.indices[span][gifts.argmax()]), float(gifts.max() / gifts.sum())

    def _trail(self, node: int) -> tuple[int, ...]:
        nodes = [node]
        while (before := int(self._before[nodes[-1]])) >= 0:
            nodes.append(before)
        # The last one is the question itself.
        return tuple(nodes[-2::-1]) if len(nodes) > 1 else ()

    def _steps(self, nodes: tuple[int, ...]) -> tuple[PathStep, ...]:
        if not nodes:
            return ()
        return (self._seed_step(nodes[0]), *(self._step(left, right) for left, right in pairwise(nodes)))

    def _seed_step(self, node: int) -> PathStep:
        sentence, chunk_id = None, None
        if node < self._contents.graph.n_entities:
            indptr, indices = self._contents.fact_entities
            for fact in self._seeds.facts.tolist():
                if node in indices[indptr[fact] : indptr[fact + 1]]:
                    sentence, chunk_id = self._evidence.fact(fact)
                    break
        else:
            chunk = node - self._contents.graph.n_entities
            inside = self._seeds.facts[self._evidence.fact_chunks[self._seeds.facts] == chunk]
            sentence, chunk_id = (
                self._evidence.fact(int(inside[0])) if len(inside) else (None, self._evidence.chunk_id(chunk))
            )
        return PathStep(self._question, self._evidence.name(node), "seed", sentence, chunk_id, self._shares[node])

    def _step(self, left: int, right: int) -> PathStep:
        kind = self._evidence.kind_of(left, right, self._profile.kind_weights)
        own = self._costs.indices[self._costs.indptr[left] : self._costs.indptr[left + 1]]
        cost = float(self._costs.data[self._costs.indptr[left] + int(np.searchsorted(own, right))])
        sentence, chunk_id = self._evidence.of_edge(left, right, kind)
        probability = float(np.exp(-cost)) / self._profile.damping
        return PathStep(self._evidence.name(left), self._evidence.name(right), kind, sentence, chunk_id, probability)
