"""Room for large arrays and tables: in memory while they are small, in files of a scratch folder beyond that.

What builds an index asks for its room here, in one way whatever the size. Files are mapped, so the system writes pages
back and takes them away when memory is short: what a process must hold does not grow with the corpus.
"""

import errno
import mmap
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from hippo.errors import IndexStateError

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import DTypeLike, NDArray

__all__ = ["MEMORY", "Growing", "Scratch", "release"]

MEMORY = 1 << 30
"""Bytes that steps of a build aim to hold, unless a configuration says otherwise."""

_SMALL = 64
"""An array or a table may fill this part of the memory and still lie in it."""

_ROWS = 65_536
"""Rows that are copied together."""

_UNSUPPORTED = {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS}


class Scratch:
    """Where a build puts its large arrays.

    Args:
        folder: An existing folder for files, whose owner removes it; None: everything is in memory.
        memory: Bytes that a step aims to hold at most.

    Examples:
        >>> Scratch().empty((2, 3), np.float32).shape
        (2, 3)
    """

    def __init__(self, folder: Path | None = None, memory: int = MEMORY) -> None:
        self.folder = folder
        self.memory = memory
        self._files: dict[tuple[int, int], Path] = {}

    def rows(self, width: int, share: float = 0.125) -> int:
        """How many rows of so many bytes each fill a share of the memory; at least 1024."""
        return max(1024, int(self.memory * share) // max(width, 1))

    def empty(self, shape: int | tuple[int, ...], dtype: "DTypeLike") -> "NDArray[Any]":
        """An array to be filled; what it holds at first means nothing.

        Raises:
            IndexStateError: The disk has no room for it.
        """
        kind = np.dtype(dtype)
        size = int(np.prod(shape)) * kind.itemsize
        if self.folder is None or size * _SMALL <= self.memory:
            return np.empty(shape, kind)
        path = self.path("npy")
        with self._writing(), path.open("wb") as file:
            _write_header(file, kind, _tuple(shape))
            _allocate(file, size)
        return self.opened(path, np.lib.format.open_memmap(path, mode="r+"))

    def copied(self, array: "NDArray[Any]", dtype: "DTypeLike") -> "NDArray[Any]":
        """A copy of another type, made some rows at a time; the array itself where it is of that type."""
        if array.dtype == np.dtype(dtype):
            return array
        made = self.empty(array.shape, dtype)
        for start in range(0, len(array), _ROWS):
            made[start : start + _ROWS] = array[start : start + _ROWS]
        release(made)
        return made

    def opened(self, path: Path, array: "NDArray[Any]") -> "NDArray[Any]":
        """A mapped array, whose file `file_of` then knows."""
        self._files[_place(array)] = path
        return array.view(np.ndarray)

    def file_of(self, array: "NDArray[Any]") -> Path | None:
        """The .npy file of this folder that holds an array and nothing else; None: there is none."""
        return self._files.get(_place(array)) if array.nbytes and array.flags.c_contiguous else None

    def growing(self, dtype: "DTypeLike", together: int = 1) -> "Growing":
        """An array of one dimension whose length is not known yet.

        Args:
            dtype: Its type.
            together: How many such arrays grow at the same time.
        """
        return Growing(self, np.dtype(dtype), self.memory // max(_SMALL, 8 * together))

    def table(self, schema: "pa.Schema", batches: "Iterable[pa.RecordBatch]") -> "pa.Table":
        """A table of batches, which are taken one by one."""
        import pyarrow as pa

        rest, held, size = iter(batches), [], 0
        for batch in rest:
            held.append(batch)
            size += batch.nbytes
            if self.folder is not None and size * _SMALL > self.memory:
                break
        else:
            return pa.Table.from_batches(held, schema)
        path = self.path("arrow")
        with self._writing(), pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema) as writer:
            for batch in chain(held, rest):
                writer.write_batch(batch)
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """What the disk refuses is an error of the index.

        Raises:
            IndexStateError: The block raised an OSError.
        """
        try:
            yield
        except OSError as error:
            raise IndexStateError(str(self.folder), f"it could not be written: {error}") from error

    def path(self, suffix: str) -> Path:
        """A new path in the folder."""
        if self.folder is None:
            raise ValueError("everything is in memory")
        return self.folder / f"{secrets.token_hex(8)}.{suffix}"


class Growing:
    """An array that is appended to, block by block."""

    def __init__(self, scratch: Scratch, dtype: "np.dtype[Any]", most: int) -> None:
        self._scratch, self._dtype, self._most = scratch, dtype, most
        self._parts: list[NDArray[Any]] = []
        self._held = self._length = 0
        self._path: Path | None = None

    def append(self, values: "NDArray[Any]") -> None:
        """Add values at the end."""
        part = np.array(values, self._dtype)
        self._parts.append(part)
        self._held += part.nbytes
        self._length += len(part)
        if self._scratch.folder is not None and self._held > self._most:
            self._flush()

    def array(self) -> "NDArray[Any]":
        """All that was added; nothing may be added after that."""
        if self._path is None:
            return np.concatenate([np.empty(0, self._dtype), *self._parts])
        self._flush()
        with self._scratch._writing(), self._path.open("r+b") as file:
            _write_header(file, self._dtype, (self._length,))
        return self._scratch.opened(self._path, np.lib.format.open_memmap(self._path, mode="r+"))

    def _flush(self) -> None:
        with self._scratch._writing():
            if self._path is None:
                self._path = self._scratch.path("npy")
                with self._path.open("wb") as file:
                    _write_header(file, self._dtype, (0,))
            with self._path.open("ab") as file:
                for part in self._parts:
                    part.tofile(file)
        self._parts, self._held = [], 0


def _write_header(file: IO[bytes], dtype: "np.dtype[Any]", shape: tuple[int, ...]) -> None:
    """NumPy leaves room in it, so that it is as long for every length of an array."""
    about = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, about)


def _allocate(file: IO[bytes], size: int) -> None:
    """Make a file longer by so many bytes, with room on the disk for them where the file system can promise it."""
    if hasattr(os, "posix_fallocate"):
        # A full disk is an error now. Of a page that finds no room later the process would die.
        try:
            os.posix_fallocate(file.fileno(), file.tell(), size)
            return
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
    file.truncate(file.tell() + size)


def release(array: "NDArray[Any]") -> None:
    """Let the pages of a mapped array go, of which nothing is lost; an array in memory stays as it is."""
    held: Any = array
    while held is not None and not isinstance(held, mmap.mmap):
        held = getattr(held, "_mmap", None) or getattr(held, "base", None)
    if held is not None and hasattr(mmap, "MADV_DONTNEED"):
        with suppress(OSError, ValueError):
            held.madvise(mmap.MADV_DONTNEED)


def _place(array: "NDArray[Any]") -> tuple[int, int]:
    """Where an array lies in memory, and how many bytes it takes there."""
    return array.__array_interface__["data"][0], array.nbytes


def _tuple(shape: int | tuple[int, ...]) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else shape
