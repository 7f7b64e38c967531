"""A validated PageRank problem, and what is computed once for each graph."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from hippo.errors import InputError
from hippo.protocols import Walk

if TYPE_CHECKING:
    from hippo.protocols import Float64, Int64

__all__ = ["Graph", "Planted", "Problem", "graph_of", "outcomes"]


class Graph:
    """A validated adjacency and what engines derive from it; lives as long as the adjacency it was made from.

    Attributes:
        adjacency: CSR `(n, n)`, float64; shares its arrays with the caller's where those are float64.
        strength: Sum of the weights at each node, float64 `(n,)`.
        live: Whether a node has an edge of positive weight, bool `(n,)`.
    """

    def __init__(self, adjacency: Any, symmetric: bool = False) -> None:
        _check_adjacency(adjacency)
        self._symmetric = False
        self.check_symmetry(adjacency, symmetric)
        data = np.asarray(adjacency.data, dtype=np.float64)
        self.adjacency = sp.csr_array((data, adjacency.indices, adjacency.indptr), shape=adjacency.shape)
        self.strength: Float64 = np.asarray(self.adjacency.sum(axis=1), dtype=np.float64).ravel()
        self.live = self.strength > 0
        self._memo: dict[Hashable, Any] = {}

    def check_symmetry(self, adjacency: Any, known: bool = False) -> None:
        """Compare the adjacency with its mirror image, once, unless it is known to be symmetric.

        Raises:
            InputError: It is not symmetric.
        """
        if not known and not self._symmetric:
            _check_symmetry(adjacency)
            self._symmetric = True

    @property
    def n(self) -> int:
        """Number of nodes."""
        return len(self.strength)

    @property
    def nnz(self) -> int:
        """Number of stored entries: twice the number of edges."""
        return len(self.adjacency.data)

    def memo(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The value of `make()`, computed once for this graph."""
        if key not in self._memo:
            self._memo[key] = make()
        return self._memo[key]


_graphs: dict[int, tuple[weakref.ref[Any], Graph]] = {}


def graph_of(adjacency: Any, symmetric: bool = False) -> Graph:
    """The `Graph` of an adjacency, by identity: change no adjacency that has been used in a walk.

    Args:
        adjacency: The adjacency.
        symmetric: See `hippo.protocols.Walk`.

    Raises:
        InputError: The adjacency is not a symmetric, non-negative CSR matrix with sorted indices and zero diagonal.
    """
    key = id(adjacency)
    known = _graphs.get(key)
    if known is not None and known[0]() is adjacency:
        known[1].check_symmetry(adjacency, symmetric)
        return known[1]
    graph = Graph(adjacency, symmetric)

    def forget(reference: weakref.ref[Any]) -> None:
        # The id may already belong to a newer adjacency.
        if key in _graphs and _graphs[key][0] is reference:
            del _graphs[key]

    _graphs[key] = (weakref.ref(adjacency, forget), graph)
    return graph


