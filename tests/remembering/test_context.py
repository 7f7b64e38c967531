"""Facts by themselves, and mixtures that keep to their budget."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hippo import Hippo
from hippo.errors import InputError
from hippo.reader.context import tokens

CORPUS = [
    {"id": "ada", "title": "Ada", "text": "Ada Smith lives in Oslo. She was born in Riga.", "timestamp": "2023-05-01"},
    {"id": "ben", "text": "Ben Jones met Ada Smith in Hull. What a day it was! How it rained, and rained."},
    {"id": "sea", "text": "The sea is cold, and nobody swims."},
]


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory):
    folder: Path = tmp_path_factory.mktemp("context")
    with Hippo.open(folder / "index", encoder="hashing") as opened:
        opened.add(CORPUS)
        yield opened


def test_facts_come_with_dates_and_sources(memory):
    found = memory.facts("Where does Ada Smith live?", k=3)
    assert [one.rank for one in found] == [1, 2, 3]
    assert (found[0].text, found[0].document_id) == ("Ada. Ada Smith lives in Oslo.", "ada")
    assert str(found[0].timestamp.date()) == "2023-05-01"
    assert found[0].score >= found[1].score
    assert memory.facts("Where does Ada Smith live?", triples=True) == []
    assert {one.document_id for one in memory.facts("Ada Smith", where="none = 1")} == set()
    assert len(memory.facts("Ada Smith", k=50)) == 3


def test_facts_first_then_passages_that_say_more(memory):
    found = memory.context("Where does Ada Smith live?", budget_tokens=300)
    assert found.text.startswith("Facts:\n- Ada. Ada Smith lives in Oslo. (2023-05-01, Ada, ada)\n")
    assert [item.kind for item in found.items] == ["fact"] * 3 + ["passage"] * 2
    # Two facts say all of the first passage.
    assert found.dropped == {"passage that facts say": 1}
    assert {item.document_id for item in found.items if item.kind == "passage"} == {"ben", "sea"}
    assert found.text.count("Passages:\n") == 1
    assert found.tokens == tokens(found.text) <= 300


def test_kinds_alone(memory):
    passages = memory.context("Where does Ada Smith live?", kinds=["passages"])
    assert {item.kind for item in passages.items} == {"passage"}
    assert len(passages.items) == 3
    facts = memory.context("Where does Ada Smith live?", kinds=["facts"])
    assert {item.kind for item in facts.items} == {"fact"}
    assert memory.context("Where does Ada Smith live?", kinds=["triples", "gists"]).text == ""


@settings(max_examples=15)
@given(budget=st.integers(32, 200), k=st.integers(1, 5))
def test_a_budget_is_kept_and_what_does_not_fit_is_counted(memory, budget, k):
    found = memory.context("Whom did Ben Jones meet, and where?", budget_tokens=budget, k=k)
    assert tokens(found.text) == found.tokens <= budget
    offered = len(found.retrieval.hits) + len(memory.facts("Whom did Ben Jones meet, and where?", k=k))
    assert len(found.items) + sum(found.dropped.values()) == offered


def test_what_is_no_context_is_refused(memory):
    for options in ({"budget_tokens": 31}, {"budget_tokens": 50.0}, {"kinds": "facts"}, {"kinds": ["words"]}):
        with pytest.raises(InputError):
            memory.context("Where?", **options)
