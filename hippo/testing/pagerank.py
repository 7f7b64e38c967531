"""What every PageRank engine must do: subclass `PageRankConformance` in a test module and give the engine."""
# ruff: noqa: S101 - a suite of tests asserts

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.sparse as sp

from hippo.errors import InputError
from hippo.graph.pagerank import exact_pagerank
from hippo.protocols import PageRank, Walk

if TYPE_CHECKING:
    from hippo.protocols import Float64

__all__ = ["GRAPHS", "PageRankConformance", "adjacency", "bipartite_graph", "restart_block"]


def adjacency(n: int, edges: list[tuple[int, int, float]]) -> Any:
    """Symmetric CSR `(n, n)`, float64, of undirected edges (u, v, weight); weights of repeated edges add up.

    Examples:
        >>> adjacency(2, [(0, 1, 3.0)]).toarray()
        array([[0., 3.],
               [3., 0.]])
    """
    first, second, weights = (np.array([edge[part] for edge in edges]) for part in range(3))
    rows, columns = np.concatenate((first, second)), np.concatenate((second, first))
    matrix = sp.coo_array(
        (np.concatenate((weights, weights)).astype(np.float64), (rows.astype(np.int64), columns.astype(np.int64))),
        shape=(n, n),
    ).tocsr()
    matrix.sum_duplicates()
    return matrix


def bipartite_graph(passages: int, entities: int, mentions: int, *, span: float = 0.5, seed: int = 0) -> Any:
    """Random passage–entity graph: rows of passages first, entities of power-law popularity, some of them isolated.

    Args:
        passages: Number of passages.
        entities: Number of entities.
        mentions: Number of passage–entity mentions; repeated ones become one edge.
        span: Orders of magnitude that the weights span.
        seed: Of the random generator.
    """
    random = np.random.default_rng(seed)
    popularity = np.arange(1, entities + 1) ** -0.8
    pairs = np.column_stack(
        (random.integers(0, passages, mentions), random.choice(entities, mentions, p=popularity / popularity.sum()))
    )
    pairs = np.unique(pairs, axis=0)
    weights = 10 ** random.uniform(-span / 2, span / 2, len(pairs))
    upper = sp.coo_array((weights, (pairs[:, 0], passages + pairs[:, 1])), shape=(passages + entities,) * 2).tocsr()
    return sp.csr_array(upper + upper.T)


def _chain(nodes: range, weights: list[float]) -> list[tuple[int, int, float]]:
    return [(u, u + 1, weights[u % len(weights)]) for u in nodes]


GRAPHS: dict[str, Any] = {
    "single node": adjacency(1, []),
    "two nodes": adjacency(2, [(0, 1, 0.3)]),
    "path": adjacency(30, _chain(range(29), [1.0, 5.0, 0.2])),
    "star": adjacency(40, [(0, leaf, 0.5 + leaf) for leaf in range(1, 40)]),
    "hub and tails": adjacency(
        60, [(0, 3 * u + 1, 1.0 + u) for u in range(19)] + _chain(range(1, 58), [0.3, 1.0, 2.0])
    ),
    "disconnected": adjacency(50, _chain(range(20), [1.0, 3.0]) + _chain(range(25, 49), [2.0, 0.1, 1.0])),
    "isolated nodes": adjacency(40, _chain(range(10, 30), [1.0, 0.4])),
    "no edges": adjacency(25, []),
    "explicit zeros": adjacency(6, [(0, 1, 1.0), (1, 2, 2.0), (3, 4, 0.0), (2, 5, 0.0)]),
    "bipartite": bipartite_graph(120, 150, 500),
    "heavy weights": bipartite_graph(120, 150, 500, span=6.0, seed=1),
    "float32": bipartite_graph(60, 80, 200, seed=2).astype(np.float32),
}
"""Graphs on which a wrong answer is possible: weighted, asymmetric, disconnected, dangling."""


def restart_block(n: int, columns: int = 4, *, seed: int = 0) -> Float64:
    """Restart vectors `(n, columns)`: the first on one node, the second on all, the others on some nodes."""
    random = np.random.default_rng(seed)
    block = np.zeros((n, columns))
    for column in range(columns):
        size = (1, n)[column] if column < 2 else min(n, 5)
        nodes = random.choice(n, size, replace=False)
        block[nodes, column] = random.random(size) ** 3 + 1e-3
    scaled: Float64 = block / block.sum(axis=0)
    return scaled


def _gain(kind: str, shape: tuple[int, int]) -> Float64 | None:
    if kind == "plain":
        return None
    n, m = shape
    wide: Float64 = 10 ** np.random.default_rng(3).uniform(-3, 3, (n, m if kind == "gain per question" else 1))
    return wide


