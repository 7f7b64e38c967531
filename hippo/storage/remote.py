"""A folder in an object store, or wherever else fsspec has a driver for."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hippo.errors import HippoError, MissingExtraError, StorageError

__all__ = ["RemoteFolder"]

_LOG = logging.getLogger("hippo.storage")
_DRIVERS = {"s3": "s3fs", "s3a": "s3fs"}
"""Packages that extras of hippo bring, by scheme."""


@dataclass(frozen=True, slots=True)
class RemoteFolder:
    """Files as objects: one request writes one, so it is there whole or not at all. See `hippo.storage.Folder`."""

    url: str

    def check(self) -> None:
        """Make sure that there is a driver.

        Raises:
            MissingExtraError: fsspec, or the driver, is not installed.
            StorageError: fsspec knows no such scheme.
        """
        self._system()

    def read(self, name: str) -> bytes:
        """Content of a file."""
        with self._refused(name):
            data: bytes = self._system().cat_file(self._path(name))
            return data

    def write(self, name: str, data: bytes) -> None:
        """Write a file in one request."""
        with self._refused(name):
            self._system().pipe_file(self._path(name), data)

    def create(self, name: str, data: bytes) -> bool:
        """Write a file that is not there yet, by a request that the store refuses where it is; whether it was not.

        Where store or driver know no such request it looks first: of two who try at the same time both may succeed.
        """
        with self._refused(name):
            try:
                self._system().pipe_file(self._path(name), data, mode="create")
            except FileExistsError:
                return False
            except Exception as error:
                if not _is_unknown(error):
                    raise
                _LOG.warning("%s: nothing keeps two writers apart there: %s", self.url, error)
                if self.exists(name):
                    return False
                self.write(name, data)
        return True

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name, as of now: what was listed before does not count."""
        with self._refused(name):
            try:
                found: dict[str, Any] = self._system().info(self._path(name), refresh=True)
            except FileNotFoundError:
                return False
            return bool(found["type"] == "file")

    def names(self, below: str = "") -> list[str]:
        """Names of all files in a subfolder and those below it, sorted."""
        root = self._path("").rstrip("/") + "/"
        with self._refused(below):
            system = self._system()
            system.invalidate_cache()
            try:
                found = system.find(root + below)
            except FileNotFoundError:
                return []
            return sorted(path.removeprefix(root) for path in found if path.startswith(root))

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is passed over."""
        with self._refused(name):
            try:
                self._system().rm_file(self._path(name))
            except FileNotFoundError:
                return

    def download(self, name: str, path: Path) -> None:
        """Copy a file to a path on this machine."""
        with self._refused(name):
            self._system().get_file(self._path(name), str(path))

    def upload(self, path: Path, name: str) -> None:
        """Copy a file of this machine here."""
        with self._refused(name):
            self._system().put_file(str(path), self._path(name))

    def state(self, name: str) -> str:
        """What changes when a file does, without reading it: a hash of what the store says of it."""
        with self._refused(name):
            return str(self._system().ukey(self._path(name)))

    def _system(self) -> Any:
        """The driver; fsspec keeps one for each process."""
        scheme = self.url.partition("://")[0]
        what = f"the address {self.url!r}"
        try:
            import fsspec
        except ModuleNotFoundError as error:
            raise MissingExtraError(what, "fsspec", "s3") from error
        try:
            return fsspec.filesystem(scheme)
        except ImportError as error:
            package = _DRIVERS.get(scheme.lower())
            if package is None:
                raise StorageError(self.url, f"fsspec needs another package for it: {error}") from error
            raise MissingExtraError(what, package, "s3") from error
        except ValueError as error:
            raise StorageError(self.url, f"fsspec has no driver for it: {error}") from error

    def _path(self, name: str) -> str:
        path = f"{self.url}/{name}" if name else self.url
        return str(self._system()._strip_protocol(path))

    @contextmanager
    def _refused(self, name: str) -> Iterator[None]:
        try:
            yield
        except HippoError:
            raise
        except Exception as error:  # each driver has errors of its own
            where = f"{self.url}/{name}" if name else self.url
            raise StorageError(where, f"{type(error).__name__}: {error}") from error


def _is_unknown(error: Exception) -> bool:
    """Whether a driver takes no mode, or a store answers that it has not implemented it (501)."""
    response = getattr(error.__cause__ or error, "response", None)
    answer = response if isinstance(response, dict) else {}
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return isinstance(error, TypeError | NotImplementedError) or status == 501
