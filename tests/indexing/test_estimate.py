"""What an `add` would take, said before it: compared with what it then takes."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hippo import Document, Hippo
from hippo.errors import IndexBusyError
from hippo.store import Store
from hippo.testing import Faults, LLMServer, respond
from hippo.types import LLMRequest

PRICES = {"input_price": 1000.0, "output_price": 2000.0}


class Counting:
    """Answers by the usual rules and counts words and marks on both sides, about as a tokenizer does."""

    def __init__(self) -> None:
        self.sent = self.received = 0

    def __call__(self, request: LLMRequest) -> str:
        texts = [message.content for message in request.messages]
        reply = respond(request)
        self.sent += sum(map(self.count, [*texts, json.dumps(request.schema) if request.schema else ""]))
        self.received += self.count(reply)
        return reply

    @staticmethod
    def count(text: str) -> int:
        return len(re.findall(r"\w+|[^\w\s]", text))


@pytest.mark.parametrize(("extractor", "calls"), [("llm", 2), ("pattern+llm", 2), ("llm", 1)])
def test_calls_are_those_of_a_clean_run(open_with, documents, extractor: str, calls: int) -> None:
    counting, options = Counting(), {"calls": calls}
    with (
        LLMServer(respond=counting) as server,
        open_with(server, extractor=extractor, extractor_options=options, **PRICES) as memory,
    ):
        said = memory.estimate([*documents, ""])
        assert (said.added, said.changed, said.unchanged, len(said.skipped)) == (8, 0, 0, 1)
        assert (said.chunks, said.calls, said.replayed) == (8, 8 * calls, 0)
        assert server.stats().arrived == 0
        assert not memory.path.exists()
        report = memory.add(documents)
    used = report.usage["extraction"]
    assert said.calls == used.requests == server.stats().arrived
    assert counting.sent / 2 < said.input_tokens < 2 * counting.sent
    assert 0 < said.output_tokens < 2 * counting.received  # short passages say more in a word than others
    assert said.cost == pytest.approx((1000 * said.input_tokens + 2000 * said.output_tokens) / 1e6)
    assert said.seconds["extract"] > 0
    assert said.seconds["embed"] > 0
    assert said.texts >= 8


def test_tokens_and_texts_are_near_on_the_sample_corpus(open_with, project) -> None:
    corpus = json.loads((project / "data" / "sample_corpus.json").read_text("utf-8"))[:40]
    counting = Counting()
    with LLMServer(respond=counting) as server, open_with(server) as memory:
        said = memory.estimate(corpus)
        report = memory.add(corpus)
    assert said.calls == report.usage["extraction"].requests == 80
    assert counting.sent / 1.5 < said.input_tokens < 1.5 * counting.sent
    assert counting.received / 1.5 < said.output_tokens < 1.5 * counting.received
    assert report.embedded / 2 < said.texts < 2.5 * report.embedded


def test_only_what_is_new_or_left_over_counts(server, open_with, documents) -> None:
    with open_with(server) as memory:
        memory.add(documents[:5])
        changed = replace(documents[0], text="Ada Lovelace wrote the first program.")
        said = memory.estimate([changed, *documents[1:]])
        assert (said.added, said.changed, said.unchanged) == (3, 1, 4)
        assert (said.chunks, said.calls, said.replayed) == (4, 8, 0)
        before = server.stats().arrived
        again = memory.estimate([changed, *documents[1:]])
        assert (again.chunks, again.calls) == (4, 8)  # looking changes nothing
        report = memory.add([changed, *documents[1:]])
        assert (report.added, report.changed, report.unchanged) == (3, 1, 4)
        assert server.stats().arrived - before == said.calls
        done = memory.estimate([changed, *documents[1:]])
        assert (done.unchanged, done.chunks, done.calls, done.texts) == (8, 0, 0, 0)


def test_replies_that_are_kept_are_not_asked_for(server, open_with, documents) -> None:
    server.faults = Faults(rate=1.0, kinds=("500",), only="Thames flows")
    with open_with(server, attempts=1) as memory:
        assert len(memory.add(documents).failed) == 1
        said = memory.estimate([])
        assert (said.added, said.unchanged, said.chunks, said.calls, said.replayed) == (0, 0, 1, 2, 0)
    # Another extractor with the same first prompts: what it would ask is in the cache already.
    with open_with(server, extractor="pattern+llm") as memory:
        said = memory.estimate([])
        assert (said.chunks, said.calls, said.replayed) == (8, 2, 14)
        server.reset()
        server.faults = None
        used = memory.add([]).usage["extraction"]
        assert (used.requests, used.replayed, server.stats().arrived) == (said.calls, said.replayed, said.calls)


def test_a_passage_whose_entities_are_known_needs_its_triples(server, open_with, documents) -> None:
    server.faults = Faults(rate=1.0, kinds=("500",), only='"triples"')
    with open_with(server, attempts=1) as memory:
        assert len(memory.add(documents).failed) == 8
        server.faults = None
        server.reset()
        said = memory.estimate([])
        assert (said.chunks, said.calls, said.replayed) == (8, 8, 8)
        used = memory.add([]).usage["extraction"]
        assert (used.requests, used.replayed, server.stats().arrived) == (8, 8, 8)


def test_what_failed_counts_once_though_its_document_has_changed(server, open_with, documents) -> None:
    server.faults = Faults(rate=1.0, kinds=("500",))
    with open_with(server, attempts=1) as memory:
        memory.add(documents[:3])
        server.faults = None
        changed = replace(documents[0], text="Ada Lovelace wrote the first program.")
        said = memory.estimate([changed])
        assert (said.changed, said.chunks, said.calls) == (1, 3, 6)
        assert memory.add([changed]).usage["extraction"].requests == 6


def test_an_unknown_price_is_not_zero(server, open_with, documents) -> None:
    with open_with(server) as memory:
        said = memory.estimate(documents)
        assert said.cost is None
        assert memory.add(documents).usage["extraction"].unpriced == said.calls
    with open_with(server, "batch", batch=True, **PRICES) as memory:
        half = memory.estimate(documents).cost
    with open_with(server, "live", **PRICES) as memory:
        assert half == pytest.approx(0.5 * memory.estimate(documents).cost)


def test_limits_on_rates_take_time(server, open_with, documents) -> None:
    with open_with(server, requests_per_minute=4) as memory:
        assert memory.estimate(documents).seconds["extract"] == pytest.approx(16 * 60 / 4)


def test_rules_ask_nobody(tmp_path, documents) -> None:
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        said = memory.estimate(documents)
        assert (said.chunks, said.calls, said.replayed, said.input_tokens, said.output_tokens) == (8, 0, 0, 0, 0)
        assert (said.cost, said.seconds["extract"]) == (0.0, 0.0)
        assert not memory.path.exists()
        report = memory.add(documents)
        assert report.embedded / 2 < said.texts < 2 * report.embedded
        assert memory.estimate(documents).texts == 0


def test_files_are_estimated_as_they_would_be_added(server, open_with, tmp_path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "ada.txt").write_text("Ada Lovelace met Charles Babbage.")
    (folder / "empty.txt").touch()
    with open_with(server) as memory:
        said = memory.estimate_files(folder)
        assert (said.added, said.chunks, said.calls, len(said.skipped)) == (1, 1, 2, 1)
        memory.add_files(folder)
        assert memory.estimate_files(folder).unchanged == 1
        assert memory.estimate([Document("Charles Babbage was born in London.")]).calls == 2


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def crash(index: Path) -> None:
    """Leave a log beside a store, as a process does that dies."""
    code = f"""
