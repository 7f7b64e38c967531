"""Folders on disk and in an object store do the same, and say what is wrong in the same way."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from hippo.errors import MissingExtraError, StorageError
from hippo.storage import Folder, LocalFolder, address_of, open_folder

pytest.importorskip("fsspec", reason="fsspec is not installed; it comes with hippo-memory[s3]")


@pytest.fixture(params=["local", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Folder]:
    if request.param == "local":
        yield open_folder(tmp_path / "new")
        return
    import fsspec

    yield open_folder("memory://bucket/folder")
    fsspec.filesystem("memory").store.clear()


def test_files_come_and_go(folder: Folder, tmp_path: Path) -> None:
    assert folder.names() == []
    assert not folder.exists("a/one")
    folder.write("a/one", b"1")
    folder.write("a/b/two", b"2")
    folder.write("three", b"3")
    folder.write("a/one", b"new")
    assert folder.read("a/one") == b"new"
    assert folder.names() == ["a/b/two", "a/one", "three"]
    assert folder.names("a") == ["a/b/two", "a/one"]
    assert (folder.exists("a/one"), folder.exists("a"), folder.exists("b")) == (True, False, False)
    folder.download("a/one", tmp_path / "copy")
    folder.upload(tmp_path / "copy", "c/four")
    assert folder.read("c/four") == b"new"
    folder.remove("c/four")
    folder.remove("c/four")
    assert not folder.exists("c/four")
    assert pickle.loads(pickle.dumps(folder)).read("three") == b"3"
    with pytest.raises(StorageError, match="nothing/there"):
        folder.read("nothing/there")


def test_of_two_that_create_a_file_one_does(folder: Folder) -> None:
    assert folder.create("a/lock", b"first")
    assert not folder.create("a/lock", b"second")
    assert folder.read("a/lock") == b"first"
    folder.remove("a/lock")
    assert folder.create("a/lock", b"third")


def test_nothing_half_written_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = LocalFolder(tmp_path)
    folder.write("one", b"old")

    def refuse(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hippo.storage.local.sync_file", refuse)
    with pytest.raises(StorageError, match="one: No space left on device"):
        folder.write("one", b"new")
    assert folder.read("one") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_folder(f"file://{tmp_path}").url == str(tmp_path)
    assert address_of(Path("s3://bucket/index")) == "s3://bucket/index"
    with pytest.raises(StorageError, match=r"nonsense://x: fsspec has no driver for it"):
        open_folder("nonsense://x")
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="is a file; name a folder"):
        open_folder(tmp_path / "file")

    import fsspec

    def missing(scheme: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec, "filesystem", missing)
    with pytest.raises(MissingExtraError, match=r'pip install "hippo-memory\[s3\]"'):
        open_folder("s3://bucket/index")


class AnswerError(Exception):
    """As botocore's, of which s3fs makes an OSError."""

    response = {"ResponseMetadata": {"HTTPStatusCode": 501}}  # noqa: RUF012


def test_a_driver_that_creates_nothing_exclusively_looks_first(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    unknown = OSError(5, "a header is not implemented")
    unknown.__cause__ = AnswerError()
    refused = [TypeError("unexpected keyword argument 'mode'"), unknown, OSError(5, "no route")]
    pipe = MemoryFileSystem.pipe_file

    def refuse(self: MemoryFileSystem, path: str, value: bytes, **options: str) -> None:
        if options:
            raise refused[0]
        pipe(self, path, value)

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", refuse)
    folder = open_folder("memory://bucket/plain")
    while len(refused) > 1:
        assert folder.create("lock", b"first")
        assert not folder.create("lock", b"second")
        assert folder.read("lock") == b"first"
        folder.remove("lock")
        refused.pop(0)
    assert "nothing keeps two writers apart" in caplog.text
    with pytest.raises(StorageError, match="no route"):
        folder.create("lock", b"third")
