"""What is written to a snapshot is what is read from it."""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from hippo.errors import IndexCorruptError, InputError
from hippo.snapshot import FORMAT, Snapshot, SnapshotWriter

DTYPES = st.sampled_from(["float32", "float64", "int32", "int64", "uint8", "bool", ">i4", "<U3", "complex64"])
ARRAYS = npst.arrays(
    dtype=DTYPES.map(np.dtype), shape=npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
)
COLUMNS = st.lists(
    st.tuples(st.none() | st.text(), st.lists(st.text(), max_size=3), st.integers(-(2**63), 2**63 - 1)), max_size=6
)


@settings(max_examples=30, deadline=None)
@given(array=ARRAYS, order=st.sampled_from("CF"), rows=COLUMNS, cut=st.integers(0, 6), note=st.text())
def test_round_trip(array: np.ndarray, order: Any, rows: list[tuple[Any, ...]], cut: int, note: str) -> None:
    columns = {
        "text": pa.array([row[0] for row in rows], pa.string()),
        "keys": pa.array([row[1] for row in rows], pa.list_(pa.string())),
        "number": pa.array([row[2] for row in rows], pa.int64()),
    }
    table = pa.table(columns)
    pieces = pa.concat_tables([table.slice(0, cut), table.slice(cut)])
    with tempfile.TemporaryDirectory() as folder:
        with SnapshotWriter(Path(folder)) as writer:
            writer.array("array", np.asarray(array, order=order))
            writer.table("table", pieces)
            name = writer.publish({"note": note, "places": (1, 2)})
        with Snapshot.open(Path(folder), verify=True) as snapshot:
            got = snapshot.array("array")
            assert (got.dtype, got.shape, got.flags.writeable) == (array.dtype, array.shape, False)
            assert got.flags.c_contiguous
            np.testing.assert_array_equal(got, array)
            assert snapshot.table("table").equals(table)
            assert snapshot.table("table")["number"].num_chunks <= 1
            assert (snapshot.name, dict(snapshot.info)) == (name, {"note": note, "places": [1, 2]})


def test_arrays_and_tables_are_memory_mapped_and_outlive_the_snapshot(tmp_path: Path) -> None:
    with SnapshotWriter(tmp_path) as writer:
        writer.array("array", np.arange(1000.0))
        writer.table("table", pa.table({"n": np.arange(100_000)}))
        writer.publish({})
    before = pa.total_allocated_bytes()
    snapshot = Snapshot.open(tmp_path)
    array, table = snapshot.array("array"), snapshot.table("table")
    assert pa.total_allocated_bytes() - before < 10_000
    assert type(array) is np.ndarray
    assert isinstance(array.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
    snapshot.close()
    snapshot.close()
    assert array[-1] == 999
    assert table["n"][-1].as_py() == 99_999


def test_libraries_write_files_and_folders(tmp_path: Path) -> None:
    with SnapshotWriter(tmp_path) as writer:
        writer.file("index.faiss").write_bytes(b"abc")
        folder = writer.file("bm25")
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "scores.bin").write_bytes(b"12345")
        writer.array("ids", np.arange(3))
        writer.publish({})
    with Snapshot.open(tmp_path, verify=True) as snapshot:
        assert snapshot.file("index.faiss").read_bytes() == b"abc"
        assert (snapshot.file("bm25") / "deep" / "scores.bin").read_bytes() == b"12345"
        known = {name: snapshot.has(name) for name in ("index.faiss", "bm25", "ids", "ids.npy", "table", "index", "")}
        assert known == {
            "index.faiss": True, "bm25": True, "ids": True, "ids.npy": True, "table": False, "index": False, "": False,
        }  # fmt: skip
        with pytest.raises(IndexCorruptError, match=r"holds no 'table.arrow', only: bm25, ids.npy, index.faiss"):
            snapshot.table("table")


def test_the_manifest_is_plain_to_read(tmp_path: Path) -> None:
    with SnapshotWriter(tmp_path) as writer:
        writer.file("a.bin").write_bytes(b"abc")
        name = writer.publish({"encoder": "e"})
    manifest = json.loads((tmp_path / "snapshots" / name / "manifest.json").read_text())
    assert manifest["format"] == FORMAT
    assert manifest["name"] == "000001"
    assert manifest["created"].endswith("+00:00")
    assert manifest["info"] == {"encoder": "e"}
    assert manifest["files"] == {
        "a.bin": {"bytes": 3, "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}
    }
    assert (tmp_path / "CURRENT").read_text() == "000001\n"


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "manifest.json", "a\\b", "ü", "a\n"])
def test_names_are_plain(tmp_path: Path, name: str) -> None:
    with SnapshotWriter(tmp_path) as writer, pytest.raises(InputError, match="needs a plain name"):
        writer.file(name)
    with SnapshotWriter(tmp_path) as writer:
        writer.publish({})
    with Snapshot.open(tmp_path) as snapshot:
        assert not snapshot.has(name)


def test_refused_content(tmp_path: Path) -> None:
    with SnapshotWriter(tmp_path) as writer:
        writer.array("a", np.arange(3))
        with pytest.raises(InputError, match=r"holds 'a.npy' already"):
            writer.array("a", np.arange(4))
        with pytest.raises(InputError, match="holds Python objects"):
            writer.array("b", np.array([{}], dtype=object))
        with pytest.raises(InputError, match="not a JSON object"):
            writer.publish({"x": object()})
        with pytest.raises(InputError, match="not a JSON object"):
            writer.publish({"x": float("nan")})
        writer.publish({})
        with pytest.raises(InputError, match="published already"):
            writer.publish({})
        with pytest.raises(InputError, match="is published"):
            writer.array("c", np.arange(3))
    with Snapshot.open(tmp_path, verify=True) as snapshot:
        np.testing.assert_array_equal(snapshot.array("a"), np.arange(3))
