import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from hippo.backends.pagerank.power import solve
from hippo.backends.pagerank.problem import Problem
from hippo.backends.pagerank.stopping import interval, l1_factor
from hippo.backends.pagerank.sweep import NumpyArrays
from hippo.graph.pagerank import exact_pagerank, transition_matrix
from hippo.protocols import Walk
from hippo.testing.pagerank import GRAPHS, restart_block


@st.composite
def walks(draw, columns=3):
    """A random walk of a few questions on a small graph with isolated nodes, and its restart vectors."""
    n = draw(st.integers(1, 12))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    upper = np.triu(10 ** random.uniform(-3, 3, (n, n)) * (random.random((n, n)) < draw(st.floats(0.0, 0.6))), 1)
    gain = draw(st.sampled_from([None, 1, columns]))
    gain = None if gain is None else 10 ** random.uniform(-3, 3, (n, gain))
    restart = random.random((n, columns)) * (random.random((n, columns)) < 0.5) + 1e-9
    damping = draw(st.floats(0.05, 0.95))
    return Walk(sp.csr_array(upper + upper.T), damping, gain), restart / restart.sum(axis=0)


@given(walks())
def test_the_oracle_solves_the_definition_with_its_dangling_term(drawn):
    walk, restart = drawn
    n, m = restart.shape
    weights = walk.adjacency.toarray()
    for column in range(m):
        gain = np.ones(n) if walk.gain is None else walk.gain[:, min(column, walk.gain.shape[1] - 1)]
        r = restart[:, column]
        steps = np.empty((n, n))
        for u in range(n):
            row = weights[u] * gain
            steps[u] = row / row.sum() if row.sum() > 0 else r
        dense = np.linalg.solve(np.eye(n) - walk.damping * steps.T, (1 - walk.damping) * r)
        np.testing.assert_allclose(exact_pagerank(walk, restart)[:, column], dense, rtol=1e-8, atol=1e-14)


def test_two_nodes_by_hand():
    walk = Walk(GRAPHS["two nodes"], 0.6)
    # x0 = 0.6 x1 + 0.4, x1 = 0.6 x0
    np.testing.assert_allclose(exact_pagerank(walk, np.array([[1.0], [0.0]]))[:, 0], [0.625, 0.375])


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_transition_rows_sum_to_one_or_are_empty(name):
    graph = GRAPHS[name]
    gain = 10 ** np.random.default_rng(0).uniform(-3, 3, (graph.shape[0], 2))
    sums = transition_matrix(Walk(graph, 0.5, gain), 1).sum(axis=1)
    np.testing.assert_allclose(sums, np.asarray(graph.sum(axis=1)).ravel() > 0, atol=1e-12)


@settings(max_examples=80)
@given(walks(columns=1), st.integers(0, 4), st.booleans(), st.integers(0, 2**32 - 1))
def test_the_true_score_lies_in_the_interval_of_any_estimate(drawn, sweeps, noisy, seed):
    walk, restart = drawn
    problem = Problem.of(walk, restart, 1e-9, None, None)
    exact = exact_pagerank(walk, restart)[:, 0]
    live = problem.graph.live
    base = problem.scale[0] * restart[:, 0]
    steps = transition_matrix(walk).T
    estimate = np.where(live, 0.0, base)
    if noisy:
        # Not a lower bound any more: residuals of both signs.
        estimate = np.where(live, np.random.default_rng(seed).random(len(base)), base)
    for _ in range(sweeps):
        estimate = walk.damping * (steps @ estimate) + base
    residual = walk.damping * (steps @ estimate) + base - estimate
    gain = np.ones(len(base)) if walk.gain is None else walk.gain[:, 0]
    volume = gain * (walk.adjacency @ gain)
    potential = np.divide(residual, volume, out=np.zeros_like(residual), where=live)
    mass = float(np.abs(residual).sum())
    bounds = interval(walk.damping, mass, float(residual.sum()), potential.min(), potential.max())
    returned = estimate + residual
    slack = 1e-12
    assert (returned - bounds.below(volume) <= exact + slack).all()
    assert (exact <= returned + bounds.above(volume) + slack).all()
    assert np.abs(returned - exact).sum() <= l1_factor(walk.damping) * mass + slack


class Witness(NumpyArrays):
    """Compares every interval that a sweep stops by with the true scores, and never lets it stop."""

    def __init__(self, exact):
        self.exact, self.seen = exact, 0

    def head_excess(self, scores, volume, bounds, top):
        self.seen += 1
        slack = 1e-12
        assert (scores - bounds.below(volume) <= self.exact + slack).all()
        assert (self.exact <= scores + bounds.above(volume) + slack).all()
        return 2.0


@pytest.mark.parametrize("gained", [False, True])
@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_the_true_score_lies_in_every_interval_of_the_sweep(name, gained):
    n = GRAPHS[name].shape[0]
    restart = restart_block(n, 3, seed=11)
    gain = 10 ** np.random.default_rng(1).uniform(-3, 3, (n, 3)) if gained else None
    for column in range(3):
        own = None if gain is None else gain[:, [column]]
        walk, r = Walk(GRAPHS[name], 0.8, own), restart[:, [column]]
        witness = Witness(exact_pagerank(walk, r)[:, 0])
        solve(Problem.of(walk, r, 1e-9, 5, None), witness, max_iterations=99, threads=1, width=4, numbers=2**20)
        assert witness.seen >= 1
