"""The graph of the published systems, from stored extractions: names, facts, counts and weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo import Document, Hippo
from hippo.errors import IndexMismatchError
from hippo.ids import ascii_key, entity_key
from hippo.types import Chunk, Extraction, Fact, Mention, Triple

RULES = {"graph": {"rules": "hipporag"}, "chunking": {"method": "document"}}
ALPHAS = {"relation": 2.0, "contains": 1.0, "synonym": 2.0, "follows": 0.0}


class Written:
    """Facts by the text of their chunk: triples, or texts with names; every name is a mention, and one more is."""

    fingerprint = "written/1"

    def __init__(self, facts):
        self.facts = facts

    def extract(self, chunks: list[Chunk]):
        return [self.one(chunk) for chunk in chunks]

    def one(self, chunk):
        facts = []
        for item in self.facts[chunk.text]:
            triple = Triple(*item) if len(item) == 3 else None
            names = (item[0], item[2]) if triple else item[1]
            keys = tuple(dict.fromkeys(map(entity_key, names)))
            text = " ".join(item) if triple else item[0]
            facts.append(Fact(text, keys, tuple({keys[:2]} if len(keys) > 1 else ()), 0, 1, triple))
        names = ["Only Mentioned", *(name for item in self.facts[chunk.text] if len(item) == 3 for name in item[::2])]
        mentions = tuple(Mention(entity_key(name), name, -1, -1) for name in names)
        return Extraction(chunk.id, mentions, tuple(facts))


@pytest.fixture
def index(tmp_path):
    def make(facts, encoder="none", config=RULES):
        with Hippo.open(tmp_path, encoder=encoder, extractor=Written(facts), config=config) as memory:
            memory.add([Document(text, id=text) for text in facts])
            return memory.contents()

    return make


def weights(contents):
    """Weight of every pair of nodes, named by entity key or passage text."""
    names = [*contents.entities.column("key").to_pylist(), *contents.chunks.column("text").to_pylist()]
    matrix = contents.graph.adjacency(ALPHAS).toarray()
    return {(names[low], names[high]): float(matrix[low, high]) for low, high in np.argwhere(np.triu(matrix))}


def test_triples_weigh_two_and_passages_one(index):
    contents = index({"p": [("Ada", "knew", "Bob"), ("Bob", "knew", "Ada"), ("Bob", "saw", "Bob")], "q": []})
    assert weights(contents) == {("ada", "bob"): 4.0, ("ada", "p"): 1.0, ("bob", "p"): 1.0}
    assert contents.facts.column("text").to_pylist() == [
        "('ada', 'knew', 'bob')",
        "('bob', 'knew', 'ada')",
        "('bob', 'saw', 'bob')",
    ]


def test_repeats_are_found_as_written_and_counted_as_normalised(index):
    """The same triple again is no other; the same in another spelling is."""
    triples = [("Ada", "knew", "Bob"), ("Ada", "knew", "Bob"), ("ADA", "knew", "Bob!"), ("Ada", "met", "Bob")]
    contents = index({"p": triples, "q": triples[:1]})
    assert weights(contents)["ada", "bob"] == 8.0
    assert contents.facts.num_rows == 4
    assert len(set(contents.facts.column("text").to_pylist())) == 2
    assert contents.entities.column("chunks").to_pylist() == [2, 2]


def test_only_facts_make_entities_and_mentions_name_them(index):
    contents = index({"p": [("The U.S. Army", "has", "Zoë’s Café"), ("Zoë’s Café", "is in", "北京")]})
    assert contents.entities.select(["key", "name"]).to_pylist() == [
        {"key": "", "name": "北京"},
        {"key": "the u s  army", "name": "The U.S. Army"},
        {"key": "zo  s caf", "name": "Zoë’s Café"},
    ]
    assert contents.facts.column("text").to_pylist()[1] == "('zo  s caf', 'is in', '')"


def test_facts_without_a_triple_keep_their_text(index):
    contents = index({"p": [("Ada met Zoë.", ["Ada", "Zoë"]), ("Ada slept.", ["Ada"])]})
    assert contents.facts.column("text").to_pylist() == ["Ada met Zoë.", "Ada slept."]
    assert weights(contents) == {("ada", "zo"): 2.0, ("ada", "p"): 1.0, ("zo", "p"): 1.0}


def test_synonyms_take_the_place_of_triples(index):
    """The hashing encoder finds the two spellings alike; nothing else is."""
    facts = {"p": [("Colour Museum", "was", "Color Museum")] * 2 + [("Bob", "knew", "Colour Museum")]}
    contents = index(facts, "hashing", {**RULES, "graph": {"rules": "hipporag", "synonym_threshold": 0.5}})
    names = contents.entities.column("key").to_pylist()
    vectors = contents.vectors["entity"]
    cosine = float(vectors[names.index("color museum")] @ vectors[names.index("colour museum")])
    assert 0.5 < cosine < 0.99
    found = weights(contents)
    assert found["color museum", "colour museum"] == pytest.approx(2 * cosine)
    assert found["bob", "colour museum"] == 2.0


class AllAlike:
    """One vector for every text."""

    fingerprint, dimension = "alike/1", 2

    def encode(self, texts, *, kind="passage"):
        return np.tile(np.array([[1.0, 0.0]], np.float32), (len(texts), 1))


def test_a_list_holds_one_more_than_its_limit(index):
    """As in the published code, whose lists have 101 names at a limit of 100. Of names as near the first are taken."""
    facts = {"p": [("aaa", "and", "aaa"), ("bbb", "and", "bbb"), ("ccc", "and", "ddd"), ("ee", "and", "ee")]}
    contents = index(facts, AllAlike(), {**RULES, "graph": {"rules": "hipporag", "synonym_max": 1}})
    found = {pair: weight for pair, weight in weights(contents).items() if "p" not in pair}
    assert found == {
        ("aaa", "bbb"): 2.0,
        ("aaa", "ccc"): 2.0,
        ("bbb", "ccc"): 2.0,
        ("aaa", "ddd"): 1.0,
        ("bbb", "ddd"): 1.0,
        ("ccc", "ddd"): 2.0,
    }


def test_without_synonyms_all_triples_count(index):
    facts = {"p": [("aaa", "and", "bbb"), ("aaa", "and", "ccc")]}
    contents = index(facts, AllAlike(), {**RULES, "graph": {"rules": "hipporag", "synonym_max": 0}})
    assert weights(contents)["aaa", "bbb"] == 2.0
    assert ("bbb", "ccc") not in weights(contents)


def test_an_index_keeps_its_rules(tmp_path, index):
    index({"p": [("Ada", "knew", "Bob")]})
    with pytest.raises(IndexMismatchError, match=r"entity keys 'ascii-1', but 'unicode-1' was asked for"):
        Hippo.open(tmp_path, config={"graph": {"rules": "hippo"}})
    with Hippo.open(tmp_path) as memory:
        assert memory.config.graph.rules == "hipporag"


def test_in_steps_as_at_once(tmp_path):
    facts = {
        f"passage {number}": [(f"Museum of {name}", "is near", f"the Museum of {name}s"), (name, "is in", "Rome")]
        for number, name in enumerate(["Art", "Arts", "Sound", "Sounds", "Stone"])
    }
    config = {**RULES, "graph": {"rules": "hipporag", "synonym_threshold": 0.5}}
    found = []
    for steps in ([5], [2, 5]):
        path = tmp_path / str(len(steps))
        for count in steps:
            with Hippo.open(path, encoder="hashing", extractor=Written(facts), config=config) as memory:
                memory.add([Document(text, id=text) for text in list(facts)[:count]])
                contents = memory.contents()
        assert contents.graph.weights["synonym"].any()
        found.append((weights(contents), contents.facts.to_pylist(), contents.entities.to_pylist()))
    assert found[0] == found[1]


@given(st.text())
def test_ascii_keys_hold_ascii_alone(text):
    key = ascii_key(text)
    assert ascii_key(key) == key == key.strip()
    assert set(key) <= set("abcdefghijklmnopqrstuvwxyz0123456789 ")
