"""Pictures of questions, and sentences behind nodes and edges."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from hippo import Hippo
from hippo.errors import InputError, NotInIndexError, QuestionError
from hippo.exploration.layout import positions
from hippo.exploration.subgraph import edges_among, nodes_around
from hippo.types import View

QUESTION = "Where was the man born whom Ada Lovelace worked with?"


def joined(view: View) -> dict[tuple[str, str], dict[str, float]]:
    names = [node.key for node in view.nodes]
    return {(names[edge.source], names[edge.target]): dict(edge.kinds) for edge in view.edges}


def test_passages_are_those_of_retrieve(memory: Hippo) -> None:
    view = memory.view(QUESTION, k=3)
    found = memory.retrieve(QUESTION, k=3, explain=True)
    [spread] = view.spreads
    assert spread.retrieval.hits == found.hits
    assert spread.retrieval.seeds == found.seeds
    # Ranked passages come first, and everything on the way to them is there.
    assert [node.key for node in view.nodes[:3]] == [hit.chunk_id for hit in found.hits]
    assert {step.target for hit in found.hits for step in hit.explanation.path} <= {node.name for node in view.nodes}


def test_activation_begins_at_the_seeds_and_ends_with_the_ranking(memory: Hippo) -> None:
    view = memory.view(QUESTION, k=3, steps=5)
    [spread] = view.spreads
    assert len(spread.activation) == len(spread.moved) == 7
    assert view.left_out["nodes"] == 0
    for frame in spread.activation:
        assert sum(frame) == pytest.approx(1.0, abs=1e-4)
    ends = [spread.activation[-1][place] for place in range(3)]
    assert ends == sorted(ends, reverse=True)
    scores = [hit.score for hit in spread.retrieval.hits]
    assert np.array(ends) / sum(ends) == pytest.approx(np.array(scores) / sum(scores), abs=1e-3)
    assert spread.moved[0] == 0.0
    assert spread.moved[1] > spread.moved[5] > 0.0
    # One sweep goes one edge far.
    seeds, first = spread.activation[:2]
    near = {
        end
        for edge in view.edges
        for end, other in ((edge.source, edge.target), (edge.target, edge.source))
        if seeds[other]
    }
    assert {place for place, share in enumerate(first) if share} <= near | {
        place for place, share in enumerate(seeds) if share
    }


def test_marks_are_sentences_of_evidence(memory: Hippo) -> None:
    [spread] = memory.view(QUESTION, k=5).spreads
    texts = [
        hit.text[start:end]
        for hit, marks in zip(spread.retrieval.hits, spread.marks, strict=True)
        for start, end in marks
    ]
    assert "Ada Lovelace worked with Charles Babbage on the Analytical Engine." in texts
    for marks in spread.marks:
        flat = [at for mark in marks for at in mark]
        assert flat == sorted(set(flat))


def test_edges_are_those_of_the_graph_with_their_sentences(memory: Hippo) -> None:
    view = memory.view(QUESTION, sentences=2)
    found = joined(view)
    assert found
    contents = memory.contents()
    graph, keys = contents.graph, [*contents.entities["key"].to_pylist(), *contents.chunks["chunk_id"].to_pylist()]
    for (left, right), kinds in found.items():
        one, other = keys.index(left), keys.index(right)
        row = graph.indices[graph.indptr[one] : graph.indptr[one + 1]].tolist()
        place = graph.indptr[one] + row.index(other)
        assert kinds == pytest.approx({kind: w[place] for kind, w in graph.weights.items() if w[place]}, abs=1e-5)
    for edge in view.edges:
        names = {view.nodes[end].name for end in (edge.source, edge.target) if view.nodes[end].kind == "entity"}
        assert len(edge.sentences) <= 2
        assert "relation" not in edge.kinds or edge.sentences
        for sentence in edge.sentences:
            assert names <= set(sentence.entities)
    assert all(not edge.sentences for edge in memory.view(QUESTION).edges)


def test_two_profiles_share_their_places(memory: Hippo) -> None:
    view = memory.view(QUESTION, k=2, profiles=["hippo", "bm25"])
    walked, ranked = view.spreads
    assert walked.activation
    assert (ranked.activation, ranked.moved, set(ranked.marks)) == ((), (), {()})
    shown = {node.key for node in view.nodes}
    assert {hit.chunk_id for spread in view.spreads for hit in spread.retrieval.hits} <= shown
    assert ranked.retrieval.hits[0].explanation is not None


def test_without_a_walk_entities_beside_the_passages_are_drawn(memory: Hippo) -> None:
    view = memory.view("Charles Babbage", k=1, profiles=["bm25"])
    assert [node.kind for node in view.nodes][:1] == ["passage"]
    assert {node.name for node in view.nodes[1:]} >= {"Charles Babbage"}


@pytest.mark.parametrize("profile", ["hippo", "hipporag1", "hipporag2", "dense"])
def test_it_is_the_same_each_time(memory: Hippo, tmp_path: Path, profile: str) -> None:
    random.seed(1)
    first = memory.view(QUESTION, profiles=[profile])
    random.seed(2)
    with Hippo.open(memory.path) as again:
        second = again.view(QUESTION, profiles=[profile])
    assert (first.nodes, first.edges) == (second.nodes, second.edges)
    assert [spread.activation for spread in first.spreads] == [spread.activation for spread in second.spreads]
    json.dumps(first.to_dict(), allow_nan=False)


def test_few_nodes_are_the_passages_and_what_is_left_out_is_counted(memory: Hippo) -> None:
    whole = memory.view(QUESTION, k=2, nodes=5000)
    few = memory.view(QUESTION, k=2, nodes=4)
    assert whole.left_out == {"nodes": 0, "edges": 0}
    assert len(few.nodes) == 4
    assert few.left_out["nodes"] == len(whole.nodes) - 4


def test_a_condition_holds(memory: Hippo) -> None:
    view = memory.view(QUESTION, where="year < 1800", k=9)
    assert {hit.document_id for hit in view.spreads[0].retrieval.hits} == {"babbage", "tower", "riga"}
    assert "Analytical Engine" not in {node.name for node in view.nodes}


def test_what_was_remembered_is_drawn_and_what_was_forgotten_is_not(tmp_path: Path) -> None:
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        memory.add(
            [{"id": "ada", "text": "Ada Smith was born in Riga."}, {"id": "bob", "text": "Bob Jones was born in Riga."}]
        )
        [cleo] = memory.remember("Cleo Dale was born in Riga.")
        whole = memory.view("Who was born in Riga?", sentences=2)
        assert {"Ada Smith", "Bob Jones", "Cleo Dale", "Riga"} <= {node.name for node in whole.nodes}
        memory.forget("bob", cleo)
        view = memory.view("Who was born in Riga?", sentences=2)
    assert {node.name for node in view.nodes if node.kind == "entity"} == {"Ada Smith", "Riga"}
    assert "Bob" not in json.dumps(view.to_dict())
    assert "Cleo" not in json.dumps(view.to_dict())


def test_nothing_shows_what_was_forgotten(tmp_path: Path) -> None:
    """Not even as a step on the way to something else."""
    texts = ["Zoe met Ada Smith.", "Ada Smith was born in Riga, says Bob Jones.", "Riga lies on the Daugava."]
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        memory.add([{"id": text[:3], "text": text} for text in texts])
        question = "Where is Ada Smith from?"
        shows = [
            lambda: [memory.retrieve(question, explain=True), memory.view(question, sentences=5)],
            lambda: [*memory.entities(k=99), *memory.neighbors("Riga"), *memory.neighbors("Ada Smith")],
            lambda: [*memory.sentences("Riga"), *memory.documents()],
        ]
        assert all("Bob" in json.dumps([one.to_dict() for one in show()]) for show in shows)
        memory.forget("Ada")
        told = [json.dumps([one.to_dict() for one in show()]) for show in shows]
    assert [text for text in told if "Bob" in text or "born" in text] == []


def test_an_index_without_vectors(wordless: Hippo) -> None:
    assert wordless.view(QUESTION).spreads[0].activation


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"profiles": []}, "profiles must be a list of one or two"),
        ({"profiles": "hippo"}, "profiles must be a list of one or two"),
        ({"nodes": 5001}, "nodes must be at most 5000"),
        ({"steps": 101}, "steps must be at most 100"),
        ({"sentences": -1}, "sentences must be a whole number"),
    ],
)
def test_wrong_options(memory: Hippo, options: dict[str, object], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        memory.view(QUESTION, **options)  # type: ignore[arg-type]
    with pytest.raises(QuestionError):
        memory.view(" ")


def test_sentences_of_a_node_and_of_an_edge(memory: Hippo) -> None:
    of_one = memory.sentences("ada lovelace")
    assert all("Ada Lovelace" in one.entities for one in of_one)
    both = memory.sentences("Ada Lovelace", "Charles Babbage")
    assert [one.document_id for one in both] == ["ada"] * len(both)
    assert set(both) <= set(of_one)
    assert both
    inside = memory.sentences(passage=both[0].chunk_id)
    assert set(both) <= set(inside)
    assert memory.sentences("London", passage=both[0].chunk_id) == ()
    assert memory.sentences("Ada Lovelace", k=1) == of_one[:1]
    with pytest.raises(InputError, match="sentences needs"):
        memory.sentences()
    with pytest.raises(NotInIndexError):
        memory.sentences("Ada Lovelace", "Nobody")
    with pytest.raises(NotInIndexError):
        memory.sentences(passage="nothing")


def test_the_commonest_entities(memory: Hippo) -> None:
    found = memory.entities(k=3)
    counts = [one.passages for one in memory.entities(k=1000)]
    assert counts == sorted(counts, reverse=True)
    assert [one.passages for one in found] == counts[:3]
    assert {one.match for one in found} == {"listed"}


def test_nodes_of_equal_activation_are_chosen_by_row(memory: Hippo) -> None:
    graph = memory.contents().graph
    activation = np.full(graph.n_nodes, 0.5)
    nodes, left = nodes_around(graph, [3, 3], [activation], 5)
    assert nodes.tolist() == [3, 0, 1, 2, 4]
    assert left == graph.n_nodes - 5
    pairs, places = edges_among(graph, np.arange(graph.n_nodes))
    assert len(pairs) == len(places) == len(graph.indices) // 2


def test_places_follow_from_names_and_edges(memory: Hippo) -> None:
    names = [f"node {number}" for number in range(40)]
    edges = np.array([[number, (number * 7 + 1) % 40] for number in range(40) if number != (number * 7 + 1) % 40])
    random.seed(1)
    first = positions(names, edges, np.ones(len(edges)))
    random.seed(2)
    assert np.array_equal(first, positions(names, edges, np.ones(len(edges))))
    assert first.shape == (40, 2)
    assert np.abs(first).max() == 1.0
    assert len(np.unique(first, axis=0)) == 40
    assert positions([], np.empty((0, 2), np.int64), np.empty(0)).shape == (0, 2)
    assert positions(["one"], np.empty((0, 2), np.int64), np.empty(0)).tolist() == [[0.0, 0.0]]
