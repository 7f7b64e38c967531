"""Arrays and tables in files are those in memory, byte for byte."""

import errno
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from hippo.errors import IndexStateError
from hippo.scratch import Scratch, release

LEAST = 1  # byte of memory: everything goes into files


@pytest.mark.parametrize("shape", [5, (3, 4)])
def test_a_large_array_is_a_file_of_numpy(tmp_path: Path, shape):
    scratch = Scratch(tmp_path, LEAST)
    array = scratch.empty(shape, np.float32)
    array[...] = 7
    file = scratch.file_of(array)
    assert file is not None
    assert file.parent == tmp_path
    release(array)
    np.save(tmp_path / "plain.npy", np.full(shape, 7, np.float32))
    assert file.read_bytes() == (tmp_path / "plain.npy").read_bytes()
    assert scratch.file_of(array[:1]) is None
    assert scratch.file_of(np.zeros(shape, np.float32)) is None


def test_small_arrays_and_those_without_a_folder_are_in_memory(tmp_path: Path):
    for scratch in (Scratch(), Scratch(tmp_path)):
        assert scratch.file_of(scratch.empty(5, np.int64)) is None
        growing = scratch.growing(np.int64)
        growing.append(np.arange(3))
        assert growing.array().tolist() == [0, 1, 2]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("parts", [[], [[]], [[1, 2], [], [3] * 1000], [[5]]])
def test_what_grows_is_what_was_added(tmp_path: Path, parts):
    scratch = Scratch(tmp_path, LEAST)
    growing = scratch.growing(np.int32)
    for part in parts:
        growing.append(np.array(part, np.int64))
    found = growing.array()
    expected = np.concatenate([np.empty(0, np.int32), *(np.array(part, np.int32) for part in parts)])
    assert found.dtype == np.int32
    assert np.array_equal(found, expected)
    if len(expected):
        file = scratch.file_of(found)
        assert file is not None
        np.save(tmp_path / "plain.npy", expected)
        assert file.read_bytes() == (tmp_path / "plain.npy").read_bytes()


def test_tables_in_files_are_equal(tmp_path: Path):
    batches = [pa.record_batch({"a": [1, 2]}), pa.record_batch({"a": [3]})]
    tables = [one.table(batches[0].schema, iter(batches)) for one in (Scratch(), Scratch(tmp_path, LEAST))]
    assert tables[0].equals(tables[1])
    assert len(list(tmp_path.iterdir())) == 1


def test_rows_at_a_time():
    assert Scratch(memory=2**30).rows(1024) == 2**17
    assert Scratch(memory=1).rows(1024) == 1024


@pytest.mark.parametrize("way", ["empty", "growing", "table"])
def test_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str):
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    scratch = Scratch(tmp_path, LEAST)
    monkeypatch.setattr("hippo.scratch._write_header", refuse)
    monkeypatch.setattr("pyarrow.OSFile", refuse)
    batch = pa.record_batch({"a": [1]})
    calls = {
        "empty": lambda: scratch.empty(5, np.int64),
        "growing": lambda: scratch.growing(np.int64).append(np.arange(5)),
        "table": lambda: scratch.table(batch.schema, [batch]),
    }
    with pytest.raises(IndexStateError, match=r"could not be written: .*No space left"):
        calls[way]()


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="nothing is allocated here")
def test_a_file_system_that_allocates_nothing_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr("os.posix_fallocate", refuse)
    array = Scratch(tmp_path, LEAST).empty(5, np.int64)
    array[...] = 7
    assert array.sum() == 35


def test_a_small_table_is_in_memory(tmp_path: Path):
    batch = pa.record_batch({"a": [1, 2]})
    assert Scratch(tmp_path).table(batch.schema, [batch, batch]).num_rows == 4
    assert list(tmp_path.iterdir()) == []
