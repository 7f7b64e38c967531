"""Examining and repairing: damage of every part is named, and all comes back."""

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from hippo import Hippo
from hippo.errors import IndexCorruptError, IndexPathError
from hippo.llm import Replies
from hippo.maintenance import backup, check, repair
from hippo.recalls import RECALLS_FILE, Recalls
from hippo.store import Store
from hippo.types import Completion

TEXTS = ["Ada Lovelace met Charles Babbage.", "Charles Babbage was born in London.", "London lies on the Thames."]
QUESTION = "Where was the man whom Ada Lovelace met born?"


def make(path: Path) -> None:
    with Hippo.open(path, encoder="hashing") as memory:
        memory.add(TEXTS[:2])
        memory.add(TEXTS[2:])


@pytest.fixture
def root(prepared, tmp_path: Path) -> Path:
    return prepared(make, tmp_path / "index")


def hits(root: Path) -> list[tuple[str, float]]:
    with Hippo.open(root) as memory:
        return [(hit.text, hit.score) for hit in memory.retrieve(QUESTION, k=3).hits]


def in_store(root: Path, statement: str) -> None:
    with Store.open(root) as store:
        store._connection.run(statement)


def test_a_sound_index_is_left_alone(root):
    files = {file: file.read_bytes() for file in root.rglob("*") if file.is_file()}
    health = check(root)
    assert health.sound
    assert not health.notes
    assert set(health.checked) == {"store", "current", "identity", "runs", "snapshot 000002"}
    assert repair(root) == health
    assert {file: file.read_bytes() for file in root.rglob("*") if file.is_file()} == files


def test_no_index_is_an_error(tmp_path):
    with pytest.raises(IndexPathError, match="no index"):
        check(tmp_path)


def flip(file: Path, place: int) -> None:
    data = bytearray(file.read_bytes())
    data[place] ^= 16
    file.write_bytes(data)


def flip_an_array(root: Path) -> None:
    flip(next(root.glob("snapshots/*/vectors.passage.npy")), -9)


def lose_a_table(root: Path) -> None:
    next(root.glob("snapshots/*/chunks.arrow")).unlink()


def lose_all_snapshots(root: Path) -> None:
    shutil.rmtree(root / "snapshots")


def lose_current(root: Path) -> None:
    (root / "CURRENT").unlink()


def scribble_identity(root: Path) -> None:
    (root / "identity.json").write_text("{")


def lose_facts(root: Path) -> None:
    in_store(root, "DELETE FROM facts WHERE ordinal = 0")


def orphan_mentions(root: Path) -> None:
    in_store(root, "UPDATE mentions SET chunk_id = 'abcdefghabcdefghabcdefghabcdefgh'")


def lose_ledger(root: Path) -> None:
    in_store(root, "DELETE FROM ledger")


def double_embeddings(root: Path) -> None:
    in_store(root, "INSERT INTO embeddings SELECT * FROM embeddings")


def lose_documents(root: Path) -> None:
    in_store(root, "DELETE FROM documents")


def truncate_store(root: Path) -> None:
    file = root / "store.duckdb"
    file.write_bytes(file.read_bytes()[:5000])


def lose_store(root: Path) -> None:
    (root / "store.duckdb").unlink()


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (flip_an_array, "snapshot"),
        (lose_a_table, "snapshot"),
        (lose_all_snapshots, "current"),
        (lose_current, "current"),
        (scribble_identity, "identity"),
        (lose_facts, "store"),
        (orphan_mentions, "store"),
        (lose_ledger, "store"),
        (double_embeddings, "store"),
        (lose_documents, "store"),
        (truncate_store, "store"),
        (lose_store, "store"),
    ],
)
def test_damage_is_named_and_repaired(root, damage, part):
    before = hits(root)
    damage(root)
    health = check(root)
    assert not health.sound
    assert all(problem.part.startswith(part) for problem in health.problems), health.problems
    assert all(problem.repair for problem in health.problems)
    after = repair(root)
    assert after.sound, after.problems
    assert after.repaired
    assert hits(root) == before
    with Hippo.open(root) as memory:
        report = memory.add([*TEXTS, "Westminster lies in London."])
        assert (report.chunks, report.added, report.failed) == (4, 1, ())
    assert check(root).sound


def test_what_cannot_be_repaired_is_said(root):
    lose_all_snapshots(root)
    truncate_store(root)
    health = check(root)
    assert [problem.repair for problem in health.problems if problem.part == "store"] == [None]
    with pytest.raises(IndexCorruptError, match="backup"):
        repair(root)


