"""What edges join to an entity, and the strongest ways from one entity to another."""

import math
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from hippo.graph.paths import cheapest_paths
from hippo.retrieval.evidence import Evidence
from hippo.retrieval.explain import step_costs
from hippo.retrieval.profiles import Profile
from hippo.retrieval.seeds import entity_counts
from hippo.snapshot.contents import Contents
from hippo.types import EntityPath, Neighbor, PathStep

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["JOINING", "Edges"]

JOINING = ("relation", "synonym", "titles", "contains")
"""Kinds of edge that an entity has."""


class Edges:
    """The graph of one snapshot, seen from its entities. Any number of threads may use it.

    Args:
        contents: The index.
        profile: For the weights of the kinds of edge, which make a path strong or weak.
    """

    def __init__(self, contents: Contents, profile: Profile) -> None:
        self._contents = contents
        self._profile = profile

    def neighbors(self, entity: int, *, k: int, kinds: Sequence[str] = JOINING) -> list[Neighbor]:
        """What is joined to an entity, each once: by kind in the order given, then the heaviest first.

        Among equals, entities that fewer passages mention come first: they say more. What several kinds join to it is
        given for the first of them.

        Args:
            entity: Its row.
            k: Most of each kind.
            kinds: Kinds of edge, of `JOINING`.
        """
        graph, evidence = self._contents.graph, Evidence(self._contents)
        span = slice(graph.indptr[entity], graph.indptr[entity + 1])
        nodes = graph.indices[span]
        spread = np.where(nodes < graph.n_entities, self._counts[np.minimum(nodes, graph.n_entities - 1)], 0.0)
        found, left = [], np.ones(len(nodes), bool)
        for kind in kinds:
            weights = graph.weights[kind][span] * left if kind in graph.weights else np.zeros(len(nodes), np.float32)
            order = np.lexsort((nodes, spread, -weights))[: min(k, int(np.count_nonzero(weights)))]
            left[order] = False
            for place in order.tolist():
                node = int(nodes[place])
                sentence, chunk_id = evidence.of_edge(entity, node, kind)
                key = self._contents.entities.column("key")[node].as_py() if node < graph.n_entities else None
                found.append(Neighbor(kind, evidence.name(node), key, float(weights[place]), sentence, chunk_id))
        return found

    def paths(self, source: int, target: int, *, k: int, steps: int) -> list[EntityPath]:
        """The strongest paths between two entities, over entities and passages.

        A path is as strong as it is likely that a walk takes it: the product of its transition probabilities
        `w_uv / Σ_v' w_uv'`. The walk is reversible, so the paths back are the same ones in the same order.

        Args:
            source: Row of the first entity.
            target: Row of the last one, another.
            k: Number of paths; there may be fewer, and where edges are dense the search may stop before it has all.
            steps: Edges that a path may have.
        """
        found = cheapest_paths(self._costs, source, target, k=k, most_steps=steps)
        evidence = Evidence(self._contents)
        return [
            EntityPath(tuple(self._step(evidence, left, right) for left, right in pairwise(nodes)), math.exp(-cost))
            for cost, nodes in found
        ]

    def _step(self, evidence: Evidence, left: int, right: int) -> PathStep:
        kind = evidence.kind_of(left, right, self._profile.kind_weights)
        sentence, chunk_id = evidence.of_edge(left, right, kind)
        costs = self._costs
        start, end = costs.indptr[left], costs.indptr[left + 1]
        cost = float(costs.data[start + int(np.searchsorted(costs.indices[start:end], right))])
        return PathStep(evidence.name(left), evidence.name(right), kind, sentence, chunk_id, math.exp(-cost))

    @cached_property
    def _counts(self) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        return entity_counts(self._contents)

    @cached_property
    def _costs(self) -> "csr_array":
        graph = self._contents.graph
        costs = step_costs(graph.adjacency(self._profile.kind_weights), 1.0, None)
        # Rounding may make a sure step cost a little less than nothing.
        costs.data.clip(0.0, out=costs.data)
        return costs
