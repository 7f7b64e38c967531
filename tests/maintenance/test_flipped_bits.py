"""Damage that nobody has met yet: doctor names it, and it goes neither into answers nor into the next snapshot."""

import json
import struct
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from hippo import Hippo
from hippo.errors import IndexCorruptError
from hippo.llm import Replies
from hippo.maintenance import check, repair
from hippo.snapshot import Snapshot
from hippo.store import SCHEMA_VERSION, STORE_FILE, Store
from hippo.types import Completion
from pipelines.crash.older import make_older

TEXTS = [
    "Ada Lovelace met Charles Babbage.",
    "Charles Babbages friend was born in London.",
    "London lies on the Thames.",
]
OPTIONS = {"graph": {"synonym_threshold": 0.5}}


def make(path: Path) -> None:
    with Hippo.open(path, encoder="hashing", config=OPTIONS) as memory:
        memory.add([{"id": str(number), "text": text} for number, text in enumerate(TEXTS)])


@pytest.fixture
def root(prepared, tmp_path: Path) -> Path:
    return prepared(make, tmp_path / "index")


def flip(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 4
    file.write_bytes(content)


def similar(root: Path) -> dict[str, object]:
    with Snapshot.open(root) as snapshot:
        return {name: snapshot.array(f"similar.{name}").tolist() for name in ("low", "high", "similarity")}


def test_readers_open_no_damaged_snapshot(root: Path) -> None:
    flip(next(root.glob("snapshots/*/fact_entities.indptr.npy")), -7)
    with Hippo.open(root) as memory, pytest.raises(IndexCorruptError, match=r"indptr.npy is damaged: its SHA-256 sum"):
        memory.retrieve("Where was he born?")
    with Hippo.open(root) as memory:
        memory.add([])  # publishes a sound one
        assert memory.retrieve("Where was he born?").hits


def test_damaged_pairs_of_names_do_not_go_into_the_next_snapshot(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of large files are not compared when a snapshot is opened, but those of what goes on are."""
    monkeypatch.setattr("hippo.snapshot.read._SMALL", 0)
    file = next(root.glob("snapshots/*/similar.similarity.npy"))
    assert len(np.load(file))
    sound = similar(root)
    flip(file, -2)
    assert similar(root) != sound
    with Hippo.open(root, encoder="hashing", config=OPTIONS) as memory:
        memory.add([{"id": "3", "text": "nothing is named here."}])
    assert similar(root) == sound


def test_an_identity_that_says_something_else_is_damage(root: Path) -> None:
    file = root / "identity.json"
    sound = json.loads(file.read_text())
    file.write_text(json.dumps({**sound, "settings": {**sound["settings"], "chunking": {"max_tokens": 17}}}))
    assert [problem.part for problem in check(root).problems] == ["identity"]
    assert repair(root).repaired == ("identity.json was written again",)
    assert json.loads(file.read_text()) == sound


def test_columns_that_no_rule_looks_at_are_read(root: Path) -> None:
    with Store.open(root) as store:
        [(vector,)] = store._connection.rows("SELECT vector FROM embeddings LIMIT 1")
    file = root / STORE_FILE
    place = file.read_bytes().index(struct.pack(f"<{len(vector)}f", *vector))  # Vectors are stored as they are.
    flip(file, place)
    [problem] = check(root).problems
    assert problem.part == "store"
    assert "embeddings cannot be read" in problem.problem
    assert repair(root).sound


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_stores_of_older_versions_are_examined_and_repaired(root: Path, version: int) -> None:
    make_older(root, version)
    health = check(root)
    assert health.sound
    assert f"the store is of version {version}; `hippo index` brings it up to date" in health.notes
    place = (root / STORE_FILE).read_bytes().index(TEXTS[0].encode())
    flip(root / STORE_FILE, place)
    assert {problem.part for problem in check(root).problems} == {"store"}
    assert repair(root, encoder="hashing").sound
    with Hippo.open(root) as memory:
        assert memory.status().documents == len(TEXTS)
    with Store.open(root) as store:
        assert store.meta()["schema_version"] == str(SCHEMA_VERSION)


def test_an_older_store_loses_only_what_is_damaged(root: Path) -> None:
    make_older(root, 1)
    with Store.reading(root) as store:
        assert store is not None
        before = store.facts_table().to_pylist()
    with Hippo.open(root) as memory:
        vectors = memory.contents().vectors["fact"].copy()
    file = root / STORE_FILE
    flip(file, file.read_bytes().index(vectors[0].tobytes()))
    assert [problem.part for problem in check(root).problems] == ["store"]
    health = repair(root, encoder="hashing")
    assert health.sound
    assert "texts wait for embedding" in health.repaired
    with Store.open(root) as store:
        assert store.facts_table().to_pylist() == before


def test_a_name_in_a_file_of_replies_that_is_no_text(tmp_path: Path) -> None:
    """SQLite quotes it in its error, which Python cannot decode then."""
    path = tmp_path / "replies.sqlite"
    with closing(Replies(path)) as replies:
        replies.put("a", Completion("x", "stop"))
    content = path.read_bytes()
    assert b"tablerepliesreplies" in content
    path.write_bytes(content.replace(b"tablerepliesreplies", b"tablereplie\xffreplies"))
    with closing(Replies(path)) as replies:
        for ask in (replies.damage, lambda: replies.get("a")):
            with pytest.raises(IndexCorruptError, match="asked and paid for again"):
                ask()
