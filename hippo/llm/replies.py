"""The cache of replies: what was paid for once is never paid for again.

One SQLite file beside the store, which any number of processes and threads may use at once. It has a file of its own
because readers ask models too, and DuckDB's one writer would keep them out.

A `put` is one transaction in a write-ahead log: it outlives the process from the moment it returns. The log is synced
each half megabyte, so a power cut loses the last few hundred replies at most and damages none. On a virtual disk a
`put` of 1.5 kB takes 0.03 ms, 1.4 ms where it syncs, and a `get` 0.01 ms: little enough to be done in an event loop.
"""

import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from hippo.errors import IndexBusyError, IndexCorruptError, IndexMismatchError, IndexStateError
from hippo.types import Completion, LLMRequest, Usage, to_dict

__all__ = ["REPLIES_FILE", "Replies", "open_reading"]

REPLIES_FILE = "replies.sqlite"
"""Name of the cache's file in the folder of an index."""

_VERSION = 1
_TABLE = "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply BLOB NOT NULL, checksum BLOB NOT NULL)"
_CLEAR = ("PRAGMA secure_delete = ON", "DELETE FROM replies", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)")
_PAGES_PER_SYNC = 128
_PATIENCE = 10.0
"""Seconds to wait for a process that is writing: it takes milliseconds, unless it was stopped in the middle."""

_IMMUTABLE = "mode=ro&immutable=1"
_NOT_WRITABLE = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")
_DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_FORMAT", "SQLITE_SCHEMA", "SQLITE_ERROR")
_REMEDY = "Restore it from a copy, or remove it: its replies are then asked and paid for again"

_inherited: list[sqlite3.Connection | None] = []
"""Connections of a parent process. A child must neither use nor close them."""


