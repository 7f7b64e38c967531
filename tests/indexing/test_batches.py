"""Indexing through a provider's batches: half the price, and nothing lost with the process that began."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any
from urllib.request import urlopen

import pytest

from hippo import Document, Hippo
from hippo.errors import ConfigError, LLMRequestError, LLMUnavailableError
from hippo.testing import Faults, LLMServer, ScriptedLLM
from hippo.types import Progress

PRICES = {"input_price": 1000.0, "output_price": 2000.0}


def batches(server: LLMServer) -> list[dict[str, Any]]:
    """All batches of a server, the oldest first."""
    with urlopen(f"{server.base_url}/batches") as reply:
        return list(reversed(json.load(reply)["data"]))


def test_half_the_price(open_with, facts_of, documents) -> None:
    with LLMServer(batch_delay=0.3) as server, open_with(server, batch=True, **PRICES) as memory:
        report = memory.add(documents)
        assert (report.failed, report.pending, report.stopped) == ((), 0, None)
        # The first question of all was asked live, so the first batch holds what follows from it.
        assert [batch["request_counts"]["completed"] for batch in batches(server)] == [8, 7]
        stats = server.stats()
        assert (stats.arrived, stats.most_at_once, stats.paid_twice) == (16, 1, ())
        used = report.usage["extraction"]
        assert (used.requests, used.input_tokens, used.output_tokens) == (16, stats.input_tokens, stats.output_tokens)
        whole = (1000 * used.input_tokens + 2000 * used.output_tokens) / 1e6
        assert 0.5 * whole < used.cost < 0.6 * whole
        assert report.seconds["batches"] >= 0.6
        found = facts_of(memory)
        assert memory.add(documents).usage["extraction"].requests == 0
        assert len(batches(server)) == 2
    with LLMServer() as server, open_with(server, "live") as memory:
        memory.add(documents)
        assert facts_of(memory) == found


def test_a_batch_outlives_the_process_that_began_it(open_with, facts_of, documents, tmp_path) -> None:
    program = (
        "import json, sys\n"
        "from hippo import Hippo\n"
        "path, url, documents = sys.argv[1:]\n"
        "llm = {'openai': {'base_url': url}, 'batch': True}\n"
        "memory = Hippo.open(path, encoder='hashing', extractor='llm', llm='openai:test', overrides={'llm': llm})\n"
        "memory.add(json.loads(documents))\n"
    )
    given = json.dumps([{"id": item.id, "title": item.title, "text": item.text} for item in documents])
    with LLMServer(batch_delay=1.5) as server:
        first = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "index"), server.base_url, given])
        deadline = time.monotonic() + 60
        while not batches(server) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)  # it waits for the batch now
        assert first.poll() is None
        os.kill(first.pid, signal.SIGKILL)
        assert first.wait() == -signal.SIGKILL
        assert [batch["status"] for batch in batches(server)] == ["in_progress"]
        with open_with(server, batch=True) as memory:
            report = memory.add([])
            assert (report.failed, report.pending, report.chunks) == ((), 0, 8)
            assert {owner for owner, _ in facts_of(memory)} == {item.id for item in documents}
        assert [batch["request_counts"]["total"] for batch in batches(server)] == [8, 6]
        assert server.stats().paid_twice == ()
        assert (server.stats().arrived, server.stats().most_at_once) == (16, 1)


def test_what_a_batch_did_not_answer_goes_into_the_next(open_with, documents) -> None:
    with LLMServer(faults=Faults(rate=1.0, kinds=("500", "timeout"), only="Thames")) as server:
        with open_with(server, batch=True, concurrency=1, attempts=1) as memory:

            def mend(progress: Progress) -> None:
                if progress.stage == "batches" and progress.done:
                    server.faults = None

            report = memory.add(documents, progress=mend)
        assert (report.failed, report.pending) == ((), 0)
        first, *_ = batches(server)
        assert first["request_counts"]["completed"] < first["request_counts"]["total"] == 8
        stats = server.stats()
        assert (stats.replies, stats.most_at_once, stats.paid_twice) == (16, 1, ())


def test_a_bad_reply_of_a_batch_is_complained_about_in_the_next(server, open_with, documents) -> None:
    server.faults = Faults(rate=1.0, kinds=("garbage",), only="Thames flows")

    def mend(progress: Progress) -> None:
        if progress.stage == "batches" and progress.done:
            server.faults = None

    with open_with(server, batch=True) as memory:
        assert memory.add(documents, progress=mend).failed == ()
    assert [batch["request_counts"]["total"] for batch in batches(server)] == [8, 7, 1]
    assert server.stats().most_at_once == 1


def test_a_limit_on_cost_holds_for_batches(server, open_with, documents) -> None:
    prices = {"input_price": 1000.0, "output_price": 0.0}
    with open_with(server, "clean", batch=True, **prices) as memory:
        once = memory.add(documents).usage["extraction"]
        whole = once.cost
    server.reset()
    with open_with(server, batch=True, max_cost=0.5 * whole, **prices) as memory:
        report = memory.add(documents)
        assert report.stopped is not None
        assert 0 < report.usage["extraction"].cost <= 0.5 * whole
        assert report.pending > 0
    with open_with(server, batch=True, max_cost=2 * whole, **prices) as memory:
        rest = memory.add([])
        assert (rest.stopped, rest.pending, rest.failed) == (None, 0, ())
    assert server.stats().paid_twice == ()
    both = report.usage["extraction"] + rest.usage["extraction"]
    assert (both.requests, both.input_tokens) == (16, once.input_tokens)
    assert whole < both.cost < 1.1 * whole  # each run asks its first question live


def test_a_batch_that_the_provider_has_lost_is_not_looked_for_for_ever(open_with, documents, tmp_path) -> None:
    def interrupt(progress: object) -> None:
        if getattr(progress, "stage", "") == "batches":
            raise KeyboardInterrupt

    with LLMServer(batch_delay=60.0) as server:
        port = int(server.url.rpartition(":")[2])
        with open_with(server, batch=True) as memory, pytest.raises(KeyboardInterrupt):
            memory.add(documents, progress=interrupt)
        assert len(batches(server)) == 1
    with LLMServer(port=port) as forgetful, open_with(forgetful, batch=True) as memory:
        with pytest.raises(LLMRequestError, match="there is no batch"):
            memory.add([])
        assert (memory.add([]).failed, memory.status().chunks) == ((), 8)


def test_a_provider_that_is_silent_for_a_moment_loses_no_batch(open_with, documents) -> None:
    server = LLMServer(batch_delay=0.6).start()
    back = threading.Timer(0.4, server.start)

    def interrupt(progress: Progress) -> None:
        if progress.stage == "batches" and not progress.done and back.ident is None:
            server.stop()
            back.start()

    with open_with(server, batch=True) as memory:
        report = memory.add(documents, progress=interrupt)
    back.join()
    assert (report.failed, report.pending) == ((), 0)
    assert [batch["request_counts"]["completed"] for batch in batches(server)] == [8, 7]
    server.stop()
    with open_with(server, "other", batch=True, attempts=2) as memory, pytest.raises(LLMUnavailableError):
        memory.add(documents)


def test_a_model_without_batches_and_a_cache_that_is_off_are_refused(server, open_with, tmp_path) -> None:
    overrides = {"llm": {"batch": True}}
    llm = ScriptedLLM()
    with Hippo.open(tmp_path / "scripted", encoder="hashing", extractor="llm", llm=llm, overrides=overrides) as memory:
        with pytest.raises(ConfigError, match=r"llm\.batch: 'scripted' takes no batches; set it to false"):
            memory.add([Document("Ada Lovelace met Charles Babbage.")])
        assert llm.calls == 0
    with open_with(server, batch=True, cache=False) as memory:
        with pytest.raises(ConfigError, match=r"llm\.batch: needs llm\.cache"):
            memory.add([Document("Ada Lovelace met Charles Babbage.")])
        assert batches(server) == []


def test_faults_all_over_lose_and_repeat_nothing(open_with, documents) -> None:
    faults = Faults(rate=0.4, kinds=("500", "cut", "timeout"), hang=0.01)
    with LLMServer(faults=faults, seed=3) as server, open_with(server, batch=True, concurrency=4) as memory:
        report = memory.add(documents)
        assert (report.failed, report.pending) == ((), 0)
        assert server.stats().paid_twice == ()
        assert sum(server.stats().faults.values()) > 2
