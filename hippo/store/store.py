"""The store of an index as a whole: opening, making, checking and closing it."""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import duckdb

from hippo.durable import discard, sync_directory, sync_file
from hippo.errors import IndexCorruptError, IndexPathError, IndexStateError, InputError
from hippo.store import journal
from hippo.store.columns import bad_text
from hippo.store.compact import rewrite
from hippo.store.connection import Connection
from hippo.store.decisions import Decisions
from hippo.store.documents import Documents
from hippo.store.embeddings import Embeddings
from hippo.store.extractions import Extractions
from hippo.store.schema import SCHEMA_VERSION, migrate, schema_version
from hippo.store.seen import Seeing
from hippo.tenants import NAMESPACES

__all__ = ["STORE_FILE", "Store"]

STORE_FILE = "store.duckdb"
"""Name of the store's file in the folder of an index."""

_UNFINISHED = ".store-"
_MAY_PRECEDE = (_UNFINISHED, "replies.sqlite", NAMESPACES, "fresh", "identity.json")
"""What a folder may hold before it becomes an index: a store left by a crash, cached replies of another index, other
indexes below it, what was remembered and how."""
_PUBLISHED = ("CURRENT", "snapshots")


class Store(Documents, Extractions, Embeddings, Decisions, Seeing):
    """The truth of an index. One writer at a time; each `put_` and `delete_` is one durable transaction.

    Threads may share a store; they take turns.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder), create=True) as store:
        ...     store.set_meta({"encoder": "minilm"})
        ...     store.meta()["encoder"], store.count_pending("pattern")
        ('minilm', 0)
    """

    _meta: dict[str, str] | None = None
    """What `meta` tells, once it was read: nobody else writes to an open store."""

    @classmethod
    def open(cls, path: Path, *, create: bool = False) -> "Store":
        """Open the store of an index and verify it.

        Args:
            path: Folder of the index.
            create: Make a new index where there is none: in a folder that does not exist or is empty.

        Raises:
            IndexBusyError: Another process, or another store in this one, has it open.
            IndexCorruptError: The file is missing from an index, is damaged, or does not hold what was written.
            IndexMismatchError: A newer hippo or DuckDB made it.
            IndexPathError: There is no index, and none may be made.
        """
        file = path / STORE_FILE
        if not file.exists():
            _check_place(path, create=create)
            _create(path)
        connection = Connection(file)
        try:
            migrate(connection, schema_version(connection))
            journal.verify(connection)
            store = cls(connection)
            store.set_meta({"duckdb_version": duckdb.__version__})
        except BaseException:
            connection.close()
            raise
        for left in path.glob(f"{_UNFINISHED}*"):
            discard(left)  # Who was at it has died, or finds the store made.
        return store

    @classmethod
    @contextmanager
    def reading(cls, path: Path) -> Iterator["Store | None"]:
        """The store of an index for reading alone, in a `with`: not a byte on disk changes.

        A store of an older version is copied to a temporary folder, and brought up to date there. Nobody can write
        meanwhile.

        Args:
            path: Folder of the index; None is given where it holds no store.

        Raises:
            IndexBusyError: Another process, or another store in this one, has it open.
            IndexCorruptError: The file is damaged, or does not hold what was written.
            IndexMismatchError: A newer hippo or DuckDB made it.
        """
        file = path / STORE_FILE
        if not file.exists():
            yield None
            return
        with ExitStack() as stack:
            connection = stack.enter_context(closing(Connection(file, read_only=True)))
            if schema_version(connection) == SCHEMA_VERSION:
                journal.verify(connection)
                yield cls(connection)
            else:
                folder = Path(stack.enter_context(TemporaryDirectory(prefix="hippo-")))
                for part in (path / f"{STORE_FILE}.wal", file):  # What a crash left in the log counts.
                    if part.exists():
                        copyfile(part, folder / part.name)
                yield stack.enter_context(cls.open(folder))

    def close(self) -> None:
        """Release the store's file for the next writer. Closing twice does nothing."""
        self._meta = None
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def meta(self) -> dict[str, str]:
        """What is known about the index: what `set_meta` set, and `schema_version` and `duckdb_version`."""
        if self._meta is None:
            self._meta = dict(self._connection.rows("SELECT key, value FROM meta ORDER BY key"))
        return dict(self._meta)

    def set_meta(self, values: Mapping[str, str]) -> None:
        """Set some values of `meta()`. One transaction.

        Raises:
            InputError: A key or value holds a lone surrogate.
        """
        if problem := bad_text(*values, *values.values()):
            raise InputError(f"meta: {problem}")
        known = self.meta()
        changed = {key: value for key, value in values.items() if known.get(key) != value}
        if not changed:
            return
        self._meta = None
        with self._connection.transaction():
            for key, value in changed.items():
                if key in known:
                    self._connection.run("UPDATE meta SET value = ? WHERE key = ?", [value, key])
                else:
                    self._connection.run("INSERT INTO meta VALUES (?, ?)", [key, value])
        self._meta = known | changed

    def close_compacted(self, meta: Mapping[str, str]) -> None:
        """Write the store anew, without the gaps that deletes left, and release it. No other writer comes in between.

        Args:
            meta: New values for some keys of `meta()`, which are set if all else was done, and not otherwise.
        """
        rewrite(self._connection, meta)
        self.close()

    def limit_memory(self, most: int) -> None:
        """Have DuckDB put into files what it would hold beyond so many bytes."""
        self._connection.limit_memory(most)

    def checkpoint(self) -> None:
        """Move everything into the main file and fsync it. Every `put_` does so itself."""
        self._connection.checkpoint()

    def verify(self) -> None:
        """Compare row counts and content sums of all tables with what was written. Reads every text once.

        Raises:
            IndexCorruptError: Something is lost or damaged.
        """
        journal.verify(self._connection)


