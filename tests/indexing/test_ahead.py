"""Embedding beside a language model: the same index as without, whatever goes wrong, and nothing done twice."""

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from hippo import Document, Hippo
from hippo.cli.app import app
from hippo.errors import EncodingError, LLMRefusedError
from hippo.llm import Caller
from hippo.snapshot import Snapshot
from hippo.store import Store
from hippo.testing import HashingEncoder, LLMServer, ScriptedLLM, respond
from hippo.types import ChangeReport, Completion, LLMRequest, Progress, TextKind

SMALL = {"batch_chunks": 3, "batch_texts": 4}
PATIENCE = 20.0


class Watched(HashingEncoder):
    """The hashing encoder; notes what it was given, and by whom, and does `at` before each call."""

    def __init__(self, at: Callable[[TextKind, Sequence[str]], None] = lambda *_: None) -> None:
        super().__init__(dimension=64)
        self.at, self.given, self.threads = at, Counter[tuple[str, str]](), set[str]()

    def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> Any:
        self.threads.add(threading.current_thread().name)
        self.at(kind, texts)
        self.given.update((kind, text) for text in texts if text != "hippo")
        return super().encode(texts, kind=kind)


class Elsewhere(ScriptedLLM):
    """Answers by rules, once `ready` says so of a request; `here` says that it computes in this process."""

    def __init__(self, ready: Callable[[LLMRequest], bool] = lambda _: True, *, here: bool = False) -> None:
        super().__init__(replies=replies)
        self.ready, self.in_process = ready, here

    async def complete(self, request: LLMRequest) -> Completion:
        async with asyncio.timeout(PATIENCE):
            while not self.ready(request):
                await asyncio.sleep(0.005)
        return await super().complete(request)


def replies(request: LLMRequest) -> str:
    """By rules, but to one passage, about which nothing of use is ever said."""
    return "No." if any("Sulky Sam" in message.content for message in request.messages) else respond(request)


SENTENCES = {
    "Ada Lovelace": "Ada Lovelace met Charles Babbage in London.",
    "Charles Babbage": "Charles Babbage designed the Difference Engine.",
    "Difference Engine": "The Difference Engine is shown in the Science Museum.",
    "London": "London lies on the Thames.",
    "Thames": "The Thames flows into the North Sea.",
}
CORPUS = [
    *(Document(text, f"{title} 1", title) for title, text in SENTENCES.items()),
    *(Document(f"{text} It is the second.", f"{title} 2", title) for title, text in SENTENCES.items()),
    Document("Sulky Sam met Charles Babbage in Riga.", "Sam"),
]


def opened(path: Path, llm: ScriptedLLM, encoder: Any, rules: str = "hippo") -> Hippo:
    config = {"indexing": SMALL, "llm": {"concurrency": 2}, "graph": {"rules": rules}}
    return Hippo.open(path, encoder=encoder, extractor="llm", llm=llm, overrides=config)


@pytest.fixture
def open_here(tmp_path: Path) -> Callable[..., Hippo]:
    def make(name: str, llm: ScriptedLLM, encoder: Any, rules: str = "hippo") -> Hippo:
        return opened(tmp_path / name, llm, encoder, rules)

    return make


@dataclass
class Made:
    """An index, and what it was made with."""

    report: ChangeReport
    encoder: Watched
    llm: ScriptedLLM
    sums: dict[str, str]


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    """Indexes by rules, made by a model of this process: nothing goes on beside it."""
    known: dict[str, Made] = {}

    def make(rules: str = "hippo") -> Made:
        if rules not in known:
            llm, encoder = Elsewhere(here=True), Watched()
            with opened(tmp_path_factory.mktemp("without") / "index", llm, encoder, rules) as memory:
                report = memory.add(CORPUS)
                known[rules] = Made(report, encoder, llm, sums(memory))
        return known[rules]

    return make


def sums(memory: Hippo) -> dict[str, str]:
    """Hash of every file of the snapshot, but when documents came."""
    with Snapshot.open(memory.path, verify=True) as snapshot:
        return {name: value for name, value in snapshot.sums.items() if not name.startswith("history.starts")}


@pytest.mark.parametrize(("rules", "most"), [("hippo", 1), ("hipporag", 8)])
def test_an_index_is_the_same_to_the_last_byte(open_here, without, monkeypatch, rules: str, most: int) -> None:
    monkeypatch.setattr("hippo.indexing.extract._OPEN", most)
    monkeypatch.setattr("hippo.indexing.ahead._READY", most)
    beside, other = Watched(), without(rules)
    with open_here("beside", Elsewhere(), beside, rules) as memory:
        report = memory.add(CORPUS)
        assert sums(memory) == other.sums
    assert (report.embedded, report.failed) == (other.report.embedded, other.report.failed)
    assert len(report.failed) == 1
    assert beside.given == other.encoder.given
    assert set(beside.given.values()) == {1}
    assert other.report.beside == {}
    assert report.beside["embed"] > 0
    assert "hippo-embed" in beside.threads - other.encoder.threads


