"""A folder on a disk of this machine, or on a file system that is mounted here."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hippo.durable import discard, sync_directory, sync_file
from hippo.errors import StorageError

__all__ = ["LocalFolder"]

_TEMPORARY = ".tmp-"


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """Files are written under a temporary name, synced and renamed. See `hippo.storage.Folder`."""

    path: Path

    @property
    def url(self) -> str:
        """Its path."""
        return str(self.path)

    def read(self, name: str) -> bytes:
        """Content of a file."""
        with self._refused(name):
            return (self.path / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """Write a file, durably."""
        with self._new(name) as temporary:
            temporary.write_bytes(data)

    def create(self, name: str, data: bytes) -> bool:
        """Write a file that is not there yet, durably; whether it was not."""
        path = self.path / name
        with self._refused(name):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with path.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            except FileExistsError:
                return False
            sync_directory(path.parent)
        return True

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        with self._refused(name):
            return (self.path / name).is_file()

    def names(self, below: str = "") -> list[str]:
        """Names of all files in a subfolder and those below it, sorted."""
        with self._refused(below):
            found = (path for path in (self.path / below).rglob("*") if path.is_file())
            return sorted(
                path.relative_to(self.path).as_posix() for path in found if not path.name.startswith(_TEMPORARY)
            )

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is passed over."""
        with self._refused(name):
            (self.path / name).unlink(missing_ok=True)

    def download(self, name: str, path: Path) -> None:
        """Copy a file to a path."""
        with self._refused(name):
            shutil.copyfile(self.path / name, path)

    def upload(self, path: Path, name: str) -> None:
        """Copy a file here, durably."""
        with self._new(name) as temporary:
            shutil.copyfile(path, temporary)

    @contextmanager
    def _new(self, name: str) -> Iterator[Path]:
        """A path to write to, which becomes the file of a name."""
        target = self.path / name
        temporary = target.with_name(f"{_TEMPORARY}{secrets.token_hex(8)}")
        with self._refused(name):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                yield temporary
                sync_file(temporary)
                temporary.replace(target)
                sync_directory(target.parent)
            finally:
                discard(temporary)

    @contextmanager
    def _refused(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(str(self.path / name), error.strerror or str(error)) from error
