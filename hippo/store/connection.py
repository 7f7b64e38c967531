"""The one connection that writes: opening, transactions, Arrow tables in and out, errors in hippo's terms."""

import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from hippo.errors import (
    HippoError,
    IndexBusyError,
    IndexCorruptError,
    IndexMismatchError,
    IndexPathError,
    IndexStateError,
)
from hippo.scratch import Scratch
from hippo.store.turns import changing, opening

__all__ = ["Connection", "is_open_here"]

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
    "python_enable_replacements": "false",
}
# Arrow strings have 32-bit offsets within a batch: batches this small overflow only beyond 128 KiB a text.
_ROWS_PER_BATCH = 16_384
_MEMORY_OF_A_THREAD = 128 * 2**20
_DAMAGE = re.compile(
    r"corrupt|checksum|not a valid DuckDB|could not read|deserializ|database has been invalidated", re.IGNORECASE
)
_REFUSED = re.compile(r"could not write|fsync failed|no space left|could not truncate", re.IGNORECASE)
_LOCKED = re.compile(r"could not set lock|used by another process", re.IGNORECASE)
_HOLDER = re.compile(r"PID (\d+)")
_FORMAT = re.compile(r"can only read (?:storage )?version|storage version greater than", re.IGNORECASE)
_FORMAT_NUMBER = re.compile(r"version number (\d+)")

_open_files: set[Path] = set()
_open_files_guard = threading.Lock()
_inherited_files: set[Path] = set()
"""Open in a parent process when it forked. DuckDB would hand the child the parent's database, without its lock."""


