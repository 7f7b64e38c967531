"""Seeds: a sparse probability vector over entities and passages."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo import Hippo
from hippo.retrieval.link import Linked, Scaled
from hippo.retrieval.profiles import PROFILES
from hippo.retrieval.seeds import choose, entity_counts, seed


def linked(rng: np.random.Generator, count: int) -> Linked:
    scores = rng.standard_normal(count)
    return Linked(np.arange(count), scores, Scaled(scores, 0.0, 0.1), Scaled(scores, 0.0, 1.0))


@given(st.integers(0, 2**32 - 1), st.integers(0, 20), st.integers(1, 30), st.sampled_from([0.0, 0.2, 1.0]))
def test_seeds_are_probabilities(memory, seed_, facts, passages, share):
    contents = memory.contents()
    counts = entity_counts(contents)
    rng = np.random.default_rng(seed_)
    profile = replace(PROFILES["hippo"], facts=facts, passages=passages, passage_share=share)
    all_facts, all_passages = linked(rng, contents.facts.num_rows), linked(rng, contents.n_chunks)
    chosen = choose(contents, all_facts, profile)
    [found] = seed(contents, counts, [all_facts], [all_passages], profile, [chosen])
    assert found.weights.sum() == pytest.approx(1)
    assert (found.weights > 0).all()
    assert (np.diff(found.nodes) > 0).all()
    assert found.facts.tolist() == all_facts.best(facts).tolist()
    assert found.fact_weights.sum() == pytest.approx(1 if facts else 0)
    is_passage = found.nodes >= contents.graph.n_entities
    expected = share if facts else 1.0
    assert found.weights[is_passage].sum() == pytest.approx(expected)
    assert is_passage.sum() == (min(passages, contents.n_chunks) if expected else 0)
    indptr, indices = contents.fact_entities
    named: dict[int, float] = {}
    for row, weight in zip(found.facts, found.fact_weights, strict=True):
        for entity in indices[indptr[row] : indptr[row + 1]].tolist():
            named[entity] = named.get(entity, 0.0) + weight / counts[entity]
    total = sum(named.values())
    for node, weight in zip(found.nodes[~is_passage].tolist(), found.weights[~is_passage].tolist(), strict=True):
        assert weight == pytest.approx((1 - share) * named[node] / total)


@pytest.mark.parametrize("passages", [None, 2])
@pytest.mark.parametrize("touched", [True, False])
def test_hidden_passages_do_not_seed(memory, passages, touched):
    contents = memory.contents()
    profile = replace(PROFILES["hippo"], passages=passages, facts=0, passage_share=1.0)
    hidden = np.arange(contents.n_chunks) == 0
    facts, every = (
        linked(np.random.default_rng(1), contents.facts.num_rows),
        linked(np.random.default_rng(2), contents.n_chunks),
    )
    every.fused[0] = 9.0
    every = replace(every, touched=None if touched else np.zeros(contents.n_chunks, bool)).without(hidden)
    [found] = seed(contents, entity_counts(contents), [facts], [every], profile, [np.empty(0, int)])
    assert contents.graph.n_entities not in found.nodes.tolist()
    assert len(found.nodes) == (contents.n_chunks - 1 if passages is None else 2)


def test_counts_are_the_passages_that_contain_an_entity(memory):
    contents = memory.contents()
    graph = contents.graph
    degrees = [
        np.count_nonzero(graph.weights["contains"][graph.indptr[node] : graph.indptr[node + 1]])
        for node in range(graph.n_entities)
    ]
    assert entity_counts(contents).tolist() == degrees


def test_without_facts_the_passages_take_all(tmp_path):
    with Hippo.open(tmp_path, encoder="hashing") as memory:
        memory.add(["...", "hello there", "how are you"])
        assert memory.status().facts == 0
        contents = memory.contents()
        none = Scaled(np.empty(0), 0.0, 1.0)
        nothing = Linked(np.empty(0, int), np.empty(0), none, none)
        passages, none = linked(np.random.default_rng(0), 3), np.empty(0, int)
        [found] = seed(contents, entity_counts(contents), [nothing], [passages], PROFILES["hippo"], [none])
        assert (found.nodes.tolist(), len(found.facts)) == ([0, 1, 2], 0)
        result = memory.retrieve("hello there", k=3, explain=True)
    assert result.hits[0].text == "hello there"
    assert len(result.hits) == 3
    assert result.seeds == ()
    assert [step.kind for step in result.hits[0].explanation.path] == ["seed"]
