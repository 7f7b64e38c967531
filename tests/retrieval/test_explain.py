"""Explanations: paths that the walk can take, with sentences that the passages say."""

from itertools import pairwise

import numpy as np
import pytest

from hippo.graph.model import KINDS
from hippo.retrieval.explain import step_costs
from hippo.retrieval.profiles import Profile


@pytest.fixture(scope="module")
def explained(memory, questions):
    return memory.retrieve_many(questions, k=10, explain=True)


@pytest.fixture(scope="module")
def chunks(memory):
    return {row["chunk_id"]: row for row in memory.contents().chunks.to_pylist()}


def test_paths_lead_from_the_question_to_the_passage(explained):
    lengths = set()
    for result in explained:
        for hit in result.hits:
            path = hit.explanation.path
            assert path[0].kind == "seed"
            assert path[0].source == result.question
            assert path[-1].target == (hit.title or hit.text[:60])
            assert all(left.target == right.source for left, right in pairwise(path))
            assert {step.kind for step in path[1:]} <= set(KINDS)
            assert all(0 < step.probability <= 1 for step in path)
            lengths.add(len(path))
    assert len(lengths) > 1


def test_sentences_are_said_by_their_passages(explained, chunks):
    said = 0
    for result in explained:
        for hit in result.hits:
            for step in hit.explanation.path:
                if step.chunk_id is None:
                    assert step.kind in ("synonym", "follows", "seed")
                    assert step.sentence is None
                elif step.sentence is not None:
                    row = chunks[step.chunk_id]
                    prefix = f"{row['title']}. "
                    assert step.sentence.startswith(prefix)
                    assert step.sentence.removeprefix(prefix) in row["text"]
                    said += 1
    assert said > 100


def test_the_last_step_into_a_passage_is_said_by_it(memory, explained):
    for result in explained:
        for hit in result.hits:
            last = hit.explanation.path[-1]
            if last.kind in ("contains", "titles", "seed"):
                assert last.chunk_id == hit.chunk_id


def test_seed_facts_are_shared_by_all_hits(explained):
    for result in explained:
        assert sum(seed.weight for seed in result.seeds) == pytest.approx(1)
        assert all(hit.explanation.facts == result.seeds for hit in result.hits)
        assert all(hit.explanation.activation == hit.score for hit in result.hits)


def test_no_explanation_unless_asked_for(memory, questions):
    assert all(hit.explanation is None for hit in memory.retrieve(questions[0]).hits)


@pytest.mark.parametrize("profile", ["dense", "bm25", "hybrid"])
def test_profiles_without_a_walk_have_scores_but_no_path(memory, questions, profile):
    for hit in memory.retrieve(questions[0], profile=profile, explain=True).hits:
        found = hit.explanation
        assert (found.path, found.facts, found.activation) == ((), (), None)
        dense = 0.0 if found.dense is None else found.dense
        expected = {"dense": dense, "bm25": found.lexical, "hybrid": dense + 0.3 * found.lexical}
        assert hit.score == pytest.approx(expected[profile])
        assert (found.dense is None) == (profile == "bm25")


def test_costs_are_those_of_the_transition_probabilities(memory):
    adjacency = memory.contents().graph.adjacency({"relation": 0.3})
    n = adjacency.shape[0]
    gains = np.random.default_rng(1).random(n) + 0.1
    for gain in (None, gains):
        costs = step_costs(adjacency, 0.6, gain)
        probability = np.exp(-costs.data) / 0.6
        sums = np.bincount(np.repeat(np.arange(n), np.diff(costs.indptr)), probability, minlength=n)
        np.testing.assert_allclose(sums[np.diff(costs.indptr) > 0], 1.0)


def test_probabilities_are_those_of_the_plain_walk(memory, questions):
    contents = memory.contents()
    profile = Profile("plain", query_gain=0.0, kind_weights={"relation": 0.3})
    adjacency = contents.graph.adjacency(profile.kind_weights).toarray()
    transition = adjacency / np.maximum(adjacency.sum(axis=1, keepdims=True), 1e-300)
    names = contents.entities.column("name").to_pylist()
    chunk_ids = contents.chunks.column("chunk_id").to_pylist()
    checked = 0
    for hit in memory.retrieve(questions[0], k=20, profile=profile, explain=True).hits:
        last = hit.explanation.path[-1]
        if last.kind == "contains":
            node = contents.graph.n_entities + chunk_ids.index(hit.chunk_id)
            rows = [row for row, name in enumerate(names) if name == last.source]
            assert any(transition[row, node] == pytest.approx(last.probability) for row in rows)
            checked += 1
    assert checked
