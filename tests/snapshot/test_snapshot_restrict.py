"""A part of an index is the index of that part: every table, every array, every count."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hippo import Document, Hippo
from hippo.errors import InputError
from hippo.ids import entity_key
from hippo.snapshot.contents import Contents
from hippo.snapshot.restrict import restrict
from hippo.types import Chunk, Extraction, Fact, Mention, Triple

NAMES = ["Rome", "ROME", "Romes", "Ada Lovelace", "Ada Lovelaces", "ada lovelace", "Thames", "東京", "Zoë", "1911", "U"]
SENTENCES = [
    "Rome fell.",
    "ROME stood, and Rome fell in 1911.",
    "Then Ada Lovelace met Charles Babbage near the Thames.",
    "Charles Babbages Maschine was in Rome.",
    "The Thames flows into the North Sea, and the north sea is cold.",
    "nothing is named here.",
    "東京は日本の首都です。東京タワーは東京にあります。",
    "Zoë saw the North Seas and Ada Lovelaces Maschine.",
]
GRAPH = {"synonym_threshold": 0.4, "synonym_max": 1}

rules = st.sampled_from(["hippo", "hipporag"])
texts = st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=5).map(" ".join)
titles = st.sampled_from([None, "Rome", "Charles Babbage", "Ada Lovelaces"])
corpora = st.lists(st.tuples(titles, texts, st.booleans()), max_size=7)
triples = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(["saw", "SAW", "left"]), st.sampled_from(NAMES)))
imports = st.lists(
    st.tuples(triples, st.lists(st.sampled_from([*NAMES, "Bath"]), max_size=3), st.booleans()), max_size=7
)
writings = st.lists(
    st.tuples(
        st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4), max_size=3),
        st.lists(st.sampled_from([*NAMES, "Bath", "BATH"]), max_size=4),  # no fact names Bath
        st.booleans(),
    ),
    max_size=7,
)

# Every example makes two indexes, so a failing one is shown as found.
IN_EARNEST = settings(max_examples=4, phases=[Phase.explicit, Phase.reuse, Phase.generate])


def build(documents: list[Document], config: dict[str, Any], encoder: str = "hashing", **parts: Any) -> Contents:
    with tempfile.TemporaryDirectory() as folder, Hippo.open(folder, encoder=encoder, config=config, **parts) as memory:
        memory.add(documents)
        return memory.contents()


def assert_same(first: object, second: object, place: str = "contents") -> None:
    """The same types, dtypes, orders and values, through all parts."""
    assert type(first) is type(second), place
    if isinstance(first, pa.Table):
        assert first.schema.equals(second.schema), place
        assert first.equals(second), place
    elif isinstance(first, np.ndarray):
        assert (first.dtype, first.shape) == (second.dtype, second.shape), place
        assert first.tobytes() == second.tobytes(), place
    elif isinstance(first, dict):
        assert list(first) == list(second), place
        for key, value in first.items():
            assert_same(value, second[key], f"{place}[{key!r}]")
    elif isinstance(first, tuple):
        for number, pair in enumerate(zip(first, second, strict=True)):
            assert_same(*pair, f"{place}[{number}]")
    elif hasattr(first, "__dataclass_fields__"):
        for part in fields(first):
            if (place, part.name) != ("contents", "info"):
                assert_same(getattr(first, part.name), getattr(second, part.name), f"{place}.{part.name}")
    else:
        assert first == second, place


def assert_is_part(documents: list[tuple[Document, bool]], config: dict[str, Any], **parts: Any) -> None:
    whole = build([document for document, _ in documents], config, **parts)
    part = build([document for document, kept in documents if kept], config, **parts)
    by_id = {document.id: kept for document, kept in documents}
    ids = whole.documents.column("document_id").to_pylist()
    found = restrict(whole, np.array([by_id[key] for key in ids], bool))
    assert_same(found, part)
    left_out = set() if all(by_id.values()) else {"failed"}
    assert dict(found.info) == {key: value for key, value in part.info.items() if key not in left_out}


@IN_EARNEST
@given(rules, st.sampled_from(["hashing", "none"]), corpora)
def test_a_part_is_the_index_of_that_part(rules, encoder, corpus):
    config = {"graph": {**GRAPH, "rules": rules}, "chunking": {"max_tokens": 16}}
    documents = [
        (Document(text, id=f"{number}", title=title, metadata={"number": number}, source=f"file {number}"), kept)
        for number, (title, text, kept) in enumerate(corpus)
    ]
    assert_is_part(documents, config, encoder=encoder)


@IN_EARNEST
@given(rules, imports)
def test_a_part_of_imported_triples(rules, corpus):
    passages = [f"{number} {' '.join(names)}" for number, (_, names, _) in enumerate(corpus)]
    records = [
        {"idx": passage, "passage": passage, "extracted_entities": names, "extracted_triples": said}
        for passage, (said, names, _) in zip(passages, corpus, strict=True)
    ]
    del records[2:3]  # a failure
    documents = [(Document(text, id=text), kept) for text, (*_, kept) in zip(passages, corpus, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "openie.json"
        path.write_text(json.dumps({"docs": records}), encoding="utf-8")
        config = {
            "graph": {**GRAPH, "rules": rules},
            "chunking": {"method": "document"},
            "extractor": {"name": "imported", "imported": {"path": str(path)}},
        }
        assert_is_part(documents, config)


class Written:
    """What an extractor may say: names without a fact, facts without a name or a relation, relations said twice."""

    fingerprint = "written/1"

    def __init__(self, said: dict[str, tuple[list[list[str]], list[str]]]) -> None:
        self.said = said

    def extract(self, chunks: Sequence[Chunk]) -> list[Extraction]:
        return [self.one(chunk.id, *self.said[chunk.text]) for chunk in chunks]

    def one(self, chunk_id: str, facts: list[list[str]], names: list[str]) -> Extraction:
        mentions = tuple(Mention(entity_key(name), name, -1, -1) for name in names)
        found = []
        for named in facts:
            keys = tuple(dict.fromkeys(map(entity_key, named)))
            pairs = tuple(zip(keys[::2], keys[1::2], strict=False)) * 2
            triple = Triple(named[0], "saw", named[-1]) if len(named) > 2 else None
            found.append(Fact(" ".join(named), keys, pairs, 0, 1, triple))
        return Extraction(chunk_id, mentions, tuple(found))


@IN_EARNEST
@given(rules, writings)
def test_a_part_of_whatever_an_extractor_says(rules, corpus):
    said = {f"passage {number}": (facts, names) for number, (facts, names, _) in enumerate(corpus)}
    documents = [(Document(text, id=text), kept) for text, (*_, kept) in zip(said, corpus, strict=True)]
    assert_is_part(documents, {"graph": {**GRAPH, "rules": rules}}, extractor=Written(said))


@pytest.fixture(scope="module")
def whole() -> Contents:
    said = [
        " ".join(SENTENCES),
        "ROME stood. ROME fell.",
        "Then Rome slept. There Rome fell. Then Rome stood.",
        "they slept",
    ]
    documents = [Document(text, id=f"{number}", title="Rome") for number, text in enumerate(said)]
    return build(documents, {"graph": GRAPH, "chunking": {"max_tokens": 16}})


def test_the_corpus_has_all_that_can_go_wrong(whole):
    assert all(whole.info["edges"].values())
    assert set(whole.info["edges"]) == {"relation", "contains", "titles", "synonym", "follows"}
    assert whole.n_chunks > 4 == whole.documents.num_rows


def test_an_entity_is_named_as_the_part_names_it(whole):
    def name(*kept):
        found = restrict(whole, np.isin(np.arange(4), kept)).entities.to_pylist()
        return next((row["name"], row["chunks"]) for row in found if row["key"] == "rome")

    assert name(1)[0] == "ROME"
    assert name(1, 2)[0] == "Rome"
    assert name(0, 1, 2, 3)[1] == whole.n_chunks > name(1, 2)[1] == 2


def test_a_pair_that_strangers_crowded_out_comes_back():
    """Of two names that are alike each has a nearer one, in a document that is left out."""
    said = ["They saw Colour Museum.", "They saw Color Museum.", "They saw Colour Museums.", "They saw Color Museums."]
    documents = [(Document(text, id=f"{number}"), number < 2) for number, text in enumerate(said)]
    config = {"graph": {"synonym_threshold": 0.3, "synonym_max": 1}}
    whole = build([document for document, _ in documents], config)
    keys = whole.entities.column("key").to_pylist()
    first, second = keys.index("color museum"), keys.index("colour museum")
    assert whole.graph.adjacency({"relation": 0, "contains": 0})[first, second] == 0
    assert restrict(whole, np.arange(4) < 2).info["edges"]["synonym"] == 1
    assert_is_part(documents, config)


def test_all_documents_are_the_index_itself_and_none_an_empty_one(whole):
    assert restrict(whole, np.ones(4, bool)) is whole
    empty = restrict(whole, np.zeros(4, bool))
    assert_same(empty, build([], {"graph": GRAPH, "chunking": {"max_tokens": 16}}))
    assert (empty.n_chunks, empty.info["entities"], empty.info["documents"]) == (0, 0, 0)


def test_a_part_of_a_part_is_a_part(whole):
    twice = restrict(restrict(whole, np.array([True, True, False, True])), np.array([False, True, True]))
    assert_same(twice, restrict(whole, np.array([False, True, False, True])))


def test_the_whole_stays_as_it_was(whole):
    before = whole.entities.to_pydict(), whole.graph.indices.copy()
    restrict(whole, np.array([True, False, False, False]))
    assert whole.entities.to_pydict() == before[0]
    assert np.array_equal(whole.graph.indices, before[1])


@pytest.mark.parametrize("documents", [np.ones(3, bool), np.ones(4), np.ones((4, 1), bool)])
def test_what_is_no_choice_of_documents_is_refused(whole, documents):
    with pytest.raises(InputError, match=r"documents must be bool \(4,\), got (bool|float64) \("):
        restrict(whole, documents)