import duckdb, os
old = duckdb.connect({str(index / "store.duckdb")!r})
old.execute("UPDATE meta SET value = '1.0.0' WHERE key = 'duckdb_version'")
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("version", ["now", "older", "older, after a crash"])
def test_nothing_on_disk_changes(server, open_with, documents, make_older, version: str) -> None:
    with open_with(server) as memory:
        memory.add(documents[:5])
    index = memory.path
    if version != "now":
        make_older(index, 1)
    if "crash" in version:
        crash(index)
    before = contents(index)
    assert ("store.duckdb.wal" in before) == ("crash" in version)
    with open_with(server) as memory:
        said = memory.estimate(documents)
    assert (said.added, said.unchanged, said.chunks, said.calls) == (3, 5, 3, 6)
    assert contents(index) == before
    with open_with(server) as memory:
        assert memory.add(documents).added == 3


def test_no_index_is_made(server, open_with, documents, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "none"):
        with open_with(server, name) as memory:
            assert memory.estimate(documents).added == 8
    assert contents(tmp_path) == {}
    assert [item.name for item in tmp_path.iterdir()] == ["empty"]


def test_another_writer_is_waited_for(server, open_with, documents) -> None:
    with open_with(server) as memory:
        memory.add(documents[:1])
        with Store.open(memory.path), pytest.raises(IndexBusyError):
            memory.estimate(documents)


def test_each_request_has_its_own_price(server, open_with, tmp_path) -> None:
    pytest.importorskip("genai_prices", reason="genai-prices is not installed")
    text = "Ada Lovelace met Charles Babbage in London. " * 30
    documents = [Document(f"{text} {number}", id=str(number)) for number in range(300)]
    with Hippo.open(
        tmp_path / "index",
        encoder="none",
        extractor="llm",
        llm="openai:gemini-2.5-pro",  # its price doubles for requests of more than 200,000 tokens
        overrides={"llm": {"openai": {"base_url": server.base_url}}},
    ) as memory:
        one, all_ = memory.estimate(documents[:1]), memory.estimate(documents)
    assert all_.input_tokens > 200_000
    assert one.cost
    assert all_.cost == pytest.approx(300 * one.cost, rel=0.02)


def test_facts_and_entities_are_as_many_as_were_found_so_far(server, open_with, documents) -> None:
    with open_with(server) as memory:
        usual = memory.estimate(documents[4:]).texts
        memory.add(documents[:4])
        said = memory.estimate(documents[4:]).texts
        embedded = memory.add(documents[4:]).embedded
    assert embedded / 1.5 < said < 1.5 * embedded < usual
    with open_with(server, extractor="pattern+llm") as memory:  # another extractor, of which nothing is known
        assert memory.estimate([]).texts > 2 * said