class Replies:
    """Completions by a hash of everything that determines them.

    The file is made by the first `put`. Where it cannot be made or written, replies are not kept, and counted.

    Attributes:
        skipped: Replies that were not kept because the folder or file is read-only.
        damaged: Rows that did not hold what was written, and counted as missing.

    Examples:
        >>> import tempfile
        >>> from contextlib import closing
        >>> with tempfile.TemporaryDirectory() as folder, closing(Replies(Path(folder) / "replies.sqlite")) as replies:
        ...     replies.put("00ff", Completion("Paris", usage=Usage(requests=1, input_tokens=9, output_tokens=1)))
        ...     replies.get("00ff").text, replies.get("0100")
        ('Paris', None)
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.skipped = 0
        self.damaged = 0
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._process = os.getpid()

    @staticmethod
    def key(fingerprint: str, request: LLMRequest) -> str:
        """Hash of a model with its parameters and a request to it: 64 hex digits.

        Examples:
            >>> request = LLMRequest((), 10, "test/1", {"type": "object", "title": "x"})
            >>> same = LLMRequest((), 10, "test/1", {"title": "x", "type": "object"})
            >>> Replies.key("m", request) == Replies.key("m", same) != Replies.key("n", same)
            True
        """
        return hashlib.sha256(_bytes({"llm": fingerprint, "request": to_dict(request)})).hexdigest()

    def get(self, key: str) -> Completion | None:
        """The reply under a key, None when there is none; its usage is what was paid, without the cost.

        Raises:
            IndexCorruptError: The file is damaged.
            IndexMismatchError: A newer hippo made it.
        """
        return self.get_many([key]).get(key)

    def get_many(self, keys: Iterable[str]) -> dict[str, Completion]:
        """Replies to those of the keys that are there, in the order of the keys. Errors are those of `get`."""
        found: dict[str, Completion] = {}
        with self._lock, self._translated():
            connection = self._opened(create=False)
            if connection is None:
                return found
            for key in keys:
                row = connection.execute("SELECT reply, checksum FROM replies WHERE key = ?", (key,)).fetchone()
                completion = _read(key, *row) if row else None
                if completion:
                    found[key] = completion
                elif row:
                    self.damaged += 1
        return found

    def put(self, key: str, completion: Completion) -> None:
        """Keep a reply, in place of one that may be there. It is kept when this returns.

        Raises:
            IndexBusyError: Another process has been writing for ten seconds.
            IndexCorruptError: The file is damaged.
            IndexMismatchError: A newer hippo made it.
            IndexStateError: It could not be written, for want of space for example.
        """
        usage = {"input_tokens": completion.usage.input_tokens, "output_tokens": completion.usage.output_tokens}
        reply = _bytes({"text": completion.text, "finish": completion.finish, **usage})
        self._write("INSERT OR REPLACE INTO replies VALUES (?, ?, ?)", (key, reply, _checksum(key, reply)), create=True)

    def remove(self, key: str) -> None:
        """Remove a reply; one that is not there is no matter. Errors are those of `put`."""
        self._write("DELETE FROM replies WHERE key = ?", (key,), create=False)

    def clear(self) -> None:
        """Remove all replies, from the disk too: nothing of them is left in the file or its log.

        Raises:
            IndexBusyError: Another process has been writing for ten seconds.
            IndexCorruptError: The file is damaged.
            IndexStateError: It could not be written.
        """
        with self._lock, self._translated():
            connection = self._opened(create=False)
            if connection:
                for statement in _CLEAR:
                    connection.execute(statement)

    def damage(self) -> str | None:
        """What is wrong with the file; None: every reply is as it was written. Reads all of it, and writes nothing.

        Raises:
            IndexBusyError: Another process has been writing for ten seconds.
            IndexCorruptError: It is no file of replies any more.
            IndexMismatchError: A newer hippo made it.
        """
        log = self.path.with_name(f"{self.path.name}-wal")
        with self._translated():
            if not self.path.exists():
                return None
            if not log.exists():
                # All is in the main file, which can be read without making the file that readers of a log share.
                try:
                    return self._damage_seen(_open(self.path, _IMMUTABLE))
                except sqlite3.Error:
                    if not log.exists():
                        raise  # Else somebody began to write meanwhile.
            return self._damage_seen(open_reading(self.path))

    def _damage_seen(self, connection: sqlite3.Connection) -> str | None:
        with closing(connection):
            [(verdict,)] = connection.execute("PRAGMA integrity_check(1)").fetchall()
            if verdict != "ok":
                return f"{self.path}: {verdict}"
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'replies'").fetchone():
                return None  # Whoever made the file died before it held anything.
            rows = connection.execute("SELECT key, reply, checksum FROM replies")
            damaged = sum(_read(*row) is None for row in rows)
        return f"{self.path}: {damaged} replies are not what was written" if damaged else None

    def save(self, target: Path) -> int:
        """Copy what is sound into a new file, as far as this one can be read, from both ends of its table.

        Returns:
            Number of replies.
        """
        saved: set[str] = set()
        with closing(Replies(target)) as fresh, self._lock:
            for order in ("ASC", "DESC"):
                try:
                    connection = self._opened(create=False)
                    if connection is None:
                        break
                    query = f"SELECT key, reply, checksum FROM replies NOT INDEXED ORDER BY rowid {order}"  # noqa: S608
                    for key, reply, checksum in connection.execute(query):
                        completion = None if key in saved else _read(key, reply, checksum)
                        if completion is not None:
                            fresh.put(key, completion)
                            saved.add(key)
                except (sqlite3.Error, IndexCorruptError):
                    continue
        return len(saved)

    def _write(self, statement: str, row: tuple[str | bytes, ...], *, create: bool) -> None:
        with self._lock, self._translated():
            try:
                connection = self._opened(create=create)
                if connection:
                    connection.execute(statement, row)
                else:
                    self.skipped += create
            except sqlite3.OperationalError as error:
                if not _name(error).startswith(_NOT_WRITABLE):
                    raise
                self.skipped += 1

    def close(self) -> None:
        """Release the file. It is opened again when it is needed."""
        with self._lock, self._translated():
            if self._connection and self._process == os.getpid():
                self._connection.close()
            self._connection = None

    def _opened(self, *, create: bool) -> sqlite3.Connection | None:
        """The connection of this process; None where there is no file, and none is to be made or can be."""
        if self._process != os.getpid():
            _inherited.append(self._connection)
            self._connection, self._process = None, os.getpid()
        if self._connection is None and (create or self.path.exists()):
            self._connection = _connect(self.path, create=create)
        return self._connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if _is_busy(error):
                raise IndexBusyError(str(self.path), "another process") from error
            if _name(error).startswith(_DAMAGE):
                raise IndexCorruptError(str(self.path), f"{error}. {_REMEDY}") from error
            raise IndexStateError(str(self.path), f"it could not be read or written: {error}") from error
        except UnicodeDecodeError as error:  # SQLite quotes what it could not read.
            raise IndexCorruptError(str(self.path), f"it holds what is no text ({error}). {_REMEDY}") from error


def _connect(path: Path, *, create: bool) -> sqlite3.Connection | None:
    """Open the file for writing, or else for reading; None where it does not exist and cannot be made."""
    if create:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            return None
    try:
        return _open(path, "mode=rwc" if create else "mode=rw")
    except sqlite3.OperationalError as error:
        if not _name(error).startswith(_NOT_WRITABLE):
            raise
    return open_reading(path) if path.exists() else None


def open_reading(path: Path) -> sqlite3.Connection:
    """Open a file of replies that is there, for reading alone."""
    try:
        return _open(path, "mode=ro")
    except sqlite3.OperationalError as error:
        if not _name(error).startswith(_NOT_WRITABLE):
            raise
    # Readers of a log in use share a file, which a read-only folder does not let them make. Nobody writes there.
    return _open(path, _IMMUTABLE)


def _open(path: Path, mode: str) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?{mode}"
    connection = sqlite3.connect(address, uri=True, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
    # Two processes that both turn a new file to write-ahead logging would wait for each other: SQLite refuses one of
    # them at once, whatever its patience.
    patient = Retrying(
        stop=stop_after_delay(_PATIENCE),
        wait=wait_random(0, 0.02),
        retry=retry_if_exception(lambda error: isinstance(error, sqlite3.Error) and _is_busy(error)),
        reraise=True,
    )
    try:
        patient(_prepare, connection, path, write="mode=ro" not in mode)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, *, write: bool) -> None:
    [version] = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        remedy = "Upgrade the package hippo-memory"
        raise IndexMismatchError(str(path), "format of replies", str(version), str(_VERSION), remedy)
    if write:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_PER_SYNC}")
        if version < _VERSION:
            connection.execute(_TABLE)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
    if version or write:
        connection.execute("SELECT count(*) FROM replies WHERE key = ''").fetchone()


def _name(error: sqlite3.Error) -> str:
    return getattr(error, "sqlite_errorname", "")


def _is_busy(error: sqlite3.Error) -> bool:
    return _name(error).startswith("SQLITE_BUSY")


def _bytes(value: Any) -> bytes:
    """One spelling of plain data. Lone surrogates, which JSON's own escapes confuse with pairs, stay what they are."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def _checksum(key: str, reply: bytes) -> bytes:
    return hashlib.blake2b(key.encode() + reply, digest_size=16, person=b"reply").digest()


def _read(key: str, reply: bytes, checksum: bytes) -> Completion | None:
    """A row as it was written, None for anything else."""
    if not isinstance(reply, bytes) or _checksum(key, reply) != checksum:
        return None
    data = json.loads(reply.decode("utf-8", "surrogatepass"))
    usage = Usage(requests=1, input_tokens=data["input_tokens"], output_tokens=data["output_tokens"])
    return Completion(data["text"], data["finish"], usage)
