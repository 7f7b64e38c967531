"""A memory that opens newer snapshots by itself."""

import gc
import os
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from hippo import Hippo
from hippo.errors import IndexCorruptError, IndexMismatchError
from hippo.snapshot import Snapshot, current
from hippo.testing import HashingEncoder, ScriptedLLM
from hippo.types import Completion, TextKind, Usage


def until(true: Callable[[], bool], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.01)


def watchers() -> int:
    return sum(thread.name == "hippo-watch" for thread in threading.enumerate())


def test_what_others_publish_appears(tmp_path: Path) -> None:
    with Hippo.open(tmp_path, encoder="hashing") as writer:
        with (
            Hippo.open(tmp_path, encoder="hashing", watch=True) as reader,
            Hippo.open(tmp_path, encoder="hashing") as held,
        ):
            assert reader.status().snapshot is None
            for number in range(3):
                name = writer.add(f"Person{number} lives in Town{number}.").snapshot
                until(lambda name=name: reader.status().snapshot == name)
                assert len(reader.retrieve("Who lives where?", k=9).hits) == number + 1
            assert held.status().snapshot is None
            assert reader.watch_error is None
            assert watchers() == 1
        assert watchers() == 0


def test_a_memory_that_nobody_has_is_not_watched_on(tmp_path: Path) -> None:
    memory = Hippo.open(tmp_path, encoder="hashing", watch=True)
    assert watchers() == 1
    del memory
    gc.collect()
    until(lambda: watchers() == 0)


def test_errors_are_kept_and_end(tmp_path: Path) -> None:
    with Hippo.open(tmp_path, encoder="hashing") as writer:
        writer.add("Rome lies on the Tiber.")
        with Hippo.open(tmp_path, watch=True) as reader:
            newest = tmp_path / "CURRENT"
            newest.write_text("000009\n")
            until(lambda: reader.watch_error is not None)
            assert isinstance(reader.watch_error, IndexCorruptError)
            assert len(reader.retrieve("Where is Rome?").hits) == 1
            newest.write_text(f"{writer.status().snapshot}\n")
            until(lambda: reader.watch_error is None)
            name = writer.add("Lima lies on the Rímac.").snapshot
            until(lambda: reader.status().snapshot == name)


def test_nobody_waits_while_a_newer_snapshot_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question is answered from the older one meanwhile; the newer one is read by then."""
    opening, go_on = threading.Event(), threading.Event()
    opens = Snapshot.open

    def slowly(path: Path) -> Snapshot:
        opening.set()
        assert go_on.wait(60)
        return opens(path)

    class Counting(HashingEncoder):
        calls = 0

        def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> "np.ndarray":
            self.calls += 1
            return super().encode(texts, kind=kind)

    encoder = Counting()
    with Hippo.open(tmp_path, encoder="hashing") as writer, Hippo.open(tmp_path, encoder=encoder) as reader:
        writer.add("Rome lies on the Tiber.")
        reader.refresh()
        assert len(reader.retrieve("Where is Rome?").hits) == 1
        name = writer.add("Lima lies on the Rímac.").snapshot
        encoded = encoder.calls
        monkeypatch.setattr(Snapshot, "open", slowly)
        with ThreadPoolExecutor(1) as pool:
            renewed = pool.submit(reader.refresh, prepare=True)
            assert opening.wait(60)
            assert len(reader.retrieve("Where is Rome?").hits) == 1
            encoded += 1
            go_on.set()
            assert renewed.result()
        assert encoder.calls == encoded
        assert reader.snapshot == name
        assert "passages" in vars(reader._retriever_now().linkers)
        assert len(reader.retrieve("Where is Rome?").hits) == 2


def test_an_index_made_otherwise_is_said(tmp_path: Path) -> None:
    with Hippo.open(tmp_path, encoder="none", watch=True) as reader:
        with Hippo.open(tmp_path, encoder="hashing") as writer:
            writer.add("Rome lies on the Tiber.")
        until(lambda: reader.watch_error is not None)
        assert isinstance(reader.watch_error, IndexMismatchError)


def test_a_call_stays_with_its_snapshot(tmp_path: Path) -> None:
    """Between two rounds of one call another snapshot is published and opened; the call does not see it."""
    with Hippo.open(tmp_path, encoder="hashing") as writer:
        writer.add({"id": "old", "text": "Rome lies on the Tiber."})

        def answer(request: object) -> Completion:
            name = writer.add({"id": "new", "text": "Ostia lies on the Tiber, too. Rome is near."}).snapshot
            until(lambda: reader.status().snapshot == name)
            return Completion("Rome lies on a river; which one is it?", "stop", Usage())

        with Hippo.open(tmp_path, watch=True, llm=ScriptedLLM(replies=answer)) as reader:
            found = reader.retrieve("On which river does Rome lie?", steps=2, k=5)
            assert [hit.document_id for hit in found.hits] == ["old"]
            assert {hit.document_id for hit in reader.retrieve("On which river?", k=5).hits} == {"old", "new"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_watches_too(tmp_path: Path) -> None:
    with Hippo.open(tmp_path, encoder="hashing") as writer:
        writer.add("Rome lies on the Tiber.")
        with Hippo.open(tmp_path, watch=True) as reader:
            ready, told = os.pipe()
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    os.write(told, b"!")
                    until(lambda: reader.status().documents == 2)
                    code = 0 if len(reader.retrieve("Where?").hits) == 2 else 2
                    reader.close()
                except BaseException:
                    traceback.print_exc()
                finally:
                    os._exit(code)
            assert os.read(ready, 1) == b"!"
            writer.add("Lima lies on the Rímac.")
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            until(lambda: reader.status().documents == 2)
    assert current(tmp_path) == "000002"
