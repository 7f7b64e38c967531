"""Building and publishing a snapshot: complete and on disk before anybody can see it."""

import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from hippo.durable import discard, sync_directory, sync_file
from hippo.errors import IndexBusyError, IndexStateError, InputError
from hippo.scratch import MEMORY, Scratch, release
from hippo.snapshot.current import TEMPORARY, announce, folder, names
from hippo.snapshot.lock import lock, unlock
from hippo.snapshot.manifest import MANIFEST, Manifest, check_name, digest

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["SnapshotWriter"]

_SCRATCH = ".scratch"
_BATCH = 1 << 20
"""Rows of a batch: offsets of texts have 32 bits within one."""


class SnapshotWriter:
    """Builds a snapshot in a temporary folder; `publish` makes it the one that readers open.

    A context manager: leaving it without having published leaves nothing behind. One writer at a time; whoever holds
    the store is the one.

    Examples:
        >>> import tempfile, numpy
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with SnapshotWriter(Path(folder)) as writer:
        ...         writer.array("ids", numpy.arange(3))
        ...         writer.publish({"chunks": 3})
        '000001'
    """

    def __init__(self, root: Path, memory: int = MEMORY) -> None:
        """Begin a snapshot.

        Args:
            root: Folder of the index; made if it does not exist.
            memory: Bytes that what builds the snapshot aims to hold at most.

        Raises:
            IndexStateError: The disk refused.
        """
        self._root = root
        self._path = folder(root) / f"{TEMPORARY}{secrets.token_hex(8)}"
        self._published = False
        with self._writing():
            self._path.mkdir(parents=True)
            self._manifest = (self._path / MANIFEST).open("wb")
            # Says that the writer lives, so that nobody clears its folder away.
            self._locked = lock(self._manifest, exclusive=True)
            room = None if sys.platform == "win32" else self._path / _SCRATCH  # which moves no file that is mapped
            if room is not None:
                room.mkdir()
        self.scratch = Scratch(room, memory)
        """Room for what the snapshot is built from; gone once it is published. Arrays in it are moved, not copied."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._manifest.close()
        if not self._published:
            discard(self._path)

    def array(self, name: str, array: "NDArray[Any]") -> None:
        """Add an array, readable as `Snapshot.array(name)`; it is stored in C order.

        Raises:
            InputError: The name is taken or no plain name, or the array holds Python objects.
            IndexStateError: The disk refused.
        """
        import numpy as np

        if array.dtype.hasobject:
            raise InputError(f"array {name!r} holds Python objects, which a snapshot does not store")
        path = self.file(f"{name}.npy")
        there = self.scratch.file_of(array)
        with self._writing():
            if there is not None:
                release(array)
                there.rename(path)
                return
            np.save(path, np.asarray(array, order="C"), allow_pickle=False)

    def table(self, name: str, table: "pa.Table") -> None:
        """Add an Arrow table, readable as `Snapshot.table(name)`; stored uncompressed, in batches of a million rows.

        Raises:
            InputError: The name is taken or no plain name.
            IndexStateError: The disk refused.
        """
        import pyarrow as pa

        path = self.file(f"{name}.arrow")
        options = pa.ipc.IpcWriteOptions(compression=None)
        with (
            self._writing(),
            pa.OSFile(str(path), "wb") as file,
            pa.ipc.new_file(file, table.schema, options=options) as writer,
        ):
            for start in range(0, max(table.num_rows, 1), _BATCH):
                writer.write_table(table.slice(start, _BATCH).combine_chunks())

    def file(self, name: str) -> Path:
        """Path that does not exist yet, where a library writes a file or a folder, readable as `Snapshot.file(name)`.

        Raises:
            InputError: The name is taken or no plain name.
        """
        path = self._path / check_name(name)
        if self._published:
            raise InputError(f"cannot add {name!r}: the snapshot is published")
        if path.exists():
            raise InputError(f"the snapshot holds {name!r} already")
        return path

    def publish(self, info: Mapping[str, Any]) -> str:
        """Bring everything to disk and make the snapshot the one that readers open.

        Args:
            info: A JSON object about how it was made, readable as `Snapshot.info`.

        Returns:
            Name of the snapshot.

        Raises:
            IndexBusyError: Another writer published meanwhile.
            IndexStateError: The disk refused; readers keep the snapshot before.
            InputError: `info` is no JSON object, or the snapshot is published already.
        """
        if self._published:
            raise InputError("the snapshot is published already")
        known = names(self._root)
        name = f"{int(known[-1]) + 1 if known else 1:06d}"
        target = folder(self._root) / name
        with self._writing():
            self._complete(name, info)
            if not known and not (self._root / "CURRENT").exists():
                announce(self._root, None)
            if target.exists():
                raise IndexBusyError(str(self._root), "another writer, which published at the same time")
            if not self._locked:
                self._manifest.close()  # Windows, which has no locks, renames no folder with an open file
            self._path.rename(target)
            self._published = True
            sync_directory(folder(self._root))
            if self._locked:
                unlock(self._manifest)  # before readers learn of the snapshot, lest they find it locked
            announce(self._root, name)
        return name

    def _complete(self, name: str, info: Mapping[str, Any]) -> None:
        """Fsync all files, then write the manifest, then fsync the folders."""
        if self.scratch.folder is not None and self.scratch.folder.is_dir():
            # Not every file system removes what is still mapped: what stays is a leftover, which the next sweep takes.
            aside = self._path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
            self.scratch.folder.rename(aside)
            discard(aside)
        paths = sorted(path for path in self._path.rglob("*") if path != self._path / MANIFEST)
        files: dict[str, tuple[int, str]] = {}
        for path in paths:
            if path.is_file():
                sync_file(path)
                files[path.relative_to(self._path).as_posix()] = (path.stat().st_size, digest(path))
        created = datetime.now(UTC).isoformat(timespec="seconds")
        self._manifest.write(Manifest(name, created, files, info).to_json().encode())
        self._manifest.flush()
        sync_file(self._path / MANIFEST)
        for path in [*(path for path in paths if path.is_dir()), self._path]:
            sync_directory(path)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise IndexStateError(str(self._path), f"the snapshot could not be written: {error}") from error
