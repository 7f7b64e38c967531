"""Entities that a question names: found by their key, seeded by how few passages mention them, told in explanations."""

from dataclasses import replace

import numpy as np
import pytest

from hippo import Hippo
from hippo.retrieval.names import NameLinker, without_names
from hippo.retrieval.profiles import PROFILES
from hippo.retrieval.seeds import choose, entity_counts, seed
from hippo.testing import HashingEncoder

DOCUMENTS = [
    {"id": "a", "title": "Ada Smith", "text": "She was a painter. She was born in Riga."},
    {"id": "b", "title": "Ben Jones", "text": "He was a sailor. He was born in Hull."},
    {"id": "c", "title": "Painters", "text": "A painter who was born there paints. Paul Klee was a painter."},
    {"id": "d", "title": "Birth", "text": "Who is born first is older. Paul Klee was born in Bern."},
]
QUESTION = "Who was born first, the painter Ada Smith or Ben Jones?"


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    with Hippo.open(tmp_path_factory.mktemp("named"), encoder="none") as memory:
        memory.add(DOCUMENTS)
        yield memory


def test_names_are_those_of_entities_with_the_same_key(asked):
    contents = asked.contents()
    keys = contents.entities.column("key").to_pylist()
    found = NameLinker(contents).exact(["BEN JONES's", "ada  smith", "Ada Smith", "Smith", "zzz", "..."])
    assert [keys[row] for row in found.tolist()] == ["ada smith", "ben jones"]


def test_every_key_is_found_and_no_other(asked):
    contents = asked.contents()
    keys = contents.entities.column("key").to_pylist()
    linker = NameLinker(contents)
    assert [linker.exact([key]).tolist() for key in keys] == [[row] for row in range(len(keys))]
    assert not any(linker.exact([key + "x"]).tolist() for key in keys)


def test_named_entities_take_their_share_by_specificity(asked):
    contents = asked.contents()
    counts = entity_counts(contents)
    keys = contents.entities.column("key").to_pylist()
    named = np.array([keys.index("ada smith"), keys.index("paul klee")])
    assert counts[named].tolist() == [1, 2]
    profile = replace(PROFILES["hippo"], passage_share=0.0, facts=0, name_share=0.4)
    linker = asked._retriever_now().linkers  # the linkers of an index, as retrieval uses them
    [facts], [passages] = (one.link([QUESTION], None, 0.3) for one in (linker.facts, linker.passages))
    [alone] = seed(contents, counts, [facts], [passages], profile, [choose(contents, facts, profile)], [named])
    assert dict(zip(alone.nodes.tolist(), alone.weights.tolist(), strict=True)) == pytest.approx(
        {int(named[0]): 2 / 3, int(named[1]): 1 / 3}
    )
    profile = replace(profile, facts=3)
    twice = [[one, one] for one in (facts, passages)]
    chosen, names = [choose(contents, facts, profile)] * 2, [named[:0], named]
    without, mixed = seed(contents, counts, *twice, profile, chosen, names)
    [alone] = seed(contents, counts, [facts], [passages], profile, chosen[:1])
    np.testing.assert_array_equal(alone.weights, without.weights)
    expected = np.zeros(contents.graph.n_nodes)
    expected[without.nodes] = 0.6 * without.weights
    expected[named] += [0.4 * 2 / 3, 0.4 / 3]
    np.testing.assert_allclose(mixed.weights, expected[mixed.nodes])


def test_both_sides_of_a_comparison_come_first(asked):
    found = asked.retrieve(QUESTION, k=2)
    assert {hit.document_id for hit in found.hits} == {"a", "b"}


@pytest.mark.parametrize(("share", "target"), [(1.0, "Ben Jones"), (0.0, "Birth")])
def test_a_path_begins_at_the_name(asked, share, target):
    profile = replace(PROFILES["hippo"], facts=0, name_share=share)
    paths = [hit.explanation.path for hit in asked.retrieve(QUESTION, k=4, profile=profile, explain=True).hits]
    assert ("seed", target, None) in {(path[0].kind, path[0].target, path[0].sentence) for path in paths}
    kinds = {step.kind for path in paths for step in path if step.target == "Ben Jones" or step.source == "Ben Jones"}
    assert ("titles" in kinds) is (share > 0)


def test_what_a_question_leaves_open():
    assert without_names("Was Ada born after Ada Smith's son?", ["Ada", "Ada Smith"]) == "Was born after 's son?"
    assert without_names("Is Adam Ada's son?", ["Ada"]) == "Is Adam 's son?"
    assert without_names("(Ada)?", ["Ada"]) == "(Ada)?"


def test_the_walk_prefers_passages_of_what_is_open(asked):
    """With a name that the index knows left out, as if the question had never said it; unknown names stay."""
    retriever, profile = asked._retriever_now(), PROFILES["hippo"]
    assert retriever.opened([QUESTION], profile) == ["Who was born first, the painter or ?"]
    assert retriever.opened(["Who was Zoe Zander?"], profile) == ["Who was Zoe Zander?"]
    for unused in (replace(profile, open_question=False), replace(profile, query_gain=0.0), PROFILES["hipporag1"]):
        assert retriever.opened([QUESTION], unused) is None
    scores = []
    for opened in (True, False):
        changed = replace(profile, open_question=opened, query_gain=3.0)
        hits = asked.retrieve("Ada Smith: who was a sailor?", k=4, profile=changed).hits
        scores += [hit.score for hit in hits if hit.document_id == "b"]
    assert scores[0] > scores[1]


def test_a_question_is_encoded_with_its_open_part_in_one_call(tmp_path):
    class Noting(HashingEncoder):
        calls: list[list[str]] = []  # noqa: RUF012  (of this test alone)

        def encode(self, texts, *, kind="passage"):
            self.calls.append(list(texts))
            return super().encode(texts, kind=kind)

    with Hippo.open(tmp_path, encoder=Noting()) as memory:
        memory.add(DOCUMENTS)
        Noting.calls.clear()
        memory.retrieve_many([QUESTION, "Who paints?", QUESTION])
        assert Noting.calls == [[QUESTION, "Who paints?", "Who was born first, the painter or ?"]]
