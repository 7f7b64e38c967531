"""One writer, many readers; and a writer that is killed."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hippo import Document, Hippo
from hippo.errors import IndexBusyError
from hippo.extraction.pattern import PatternExtractor
from hippo.snapshot import Snapshot
from hippo.store import Store

DOCUMENTS = [
    Document(f"Person{number} met Friend{number % 7} in Town{number % 5}.", id=f"{number:04}") for number in range(60)
]


class WaitingExtractor:
    """The default extractor, which waits to be let go."""

    fingerprint = PatternExtractor().fingerprint

    def __init__(self) -> None:
        self.reached, self.go = threading.Event(), threading.Event()

    def extract(self, chunks):
        self.reached.set()
        assert self.go.wait(60)
        return PatternExtractor().extract(chunks)


def test_readers_go_on_while_a_writer_adds_and_a_second_writer_is_refused(tmp_path):
    with Hippo.open(tmp_path, encoder="hashing") as reader:
        reader.add(DOCUMENTS[:20])
        extractor = WaitingExtractor()
        with Hippo.open(tmp_path, extractor=extractor) as writer:
            thread = threading.Thread(target=writer.add, args=[DOCUMENTS])
            thread.start()
            assert extractor.reached.wait(60)
            before = reader.retrieve("Whom did Person3 meet?", k=100)
            assert len(before.hits) == 20
            began = time.monotonic()
            with pytest.raises(IndexBusyError, match="is being written to"):
                reader.add(DOCUMENTS[:1])
            assert time.monotonic() - began < 5
            with Hippo.open(tmp_path) as late:
                assert late.retrieve("Whom did Person3 meet?", k=100).hits == before.hits
            assert not reader.refresh()
            extractor.go.set()
            thread.join()
            assert len(writer.retrieve("Whom did Person3 meet?", k=100).hits) == 60
        assert reader.retrieve("Whom did Person3 meet?", k=100).hits == before.hits
        assert reader.refresh()
        assert not reader.refresh()
        assert len(reader.retrieve("Whom did Person3 meet?", k=100).hits) == 60


def test_what_a_reader_holds_stays_until_it_lets_go(tmp_path):
    with Hippo.open(tmp_path, encoder="hashing") as writer:
        writer.add(DOCUMENTS[:5])
        with Hippo.open(tmp_path) as reader:
            old = tmp_path / "snapshots" / reader.status().snapshot
            writer.add(DOCUMENTS[5:10])
            assert old.is_dir()
            assert len(reader.retrieve("Who?", k=100).hits) == 5
        writer.add(DOCUMENTS[10:15])
        assert not old.exists()


def test_another_process_is_refused_too(tmp_path):
    with Store.open(tmp_path, create=True):
        code = (
            "import sys; from hippo import Hippo; from hippo.errors import IndexBusyError\n"
            "try: Hippo.open(sys.argv[1], encoder='hashing').add('Rome.')\n"
            "except IndexBusyError as error: print(error)"
        )
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert f"process {os.getpid()}" in done.stdout


def test_threads_share_one_memory(tmp_path):
    with Hippo.open(tmp_path, encoder="hashing") as memory:
        memory.add(DOCUMENTS)
        expected = [memory.retrieve(f"Whom did Person{number} meet?").hits for number in range(10)]
        found: list[bool] = []

        def ask() -> None:
            answers = [fresh.retrieve(f"Whom did Person{number} meet?").hits for number in range(10)]
            found.append(answers == expected)

        with Hippo.open(tmp_path) as fresh:
            threads = [threading.Thread(target=ask) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert found == [True] * 4


class LoggingEncoder:
    """The hashing encoder; writes down what it encodes, and takes its time."""

    def __init__(self, log: Path, pause: float = 0.0) -> None:
        from hippo.testing import HashingEncoder

        self._encoder, self._log, self._pause = HashingEncoder(), log, pause

    fingerprint = "logging-1"
    dimension = 256

    def encode(self, texts, *, kind="passage"):
        time.sleep(self._pause)
        with self._log.open("a") as file:
            file.writelines(f"{kind}\t{text}\n" for text in texts)
        return self._encoder.encode(texts)


BATCH = 8
CONFIG = {"indexing": {"batch_texts": BATCH, "batch_chunks": BATCH}}


def add_slowly(root: str, log: str, started) -> None:
    with Hippo.open(root, encoder=LoggingEncoder(Path(log), 0.03), config=CONFIG) as memory:
        started.set()
        memory.add(DOCUMENTS)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL, which this system does not have")
@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_a_killed_writer_leaves_the_old_state_and_its_work(tmp_path, seed, begun):
    root, log = tmp_path / "index", tmp_path / "log"
    if begun:
        with Hippo.open(root, encoder=LoggingEncoder(log), config=CONFIG) as memory:
            memory.add(DOCUMENTS[:10])
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    process = context.Process(target=add_slowly, args=[str(root), str(log), started])
    process.start()
    assert started.wait(60)
    time.sleep(random.Random(seed * 2 + begun).uniform(0.0, 1.5))
    process.kill()
    process.join()
    with Hippo.open(root, encoder=LoggingEncoder(log), config=CONFIG) as memory:
        complete = process.exitcode == 0
        count = 60 if complete else 10 if begun else 0
        if memory.status().snapshot is None:
            assert not begun
        else:
            assert memory.status().chunks in {count, 60}
            assert len(memory.retrieve("Whom did Person3 meet?", k=100).hits) == memory.status().chunks
            with Snapshot.open(root, verify=True):
                pass
        report = memory.add(DOCUMENTS)
        assert (report.chunks, report.facts, report.failed) == (60, 60, ())
        assert len(memory.retrieve("Whom did Person3 meet?", k=100).hits) == 60
    logged = log.read_text().splitlines()
    lines = [line for line in logged if line != "passage\thippo" and not line.startswith("query")]
    assert len(lines) - len(set(lines)) <= BATCH, "only the batch that was being encoded is encoded again"
    assert sorted(item.name for item in root.iterdir()) == [
        "CURRENT",
        "identity.json",
        "runs",
        "snapshots",
        "store.duckdb",
    ]
    # The one before the newest was held by the memory that added.
    left = sorted(item.name for item in (root / "snapshots").iterdir())
    assert all(name.isdecimal() for name in left)
    assert len(left) <= 2
