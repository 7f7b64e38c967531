"""Ranking on a real small corpus: engines, profiles, blocks of questions, and results as plain data."""

import gc
import json
import weakref

import numpy as np
import pytest

from hippo import Hippo
from hippo.backends.pagerank.auto import AutoPageRank
from hippo.backends.pagerank.power import PowerPageRank
from hippo.graph.pagerank import exact_pagerank
from hippo.retrieval.profiles import PROFILES, Profile
from hippo.retrieval.retrieve import Retriever
from hippo.snapshot import Snapshot
from hippo.snapshot.contents import read_contents


def ids(result):
    return [hit.chunk_id for hit in result.hits]


def assert_same_order(first, second):
    """The same passages in the same order, but for passages whose scores differ by rounding alone."""
    assert len(first.hits) == len(second.hits)
    scores = {hit.chunk_id: hit.score for hit in first.hits}
    for mine, other in zip(first.hits, second.hits, strict=True):
        close = pytest.approx(mine.score, abs=1e-6)
        assert mine.chunk_id == other.chunk_id or scores.get(other.chunk_id, mine.score) == close


def assert_same_ranking(first, second):
    """`assert_same_order`, and the same scores; standard scores magnify the rounding of float32."""
    assert_same_order(first, second)
    np.testing.assert_allclose([hit.score for hit in first.hits], [hit.score for hit in second.hits], 1e-5, 1e-6)


@pytest.mark.parametrize("engine", ["power", "push", "igraph", "auto"])
def test_engines_agree(sample_path, memory, questions, engine):
    """On the order: scores are only as exact as it takes to prove that."""
    with Hippo.open(sample_path, config={"retrieval": {"engine": engine, "tolerance": 1e-9}}) as other:
        for expected, found in zip(
            memory.retrieve_many(questions, k=20), other.retrieve_many(questions, k=20), strict=True
        ):
            assert_same_order(expected, found)


def test_scores_are_those_of_the_exact_walk(sample_path, questions):
    """The walk that was asked for, solved directly."""
    asked = []

    class Recorder:
        def rank(self, walk, restart, **options):
            asked.append((walk, restart))
            return PowerPageRank().rank(walk, restart, **options)

    with Snapshot.open(sample_path) as snapshot:
        retriever = Retriever(read_contents(snapshot), Recorder(), tolerance=1e-10)
        from hippo.testing import HashingEncoder

        queries = HashingEncoder().encode(questions[:5])
        results = retriever.retrieve(questions[:5], queries, PROFILES["hippo"], k=10)
        [(walk, restart)] = asked
        scores = exact_pagerank(walk, restart)[retriever.contents.graph.passages]
        chunk_ids = retriever.contents.chunks.column("chunk_id").to_pylist()
    for column, result in enumerate(results):
        best = np.argsort(-scores[:, column], kind="stable")[:10]
        assert ids(result) == [chunk_ids[row] for row in best]


@pytest.mark.parametrize("profile", PROFILES)
def test_many_questions_are_answered_as_one_by_one(memory, questions, profile):
    together = memory.retrieve_many(questions, k=10, profile=profile)
    for question, result in zip(questions, together, strict=True):
        alone = memory.retrieve(question, k=10, profile=profile)
        assert result.question == question
        assert_same_ranking(result, alone)
        assert [seed.text for seed in result.seeds] == [seed.text for seed in alone.seeds]


@pytest.mark.parametrize("profile", PROFILES)
def test_results_are_ranked_repeatable_and_plain(memory, questions, profile):
    result = memory.retrieve(questions[0], k=10, profile=profile, explain=True)
    again = memory.retrieve(questions[0], k=10, profile=profile, explain=True)
    assert result.hits == again.hits
    assert result.profile == result.parameters["name"] == profile
    assert [hit.rank for hit in result.hits] == list(range(1, 11))
    assert (np.diff([hit.score for hit in result.hits]) <= 0).all()
    assert len(set(ids(result))) == 10
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False)) == result.to_dict()
    assert bool(result.seeds) == (profile in ("hippo", "hipporag2"))


def test_a_block_larger_than_its_memory_is_cut(sample_path, questions, monkeypatch):
    monkeypatch.setattr("hippo.retrieval.retrieve._BLOCK_BYTES", 1)
    with Hippo.open(sample_path) as memory:
        assert [result.question for result in memory.retrieve_many(questions)] == questions