def _after_fork() -> None:
    global _open_files_guard
    _open_files_guard = threading.Lock()
    _inherited_files.update(_open_files)
    _open_files.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Connection:
    """Sole connection to a store's file; safe to share between threads, which take turns.

    Attributes:
        path: The file.
        closed: Whether `close` was called.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open an existing file, or an empty one under a new name.

        Args:
            path: The file.
            read_only: Whether file and log stay as they are; there may be temporary tables.

        Raises:
            IndexBusyError: Another process, or another connection of this one, has it open.
            IndexCorruptError: It is no DuckDB file, or damaged.
            IndexMismatchError: A newer DuckDB wrote it.
            IndexPathError: It may not be read or written.
        """
        self.path = path.resolve()
        self.closed = False
        self._lock = threading.RLock()
        # DuckDB hands a second connection of one process the same database instead of refusing it.
        with _open_files_guard:
            if self.path in _inherited_files:
                who = "a process that had it open when it forked this one; open it in a process of its own ('spawn')"
                raise IndexBusyError(str(self.path.parent), who)
            if self.path in _open_files:
                raise IndexBusyError(str(self.path.parent), "this process, which has it open already")
            _open_files.add(self.path)
        try:
            with opening(self.path.parent):
                self._duckdb = duckdb.connect(str(self.path), read_only=read_only, config=_CONFIG)
        except duckdb.Error as error:
            self._forget()
            raise _opening_error(self.path, error) from error
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        with _open_files_guard:
            _open_files.discard(self.path)

    def close(self) -> None:
        """Release the file. Closing twice does nothing."""
        with self._lock:
            if self.closed:
                return
            with changing(self.path.parent):
                self._duckdb.close()
            self._forget()
            self.closed = True

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            problem = _first_line(error)
            kind = IndexCorruptError if _DAMAGE.search(problem) else IndexStateError
            raise kind(str(self.path), problem) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and on disk in the main file when it ends.

        The checkpoint is what makes it durable: a damaged log can lose commits in silence, damage to the main file is
        always found.
        """
        with self._lock, self._translated(), changing(self.path.parent):
            self._duckdb.begin()
            try:
                yield
                self._duckdb.commit()
            except BaseException:
                self._rollback()
                raise
            self._checkpointed()

    def _checkpointed(self) -> None:
        self._duckdb.execute("CHECKPOINT")

    def _rollback(self) -> None:
        try:
            self._duckdb.rollback()
        except duckdb.Error as error:
            # A failed commit has already ended the transaction; anything else is damage, said with the first error.
            if "no transaction is active" not in str(error).lower():
                raise

    def checkpoint(self) -> None:
        """Move the log into the main file and fsync it."""
        with self._lock, changing(self.path.parent):  # in the order in which a transaction takes them
            self.run("CHECKPOINT")

    def run(self, query: str, parameters: Sequence[Any] = (), **tables: pa.Table) -> None:
        """Execute one statement; `tables` may be named in it."""
        with self._lock, self._translated(), self._registered(tables):
            self._duckdb.execute(query, list(parameters))

    def rows(self, query: str, parameters: Sequence[Any] = (), **tables: pa.Table) -> list[tuple[Any, ...]]:
        """All rows of a query as Python values; `tables` may be named in it."""
        with self._lock, self._translated(), self._registered(tables):
            found: list[tuple[Any, ...]] = self._duckdb.execute(query, list(parameters)).fetchall()
        return found

    def each(self, queries: Mapping[str, str]) -> Iterator[tuple[str, tuple[Any, ...] | IndexStateError]]:
        """The row of each of some queries for one row of equal types, by name, or why it could not be had."""
        named = {name: f"SELECT '{name}', * FROM ({query})" for name, query in queries.items()}  # noqa: S608
        try:
            # In one statement they take half the time, unless one of them fails.
            rows = self.rows(" UNION ALL ".join(named.values())) if named else []
        except IndexStateError:
            pass
        else:
            yield from ((row[0], row[1:]) for row in rows)
            return
        for name, query in queries.items():
            try:
                yield name, self.rows(query)[0]
            except IndexStateError as error:
                yield name, error

    def table(
        self, query: str, parameters: Sequence[Any] = (), scratch: Scratch | None = None, **tables: pa.Table
    ) -> pa.Table:
        """All rows of a query as an Arrow table, possibly in several batches.

        Args:
            query: The query; `tables` may be named in it.
            parameters: Of the query.
            scratch: Where a large table is put; None: in memory.
            tables: By name.
        """
        with self._lock, self._translated(), self._registered(tables):
            if scratch is None:
                return self._duckdb.sql(query, params=list(parameters)).to_arrow_table(_ROWS_PER_BATCH)
            found = self._duckdb.sql(query, params=list(parameters)).to_arrow_reader(_ROWS_PER_BATCH)
            return scratch.table(found.schema, found)

    def limit_memory(self, most: int) -> None:
        """What DuckDB holds beyond this many bytes goes to files beside the store, which it removes.

        Each of its threads needs room of its own, so where there is little there are fewer.
        """
        self.run(f"SET memory_limit = '{max(most // 2**20, 64)}MiB'")
        [(threads,)] = self.rows("SELECT current_setting('threads')")
        self.run(f"SET threads = {min(int(threads), max(1, most // _MEMORY_OF_A_THREAD))}")

    @contextmanager
    def _registered(self, tables: Mapping[str, pa.Table]) -> Iterator[None]:
        done: list[str] = []
        try:
            for name, table in tables.items():
                self._duckdb.register(name, table)
                done.append(name)
            yield
        finally:
            for name in done:
                self._duckdb.unregister(name)


def is_open_here(file: Path) -> bool:
    """Whether this process has a store's file open."""
    with _open_files_guard:
        return file.resolve() in _open_files


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _opening_error(path: Path, error: duckdb.Error) -> HippoError:
    """What a failed opening means."""
    text = str(error)
    if _LOCKED.search(text):
        holder = _HOLDER.search(text)
        return IndexBusyError(str(path.parent), f"process {holder[1]}" if holder else "another process")
    if _FORMAT.search(text):
        number = _FORMAT_NUMBER.search(text)
        stored, given = number[1] if number else "newer", f"that of DuckDB {duckdb.__version__}"
        return IndexMismatchError(str(path), "the storage version", stored, given, "Upgrade the package duckdb")
    if _REFUSED.search(text):
        return IndexStateError(str(path), f"it could not be written: {_first_line(error)}")
    if "permission denied" in text.lower() or "read-only file system" in text.lower():
        return IndexPathError(str(path), "it may not be read and written by this user")
    return IndexCorruptError(str(path), f"{_first_line(error)}. Restore it from a copy, or index into a new folder")
