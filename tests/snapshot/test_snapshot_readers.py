"""Publishing and removing while others read, and writers that die on the way."""

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hippo.errors import IndexStateError, InputError
from hippo.snapshot import Snapshot, SnapshotWriter, current, remove_old
from hippo.snapshot import write as write_module

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock: old snapshots are kept")


def publish(root: Path, value: int) -> str:
    with SnapshotWriter(root) as writer:
        writer.array("value", np.full(10_000, value))
        return writer.publish({"value": value})


def folders(root: Path) -> list[str]:
    return sorted(item.name for item in (root / "snapshots").iterdir())


def test_a_reader_keeps_what_it_opened(tmp_path: Path) -> None:
    publish(tmp_path, 1)
    reader = Snapshot.open(tmp_path)
    array = reader.array("value")
    for value in (2, 3, 4):
        publish(tmp_path, value)
    assert remove_old(tmp_path) == ["000002", "000003"]
    assert (reader.array("value") == 1).all()
    second = Snapshot.open(tmp_path, "000001")
    reader.close()
    assert remove_old(tmp_path) == []
    second.close()
    assert remove_old(tmp_path) == ["000001"]
    assert (array == 1).all()
    assert folders(tmp_path) == ["000004"]
    with Snapshot.open(tmp_path, verify=True) as snapshot:
        assert snapshot.info["value"] == 4


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="the system cannot be asked")
def test_what_questions_read_is_read_ahead_where_there_is_memory_for_it(tmp_path: Path, monkeypatch: Any) -> None:
    with SnapshotWriter(tmp_path) as writer:
        for name in ("graph.indptr", "graphs", "words.fact.texts"):
            writer.array(name, np.arange(1000))
        writer.publish({})
    asked = []

    def advise(file: int, start: int, length: int, advice: int) -> None:
        assert (start, length, advice) == (0, 0, os.POSIX_FADV_WILLNEED)
        asked.append(Path(f"/proc/self/fd/{file}").readlink().name)

    monkeypatch.setattr(os, "posix_fadvise", advise)
    with Snapshot.open(tmp_path) as snapshot:
        snapshot.read_ahead("words", "graph")
        assert asked == ["words.fact.texts.npy", "graph.indptr.npy"]
        (tmp_path / "limit").write_text("16384\n", "utf-8")
        monkeypatch.setattr("hippo.snapshot.read._LIMITS", (tmp_path / "limit",))
        snapshot.read_ahead("words", "graph")
        assert len(asked) == 2
        (tmp_path / "limit").write_text("max\n", "utf-8")
        snapshot.read_ahead("words", "graph")
        assert len(asked) == 4
        monkeypatch.setattr(os, "sysconf", lambda name: 128)
        snapshot.read_ahead("words", "graph")
        assert len(asked) == 4


def test_a_reader_in_another_process_holds_until_it_dies(tmp_path: Path) -> None:
    publish(tmp_path, 1)
    code = """
        import sys, pathlib
        from hippo.snapshot import Snapshot
        snapshot = Snapshot.open(pathlib.Path(sys.argv[1]))
        print("open", flush=True)
        sys.stdin.read()
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        publish(tmp_path, 2)
        assert remove_old(tmp_path) == []
        process.kill()
    assert remove_old(tmp_path) == ["000001"]


def test_keep(tmp_path: Path) -> None:
    for value in range(5):
        publish(tmp_path, value)
    assert remove_old(tmp_path, keep=3) == ["000001", "000002"]
    assert remove_old(tmp_path, keep=9) == []
    with pytest.raises(InputError, match="at least 1, got 0"):
        remove_old(tmp_path, keep=0)


def test_numbers_go_on_after_a_removal_and_past_six_digits(tmp_path: Path) -> None:
    publish(tmp_path, 1)
    (tmp_path / "snapshots" / "000001").rename(tmp_path / "snapshots" / "999999")
    assert publish(tmp_path, 2) == "1000000"
    assert current(tmp_path) == "1000000"
    assert remove_old(tmp_path) == ["999999"]
    assert publish(tmp_path, 3) == "1000001"


def test_a_writer_that_gives_up_leaves_nothing(tmp_path: Path) -> None:
    publish(tmp_path, 1)

    def give_up() -> None:
        with SnapshotWriter(tmp_path) as writer:
            writer.array("value", np.arange(3))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        give_up()
    assert folders(tmp_path) == ["000001"]


def test_leftovers_of_dead_writers_go_and_living_ones_stay(tmp_path: Path) -> None:
    publish(tmp_path, 1)
    code = """
        import os, sys, pathlib, numpy
        from hippo.snapshot import SnapshotWriter
        writer = SnapshotWriter(pathlib.Path(sys.argv[1]))
        writer.array("value", numpy.arange(10))
        os._exit(1)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(tmp_path)], check=False, timeout=60)
    (tmp_path / "snapshots" / ".tmp-empty").mkdir()
    assert len(folders(tmp_path)) == 3
    with SnapshotWriter(tmp_path) as writer:
        Snapshot.open(tmp_path).close()
        assert remove_old(tmp_path) == []
        assert len(folders(tmp_path)) == 2
        assert writer.publish({}) == "000002"
    assert folders(tmp_path) == ["000001", "000002"]


@pytest.mark.parametrize("step", ["_complete", "sync_directory", "announce"])
@pytest.mark.parametrize("before", [0, 1])
def test_a_crash_before_current_keeps_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, before: int
) -> None:
    for value in range(before):
        publish(tmp_path, value)

    announce = write_module.announce

    def crash(*arguments: Any) -> None:
        if step == "announce" and arguments[1] is None:
            announce(*arguments)
        else:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(SnapshotWriter if step == "_complete" else write_module, step, crash)
        with pytest.raises(IndexStateError, match=r"could not be written: .* No space left"):
            publish(tmp_path, 99)
    assert current(tmp_path) == ("000001" if before else None)
    newer = publish(tmp_path, 7)
    with Snapshot.open(tmp_path, verify=True) as snapshot:
        assert snapshot.info["value"] == 7
    remove_old(tmp_path)
    assert folders(tmp_path) == [newer]


def test_readers_never_fail_while_a_writer_publishes_and_removes(tmp_path: Path) -> None:
    publish(tmp_path, 0)
    stop, errors, opened = threading.Event(), [], []

    def read() -> None:
        last = 0
        try:
            while not stop.is_set():
                with Snapshot.open(tmp_path) as snapshot:
                    values = snapshot.array("value")
                    assert (values == snapshot.info["value"]).all()
                    assert snapshot.info["value"] >= last
                    last = snapshot.info["value"]
                    opened.append(last)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for value in range(1, 25):
        publish(tmp_path, value)
        remove_old(tmp_path)
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(set(opened)) > 3
    remove_old(tmp_path)
    assert folders(tmp_path) == ["000025"]
