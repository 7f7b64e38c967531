"""What a folder can do, and which kind of folder an address means."""

import os
import re
from pathlib import Path
from typing import Protocol

from hippo.errors import StorageError
from hippo.storage.local import LocalFolder

__all__ = ["Folder", "address_of", "is_remote", "open_folder", "placed"]

_CUT_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]+):/(?=[^/])", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


class Folder(Protocol):
    """Files by name. A name is a relative path with forward slashes. Folders can be pickled.

    Every method raises `StorageError` when the storage refuses.
    """

    @property
    def url(self) -> str:
        """Its address."""

    def read(self, name: str) -> bytes:
        """Content of a file."""

    def write(self, name: str, data: bytes) -> None:
        """Write a file, which appears whole or not at all; one that is there is replaced."""

    def create(self, name: str, data: bytes) -> bool:
        """Write a file that is not there yet. Of several who try at the same time one succeeds, and is told True."""

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""

    def names(self, below: str = "") -> list[str]:
        """Names of all files in a subfolder and those below it, sorted; none where there is no such folder."""

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is passed over."""

    def download(self, name: str, path: Path) -> None:
        """Copy a file to a path on this machine."""

    def upload(self, path: Path, name: str) -> None:
        """Copy a file of this machine here; it appears whole or not at all."""


def is_remote(address: str | os.PathLike[str]) -> bool:
    """Whether an address is a URL such as "s3://bucket/folder", and no path.

    Examples:
        >>> is_remote("s3://bucket/index"), is_remote("my-index"), is_remote("C:/index")
        (True, False, False)
    """
    return isinstance(address, str) and bool(_SCHEME.match(address))


def address_of(path: str | os.PathLike[str]) -> str | None:
    """The URL that a path is, also one from which `pathlib` has taken a slash; None: it is a path.

    Examples:
        >>> address_of(Path("s3://bucket/index")), address_of("s3://bucket/index/"), address_of(Path("s3/index"))
        ('s3://bucket/index', 's3://bucket/index', None)
    """
    text = os.fspath(path)
    if isinstance(path, Path):
        text = _CUT_SCHEME.sub(r"\1://", text)
    return text.rstrip("/") if is_remote(text) else None


def placed(path: str | os.PathLike[str]) -> str:
    """A URL as it is, or the absolute path: what every worker understands, whatever its working folder."""
    return address_of(path) or str(Path(path).absolute())


def open_folder(address: str | os.PathLike[str]) -> Folder:
    """The folder at an address. Nothing is made or looked up yet.

    Args:
        address: A path, "file://" and a path, or a URL that fsspec knows: "s3://bucket/folder". Keys and endpoints come
            from where the driver looks for them: `AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL` and the like.

    Raises:
        MissingExtraError: fsspec, or its driver for this kind of URL, is not installed.
        StorageError: No driver of fsspec knows this kind of URL.
    """
    if isinstance(address, str) and address.startswith("file://"):
        return LocalFolder(Path(address.removeprefix("file://")))
    if is_remote(address):
        from hippo.storage.remote import RemoteFolder

        folder = RemoteFolder(str(address).rstrip("/"))
        folder.check()
        return folder
    if (url := address_of(address)) is not None:
        return open_folder(url)
    path = Path(address)
    if path.exists() and not path.is_dir():
        raise StorageError(str(path), "is a file; name a folder")
    return LocalFolder(path)