class Sociable(Watched):
    """As encoders that pad: what else is in a batch shows in the last digits."""

    def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> Any:
        vectors = super().encode(texts, kind=kind)
        company = hashlib.blake2b("\n".join(texts).encode(), digest_size=8).digest()
        vectors[:, :8] += np.frombuffer(company, np.int8).astype(np.float32) * 1e-8
        return vectors


def test_vectors_do_not_depend_on_who_is_faster(open_here) -> None:
    """Even if the encoder does; without anything beside other texts meet in a batch, and the last digits are others."""
    asked = Counter[str]()

    def ready(request: LLMRequest) -> bool:
        text = str(request)
        asked[text] += 1
        return asked[text] > len(text) % 7

    def found(name: str, llm: ScriptedLLM, pause: float) -> Any:
        with open_here(name, llm, Sociable(lambda *_: time.sleep(pause))) as memory:
            memory.add(CORPUS)
            return memory.contents().vectors

    first = found("first", Elsewhere(), 0.0)
    for name, llm, pause in (("slow encoder", Elsewhere(), 0.01), ("slow model", Elsewhere(ready), 0.0)):
        again = found(name, llm, pause)
        assert [kind for kind in first if first[kind].tobytes() != again[kind].tobytes()] == []
    without = found("without", Elsewhere(here=True), 0.0)
    assert first["fact"].tobytes() != without["fact"].tobytes()
    for kind, vectors in first.items():
        assert np.abs(vectors - without[kind]).max() < 1e-5


def test_the_encoder_works_while_the_model_is_waited_for(open_here) -> None:
    """What is asked of the last passage is answered only when all passages, and facts of others, have their vectors."""
    encoder = Watched()

    def ready(request: LLMRequest) -> bool:
        late = any("North Sea. It is the second" in message.content for message in request.messages)
        kinds = Counter(kind for kind, _ in encoder.given)
        return not late or (kinds["passage"] == len(CORPUS) and kinds["fact"] > 0 and kinds["entity"] > 0)

    told: list[Progress] = []
    with open_here("index", Elsewhere(ready), encoder) as memory:
        report = memory.add(CORPUS, progress=told.append)
    assert set(encoder.given.values()) == {1}
    steps = [step for step in told if step.stage in ("extract", "embed")]
    ahead = [step for step in steps if step.stage == "embed" and step.total is None]
    assert ahead
    assert max(steps.index(step) for step in ahead) < len(steps) - 1
    assert [step.stage for step in steps].index("embed") < max(
        place for place, step in enumerate(steps) if step.stage == "extract"
    )
    assert steps[-1] == Progress("embed", report.embedded, report.embedded)
    done = [step.done for step in steps if step.stage == "embed"]
    assert done == sorted(done)


def test_passages_are_embedded_while_a_batch_of_requests_is_out(open_with) -> None:
    encoder = Watched()
    with (
        LLMServer(respond=replies, batch_delay=0.1) as server,
        open_with(server, encoder=encoder, batch=True) as memory,
    ):
        report = memory.add(CORPUS[:6])
    assert report.seconds["batches"] > 0
    assert report.beside["embed"] > 0
    assert set(encoder.given.values()) == {1}


def test_no_batch_is_waited_for_once_the_encoder_has_failed(open_with) -> None:
    def fail(kind: TextKind, texts: Sequence[str]) -> None:
        raise EncodingError("watched", f"cannot encode {len(texts)} of {kind}")

    with (
        LLMServer(respond=replies, batch_delay=600) as server,  # longer than anybody waits for a test
        open_with(server, encoder=Watched(fail), batch=True) as memory,
        pytest.raises(EncodingError, match="cannot encode"),
    ):
        memory.add(CORPUS[:6])


@pytest.mark.parametrize("failing", ["passage", "fact"])
def test_an_encoder_that_fails_ends_the_run_and_all_that_was_done_is_kept(open_here, without, failing: str) -> None:
    asked, calls = threading.Event(), Counter[str]()

    def ready(_: LLMRequest) -> bool:
        asked.set()
        return True

    def fail(kind: TextKind, texts: Sequence[str]) -> None:
        calls[kind] += 1
        if kind == failing and calls[kind] > 2:
            assert asked.wait(PATIENCE), texts
            raise EncodingError("watched", "out of memory")

    llm, bad, good = Elsewhere(ready), Watched(fail), Watched()
    with open_here("index", llm, bad) as memory:
        with pytest.raises(EncodingError, match="out of memory"):
            memory.add(CORPUS)
        with Store.open(memory.path) as store:
            assert store.facts_table().num_rows
    assert not [thread for thread in threading.enumerate() if thread.name == "hippo-embed"]
    with open_here("index", llm, good) as memory:
        memory.add(CORPUS)
        assert sums(memory) == without().sums
    assert max((bad.given + good.given).values()) == 1
    # What was on its way when the encoder failed was waited for: every reply was paid for once, those of no use aside.
    assert Counter(map(str, of_use(llm))) == Counter(map(str, of_use(without().llm)))


