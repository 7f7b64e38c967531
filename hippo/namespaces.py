"""The namespaces of an index: listed, copied, deleted.

```python
from hippo import Hippo, namespaces

with Hippo.open("my-index", namespace="tenant-a") as memory:
    memory.add("Lima is the capital of Peru.")
namespaces.names("my-index")
```

A namespace is an index of its own, in a folder below that of the index it belongs to: documents, graph, vectors, cached
embeddings and replies of language models, identity and locks are its own, and nothing is shared. The first `add` makes
it.
"""

import os
import secrets
from contextlib import closing
from pathlib import Path

from hippo.durable import remove_tree, sync_directory, writing
from hippo.errors import IndexCorruptError, IndexMismatchError, IndexPathError, IndexStateError
from hippo.maintenance.backup import copy_index
from hippo.place import checked_place
from hippo.snapshot.current import check_root
from hippo.store import STORE_FILE
from hippo.store.connection import Connection
from hippo.tenants import NAMESPACES, namespace_folder, namespace_names
from hippo.types import Backup

__all__ = ["copy", "delete", "folder", "names"]

_DELETED = ".deleted-"
"""Prefix of folders on their way out; no namespace's folder begins so."""


def names(path: str | os.PathLike[str]) -> list[str]:
    """Names of the namespaces of an index, in code point order.

    Args:
        path: Folder of the index.

    Raises:
        IndexPathError: There is no such folder.
    """
    root = Path(path)
    if not root.is_dir():
        raise IndexPathError(str(root), "there is no such folder")
    return namespace_names(root)


def folder(path: str | os.PathLike[str], name: str) -> Path:
    """Folder of a namespace, whether it is there or not; it can be used wherever a folder of an index is asked for.

    Args:
        path: Folder of the index.
        name: Of the namespace.

    Raises:
        IndexPathError: The path is a file, or a folder of something else.
        InputError: The name cannot be used.
    """
    return namespace_folder(checked_place(path), name)


def copy(path: str | os.PathLike[str], source: str, target: str) -> Backup:
    """Copy a namespace under a new name, even in use: the copy has what its writer had committed by then.

    Args:
        path: Folder of the index.
        source: Name of the namespace.
        target: Name of the copy, which appears when it is complete.

    Raises:
        IndexCorruptError: The newest snapshot is damaged.
        IndexPathError: There is no namespace of this name.
        IndexStateError: A file could not be read or written.
        InputError: A name cannot be used, or the target's is taken.
    """
    return copy_index(_existing(path, source), folder(path, target))


def delete(path: str | os.PathLike[str], name: str) -> None:
    """Delete a namespace with everything in it: all at once, since it is renamed first.

    Readers that have asked it something go on with what they have mapped into memory. Where a crash leaves parts of it,
    they belong to no namespace any more, and the next `delete` removes them.

    Args:
        path: Folder of the index.
        name: Name of the namespace.

    Raises:
        IndexBusyError: A writer is in it.
        IndexPathError: There is no namespace of this name.
        IndexStateError: The disk refused.
        InputError: The name cannot be used.
    """
    place = _existing(path, name)
    gone = place.with_name(f"{_DELETED}{secrets.token_hex(8)}")
    store = place / STORE_FILE
    with writing(place):
        try:
            # Reading is enough to keep writers out.
            with closing(Connection(store, read_only=True)):
                _rename(place, gone)
        except (IndexCorruptError, IndexMismatchError):  # Nobody writes to what cannot be opened.
            _rename(place, gone)
        sync_directory(place.parent)
    for leftover in sorted((Path(path) / NAMESPACES).glob(f"{_DELETED}*")):
        try:
            remove_tree(leftover)
        except OSError as error:
            raise IndexStateError(str(leftover), f"it could not be removed: {error}") from error


def _existing(path: str | os.PathLike[str], name: str) -> Path:
    place = folder(path, name)
    if not place.is_dir():
        known = ", ".join(map(repr, names(path))) if Path(path).is_dir() else ""
        raise IndexPathError(str(path), f"there is no namespace {name!r}. Known: {known or 'none'}")
    check_root(place)
    return place


def _rename(place: Path, gone: Path) -> None:
    try:
        place.rename(gone)
    except FileNotFoundError as error:
        raise IndexPathError(str(place), "another process has deleted it meanwhile") from error
