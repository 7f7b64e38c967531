"""Damage is named, with its remedy; it is never read as data."""

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hippo.errors import IndexCorruptError, IndexEmptyError, IndexMismatchError, IndexPathError
from hippo.snapshot import Snapshot, SnapshotWriter, current
from hippo.snapshot.manifest import Manifest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    with SnapshotWriter(tmp_path) as writer:
        writer.array("array", np.arange(1000))
        writer.table("table", pa.table({"text": ["a", "b"]}))
        writer.publish({"chunks": 2})
    return tmp_path


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_no_index(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(IndexPathError, match="this is a file"):
        Snapshot.open(tmp_path / "file")
    with pytest.raises(IndexPathError, match="no such folder"):
        Snapshot.open(tmp_path / "missing")
    with pytest.raises(IndexPathError, match="no index in this folder"):
        Snapshot.open(tmp_path)


def test_nothing_published(tmp_path: Path) -> None:
    (tmp_path / "store.duckdb").touch()
    with pytest.raises(IndexEmptyError, match="no published documents yet"):
        Snapshot.open(tmp_path)
    assert current(tmp_path) is None


def test_an_unknown_name_lists_the_known_ones(root: Path) -> None:
    for name in ("000002", "../snapshots/000001", ".tmp-1"):
        with pytest.raises(IndexPathError, match="Known: 000001"):
            Snapshot.open(root, name)


@pytest.mark.parametrize("content", ["", "garbage", "000009", "../000001", ".tmp-1", "١٢٣٤٥٦"])
def test_damaged_current(root: Path, content: str) -> None:
    (root / "CURRENT").write_text(content, encoding="utf-8")
    with pytest.raises(IndexCorruptError, match=r"which is no snapshot. Write the name of the newest .* 000001"):
        Snapshot.open(root)
    Snapshot.open(root, "000001").close()


def test_missing_current(root: Path) -> None:
    (root / "CURRENT").unlink()
    with pytest.raises(IndexCorruptError, match=r"CURRENT is damaged: it is missing. Write the name"):
        Snapshot.open(root)
    with pytest.raises(IndexCorruptError):
        current(root)
    (root / "CURRENT").write_bytes(b"\xff\xfe")
    with pytest.raises(IndexCorruptError, match="cannot be read"):
        current(root)


def test_publishing_heals(root: Path) -> None:
    (root / "CURRENT").unlink()
    with SnapshotWriter(root) as writer:
        assert writer.publish({}) == "000002"
    assert current(root) == "000002"


@pytest.mark.parametrize("name", ["array.npy", "table.arrow"])
def test_sizes_are_always_compared_and_sums_of_small_files(root: Path, name: str, monkeypatch: Any) -> None:
    path = root / "snapshots" / "000001" / name
    size = path.stat().st_size
    flip(path, size // 2)
    Snapshot.open(root, verify=False).close()
    for verify in (None, True):
        with pytest.raises(IndexCorruptError, match=f"{name} is damaged: its SHA-256 sum"):
            Snapshot.open(root, verify=verify)
    monkeypatch.setattr("hippo.snapshot.read._SMALL", size - 1)
    with Snapshot.open(root) as snapshot:
        snapshot.verify("another")
        with pytest.raises(IndexCorruptError, match=f"{name} is damaged: its SHA-256 sum"):
            snapshot.verify("another", path.stem)
    with pytest.raises(IndexCorruptError, match=f"{name} is damaged: its SHA-256 sum"):
        Snapshot.open(root, verify=True)
    os.truncate(path, size - 1)
    with pytest.raises(IndexCorruptError, match=f"it holds {size - 1} bytes, {size} were written. Run `hippo index`"):
        Snapshot.open(root)
    path.unlink()
    with pytest.raises(IndexCorruptError, match="cannot be read"):
        Snapshot.open(root)


def test_a_damaged_header_or_footer_is_named(root: Path) -> None:
    snapshot = Snapshot.open(root)
    flip(snapshot.path / "array.npy", 0)
    flip(snapshot.path / "table.arrow", -1)
    with snapshot, pytest.raises(IndexCorruptError, match=r"array.npy is damaged"):
        snapshot.array("array")
    with pytest.raises(IndexCorruptError, match=r"table.arrow is damaged"):
        snapshot.table("table")


def test_pickles_are_not_read(root: Path) -> None:
    snapshot = Snapshot.open(root)
    np.save(snapshot.path / "array.npy", np.array([print], dtype=object), allow_pickle=True)
    with snapshot, pytest.raises(IndexCorruptError, match=r"array.npy is damaged"):
        snapshot.array("array")


def test_every_damaged_byte_of_the_manifest_is_found(root: Path) -> None:
    path = root / "snapshots" / "000001" / "manifest.json"
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        try:
            with Snapshot.open(root) as snapshot:  # white space has no meaning
                assert json.loads(damaged) == json.loads(content)
                assert snapshot.info == {"chunks": 2}
        except IndexCorruptError:
            pass
    for text in ("", "[]", "null", "{}", '{"format": 1}', "[" * 100_000):
        path.write_text(text)
        with pytest.raises(IndexCorruptError, match=r"manifest.json is damaged"):
            Snapshot.open(root)
    path.unlink()
    with pytest.raises(IndexCorruptError, match="it is missing"):
        Snapshot.open(root)


def test_a_newer_format_is_refused(root: Path) -> None:
    path = root / "snapshots" / "000001" / "manifest.json"
    body = {**json.loads(path.read_text()), "format": 99, "later": True}
    del body["sha256"]
    path.write_text(json.dumps({**body, "sha256": sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()}))
    with pytest.raises(IndexMismatchError, match="snapshot format '99', but '4' was asked for"):
        Snapshot.open(root)


def test_a_manifest_is_what_it_was(tmp_path: Path) -> None:
    manifest = Manifest("000001", "2024-01-01T00:00:00+00:00", {"a": (1, "ff")}, {"é": [1.5, None]})
    assert Manifest.from_json(tmp_path, manifest.to_json()) == manifest
