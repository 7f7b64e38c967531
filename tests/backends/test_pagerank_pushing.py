from dataclasses import replace

import numpy as np
import pytest

from hippo.backends.pagerank import pushing
from hippo.backends.pagerank.power import PowerPageRank
from hippo.backends.pagerank.push import PushPageRank
from hippo.protocols import Walk
from hippo.testing.pagerank import GRAPHS, bipartite_graph, restart_block

PASSAGES = slice(0, 2000)


@pytest.mark.parametrize("slack", [1.0, 3.0])
@pytest.mark.parametrize("wide", [True, False])
def test_pushes_from_candidates_settle_a_question_sooner(monkeypatch, wide, slack):
    large = bipartite_graph(2000, 3000, 12_000, seed=8)
    asked = restart_block(large.shape[0], 6, seed=9)[:, 2:]
    gain = np.random.default_rng(4).uniform(0.1, 1.0, (large.shape[0], 1)) if wide else None
    walk, engine = Walk(large, 0.8, gain), PushPageRank(max_work=np.inf, slack=slack)
    exact = PowerPageRank().rank(walk, asked, tolerance=1e-13).scores
    results = []
    for spared in (np.inf, 1.0):
        monkeypatch.setattr(pushing, "_SPARED", spared)
        results.append(engine.rank(walk, asked, top=5, candidates=PASSAGES))
    alone, both = results
    assert both.iterations.sum() < 0.95 * alone.iterations.sum()
    best = [np.argsort(-scores[PASSAGES], axis=0, kind="stable")[:5] for scores in (both.scores, exact)]
    np.testing.assert_array_equal(*best)
    assert set(both.stopped) == {"proven"} if slack == 1.0 else "slack" in both.stopped
    errors = [np.abs(one.scores - exact) for one in results]
    assert all((error.sum(axis=0) <= one.residual).all() for error, one in zip(errors, results, strict=True))
    # Though fewer nodes were pushed, the scores that decide are not much farther from the exact ones.
    decisive = [np.take_along_axis(error[PASSAGES], best[1], axis=0) for error in errors]
    assert np.median(decisive[1]) < 3.0 * np.median(decisive[0])


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_any_candidate_may_be_pushed_from(monkeypatch, name):
    monkeypatch.setattr(pushing, "_SPARED", 1e-9)
    n = GRAPHS[name].shape[0]
    for gain in (None, 10 ** np.random.default_rng(1).uniform(-3, 4, (n, 1))):
        walk, asked = Walk(GRAPHS[name], 0.8, gain), restart_block(n)
        exact = PowerPageRank(max_iterations=10_000).rank(walk, asked, tolerance=1e-13).scores
        result = PushPageRank(max_work=np.inf).rank(walk, asked, top=5)
        assert (np.abs(result.scores - exact).sum(axis=0) <= result.residual + 1e-12).all()
        best = [np.argsort(-scores, axis=0, kind="stable")[:5] for scores in (result.scores, exact)]
        found, wanted = (np.take_along_axis(exact, places, axis=0) for places in best)
        np.testing.assert_allclose(found[:, result.certified], wanted[:, result.certified], rtol=1e-9)


def test_what_was_broken_off_does_not_show_in_later_answers(monkeypatch):
    large = bipartite_graph(200, 300, 1200, seed=8)
    walk, engine = Walk(large, 0.8), PushPageRank(max_work=np.inf)
    seeds = [(np.array([3]), np.ones(1))], [(np.array([7]), np.ones(1))]
    expected = PushPageRank(max_work=np.inf).rank_seeds(walk, seeds[1], top=5)
    engine.rank_seeds(walk, seeds[1], top=5)
    push = engine._loops.push

    def interrupted(*arguments):
        push(*arguments)
        raise KeyboardInterrupt  # it comes when the loop returns, before what it did is known

    with monkeypatch.context() as patch:
        patch.setattr(engine, "_loops", replace(engine._loops, push=interrupted))
        with pytest.raises(KeyboardInterrupt):
            engine.rank_seeds(walk, seeds[0], top=5)
    np.testing.assert_array_equal(engine.rank_seeds(walk, seeds[1], top=5).scores, expected.scores)


def test_rooms_of_graphs_that_are_gone_are_let_go():
    engine = PushPageRank(max_work=np.inf)
    for size in (200, 300, 200):
        graph = bipartite_graph(size, size, 5 * size, seed=1)
        engine.rank(Walk(graph, 0.8), restart_block(graph.shape[0]), top=5)
        assert {len(room.queue) for room in engine._free} == {graph.shape[0]}