def test_what_is_replaced_is_let_go_of_at_once(memory, questions):
    retriever = Retriever(memory.contents(), AutoPageRank(), tolerance=1e-7)
    retriever.retrieve(questions[:1], None, memory._profile(), k=3)
    linkers = weakref.ref(retriever.linkers)
    gc.disable()
    try:
        del retriever
        assert linkers() is None
    finally:
        gc.enable()


def test_more_passages_than_there_are(memory, corpus):
    for profile in PROFILES:
        hits = memory.retrieve("Who was born in Åbo?", k=10_000, profile=profile).hits
        assert len(hits) == memory.status().chunks
        assert {hit.title for hit in hits} == {document["title"] for document in corpus}


def test_fewer_passages_are_the_head_of_more(memory, questions):
    for profile in PROFILES:
        for question in questions[:5]:
            few, many = (memory.retrieve(question, k=k, profile=profile) for k in (3, 40))
            assert ids(few) == ids(many)[:3]


def test_the_walk_finds_what_the_question_does_not_name(tmp_path):
    """Two steps: only the first is named in the question."""
    with Hippo.open(tmp_path, encoder="hashing") as memory:
        fillers = [f"Person{number} Name{number} lives near Town{number}." for number in range(60)]
        memory.add(["Ada Lovelace knew Charles Babbage.", "Charles Babbage kept a Difference Engine.", *fillers])
        texts = [hit.text for hit in memory.retrieve("Whom did Ada Lovelace know?", k=2).hits]
        assert texts == ["Ada Lovelace knew Charles Babbage.", "Charles Babbage kept a Difference Engine."]


@pytest.mark.parametrize(
    "weights",
    [{"relation": 0}, {"contains": 0, "relation": 0, "follows": 0, "synonym": 0}, {"relation": 5, "synonym": 0}],
)
def test_kinds_of_edge_may_be_left_out(memory, questions, weights):
    profile = Profile("own", kind_weights=weights)
    result = memory.retrieve(questions[0], k=5, profile=profile, explain=True)
    assert len(result.hits) == 5
    kinds = {step.kind for hit in result.hits for step in hit.explanation.path}
    assert not kinds & {kind for kind, weight in weights.items() if not weight}
    plain = memory.retrieve(questions[0], k=5)
    assert plain.hits == memory.retrieve(questions[0], k=5).hits


def test_an_index_without_vectors_walks_by_words(tmp_path, corpus, questions):
    with Hippo.open(tmp_path, encoder="none") as memory:
        memory.add(corpus)
        result = memory.retrieve(questions[0], k=5, explain=True)
        assert len(result.hits) == 5
        assert result.seeds
        assert all(hit.explanation.dense is None for hit in result.hits)
        assert memory.retrieve(questions[0], k=5, profile="bm25").hits
        for profile in ("dense", "hybrid"):
            with pytest.raises(Exception, match="needs vectors"):
                memory.retrieve(questions[0], profile=profile)


@pytest.mark.parametrize("vectors", ["numpy", "faiss", "torch"])
def test_vector_searches_agree(sample_path, memory, questions, vectors):
    with Hippo.open(sample_path, config={"retrieval": {"vectors": vectors}}) as other:
        for expected, found in zip(memory.retrieve_many(questions), other.retrieve_many(questions), strict=True):
            assert_same_ranking(expected, found)


@pytest.mark.slow
def test_with_a_trained_encoder(tmp_path, corpus, questions):
    pytest.importorskip("sentence_transformers")
    with Hippo.open(tmp_path, encoder="minilm") as memory:
        memory.add([*corpus[:12], "Cats purr when they are stroked."])
        dense = memory.retrieve("What sound does a kitten make?", k=1, profile="dense")
        assert dense.hits[0].text == "Cats purr when they are stroked."
        result = memory.retrieve(questions[0], k=3, explain=True)
        assert {"Ytterby", "Johan Gadolin"} <= {hit.title for hit in result.hits}
    with Hippo.open(tmp_path) as memory:
        assert memory.retrieve(questions[0], k=3, explain=True).hits == result.hits
        assert memory.add(corpus[:12]).embedded == 0