_every_graph = pytest.mark.parametrize("name", sorted(GRAPHS))
_every_gain = pytest.mark.parametrize("kind", ["plain", "shared gain", "gain per question"])


class PageRankConformance:
    """Subclass it under a name that starts with `Test`, and define a fixture `engine` that returns the engine.

    Examples:
        >>> class TestMine(PageRankConformance):
        ...     @pytest.fixture
        ...     def engine(self):
        ...         return MyPageRank()
    """

    @pytest.fixture
    def engine(self) -> PageRank:
        """The engine to be tested."""
        raise TypeError("define the fixture `engine` in the subclass")

    def test_answers_threads_that_ask_at_the_same_time(self, engine: PageRank) -> None:
        """As it answers one after another."""
        graph = GRAPHS["bipartite"]
        restarts = [restart_block(graph.shape[0], seed=seed) for seed in range(6)]
        walks = [Walk(graph, 0.7, _gain("gain per question", restart.shape)) for restart in restarts]
        expected = [engine.rank(walk, restart).scores for walk, restart in zip(walks, restarts, strict=True)]
        with ThreadPoolExecutor(4) as pool:
            for found, scores in zip(pool.map(engine.rank, walks * 3, restarts * 3), expected * 3, strict=True):
                np.testing.assert_array_equal(found.scores, scores)

    @_every_graph
    @_every_gain
    @pytest.mark.parametrize("damping", [0.4, 0.85])
    def test_equals_the_exact_solution(self, engine: PageRank, name: str, kind: str, damping: float) -> None:
        """Within 1e-6 of the oracle, inside of the bound that the result states, and normalised."""
        graph = GRAPHS[name]
        restart = restart_block(graph.shape[0])
        walk = Walk(graph, damping, _gain(kind, restart.shape))
        result, exact = engine.rank(walk, restart), exact_pagerank(walk, restart)
        assert result.scores.dtype == np.float64
        assert result.scores.shape == restart.shape
        np.testing.assert_allclose(result.scores, exact, rtol=0, atol=1e-6)
        assert (np.abs(result.scores - exact).sum(axis=0) <= result.residual + 1e-12).all()
        assert (result.residual <= 1e-9).all()
        assert result.certified.all()
        assert (result.scores >= 0).all()
        np.testing.assert_allclose(result.scores.sum(axis=0), 1.0, rtol=0, atol=1e-8)

    @_every_graph
    @_every_gain
    @pytest.mark.parametrize("top", [3, 20])
    def test_a_certified_order_is_the_exact_order(self, engine: PageRank, name: str, kind: str, top: int) -> None:
        """Where certified, the top is that of the oracle as an ordered list; elsewhere the tolerance was reached."""
        graph = GRAPHS[name]
        n = graph.shape[0]
        chosen = slice(n // 3, n)
        restart = restart_block(n, 8, seed=4)
        walk = Walk(graph, 0.6, _gain(kind, restart.shape))
        result, exact = engine.rank(walk, restart, top=top, candidates=chosen), exact_pagerank(walk, restart)
        assert (np.abs(result.scores - exact).sum(axis=0) <= result.residual + 1e-12).all()
        for column in range(restart.shape[1]):
            if result.certified[column]:
                found = np.argsort(-result.scores[chosen, column], kind="stable")[:top]
                truth = np.argsort(-exact[chosen, column], kind="stable")[:top]
                np.testing.assert_array_equal(found, truth)
            else:
                assert result.residual[column] <= 1e-9

    @_every_gain
    def test_the_order_of_the_best_is_proven_for_most_questions(self, engine: PageRank, kind: str) -> None:
        """On a graph without ties, proof is the rule."""
        graph = GRAPHS["bipartite"]
        restart = restart_block(graph.shape[0], 12, seed=6)[:, 1:]
        result = engine.rank(Walk(graph, 0.5, _gain(kind, restart.shape)), restart, top=5, candidates=slice(0, 120))
        assert result.certified.mean() > 0.8

    def test_ties_are_not_certified(self, engine: PageRank) -> None:
        """Two leaves of one star with equal weights have equal scores: no order can be proven."""
        star = adjacency(4, [(0, 1, 1.0), (0, 2, 1.0), (0, 3, 5.0)])
        result = engine.rank(Walk(star, 0.5), np.array([[1.0], [0.0], [0.0], [0.0]]), top=3)
        assert not result.certified[0]
        assert result.residual[0] <= 1e-9

    @_every_gain
    def test_a_question_does_not_depend_on_its_neighbours(self, engine: PageRank, kind: str) -> None:
        """Asked alone or in a block, a question has the same scores."""
        graph = GRAPHS["bipartite"]
        restart = restart_block(graph.shape[0], 20)
        gain = _gain(kind, restart.shape)
        block = engine.rank(Walk(graph, 0.5, gain), restart, top=5)
        for column in (0, 7, 19):
            own = gain if gain is None or gain.shape[1] == 1 else gain[:, [column]]
            alone = engine.rank(Walk(graph, 0.5, own), restart[:, [column]], top=5)
            np.testing.assert_allclose(alone.scores[:, 0], block.scores[:, column], rtol=1e-12, atol=1e-15)
            assert alone.iterations[0] == block.iterations[column]

    @_every_gain
    def test_renumbering_the_nodes_renumbers_the_scores(self, engine: PageRank, kind: str) -> None:
        """The engine commutes with permutations."""
        graph = GRAPHS["heavy weights"]
        n = graph.shape[0]
        restart = restart_block(n)
        gain = _gain(kind, restart.shape)
        order = np.random.default_rng(5).permutation(n)
        moved = sp.csr_array(graph[order][:, order])
        moved.sort_indices()
        walk = Walk(moved, 0.5, None if gain is None else gain[order])
        expected = engine.rank(Walk(graph, 0.5, gain), restart).scores[order]
        np.testing.assert_allclose(engine.rank(walk, restart[order]).scores, expected, rtol=0, atol=3e-9)

    @_every_graph
    def test_scores_are_linear_in_the_seeds(self, engine: PageRank, name: str) -> None:
        """A mixture of restart vectors has the mixture of their scores, up to what the dangling nodes rescale."""
        graph = GRAPHS[name]
        restart = restart_block(graph.shape[0])
        weights = np.array([0.1, 0.2, 0.3, 0.4])
        dangling = np.asarray(graph.sum(axis=1)).ravel() == 0
        leak = 1.0 - 0.5 * restart[dangling].sum(axis=0)
        parts = engine.rank(Walk(graph, 0.5), restart).scores * leak
        mixed = engine.rank(Walk(graph, 0.5), (restart @ weights)[:, None]).scores[:, 0]
        np.testing.assert_allclose(mixed * (leak @ weights), parts @ weights, rtol=0, atol=3e-9)

    def test_a_block_may_be_empty(self, engine: PageRank) -> None:
        """No question, no scores."""
        result = engine.rank(Walk(GRAPHS["path"], 0.5), np.empty((30, 0)))
        assert result.scores.shape == (30, 0)
        assert len(result.residual) == len(result.certified) == len(result.iterations) == 0

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"restart": np.ones(30) / 30}, "restart must have shape"),
            ({"restart": np.ones((29, 1)) / 29}, "restart must have shape"),
            ({"restart": np.full((30, 1), np.nan)}, "must sum to 1"),
            ({"restart": np.ones((30, 2))}, "column 0 sums to 30"),
            ({"restart": np.array([[2.0], [-1.0]] + [[0.0]] * 28)}, "non-negative"),
            ({"gain": np.ones((30, 3))}, "gain must have shape"),
            ({"gain": np.ones(30)}, "gain must have shape"),
            ({"gain": np.zeros((30, 1))}, "gain must be positive"),
            ({"gain": np.full((30, 1), np.inf)}, "gain must be positive and finite"),
            ({"damping": 0.0}, "damping"),
            ({"damping": 1.0}, "damping"),
            ({"damping": float("nan")}, "damping"),
            ({"tolerance": 0.0}, "tolerance"),
            ({"top": 0}, "top"),
            ({"candidates": slice(0, 30, 2)}, "step"),
            ({"adjacency": GRAPHS["path"].toarray()}, "CSR"),
            ({"adjacency": GRAPHS["path"].tocsc()}, "CSR"),
            ({"adjacency": sp.csr_array(sp.triu(GRAPHS["path"]))}, "symmetric"),
            ({"adjacency": GRAPHS["path"] * -1.0}, "at least 0"),
            ({"adjacency": GRAPHS["path"].astype(np.int64)}, "float32 or float64"),
            ({"adjacency": GRAPHS["path"][:, :29]}, "square"),
            ({"adjacency": sp.csr_array(GRAPHS["path"] + sp.eye_array(30))}, "diagonal"),
        ],
    )
    def test_unusable_input_is_refused(self, engine: PageRank, change: dict[str, Any], message: str) -> None:
        """Each argument is checked, and the message names it."""
        given = {"adjacency": GRAPHS["path"], "damping": 0.5, "gain": None, "restart": np.ones((30, 2)) / 30, **change}
        walk = Walk(given.pop("adjacency"), given.pop("damping"), given.pop("gain"))
        with pytest.raises(InputError, match=message):
            engine.rank(walk, given.pop("restart"), **given)
