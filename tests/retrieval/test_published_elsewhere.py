"""The profiles of the published systems on an index of the usual rules, without vectors, facts or names."""

import numpy as np
import pytest

from hippo import Hippo
from hippo.backends.pagerank.auto import AutoPageRank
from hippo.graph.model import KINDS
from hippo.retrieval.names import NameLinker, names_in
from hippo.retrieval.profiles import PROFILES
from hippo.retrieval.retrieve import Retriever
from hippo.testing import HashingEncoder

BOTH = ["hipporag2", "hipporag1"]
QUESTION = "Where was Anna Lindqvist of Ytterby, the friend of Johan Gadolin, born?"


@pytest.fixture(scope="module")
def without_vectors(tmp_path_factory, corpus):
    with Hippo.open(tmp_path_factory.mktemp("words"), encoder="none") as memory:
        memory.add(corpus)
        yield memory


@pytest.mark.parametrize("profile", BOTH)
@pytest.mark.parametrize("vectors", [True, False])
def test_any_index_is_ranked_and_explained(memory, without_vectors, profile, vectors):
    asked = memory if vectors else without_vectors
    found = asked.retrieve(QUESTION, k=10, profile=profile, explain=True)
    assert "fallback" not in found.parameters
    assert len(found.hits) == 10
    assert found.hits[0].score > found.hits[-1].score >= 0
    lengths = set()
    for hit in found.hits[:5]:
        path = hit.explanation.path
        assert (path[0].kind, path[0].source) == ("seed", QUESTION)
        assert path[-1].target == (hit.title or hit.text[:60])
        assert {step.kind for step in path[1:]} <= {*KINDS} - {"follows"}
        assert all(0 < step.probability <= 1 for step in path)
        lengths.add(len(path))
    if profile == "hipporag1":
        assert found.parameters["names"]
        assert found.seeds == ()
        assert all(hit.explanation.path[-1].kind == "contains" for hit in found.hits[:5])
        assert all(hit.explanation.activation is None for hit in found.hits)
    else:
        assert len({seed.text for seed in found.seeds}) == len(found.seeds) == 5
        assert sum(seed.weight for seed in found.seeds) == pytest.approx(1)
        assert all(hit.explanation.activation == hit.score for hit in found.hits)


def test_a_question_without_names_is_ranked_by_vectors(memory):
    question = "what sound is made by whom?"
    found, dense = (memory.retrieve(question, k=10, profile=name, explain=True) for name in ("hipporag1", "dense"))
    assert found.parameters["fallback"] == "dense"
    assert found.parameters["names"] == {}
    assert [hit.chunk_id for hit in found.hits] == [hit.chunk_id for hit in dense.hits]
    assert found.hits[0].score == 1
    assert found.hits[-1].score > 0
    assert found.hits[0].explanation.path == ()


def test_questions_with_and_without_names_in_one_block(memory):
    questions = [QUESTION, "what sound is made by whom?", "Where is Ytterby?"]
    together = memory.retrieve_many(questions, k=5, profile="hipporag1")
    assert ["fallback" in one.parameters for one in together] == [False, True, False]
    for question, one in zip(questions, together, strict=True):
        alone = memory.retrieve(question, k=5, profile="hipporag1")
        assert [hit.chunk_id for hit in one.hits] == [hit.chunk_id for hit in alone.hits]
        np.testing.assert_allclose([hit.score for hit in one.hits], [hit.score for hit in alone.hits], atol=1e-6)


@pytest.mark.parametrize("encoder", ["hashing", "none"])
@pytest.mark.parametrize("profile", BOTH)
def test_an_index_without_facts_is_ranked_without_a_walk(tmp_path, encoder, profile):
    with Hippo.open(tmp_path, encoder=encoder) as memory:
        memory.add(["...", "hello there", "how are you"])
        found = memory.retrieve("hello there, Ada", k=3, profile=profile, explain=True)
    assert found.parameters["fallback"] == "dense"
    assert (found.hits[0].text, found.hits[0].score, found.hits[-1].score) == ("hello there", 1.0, 0.0)
    assert found.seeds == ()


def test_names_are_linked_by_key_then_by_words_then_by_vectors(memory, without_vectors):
    contents = without_vectors.contents()
    keys = contents.entities.column("key").to_pylist()
    linker = NameLinker(contents)
    [found, none] = linker.link([["YTTERBY", "Gadolin of Nowhere", "Qqq"], []])
    assert none == {}
    assert list(found) == ["YTTERBY", "Gadolin of Nowhere"]
    assert keys[found["YTTERBY"]] == "ytterby"
    assert "gadolin" in keys[found["Gadolin of Nowhere"]]
    encode = HashingEncoder().encode
    [found] = NameLinker(memory.contents(), encode).link([["Ytterbyx", "..."]])
    vectors = memory.contents().vectors["entity"]
    assert found == {"Ytterbyx": int((vectors @ encode(["ytterbyx"])[0]).argmax())}


def test_names_of_a_question():
    assert names_in("Who taught Marie Curie when Pierre left her in 1906?") == ["Marie Curie", "Pierre", "1906"]
    assert names_in("who was it?") == []


def test_levels_are_those_among_all_facts_whatever_searches(memory):
    """An index of the facts would see the nearest alone, and take the worst of these for the worst of all."""
    queries = HashingEncoder().encode([QUESTION])
    found = [
        Retriever(memory.contents(), AutoPageRank(), tolerance=1e-10, vectors=vectors).retrieve(
            [QUESTION], queries, PROFILES["hipporag2"], k=20
        )[0]
        for vectors in ("auto", "faiss")
    ]
    assert found[0].hits == found[1].hits


def test_scores_are_within_the_tolerance_and_power_finds_them(memory):
    contents = memory.contents()
    found = []
    for tolerance in (1e-7, 1e-12):
        retriever = Retriever(contents, AutoPageRank(), tolerance=tolerance)
        [one] = retriever.retrieve([QUESTION], HashingEncoder().encode([QUESTION]), PROFILES["hipporag2"], k=50)
        assert one.parameters["engine"] == "power"
        found.append({hit.chunk_id: hit.score for hit in one.hits})
    assert max(abs(found[0][chunk] - score) for chunk, score in found[1].items()) <= 1e-7