def test_a_damaged_store_is_kept_beside_the_new_one(root):
    lose_facts(root)
    repair(root)
    [kept] = root.glob("store-damaged-*.duckdb")
    with duckdb.connect(str(kept), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM documents").fetchone() == (3,)


def test_damaged_replies_are_told_from_sound_ones(tmp_path):
    path = tmp_path / "index"
    with Hippo.open(path, encoder="hashing") as memory:
        memory.add(TEXTS)
    file = path / "replies.sqlite"
    with closing(Replies(file)) as replies:
        for number in range(200):
            replies.put(f"{number:064x}", Completion(f"reply {number} " * 30))
    assert check(path).sound
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE replies SET reply = 'x' WHERE rowid = 7")
        connection.commit()
    [problem] = check(path).problems
    assert (problem.part, "1 replies" in problem.problem) == ("replies", True)
    after = repair(path)
    assert after.sound
    assert "199 replies were saved" in after.repaired[0]
    flip(file, 8192 + 40)
    flip(file, 3 * 4096 + 2)
    assert not check(path).sound
    assert repair(path).sound
    with closing(Replies(file)) as replies:
        found = replies.get_many(f"{number:064x}" for number in range(200))
    assert found
    assert all(found[key].text == f"reply {int(key, 16)} " * 30 for key in found)


def test_damaged_counts_of_recalls_are_found_and_begun_anew(tmp_path):
    path = tmp_path / "index"
    with Hippo.open(path, encoder="hashing", config={"retrieval": {"count_recalls": True}}) as memory:
        memory.add(TEXTS)
        memory.retrieve("Who was born in Ulm?")
        assert "recalls" in check(path).checked
        backup(path, tmp_path / "copy")
        assert Recalls(tmp_path / "copy", counting=False).counts() == Recalls(path, counting=False).counts() != {}
        file = path / RECALLS_FILE
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("UPDATE recalls SET last = 'never'")
            connection.commit()
        assert "counts are no numbers" in check(path).problems[0].problem
        file.write_bytes(b"no database" * 1000)
        [problem] = check(path).problems
        assert problem.part == "recalls"
        after = repair(path)
        assert after.sound
        assert "recalls are counted anew" in after.repaired[0]
        assert [one.read_bytes()[:2] for one in path.glob("recalls-damaged-*.sqlite")] == [b"no"]
        memory.retrieve("Who was born in Ulm?")
        assert "recalls" in check(path).checked


def test_a_damaged_manifest_of_a_run_is_named_and_kept_aside(tmp_path):
    path = tmp_path / "index"
    with Hippo.open(path, encoder="hashing") as memory:
        memory.add(TEXTS)
        memory.delete(memory.documents()[0].id)
        assert "runs" in check(path).checked
        last, first = memory.runs()
        assert (first.command, last.command) == ("add", "delete")
        old, new = sorted((path / "runs").iterdir())
        new.write_text(new.read_text().replace('"delete"', '"dalete"'))
        old.write_text("[" * 100_000)
        assert memory.runs() == []
        problems = check(path).problems
        assert [(one.part, one.problem.partition(":")[0]) for one in problems] == [
            ("runs", f"runs/{old.name}"),
            ("runs", f"runs/{new.name}"),
        ]
        assert problems[1].problem.endswith("its SHA-256 sum differs")
        after = repair(path)
        assert after.sound
        assert after.repaired[0].startswith("damaged manifests of runs are kept as ")
        kept = sorted((path / "runs").iterdir())
        assert [one.name.partition("-damaged-")[0] for one in kept] == [old.name, new.name]
    # Versions before this one wrote no sums.
    new.write_text(json.dumps(last.to_dict()))
    old.write_text(json.dumps({"id": first.id}))
    with Hippo.open(path) as memory:
        assert [run.command for run in memory.runs()] == ["delete"]
    [problem] = check(path).problems
    assert "required positional arguments" in problem.problem


def test_a_manifest_that_tells_more_is_of_a_newer_version(tmp_path):
    with Hippo.open(tmp_path, encoder="hashing") as memory:
        memory.add(TEXTS)
        [run] = memory.runs()
        body = {**run.to_dict(), "machine": "any"}
        summed = {**body, "sha256": hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()}
        (tmp_path / "runs" / f"{run.id}.json").write_text(json.dumps(summed))
        assert memory.runs() == [run]
    assert check(tmp_path).sound


def test_a_writer_at_work_is_a_note(root):
    with Store.open(root):
        health = check(root)
    assert health.sound
    assert "store" not in health.checked
    assert "not examined" in health.notes[0]


def test_health_is_plain_data(root):
    lose_current(root)
    assert json.loads(json.dumps(check(root).to_dict()))["problems"][0]["part"] == "current"
