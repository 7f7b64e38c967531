"""How often passages were recalled: a small file beside the index, written only where the configuration asks for it.

SQLite, as for the replies of language models: readers write it, many at a time. A count is a hint, so no write waits
for the disk; a power cut may lose the last ones. It holds hashes of texts, no texts.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING

from hippo.errors import IndexStateError

if TYPE_CHECKING:
    import sqlite3

    from hippo.retrieval.retention import Recalled

__all__ = ["RECALLS_FILE", "Recalls"]

RECALLS_FILE = "recalls.sqlite"
_TABLE = "CREATE TABLE IF NOT EXISTS recalls (chunk_id TEXT PRIMARY KEY, count INTEGER, last INTEGER) WITHOUT ROWID"
_COUNT = (
    "INSERT INTO recalls VALUES (?, 1, ?) "
    "ON CONFLICT (chunk_id) DO UPDATE SET count = count + 1, last = max(last, excluded.last)"
)
_THERE = "SELECT 1 FROM sqlite_master WHERE name = 'recalls'"
_WRONG = "SELECT count(*) FROM recalls WHERE typeof(count) <> 'integer' OR typeof(last) <> 'integer'"
_WAIT = 5.0
"""Seconds that a write waits for others."""


class Recalls:
    """Counts recalls of passages.

    Args:
        root: Folder of the index.
        counting: Whether anything is written.
    """

    def __init__(self, root: Path, *, counting: bool) -> None:
        self._file = root / RECALLS_FILE
        self._counting = counting
        self._known: tuple[tuple[int, int], Recalled] = ((0, 0), {})

    def add(self, chunk_ids: Iterable[str]) -> None:
        """Count a recall of each chunk, now; nothing where recalls are not counted.

        Raises:
            IndexStateError: The file cannot be written.
        """
        rows = [(chunk_id, time_ns() // 1000) for chunk_id in chunk_ids] if self._counting else []
        if rows:
            with self._connected() as connection, connection:
                connection.execute(_TABLE)
                connection.executemany(_COUNT, rows)

    def counts(self) -> "Recalled":
        """All counts there are, whoever made them.

        Raises:
            IndexStateError: The file cannot be read.
        """
        # SQLite makes an empty file before the table is there.
        if not self._file.is_file() or not (found := self._file.stat()).st_size:
            return {}
        stamp = found.st_mtime_ns, found.st_size
        if self._known[0] != stamp:
            with self._connected() as connection:
                rows = connection.execute("SELECT chunk_id, count, last FROM recalls").fetchall()
            self._known = stamp, {chunk_id: (count, last) for chunk_id, count, last in rows}
        return self._known[1]

    def damage(self) -> str | None:
        """What is wrong with the file; None: nothing, or there is none. Writes nothing.

        Raises:
            IndexStateError: It cannot be looked at.
        """
        import sqlite3

        if not self._file.is_file() or not self._file.stat().st_size:
            return None
        try:
            with closing(
                sqlite3.connect(f"{self._file.absolute().as_uri()}?mode=ro", uri=True, timeout=_WAIT)
            ) as known:
                [(verdict,)] = known.execute("PRAGMA integrity_check(1)").fetchall()
                if verdict == "ok" and known.execute(_THERE).fetchone():
                    [(wrong,)] = known.execute(_WRONG).fetchall()
                    verdict = f"{wrong} counts are no numbers" if wrong else "ok"
        except sqlite3.OperationalError as error:
            raise IndexStateError(str(self._file), f"it cannot be read: {error}") from error
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            verdict = str(error)
        return None if verdict == "ok" else f"{self._file}: {verdict}"

    @contextmanager
    def _connected(self) -> "Iterator[sqlite3.Connection]":
        # Most memories count nothing: they do without it.
        import sqlite3

        try:
            with closing(sqlite3.connect(self._file, timeout=_WAIT)) as connection:
                connection.execute("PRAGMA synchronous = OFF")
                yield connection
        except (sqlite3.Error, UnicodeDecodeError) as error:
            remedy = "Remove it, or set retrieval.count_recalls to false"
            raise IndexStateError(str(self._file), f"recalls cannot be counted: {error}. {remedy}") from error
