"""Graphs made for measuring: the same every time, like those of indexes, and of use to the engines."""

import json

import numpy as np
import pytest

from hippo.backends.pagerank.power import PowerPageRank
from hippo.graph.model import Graph
from hippo.protocols import Walk
from pipelines import bench_ppr
from pipelines.synthetic import Recipe, make_graph, make_questions, statistics


@pytest.fixture(scope="module")
def graph() -> Graph:
    return make_graph(20_000)


def test_equal_arguments_give_equal_graphs(graph: Graph) -> None:
    again, other = make_graph(20_000), make_graph(20_000, seed=1)
    np.testing.assert_array_equal(graph.indices, again.indices)
    assert all((weights == again.weights[kind]).all() for kind, weights in graph.weights.items())
    assert len(other.indices) != len(graph.indices)


def test_graphs_have_the_size_and_the_shape_of_an_index(graph: Graph) -> None:
    """Bounds are around what the three development sets have: see `python -m pipelines.synthetic --compare`."""
    found = statistics(graph)
    assert abs(graph.n_nodes - 20_000) < 1000
    assert 7.5 < found["entities per passage"] < 12
    assert 7 < found["entries per node"] < 8.5
    assert 2.5 < found["relation edges per entity"] < 3
    assert 0.82 < found["entities in one passage, share"] < 0.9
    assert 9 <= found["passages of an entity, 99%"] <= 15
    assert found["passages of the entity of rank 1, share"] > 0.03
    assert found["passages that share two rarer entities with a passage"] > 1


def test_a_recipe_changes_the_graph() -> None:
    short = make_graph(5000, recipe=Recipe(mentions=6.0, spread=0.1))
    assert statistics(short)["entities of a passage, 90%"] < 9


def test_questions_are_restart_vectors_and_gains(graph: Graph) -> None:
    questions = make_questions(graph, 3)
    np.testing.assert_allclose(questions.restart.sum(axis=0), 1.0)
    assert ((questions.restart > 0).sum(axis=0) < 300).all()
    assert 0 < questions.gain.min() <= questions.gain.max() <= 1
    np.testing.assert_array_equal(make_questions(graph, 3).restart, questions.restart)
    walk = Walk(graph.adjacency({}), 0.5, questions.gain)
    assert PowerPageRank().rank(walk, questions.restart, top=20, candidates=graph.passages).certified.any()


def test_engines_are_compared(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--nodes", "3000", "--questions", "2", "--block", "4", "--repeats", "1", "--check", "2", "--json"]
    monkeypatch.setattr("sys.argv", ["bench_ppr", *options])
    bench_ppr.main()
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["engine"] for row in rows[:3]] == ["push", "auto", "PRPACK"]
    assert {row["nodes"] > 2500 for row in rows if "nodes" in row} == {True}
    assert min(rows[0][name] for name in ("reached", "pushes", "push_ns", "random_read_ns")) > 0
    assert sum(rows[0]["stopped"].values()) == 2
    assert all(row["same_top"] == 1.0 for row in rows if "same_top" in row)
    assert {row["task"].split(", ")[1] for row in rows} == {"published", "hippo"}
    monkeypatch.setattr("sys.argv", ["bench_ppr", *options, "--walk", "published", "--peer-questions", "1"])
    bench_ppr.main()
    assert len(json.loads(capsys.readouterr().out)["rows"]) == len(rows) / 2