@dataclass(frozen=True, slots=True)
class Planted:
    """Restart vectors r of m questions, by column, as a CSC matrix holds them.

    Attributes:
        indptr: Where the seeds of each question begin, int64 `(m + 1,)`.
        nodes: int64 `(s,)`.
        weights: Their parts of r, float64 `(s,)`.
    """

    indptr: Int64
    nodes: Int64
    weights: Float64

    @classmethod
    def of(cls, seeds: Sequence[tuple[Int64, Float64]]) -> Planted:
        """Those of given seeds."""
        indptr = np.zeros(len(seeds) + 1, np.int64)
        np.cumsum([len(nodes) for nodes, _ in seeds], out=indptr[1:])
        nodes = np.concatenate([np.empty(0, np.int64), *(nodes for nodes, _ in seeds)])
        return cls(indptr, nodes, np.concatenate([np.empty(0), *(weights for _, weights in seeds)]))

    @classmethod
    def checked(cls, seeds: Sequence[tuple[Int64, Float64]], n: int) -> Planted:
        """Those of given seeds of a graph of n nodes, ascending: looked at together where they can be.

        Raises:
            InputError: Nodes repeat or lie outside, or weights are not positive or do not sum to 1.
        """
        plain = all(
            isinstance(one, np.ndarray) and one.dtype == kind and one.shape == (len(nodes),)
            for nodes, weights in seeds
            for one, kind in ((nodes, np.int64), (weights, np.float64))
        )
        if plain:
            planted = cls.of(seeds)
            nodes = planted.nodes
            columns = np.repeat(np.arange(len(seeds)), np.diff(planted.indptr))
            inside = not len(nodes) or (nodes.min() >= 0 and nodes.max() < n)
            total = np.bincount(columns, planted.weights, minlength=len(seeds))
            if (
                inside
                and (np.diff(columns * n + nodes) > 0).all()
                and (planted.weights > 0).all()
                and (abs(total - 1.0) <= 1e-6).all()
            ):
                return planted
        return cls.of([_check_seeds(nodes, weights, n) for nodes, weights in seeds])

    @classmethod
    def where(cls, restart: Float64) -> Planted:
        """Those of dense vectors, float64 `(n, m)`."""
        columns, nodes = np.nonzero(restart.T)
        indptr = np.zeros(restart.shape[1] + 1, np.int64)
        np.cumsum(np.bincount(columns, minlength=restart.shape[1]), out=indptr[1:])
        return cls(indptr, nodes, restart[nodes, columns])

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def column(self, j: int) -> tuple[Int64, Float64]:
        """Nodes and weights of one question."""
        part = slice(self.indptr[j], self.indptr[j + 1])
        return self.nodes[part], self.weights[part]

    def dense(self, n: int, columns: slice) -> Float64:
        """Some of the vectors, float64 `(n, c)`, Fortran-ordered."""
        chosen = range(*columns.indices(len(self)))
        found = np.zeros((n, len(chosen)), order="F")
        for place, j in enumerate(chosen):
            nodes, weights = self.column(j)
            found[nodes, place] = weights
        return found


