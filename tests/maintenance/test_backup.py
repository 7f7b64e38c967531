"""Copies of an index, at rest and while it is written to."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hippo import Hippo
from hippo.errors import IndexCorruptError, IndexPathError, InputError
from hippo.maintenance import backup, check, restore
from hippo.store import Store
from hippo.store.copy import copy_store

TEXTS = ["Ada Lovelace met Charles Babbage.", "Charles Babbage was born in London."]

WRITER = """
import sys
from hippo import Hippo
with Hippo.open(sys.argv[1], encoder="hashing") as memory:
    for number in range(1000):
        memory.add({"id": f"d{number}", "text": f"Number {number} follows Ada Lovelace to London."})
        print(number, flush=True)
"""

OPENER = "import pathlib, sys; from hippo.store import Store; Store.open(pathlib.Path(sys.argv[1]))"


def make(path: Path) -> None:
    with Hippo.open(path, encoder="hashing") as memory:
        memory.add(TEXTS)


@pytest.fixture
def root(prepared, tmp_path: Path) -> Path:
    return prepared(make, tmp_path / "index")


def test_a_backup_is_an_index(root, tmp_path):
    made = backup(root, tmp_path / "copy")
    assert (made.snapshot, made.files) == ("000001", len(list((tmp_path / "copy").rglob("*.*"))))
    assert check(tmp_path / "copy").sound
    restored = restore(tmp_path / "copy", tmp_path / "again")
    assert restored.bytes == made.bytes
    with Hippo.open(root) as first, Hippo.open(tmp_path / "again") as second:
        assert second.retrieve("Who met Babbage?").hits == first.retrieve("Who met Babbage?").hits
        report = second.add([*TEXTS, "London lies on the Thames."])
        assert (report.added, report.unchanged) == (1, 2)


def test_a_backup_never_replaces_anything(root, tmp_path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "mine").write_text("x")
    with pytest.raises(InputError, match="exists already"):
        backup(root, tmp_path / "copy")
    with pytest.raises(InputError, match="exists already"):
        restore(backup_of(root, tmp_path), root)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["copy", "good", "index"]


def backup_of(root: Path, tmp_path: Path) -> Path:
    backup(root, tmp_path / "good")
    return tmp_path / "good"


def flip(made: Path) -> None:
    file = made / "store.duckdb"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def lose(made: Path) -> None:
    next(made.rglob("*.npy")).unlink()


def escape(made: Path) -> None:
    file = made / "backup.json"
    body = json.loads(file.read_text())
    body["files"]["../stolen"] = {"bytes": 1, "sha256": "0"}
    file.write_text(json.dumps(body))


def overstate(made: Path) -> None:
    file = made / "backup.json"
    body = json.loads(file.read_text())
    next(iter(body["files"].values()))["bytes"] = float("inf")
    file.write_text(json.dumps(body))


def forget(made: Path) -> None:
    (made / "backup.json").unlink()


@pytest.mark.parametrize("damage", [flip, lose, escape, overstate, forget])
def test_a_damaged_backup_is_not_restored(root, tmp_path, damage):
    made = backup_of(root, tmp_path)
    damage(made)
    with pytest.raises(IndexCorruptError):
        restore(made, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_what_is_no_backup_is_not_restored(tmp_path):
    with pytest.raises(IndexPathError, match=r"nowhere: no such folder. `hippo backup` makes one"):
        restore(tmp_path / "nowhere", tmp_path / "again")


def test_backups_while_another_process_writes(root, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "busy")], stdout=subprocess.PIPE, text=True
    ) as writer:
        try:
            for turn in range(4):
                said = int(writer.stdout.readline())
                copy = tmp_path / f"copy-{turn}"
                backup(tmp_path / "busy", copy)
                assert check(copy).sound
                with Store.open(copy) as store:
                    assert store.documents_table().num_rows > said
        finally:
            writer.kill()


def test_a_backup_in_the_process_that_writes(root, tmp_path):
    with Store.open(root) as store:
        backup(root, tmp_path / "copy")
        # Its lock still keeps other processes out.
        done = subprocess.run([sys.executable, "-c", OPENER, str(root)], capture_output=True, text=True, check=False)
        assert "IndexBusyError" in done.stderr
        store.set_meta({"still": "writing"})
    assert check(tmp_path / "copy").sound


def test_a_copy_waits_for_the_end_of_a_transaction(root, tmp_path):
    with Store.open(root) as store:
        copied = threading.Event()

        def copy() -> None:
            copy_store(root / "store.duckdb", tmp_path / "store.duckdb")
            copied.set()

        with store._connection.transaction():
            store._connection.run("INSERT INTO meta VALUES ('half', 'done')")
            thread = threading.Thread(target=copy)
            thread.start()
            assert not copied.wait(0.3)
        thread.join(20)
        assert copied.is_set()
    (tmp_path / "other").mkdir()
    (tmp_path / "store.duckdb").rename(tmp_path / "other" / "store.duckdb")
    with Store.open(tmp_path / "other") as copied_store:
        assert copied_store.meta()["half"] == "done"
