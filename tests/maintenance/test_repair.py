"""Repairing without a model, beside a writer, and through a crash: nothing that is sound is given up first."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from hippo import Hippo
from hippo.errors import IndexBusyError, IndexStateError, InputError
from hippo.export.place import new_folder
from hippo.llm import Replies
from hippo.maintenance import backup, check, prune, repair
from hippo.place import sizes
from hippo.snapshot import remove_old
from hippo.snapshot.current import announce
from hippo.snapshot.lock import lock
from hippo.store import Store
from hippo.testing import ScriptedLLM
from hippo.types import Completion

TEXTS = ["Ada Lovelace met Charles Babbage.", "Charles Babbage was born in London."]

FORKED = """
import os, pathlib, sys
from hippo.store import Store
from hippo.store.turns import changing, copying
with changing(pathlib.Path(sys.argv[1])):
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(ready, 1)
        os._exit(0)
import fcntl
descriptor = os.open(sys.argv[1], os.O_RDONLY)
fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
os.write(told, b"x")
os.waitpid(child, 0)
os.close(descriptor)
with Store.open(pathlib.Path(sys.argv[1])):
    child = os.fork()
    if child == 0:
        try:
            Store.open(pathlib.Path(sys.argv[1]))
        except Exception as error:
            print(type(error).__name__, error, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


def make(path: Path) -> None:
    with Hippo.open(path, encoder="none") as memory:
        memory.add(TEXTS)


@pytest.fixture
def root(prepared, tmp_path: Path) -> Path:
    return prepared(make, tmp_path / "index")


def damage_snapshot(root: Path) -> None:
    file = max(root.glob("snapshots/0*/chunks.arrow"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 255
    file.write_bytes(data)


def damage_store(root: Path) -> None:
    with Store.open(root) as store:
        store._connection.run("DELETE FROM facts WHERE ordinal = 0")


def tree(root: Path) -> dict[str, int]:
    return {str(file): file.stat().st_ino for file in sorted(root.rglob("*"))}


def test_a_snapshot_is_published_again_without_the_model_that_extracted(tmp_path):
    root = tmp_path / "index"
    with Hippo.open(root, encoder="none", extractor="llm", llm=ScriptedLLM()) as memory:
        memory.add(TEXTS)
        before = memory.status()
    damage_snapshot(root)
    after = repair(root)
    assert after.sound, after
    with Hippo.open(root) as memory:
        now = memory.status()
        assert (now.facts, now.extractor, now.snapshot) == (before.facts, before.extractor, "000002")
        assert memory.retrieve("Who met Babbage?").hits


def test_a_snapshot_that_is_published_again_is_the_same_and_says_what_waits(root: Path) -> None:
    with Hippo.open(root) as memory:
        info = dict(memory.contents().info)
    damage_snapshot(root)
    assert repair(root).sound
    with Hippo.open(root) as memory:
        assert memory.contents().info == info
    with Store.open(root) as store:
        store._connection.run("UPDATE ledger SET state = 'pending', fingerprint = NULL")
    damage_snapshot(root)
    repair(root)
    with Hippo.open(root) as memory:
        assert memory.status().pending == len(TEXTS)


def test_a_new_store_waits_for_the_model_and_readers_keep_their_snapshot(tmp_path):
    root = tmp_path / "index"
    with Hippo.open(root, encoder="none", extractor="llm", llm=ScriptedLLM()) as memory:
        memory.add(TEXTS)
    damage_store(root)
    after = repair(root)
    assert after.sound, after
    assert any("llm.name" in done for done in after.repaired)
    assert any("wait for extraction" in note for note in after.notes)
    with Hippo.open(root) as memory:
        assert memory.status().snapshot == "000001"


def test_a_missing_identity_is_made_again(root):
    (root / "identity.json").unlink()
    [problem] = check(root).problems
    assert problem.part == "identity"
    damage_snapshot(root)
    after = repair(root)
    assert after.sound, after
    assert json.loads((root / "identity.json").read_text())["encoder"] is None


def test_nothing_is_repaired_while_a_writer_is_at_work(root):
    damage_snapshot(root)
    with Store.open(root):
        before = tree(root)
        with pytest.raises(IndexBusyError):
            repair(root)
        assert tree(root) == before
    assert repair(root).sound


def test_what_a_writer_publishes_or_removes_is_a_note(root):
    shutil.copytree(root / "snapshots" / "000001", root / "snapshots" / "000002")
    with (root / "snapshots" / "000002" / "manifest.json").open("rb") as manifest:
        assert lock(manifest, exclusive=True)
        health = check(root)
    assert health.sound
    assert any("publishing" in note for note in health.notes)
    (root / "snapshots" / "000002" / "chunks.arrow").unlink()
    health = check(root)
    assert health.sound
    assert any("never announced" in note for note in health.notes)
    (root / "identity.json").unlink()
    after = repair(root)
    assert (after.sound, after.notes) == (True, ())


def test_a_snapshot_of_a_newer_version_is_a_note(root):
    shutil.copytree(root / "snapshots" / "000001", root / "snapshots" / "000000")
    manifest = root / "snapshots" / "000000" / "manifest.json"
    body = {**json.loads(manifest.read_text()), "format": 99}
    del body["sha256"]
    body["sha256"] = sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    manifest.write_text(json.dumps(body))
    health = check(root)
    assert health.sound
    assert any("000000 was not examined" in note for note in health.notes)


def test_a_crash_while_the_new_store_takes_its_place_loses_nothing(root, monkeypatch):
    damage_store(root)
    real = Path.replace

    def dying(self: Path, target: Path) -> Path:
        if Path(target).name == "store.duckdb":
            raise KeyboardInterrupt
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", dying)
        with pytest.raises(KeyboardInterrupt):
            repair(root)
    assert (root / "store.duckdb").is_file()
    assert repair(root).sound


def test_a_missing_table_is_damage(root):
    with Store.open(root) as store:
        store._connection.run("DROP TABLE mentions")
    [problem] = check(root).problems
    assert (problem.part, "mentions cannot be read" in problem.problem) == ("store", True)
    assert repair(root).sound


def test_what_the_disk_refuses_is_an_error_of_the_index(root, monkeypatch):
    damage_snapshot(root)

    def refuse(*_: object) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(sys.modules[repair.__module__], "_remove", refuse)
    with pytest.raises(IndexStateError, match="no space"):
        repair(root)


def test_a_check_of_replies_writes_nothing(root):
    file = root / "replies.sqlite"
    with closing(Replies(file)) as replies:
        replies.put("00", Completion("x"))
    before = tree(root), file.stat().st_mtime_ns
    assert check(root).sound
    assert (tree(root), file.stat().st_mtime_ns) == before
    (root / ".replies.sqlite-0000").touch()
    assert any("unfinished" in note for note in check(root).notes)
    prune(root)
    assert check(root).notes == ()


def test_an_index_that_was_made_before_there_were_rules_can_be_pruned(root):
    with Store.open(root) as store:
        identity = json.loads(store.meta()["identity"])
        del identity["settings"]["graph"]["rules"]
        store.set_meta({"identity": json.dumps(identity)})
    assert prune(root).before


def test_two_may_remove_the_same(root, monkeypatch):
    shutil.copytree(root / "snapshots" / "000001", root / "snapshots" / "000002")
    announce(root, "000002")
    real = Path.rename

    def late(self: Path, target: Path) -> Path:
        shutil.rmtree(self)
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", late)
        assert remove_old(root) == []
    assert sizes(root)["snapshots"] > 0


def test_a_read_only_index_can_be_copied_and_the_copy_written(root, tmp_path):
    for file in root.rglob("*"):
        if file.is_file():
            file.chmod(0o444)
    backup(root, tmp_path / "copy")
    assert all(file.stat().st_mode & 0o200 for file in (tmp_path / "copy").rglob("*"))


@pytest.mark.parametrize("target", [".", "", "/", ".."])
def test_a_copy_needs_a_name(target, tmp_path, monkeypatch):
    (tmp_path / "mine").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError), new_folder(Path(target)):
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_forked_processes_keep_no_turn_and_open_nothing_twice(root):
    done = subprocess.run([sys.executable, "-c", FORKED, str(root)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("IndexBusyError")
    assert "forked this one" in done.stdout