def _check_place(path: Path, *, create: bool) -> None:
    """Refuse to make an index where there is something else."""
    if path.exists() and not path.is_dir():
        raise IndexPathError(str(path), "an index is a folder, and this is a file")
    names = {item.name for item in path.iterdir() if not item.name.startswith(_MAY_PRECEDE)} if path.exists() else set()
    if names.intersection(_PUBLISHED):
        problem = "it is missing, though snapshots are there. Restore it from a copy, or index into a new folder"
        raise IndexCorruptError(str(path / STORE_FILE), problem)
    if names:
        raise IndexPathError(str(path), f"the folder is no index and is not empty (it holds {min(names)!r})")
    if not create:
        raise IndexPathError(str(path), "there is no index. Make one with `hippo index` or `Hippo.add`")


def _create(path: Path) -> None:
    """Make an empty store under another name, then give it its own: nobody ever sees half of one."""
    temporary = path / f"{_UNFINISHED}{secrets.token_hex(4)}.duckdb"
    try:
        path.mkdir(parents=True, exist_ok=True)
        connection = Connection(temporary)
        try:
            migrate(connection, 0)
        finally:
            connection.close()
        sync_file(temporary)
        _rename_new(temporary, path / STORE_FILE)
        sync_directory(path)
        sync_directory(path.absolute().parent)
    except PermissionError as error:
        raise IndexPathError(str(path), f"no index can be made there: {error}") from error
    except FileNotFoundError as error:
        if not (path / STORE_FILE).exists():  # Else another process has made it, and removed ours.
            raise IndexStateError(str(path), f"it could not be written: {error}") from error
    except OSError as error:
        raise IndexStateError(str(path), f"it could not be written: {error}") from error
    finally:
        discard(temporary)


def _rename_new(source: Path, target: Path) -> None:
    """Rename, unless another process has just made the target: then that one stands."""
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError:  # A file system without links: rename, which on POSIX would replace.
        if not target.exists():
            source.rename(target)
