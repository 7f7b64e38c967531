"""Filters: ranks, scores and explanations are those of an index of the allowed documents alone."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hippo import Hippo
from hippo.errors import FilterError
from hippo.filters import parse_where
from hippo.retrieval.filtered import Retrievers
from hippo.testing.scripted import ScriptedLLM

ENGLISH = [
    {"id": "ada", "title": "Ada Lovelace", "text": "Ada Lovelace met Charles Babbage in London.", "lang": "en"},
    {"id": "babbage", "title": "Charles Babbage", "text": "Charles Babbage was born in Walworth.", "lang": "en"},
    {"id": "london", "title": "London", "text": "London and Walworth lie on the Thames.", "lang": "en"},
]
SECRET = [
    {"id": "s1", "text": "CHARLES BABBAGE kept the Secret Ledger in Zurich.", "lang": "xx"},
    {"id": "s2", "text": "Ada Lovelace paid CHARLES BABBAGE from the Secret Ledger.", "lang": "xx"},
    {"id": "s3", "text": "CHARLES BABBAGE hid it.", "lang": "xx"},
]
QUESTION = "Where was the man whom Ada Lovelace met born?"


def make_all(path: Path) -> None:
    with Hippo.open(path, encoder="hashing") as opened:
        opened.add([*ENGLISH, *SECRET])


def make_alone(path: Path) -> None:
    with Hippo.open(path, encoder="hashing") as opened:
        opened.add(ENGLISH)


@pytest.fixture
def memory(prepared, tmp_path: Path):
    with Hippo.open(prepared(make_all, tmp_path / "all"), encoder="hashing", llm=ScriptedLLM()) as opened:
        yield opened


@pytest.fixture
def alone(prepared, tmp_path: Path):
    with Hippo.open(prepared(make_alone, tmp_path / "alone"), encoder="hashing") as opened:
        yield opened


@pytest.mark.parametrize("profile", ["hippo", "hipporag2", "hipporag1", "dense", "bm25", "hybrid"])
def test_a_filter_is_an_index_of_its_own(memory, alone, profile):
    found = memory.retrieve(QUESTION, k=9, profile=profile, explain=True, where="lang = 'en'")
    expected = alone.retrieve(QUESTION, k=9, profile=profile, explain=True)
    assert found.hits == expected.hits
    assert found.seeds == expected.seeds
    assert found.parameters["where"] == "lang = 'en'"
    said = json.dumps(found.to_dict())
    assert "Secret" not in said
    assert "CHARLES" not in said
    assert len(memory.retrieve(QUESTION, k=9, profile=profile).hits) == 6


def test_a_filter_may_be_a_mapping_and_choose_nothing(memory):
    assert {hit.document_id for hit in memory.retrieve(QUESTION, where={"lang": "xx"}).hits} == {"s1", "s2", "s3"}
    assert memory.retrieve(QUESTION, where="year = 3").hits == ()
    assert len(memory.retrieve(QUESTION, k=9, where="lang is not null").hits) == 6
    assert asyncio.run(memory.aretrieve(QUESTION, where="id = 'ada'")).hits[0].document_id == "ada"


@pytest.mark.parametrize("where", ["lang = ", "1=1; drop table documents", {"$where": "x"}, 7, "lower(lang) = 'en'"])
def test_a_wrong_filter_is_an_error(memory, where):
    with pytest.raises(FilterError):
        memory.retrieve(QUESTION, where=where)


def test_answers_cite_allowed_passages_alone(memory):
    answer = memory.ask(QUESTION, k=9, where="lang = 'en'")
    assert {hit.document_id for hit in answer.retrieval.hits} == {"ada", "babbage", "london"}
    assert {one.document_id for one in answer.citations} <= {"ada", "babbage", "london"}
    [other] = memory.ask_many([QUESTION], k=9, where="lang = 'xx'")
    assert {hit.document_id for hit in other.retrieval.hits} == {"s1", "s2", "s3"}
    stream = memory.ask_stream(QUESTION, k=9, where="lang = 'en'")
    assert "".join(stream)
    assert {hit.document_id for hit in stream.answer.retrieval.hits} == {"ada", "babbage", "london"}


def test_what_a_filter_chose_is_cut_out_once(memory, monkeypatch):
    cut = []
    original = Retrievers._cut
    monkeypatch.setattr(
        Retrievers, "_cut", lambda self, condition, time: cut.append(str(condition)) or original(self, condition, time)
    )
    for where in ("lang = 'en'", "lang='en'", {"lang": "en"}, "lang = 'xx'", "lang = 'en'"):
        memory.retrieve(QUESTION, where=where)
    assert cut == ["lang = 'en'", "lang = 'xx'"]
    memory.add([{"id": "new", "text": "Ada Lovelace was born in London.", "lang": "en"}])
    assert len(memory.retrieve(QUESTION, k=9, where="lang = 'en'").hits) == 4


def test_parts_are_kept_while_there_is_room(memory):
    whole = memory._retrievers_now()
    small = Retrievers(whole.whole.contents, whole._make, most_bytes=1)
    first, second = parse_where("lang = 'en'"), parse_where("lang = 'xx'")
    kept = small.of(first)
    assert small.of(first) is kept
    small.of(second)
    assert small.of(first) is not kept


def test_few_small_parts_are_kept_too(memory):
    whole = memory._retrievers_now()
    few = Retrievers(whole.whole.contents, whole._make, most_parts=2)
    for number in range(5):
        few.of(parse_where(f"year = {number}"))
    assert list(few._parts) == [("year = 3", None), ("year = 4", None)]


def test_the_size_of_a_part_is_that_of_all_its_arrays(memory):
    contents = memory.contents()
    words, moments = contents.words["passage"], contents.moments["passage"]
    assert contents.nbytes > words.vocabulary.nbytes + moments.covariance.nbytes + contents.mentions.nbytes
    assert contents.nbytes - type(contents)(**{**vars(contents), "moments": {}}).nbytes > moments.covariance.nbytes


def test_threads_wait_for_the_first_who_cuts(memory, monkeypatch):
    cut, go = [], threading.Event()
    original = Retrievers._cut

    def slowly(self, condition, time):
        cut.append(str(condition))
        go.wait(10)
        if "fails" in cut[0]:
            raise FilterError(str(condition), "no")
        return original(self, condition, time)

    monkeypatch.setattr(Retrievers, "_cut", slowly)
    retrievers = memory._retrievers_now()
    with ThreadPoolExecutor(4) as threads:
        found = [threads.submit(retrievers.of, parse_where("lang = 'en'")) for _ in range(4)]
        go.set()
        assert len({id(one.result()) for one in found}) == 1
    assert cut == ["lang = 'en'"]
    cut[:] = []
    for _ in range(2):
        with pytest.raises(FilterError):
            retrievers.of(parse_where("lang = 'fails'"))
    assert len(cut) == 2


def test_a_child_does_not_wait_for_threads_of_its_parent(memory):
    retrievers = memory._retrievers_now()
    retrievers._lock.acquire()
    retrievers._being_cut["lang = 'en'", None] = None
    memory._forked()
    assert len(memory.retrieve(QUESTION, k=9, where="lang = 'en'").hits) == 3
