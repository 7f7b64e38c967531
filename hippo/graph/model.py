"""The graph: a CSR pattern over entities and passages, with the weight of every kind of edge kept apart.

Nodes 0 … E-1 are entities, E … E+P-1 are passages. A walk runs on Σ_kind α_kind · w_kind; the α are options of a query
profile, so nothing of them is baked in here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

__all__ = ["KINDS", "Graph"]

KINDS = ("relation", "contains", "titles", "synonym", "follows")
"""Kinds of edge that hippo makes: count of supporting facts, 1, 1, cosine similarity, 1 / (places apart)."""

_ENTRIES = 1 << 17
"""Entries that are weighed at once."""


@dataclass(frozen=True)
class Graph:
    """An undirected multigraph in CSR form.

    Attributes:
        n_entities: E.
        n_passages: P.
        indptr: int64 `(E + P + 1,)`.
        indices: int32 `(nnz,)`, neighbours in ascending order; both directions of an edge are stored, no self loops.
        weights: float32 `(nnz,)` by kind of edge, non-negative, symmetric; 0 where the kind does not join the pair.
    """

    n_entities: int
    n_passages: int
    indptr: "NDArray[np.int64]"
    indices: "NDArray[np.int32]"
    weights: Mapping[str, "NDArray[np.float32]"]

    @property
    def n_nodes(self) -> int:
        """E + P."""
        return self.n_entities + self.n_passages

    @property
    def passages(self) -> slice:
        """Nodes that are passages."""
        return slice(self.n_entities, self.n_nodes)

    def adjacency(self, kind_weights: Mapping[str, float]) -> "csr_array":
        """Weighted symmetric adjacency Σ_kind α_kind · w_kind: float64 CSR `(n, n)`; a kind not named weighs 1."""
        from scipy.sparse import csr_array

        # Not zeros from the start, which the system hands out in small pages.
        data = np.empty(len(self.indices), np.float64)
        alphas = {kind: alpha for kind in self.weights if (alpha := kind_weights.get(kind, 1.0))}
        # Some entries at a time, so that what is multiplied stays near the processor.
        for start in range(0, len(data), _ENTRIES):
            part = slice(start, start + _ENTRIES)
            data[part] = 0.0
            for kind, alpha in alphas.items():
                data[part] += alpha * self.weights[kind][part]
        # SciPy keeps both index arrays in the wider type; in 32 bits a product reads a third less memory.
        narrow: type[np.integer] = np.int32 if len(data) < np.iinfo(np.int32).max else np.int64
        indices, indptr = np.asarray(self.indices, narrow), np.asarray(self.indptr, narrow)
        matrix = csr_array((data, indices, indptr), shape=(self.n_nodes, self.n_nodes))
        if data.all():
            return matrix
        # In place, and the index arrays may be the snapshot's own.
        matrix = matrix.copy()
        matrix.eliminate_zeros()
        return matrix

    @cached_property
    def edge_counts(self) -> dict[str, int]:
        """Number of unordered pairs joined by each kind of edge."""
        return {kind: int(np.count_nonzero(weights)) // 2 for kind, weights in self.weights.items()}
