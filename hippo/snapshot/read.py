"""Reading a snapshot: memory-mapped, immutable, kept for as long as it is open."""

import os
from collections.abc import Mapping
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from hippo.errors import IndexCorruptError, IndexEmptyError, IndexPathError
from hippo.snapshot.current import check_root, current, folder, names
from hippo.snapshot.lock import lock
from hippo.snapshot.manifest import MANIFEST, REMEDY, Manifest, check_name, digest

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["Snapshot"]

_ATTEMPTS = 20
_SMALL = 1 << 24
"""Bytes of a file that is compared with its sum whenever it is opened: that takes 0.01 seconds a file at most."""

_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where Linux says how much memory a container may have, today and before."""


class Snapshot:
    """An open snapshot. Any number of threads may read it.

    Attributes:
        name: Its name.
        path: Its folder.
        info: What `SnapshotWriter.publish` was told.
        created: When it was published: UTC, ISO 8601.
        format: Version of its layout: `hippo.snapshot.manifest.FORMAT`, or an older one.
    """

    def __init__(self, path: Path, held: BufferedReader, manifest: Manifest) -> None:
        """Use `Snapshot.open`."""
        self.path = path
        self.name = manifest.name
        self.created = manifest.created
        self.format = manifest.format
        self.info: Mapping[str, Any] = MappingProxyType(dict(manifest.info))
        self._files = manifest.files
        self._names = frozenset(path.partition("/")[0] for path in manifest.files)
        self._held = held

    @classmethod
    def open(cls, root: Path, name: str | None = None, *, verify: bool | None = None) -> "Snapshot":
        """Open a snapshot and keep it from being removed.

        Args:
            root: Folder of the index.
            name: Name of the snapshot; None: the newest.
            verify: Compare the SHA-256 sum of every file, which reads all of them; None: of files up to 16 MiB, so that
                an index of some ten thousand passages is compared as a whole; False: of none. Sizes are always
                compared.

        Raises:
            IndexCorruptError: A file is missing, has another size, or another sum where that is compared.
            IndexEmptyError: Nothing has been published.
            IndexMismatchError: A newer hippo made it.
            IndexPathError: The folder is no index, or holds no snapshot of this name.
        """
        check_root(root)
        for _ in range(_ATTEMPTS):
            chosen = name or current(root)
            if chosen is None:
                raise IndexEmptyError(str(root))
            if name is not None and name not in names(root):
                problem = f"there is no snapshot {name!r}. Known: {', '.join(names(root)) or 'none'}"
                raise IndexPathError(str(root), problem)
            path = folder(root) / chosen
            held = _hold(path / MANIFEST)
            if held is not None:
                return cls._checked(path, held, verify=verify)
            # Removed between the two steps: by now there is a newer one.
        raise IndexCorruptError(str(path / MANIFEST), f"it is missing. {REMEDY}")

    @classmethod
    def _checked(cls, path: Path, held: BufferedReader, *, verify: bool | None) -> "Snapshot":
        try:
            try:
                text = held.read().decode()
            except (OSError, UnicodeDecodeError) as error:
                raise IndexCorruptError(str(path / MANIFEST), f"it cannot be read: {error}. {REMEDY}") from error
            manifest = Manifest.from_json(path / MANIFEST, text)
            for name, (size, sha256) in manifest.files.items():
                compared = size <= _SMALL if verify is None else verify
                _check_file(path / name, size, sha256 if compared else None)
            return cls(path, held, manifest)
        except BaseException:
            held.close()
            raise

    def verify(self, *names: str) -> None:
        """Compare some arrays and tables with what was written, whatever their size.

        Raises:
            IndexCorruptError: The SHA-256 sum of one differs, or it is missing.
        """
        for path, (size, sha256) in self._files.items():
            if path.rpartition(".")[0] in names:
                _check_file(self.path / path, size, sha256)

    def in_place(self) -> bool:
        """Whether its name still stands for it: not so where its index was removed, and another may be there now."""
        try:
            return os.path.samestat(os.fstat(self._held.fileno()), (self.path / MANIFEST).stat())
        except (OSError, ValueError):  # It is gone, or was closed here.
            return False

    def close(self) -> None:
        """Let go of the snapshot, so that it may be removed once it is old. Arrays and tables in use stay valid."""
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def sums(self) -> Mapping[str, tuple[int, str]]:
        """Size in bytes and SHA-256 sum (hex) of every file, by its path in the folder."""
        return MappingProxyType(dict(self._files))

    def has(self, name: str) -> bool:
        """Whether there is an array, table, file or folder of this name."""
        return not self._names.isdisjoint((name, f"{name}.npy", f"{name}.arrow"))

    def file(self, name: str) -> Path:
        """Path of a file or folder that a library wrote.

        Raises:
            IndexCorruptError: The snapshot holds none of this name.
            InputError: It is no plain name.
        """
        if check_name(name) not in self._names:
            known = ", ".join(sorted(self._names))
            raise IndexCorruptError(str(self.path), f"it holds no {name!r}, only: {known}. {REMEDY}")
        return self.path / name

    def read_ahead(self, *names: str) -> None:
        """Have the system read arrays, tables and folders into its cache, while this goes on.

        Readers map them, and would else wait for one page after the other. Nothing is done where they would take more
        than a quarter of the memory, of that of a container if this is in one, or where the system cannot be asked.

        Args:
            names: What files are called before their suffix, or what such names begin with before a dot; those that are
                needed first come first.
        """
        if not hasattr(os, "posix_fadvise"):
            return
        chosen = [path for name in names for path in self._files if path.startswith((f"{name}.", f"{name}/"))]
        if sum(self._files[path][0] for path in chosen) > _memory() // 4:
            return
        for path in chosen:
            # Whoever maps the file says what is wrong with it.
            with suppress(OSError), (self.path / path).open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)

    def array(self, name: str) -> "NDArray[Any]":
        """An array, memory-mapped and read-only.

        Raises:
            IndexCorruptError: The snapshot holds none of this name, or its file is damaged.
        """
        import numpy as np

        path = self.file(f"{name}.npy")
        try:
            array: NDArray[Any] = np.load(str(path), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise IndexCorruptError(str(path), f"{error}. {REMEDY}") from error
        return array.view(np.ndarray)

    def table(self, name: str) -> "pa.Table":
        """An Arrow table, memory-mapped.

        Raises:
            IndexCorruptError: The snapshot holds none of this name, or its file is damaged.
        """
        import pyarrow as pa

        path = self.file(f"{name}.arrow")
        try:
            return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        except (OSError, pa.ArrowException) as error:
            raise IndexCorruptError(str(path), f"{error}. {REMEDY}") from error


def _memory() -> int:
    """Bytes of memory of this machine, or of the container that this is in."""
    found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for limit in _LIMITS:
        with suppress(OSError, ValueError):  # there is none, or it says "max"
            found = min(found, int(limit.read_text()))
    return found


def _hold(path: Path) -> BufferedReader | None:
    """Open a manifest and share its lock; None when it has been removed or is about to be."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IndexCorruptError(str(path), f"it cannot be read: {error}. {REMEDY}") from error
    try:
        if lock(file, exclusive=False) is not False and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
    except FileNotFoundError:
        pass
    file.close()
    return None


def _check_file(path: Path, size: int, sha256: str | None) -> None:
    try:
        found = path.stat().st_size
        if found != size:
            raise IndexCorruptError(str(path), f"it holds {found} bytes, {size} were written. {REMEDY}")
        if sha256 is not None and digest(path) != sha256:
            raise IndexCorruptError(str(path), f"its SHA-256 sum is not the one that was written. {REMEDY}")
    except OSError as error:
        raise IndexCorruptError(str(path), f"it cannot be read: {error}. {REMEDY}") from error
