"""Two publishers at once: the second one is refused, and what is there stays whole."""

import errno
import os
import platform
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from hippo import Hippo
from hippo.errors import StorageError
from hippo.snapshot import SnapshotWriter, remove_old
from hippo.snapshot.remote import _alone, publish_to, pull
from hippo.storage.local import LocalFolder


def test_a_second_publisher_is_refused_while_one_is_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        memory.add(["Ada Arlen met Boris Bremau."])
    target, refused = tmp_path / "shared", []
    upload = LocalFolder.upload

    def meanwhile(folder: LocalFolder, path: Path, name: str) -> None:
        if not refused:
            with pytest.raises(StorageError, match=r"another publisher is at work: process \d+ on .* file PUBLISHING"):
                publish_to(tmp_path / "index", target)
            refused.append(name)
        upload(folder, path, name)

    monkeypatch.setattr(LocalFolder, "upload", meanwhile)
    assert publish_to(tmp_path / "index", target).snapshot == "000001"
    assert refused
    monkeypatch.undo()
    assert publish_to(tmp_path / "index", target).uploaded == 0
    assert not (target / "PUBLISHING").exists()
    assert pull(str(target), tmp_path / "cache")


def test_a_publisher_that_fails_lets_the_next_one_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        memory.add(["Ada Arlen met Boris Bremau."])

    def refuse(*_: object) -> None:
        raise StorageError("there", "no space left")

    monkeypatch.setattr(LocalFolder, "upload", refuse)
    with pytest.raises(StorageError, match="no space left"):
        publish_to(tmp_path / "index", tmp_path / "shared")
    monkeypatch.undo()
    assert publish_to(tmp_path / "index", tmp_path / "shared").snapshot == "000001"


def test_the_lock_of_a_publisher_that_died_is_taken_over(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    times = "since 2020-01-01T00:00:00+00:00 until {}-01-01T00:00:00+00:00, token 0123456789abcdef"
    here, elsewhere = f"process {ended.pid} on {platform.node()}, {times}", f"process 1 on elsewhere, {times}"
    folder = LocalFolder(tmp_path)
    for holder in (here.format(9999), elsewhere.format(2021)):
        folder.write("PUBLISHING", holder.encode())
        with _alone(folder):
            assert folder.read("PUBLISHING") != holder.encode()
        assert not folder.exists("PUBLISHING")
    for holder in (elsewhere.format(9999), here.format(9999).replace(str(ended.pid), str(os.getpid())), "a word"):
        folder.write("PUBLISHING", holder.encode())
        with pytest.raises(StorageError, match="another publisher is at work"), _alone(folder):
            pass
        assert folder.read("PUBLISHING") == holder.encode()


def test_a_publisher_whose_lock_was_taken_over_names_nothing(tmp_path: Path) -> None:
    folder = LocalFolder(tmp_path)
    with _alone(folder) as check:
        check()
        folder.write("PUBLISHING", b"another")
        with pytest.raises(StorageError, match="another publisher took the place"):
            check()
    assert folder.read("PUBLISHING") == b"another"


def test_a_lock_whose_reply_was_lost_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create = LocalFolder.create
    monkeypatch.setattr(LocalFolder, "create", lambda *given: create(*given) and create(*given))
    folder = LocalFolder(tmp_path)
    with _alone(folder) as check:
        check()
        assert folder.read("PUBLISHING")
    assert not (tmp_path / "PUBLISHING").exists()


def test_a_folder_that_stays_while_it_is_mapped_fails_no_publish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOTEMPTY, "Directory not empty")

    monkeypatch.setattr("shutil.rmtree", refuse)
    with SnapshotWriter(tmp_path, memory=1) as writer:
        table = writer.scratch.table(pa.schema({"a": pa.int64()}), [pa.record_batch({"a": [1]})])
        writer.table("names", table)
        writer.publish({})
    remove_old(tmp_path)
    assert len(list((tmp_path / "snapshots").glob(".tmp-*"))) == 1
    assert sorted(path.name for path in (tmp_path / "snapshots" / "000001").iterdir()) == [
        "manifest.json",
        "names.arrow",
    ]
    monkeypatch.undo()
    remove_old(tmp_path)
    assert [path.name for path in (tmp_path / "snapshots").iterdir()] == ["000001"]