@dataclass(frozen=True, slots=True)
class Problem:
    """What `PageRank.rank` was asked, validated and in one form.

    Attributes:
        graph: The graph.
        damping: d, in (0, 1).
        gain: g of the nodes `gained`: float64 `(c, m)` or `(c, 1)`, positive and finite; None: ones.
        gained: First and past-the-last node that has a gain; of the others it is 1.
        planted: r.
        scale: c = (1 - d) / (1 - d ρ), ρ the part of r on dangling nodes: x = d Pᵀx + c r. float64 `(m,)`.
        tolerance: Bound on the L1 error at which to stop.
        top: How many of the best candidates must be in proven order; None: the tolerance decides alone.
        candidates: First and past-the-last row that can be among the top.
        wanted: First and past-the-last node whose scores are handed over.
    """

    graph: Graph
    damping: float
    gain: Float64 | None
    gained: slice
    planted: Planted
    scale: Float64
    tolerance: float
    top: int | None
    candidates: slice
    wanted: slice

    @classmethod
    def of(cls, walk: Walk, restart: Float64, tolerance: float, top: int | None, candidates: slice | None) -> Problem:
        """Validate the arguments of `PageRank.rank`.

        Raises:
            InputError: One of them cannot be used; the message names it and gives its value.
        """
        graph, candidates = _check(walk, tolerance, top, candidates)
        restart = _check_restart(restart, graph.n)
        n, m = restart.shape
        gain = None if walk.gain is None else _check_gain(walk.gain, ((n, m), (n, 1)))
        whole = slice(0, n)
        return cls._of(graph, walk.damping, gain, whole, Planted.where(restart), tolerance, top, candidates, whole)

    @classmethod
    def seeded(
        cls,
        walk: Walk,
        seeds: Sequence[tuple[Int64, Float64]],
        tolerance: float,
        top: int | None,
        candidates: slice | None,
        everywhere: bool,
    ) -> Problem:
        """Validate the arguments of `SeededPageRank.rank_seeds`.

        Raises:
            InputError: As for `of`.
        """
        graph, candidates = _check(walk, tolerance, top, candidates)
        planted = Planted.checked(seeds, graph.n)
        c, m = candidates.stop - candidates.start, len(planted)
        gain = None if walk.gain is None else _check_gain(walk.gain, ((c, m), (c, 1)))
        wanted = slice(0, graph.n) if everywhere else candidates
        return cls._of(graph, walk.damping, gain, candidates, planted, tolerance, top, candidates, wanted)

    @classmethod
    def _of(
        cls,
        graph: Graph,
        damping: float,
        gain: Float64 | None,
        gained: slice,
        planted: Planted,
        tolerance: float,
        top: int | None,
        candidates: slice,
        wanted: slice,
    ) -> Problem:
        idle = np.where(graph.live[planted.nodes], 0.0, planted.weights)
        columns = np.repeat(np.arange(len(planted)), np.diff(planted.indptr))
        dangling = np.bincount(columns, idle, minlength=len(planted))
        scale = np.asarray((1.0 - damping) / (1.0 - damping * dangling), np.float64)
        return cls(graph, damping, gain, gained, planted, scale, tolerance, top, candidates, wanted)

    @classmethod
    def local(
        cls, walk: Walk, nodes: Int64, weights: Float64, tolerance: float, top: int | None, candidates: slice | None
    ) -> Problem:
        """The problem of one question, given by its seeds.

        Nothing of the size of the graph is looked at, so the gain is not checked.

        Raises:
            InputError: As for `of`.
        """
        problem = cls.seeded(replace(walk, gain=None), [(nodes, weights)], tolerance, top, candidates, everywhere=True)
        n = problem.graph.n
        if walk.gain is not None and walk.gain.shape != (n, 1):
            raise InputError(f"gain must have shape ({n}, 1), got {walk.gain.shape}")
        gain = None if walk.gain is None else np.asarray(walk.gain, dtype=np.float64)
        return replace(problem, gain=gain, gained=slice(0, n))

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of nodes and questions."""
        return self.graph.n, len(self.planted)

    def restart(self, columns: slice = slice(None)) -> Float64:
        """R of some questions, float64 `(n, c)`."""
        return self.planted.dense(self.graph.n, columns)

    def gains(self, columns: slice = slice(None)) -> Float64 | None:
        """G of all nodes for some questions: float64 `(n, c)` or `(n, 1)`; None: ones."""
        if self.gain is None:
            return None
        gain = self.gain if self.gain.shape[1] == 1 else self.gain[:, columns]
        if len(gain) == self.graph.n:
            return gain
        whole = np.ones((self.graph.n, gain.shape[1]), order="F")
        whole[self.gained] = gain
        return whole

    def only(self, columns: list[int]) -> Problem:
        """The problem of some of the columns."""
        gain = self.gain if self.gain is None or self.gain.shape[1] == 1 else self.gain[:, columns]
        planted = Planted.of([self.planted.column(j) for j in columns])
        return replace(self, gain=gain, planted=planted, scale=self.scale[columns])


def outcomes(certified: Any, residual: Float64, problem: Problem) -> tuple[str, ...]:
    """`PageRankResult.stopped` of an engine that goes on to a proof or the tolerance."""
    proven = certified if problem.top is not None else np.zeros(len(certified), dtype=bool)
    reached = residual <= problem.tolerance
    return tuple(np.where(proven, "proven", np.where(reached, "tolerance", "limit")).tolist())


def _check(walk: Walk, tolerance: float, top: int | None, candidates: slice | None) -> tuple[Graph, slice]:
    """The graph, and the candidates from the first to past the last."""
    graph = graph_of(walk.adjacency, walk.symmetric)
    if not 0.0 < walk.damping < 1.0:
        raise InputError(f"damping must lie strictly between 0 and 1, got {walk.damping!r}")
    if not 0.0 < tolerance < math.inf:
        raise InputError(f"tolerance must be positive and finite, got {tolerance!r}")
    if top is not None and top < 1:
        raise InputError(f"top must be at least 1 or None, got {top!r}")
    start, stop, step = (candidates or slice(None)).indices(graph.n)
    if step != 1:
        raise InputError(f"candidates must be a slice of step 1, got step {step}")
    return graph, slice(start, max(start, stop))


def _check_seeds(nodes: Int64, weights: Float64, n: int) -> tuple[Int64, Float64]:
    nodes, weights = np.asarray(nodes), np.asarray(weights, dtype=np.float64)
    if nodes.ndim != 1 or nodes.dtype.kind not in "iu" or nodes.shape != weights.shape:
        raise InputError(f"nodes and weights must be vectors of one length, got {nodes.shape} and {weights.shape}")
    nodes = nodes.astype(np.int64, copy=False)
    if len(nodes) and not (nodes.min() >= 0 and nodes.max() < n):
        raise InputError(f"nodes must lie in [0, {n}), they span {nodes.min()} to {nodes.max()}")
    if not (np.diff(nodes) > 0).all():
        if len(np.unique(nodes)) != len(nodes):
            raise InputError("nodes must be seeds without repeats")
        order = np.argsort(nodes)
        nodes, weights = nodes[order], weights[order]
    if not (weights > 0).all() or abs(float(weights.sum()) - 1.0) > 1e-6:
        raise InputError(f"weights must be positive and sum to 1, they sum to {weights.sum()}")
    return nodes, weights


def _check_adjacency(adjacency: Any) -> None:
    """Check what compiled loops rely on: that they stay within their arrays."""
    if not isinstance(adjacency, sp.csr_array | sp.csr_matrix):
        raise InputError(f"adjacency must be a SciPy CSR array, got {type(adjacency).__name__}")
    if adjacency.ndim != 2 or adjacency.shape[0] != adjacency.shape[1]:
        raise InputError(f"adjacency must be square, got shape {adjacency.shape}")
    if adjacency.dtype not in (np.float32, np.float64):
        raise InputError(f"adjacency must be float32 or float64, got {adjacency.dtype}")
    data, indices, indptr = adjacency.data, adjacency.indices, adjacency.indptr
    ends = len(indptr) == adjacency.shape[0] + 1 and indptr[0] == 0 and indptr[-1] == len(indices) == len(data)
    within = not len(indices) or (indices.min() >= 0 and indices.max() < adjacency.shape[0])
    if not (ends and within and (np.diff(indptr) >= 0).all()):
        raise InputError("adjacency must be a CSR matrix whose rows and columns lie within it")
    if len(data) and not (data.min() >= 0 and np.isfinite(data.max())):
        raise InputError("adjacency must hold finite weights of at least 0")


def _check_symmetry(adjacency: Any) -> None:
    if not adjacency.has_canonical_format:
        raise InputError("adjacency must have sorted indices without duplicates; call sum_duplicates() on it")
    if adjacency.diagonal().any():
        raise InputError("adjacency must have a zero diagonal; call setdiag(0) on it")
    mirror = adjacency.T.tocsr()
    mirror.sort_indices()
    pairs = ((adjacency.indptr, mirror.indptr), (adjacency.indices, mirror.indices), (adjacency.data, mirror.data))
    if not all(np.array_equal(ours, theirs) for ours, theirs in pairs):
        raise InputError("adjacency must be symmetric: w_uv = w_vu, both stored")


def _check_restart(restart: Float64, n: int) -> Float64:
    restart = np.asarray(restart, dtype=np.float64)
    if restart.ndim != 2 or restart.shape[0] != n:
        raise InputError(f"restart must have shape ({n}, m), got {restart.shape}")
    sums = restart.sum(axis=0)
    wrong = np.flatnonzero(~(np.abs(sums - 1.0) <= 1e-6))
    if len(wrong):
        raise InputError(f"each column of restart must sum to 1, column {wrong[0]} sums to {sums[wrong[0]]}")
    if restart.size and not restart.min() >= 0:
        raise InputError(f"restart must be non-negative, its least value is {restart.min()}")
    return restart


def _check_gain(gain: Float64, shapes: Sequence[tuple[int, int]]) -> Float64:
    gain = np.asarray(gain, dtype=np.float64)
    if gain.shape not in shapes:
        raise InputError(f"gain must have shape {' or '.join(map(str, shapes))}, got {gain.shape}")
    if gain.size and not (gain.min() > 0 and np.isfinite(gain.max())):
        raise InputError(f"gain must be positive and finite, it spans {gain.min()} to {gain.max()}")
    return gain