def of_use(llm: ScriptedLLM) -> list[LLMRequest]:
    """Requests but those that got no usable reply, which are repeated."""
    return [one for one in llm.requests if not any("Sulky Sam" in message.content for message in one.messages)]


def test_a_model_that_refuses_everything_leaves_vectors_and_no_thread(open_here) -> None:
    started = threading.Event()
    llm, encoder = ScriptedLLM(replies=replies), Watched(lambda kind, texts: started.set() if len(texts) > 1 else None)

    def refuse(request: LLMRequest) -> str:
        if not started.wait(PATIENCE):
            pytest.fail("nothing was embedded meanwhile")
        raise LLMRefusedError("scripted", "no money is left", "Pay")

    with open_here("index", ScriptedLLM(replies=refuse), encoder) as memory:
        with pytest.raises(LLMRefusedError, match="no money"):
            memory.add(CORPUS)
        assert not [thread for thread in threading.enumerate() if thread.name == "hippo-embed"]
        kept = sum(encoder.given.values())
        assert kept > 0
    with open_here("index", llm, encoder) as memory:
        report = memory.add(CORPUS)
        assert report.embedded == sum(encoder.given.values()) - kept
    assert set(encoder.given.values()) == {1}


def test_an_interrupt_ends_both_and_the_next_run_goes_on(open_here, without) -> None:
    encoder = Watched()

    def interrupt(progress: Progress) -> None:
        if progress.stage == "embed":
            raise KeyboardInterrupt

    with open_here("index", Elsewhere(), encoder) as memory:
        with pytest.raises(KeyboardInterrupt):
            memory.add(CORPUS, progress=interrupt)
        assert not [thread for thread in threading.enumerate() if thread.name == "hippo-embed"]
        before = sum(encoder.given.values())
        report = memory.add(CORPUS)
        assert (report.pending, report.embedded) == (0, sum(encoder.given.values()) - before)
        assert sums(memory) == without().sums
    assert set(encoder.given.values()) == {1}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals to processes are another thing on Windows")
def test_ctrl_c_ends_the_command_and_what_was_done_is_kept(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    for one in CORPUS:
        (notes / f"{one.id}.txt").write_text(f"{one.title}\n\n{one.text}\n", "utf-8")
    with LLMServer(latency=0.3) as server:
        env = {"HIPPO_LLM__OPENAI__BASE_URL": server.base_url, "HIPPO_LLM__CONCURRENCY": "1", "OPENAI_API_KEY": "none"}
        # Whoever runs these tests in the background has it ignore the signal, and so would the command.
        start = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        start += "from hippo.cli.app import run; run()"
        options = ["index", str(tmp_path / "index"), str(notes), "--encoder", "hashing", "--extractor", "llm"]
        command = [sys.executable, "-c", start, *options, "--llm", "openai:test", "--json"]
        process = subprocess.Popen(command, env={**os.environ, **env}, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        while server.stats().replies < 5:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        assert (process.returncode, b"interrupted" in said) == (130, True)
        done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, timeout=120, check=True)
        report = json.loads(done.stdout)
        assert (report["pending"], report["failed"], report["chunks"]) == (0, [], len(CORPUS))
        # The reply that was on its way may have been paid for, and what was embedded is not embedded again.
        assert len(server.stats().paid_twice) <= 1
        assert report["embedded"] < len(CORPUS) + report["facts"] + report["entities"]


def test_the_command_tells_what_went_on_beside(tmp_path: Path) -> None:
    (tmp_path / "ada.txt").write_text("Ada Smith was born in Riga.\n", "utf-8")
    found = {}
    with LLMServer() as server:
        env = {"HIPPO_LLM__OPENAI__BASE_URL": server.base_url}
        for extractor in ("llm", "pattern"):
            command = ["index", str(tmp_path / extractor), str(tmp_path / "ada.txt"), "--encoder", "hashing", "--json"]
            command += ["--extractor", extractor, *(["--llm", "openai:test"] if extractor == "llm" else [])]
            shown = CliRunner().invoke(app, [*command, "--quiet"], env=env)
            assert shown.exit_code == 0, shown.output
            found[extractor] = json.loads(shown.stdout)
    assert list(found["llm"]["beside"]) == ["embed"]
    assert found["pattern"]["beside"] == {}


def test_a_model_of_this_process_is_not_waited_for() -> None:
    from hippo.backends.llm.transformers import TransformersLLM
    from hippo.config import LLMConfig

    local, remote = TransformersLLM(model="some/model"), ScriptedLLM()
    assert [Caller(one, LLMConfig(), use="extraction").waits for one in (local, remote)] == [False, True]
