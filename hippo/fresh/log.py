"""The log of what was remembered: on disk when the call returns, whoever reads or merges it when.

It lies in the folder `fresh` of an index, in files that are only appended to and are named by the number of their first
item. A line is a record: a check sum, and JSON that says which numbers it takes and what was remembered. Every
process may append, each in its turn, for the length of one write. A merge closes the newest file by beginning the next
one, brings all before it into the store, publishes, and removes the older files. The store and every snapshot say up to
which number they hold what was remembered, so nothing is lost or counted twice wherever a process ends.

A line that a crash cut off was never acknowledged: readers pass over it, and the next append removes it. One that has
its end, but not the content of its sum, may have been acknowledged and damaged since: that one is kept aside.
"""

import json
import os
import secrets
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any

from hippo.durable import keep_beside, locked, sync_directory, sync_file, writing
from hippo.errors import IndexCorruptError

__all__ = ["CONSOLIDATED", "FOLDER", "FRESH", "Log", "Record"]

FOLDER = "fresh"
"""Folder of the log, in the folder of an index."""

FRESH = "fresh"
"""Name under which a store and the manifest of a snapshot say up to which number they hold what was remembered."""
CONSOLIDATED = "consolidated"
"""The same, of what derived documents follow from."""

_SUFFIX = ".log"
_SUM = 8
"""Characters of a check sum."""
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the log.

    Attributes:
        number: Number of its first item.
        size: How many numbers it takes, at least 1.
        body: What was remembered; JSON.
    """

    number: int
    size: int
    body: Mapping[str, Any]

    @property
    def end(self) -> int:
        """Number of what comes next."""
        return self.number + self.size


class Log:
    """The log of one index. Threads may share it; every process has one of its own.

    Args:
        root: Folder of the index.
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / FOLDER
        self._records: list[Record] = []
        self._read: dict[int, int] = {}
        """Bytes read of each file, by its first number."""
        self._next = 0
        """Number of what comes next."""
        self._last: tuple[int, int, bytes] | None = None
        """File, place and check sum of the last record that was read."""
        self.turns = 0
        """How often the log of another index was found in its place."""
        self.written = 0
        """Number of what comes after the last record that was appended here."""
        self._guard = threading.RLock()

    def append(self, make: Callable[[int], Mapping[str, Any]], size: int = 1, *, start: int = 0) -> Record:
        """Write a record, and wait until it is on disk.

        Args:
            make: From the number that the record gets to its body.
            size: How many numbers it takes.
            start: The least number that it may get: what is below is merged already.

        Raises:
            IndexStateError: The disk refused.
            IndexCorruptError: A record before it is damaged.
        """
        with self._guard, writing(self.folder):
            if not self.folder.is_dir():
                self.folder.mkdir(parents=True, exist_ok=True)
                sync_directory(self.folder.parent)
            with locked(self.folder, exclusive=True):
                last = self._catch_up()
                if last is None or self._next < start:
                    last = self._begin(start)
                record = Record(self._next, size, make(self._next))
                self._write(last, _line(record))
                self._keep(record)
                self.written = record.end
        return record

    @property
    def end(self) -> int:
        """Number of what comes next, as far as was read."""
        return self._next

    def since(self, merged: int) -> list[Record] | None:
        """Records whose numbers are not below `merged`, in order; what is older is let go of.

        Returns:
            None where some are missing, because a newer snapshot holds them.

        Raises:
            IndexCorruptError: One of them is damaged.
        """
        with self._guard:
            if not self._records and not self._read and not self.folder.is_dir():
                return []
            self._catch_up()
            self._records = [one for one in self._records if one.end > merged]
            known = merged
            for one in self._records:
                if one.number > known:
                    return None
                known = one.end
            there = self._files()
            if there and there[-1] > known:
                return None
            return list(self._records)

    def close_file(self) -> int:
        """Begin the next file, so that all before it can be merged.

        Returns:
            The number at which it begins; 0 where nothing was ever remembered.
        """
        with self._guard:
            if not self.folder.is_dir():
                return 0
            with writing(self.folder), locked(self.folder, exclusive=True):
                last = self._catch_up()
                if last is None:
                    return 0
                if self._next > last:
                    self._begin(self._next)
                return self._next

    def drop(self, merged: int) -> None:
        """Remove files all of whose numbers are below `merged`; the newest stays."""
        with self._guard, writing(self.folder):
            files = self._files()
            for first, following in pairwise(files):
                if following <= merged:
                    self._file(first).unlink(missing_ok=True)
                    self._read.pop(first, None)
            if len(files) > 1:
                sync_directory(self.folder)

    def damaged(self) -> list[str]:
        """What is wrong with the files, each in a sentence; a line that a crash cut off is nothing wrong."""
        wrong = []
        for first, following in self._with_following():
            records = self._parsed_file(first)
            bad = sum(record is None for record in records[:-1])
            if records and records[-1] is None and following is not None:
                # Something of this file was merged or lies in the next one: numbers that are missing were acknowledged.
                bad += max((one.end for one in records if one), default=first) < following
            if bad:
                wrong.append(f"{self._file(first).name} holds {bad} damaged records")
        return wrong

    def cut(self) -> str | None:
        """Name of the newest file if its last line is not whole: a crash cut it off, or it is damaged; else None."""
        newest = self._files()[-1:]
        cut = [first for first in newest if self._parsed_file(first)[-1:] == [None]]
        return self._file(cut[0]).name if cut else None

    def mend(self) -> list[str]:
        """Keep the sound records of damaged files, which are kept beside them under other names.

        Returns:
            Names under which the damaged files are kept.

        Raises:
            IndexStateError: The disk refused.
        """
        kept = []
        with self._guard, writing(self.folder), locked(self.folder, exclusive=True):
            for first, following in self._with_following():
                file = self._file(first)
                records = self._parsed_file(first)
                if all(records[:-1]) and (following is None or all(records)):
                    continue
                text, end = b"", first
                # Numbers of what is lost are taken, lest others get them.
                for record in (*records, Record(following or 0, 0, {})):
                    if record is not None and record.number > end:
                        text, end = text + _line(Record(end, record.number - end, {"lost": True})), record.number
                    if record is not None and record.size:
                        text, end = text + _line(record), record.end
                aside = self._aside(file)
                keep_beside(file, aside)
                temporary = file.with_name(f".{file.name}-{secrets.token_hex(4)}")
                temporary.write_bytes(text)
                sync_file(temporary)
                temporary.replace(file)
                sync_directory(self.folder)
                kept.append(aside.name)
        return kept

    @staticmethod
    def _aside(file: Path) -> Path:
        """Where what is damaged in a file is kept."""
        return file.with_name(f"{file.name}-damaged-{secrets.token_hex(4)}")

    def _files(self) -> list[int]:
        """First numbers of the files, ascending."""
        try:
            names = [item.name for item in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        stems = (name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))
        return sorted(int(stem) for stem in stems if len(stem) >= _DIGITS and stem.isdecimal())

    def _with_following(self) -> Iterator[tuple[int, int | None]]:
        """First numbers of each file and of the next; None: there is none."""
        files = self._files()
        return zip_longest(files, files[1:])

    def _parsed_file(self, first: int) -> list[Record | None]:
        """Its lines; None: a line is damaged or not whole."""
        return [_parsed(line) for line in self._file(first).read_bytes().splitlines(keepends=True)]

    def _file(self, first: int) -> Path:
        return self.folder / f"{first:0{_DIGITS}d}{_SUFFIX}"

    def _begin(self, first: int) -> int:
        with self._file(first).open("xb") as file:
            os.fsync(file.fileno())
        sync_directory(self.folder)
        self._read[first] = 0
        self._next = first
        return first

    def _keep(self, record: Record) -> None:
        self._records.append(record)
        self._next = record.end

    def _write(self, first: int, line: bytes) -> None:
        with self._file(first).open("r+b", buffering=0) as file:
            if file.seek(0, os.SEEK_END) > self._read[first]:
                file.seek(self._read[first])
                if (line_cut := file.read()).endswith(b"\n"):
                    aside = self._aside(self._file(first))
                    aside.write_bytes(line_cut)
                    sync_file(aside)
                    sync_directory(self.folder)
                # Else a crash cut it off.
                file.truncate(self._read[first])
                file.seek(self._read[first])
            try:
                written = 0
                while written < len(line):
                    written += file.write(line[written:])
                os.fsync(file.fileno())
            except OSError:
                # Whoever is told that it failed must not find it later.
                with suppress(OSError):
                    file.truncate(self._read[first])
                    os.fsync(file.fileno())
                raise
        self._last = first, self._read[first], line[:_SUM]
        self._read[first] += len(line)

    def _catch_up(self) -> int | None:
        """Read what was appended since; the first number of the newest file, None: there is none."""
        last, files = None, self._files()
        if self._is_another(files):
            self._records, self._read, self._next, self._last, self.written = [], {}, 0, None, 0
            self.turns += 1
        for last in files:
            offset = self._read.get(last, 0)
            self._next = max(self._next, last)
            try:
                with self._file(last).open("rb") as file:
                    file.seek(offset)
                    new = file.read()
            except FileNotFoundError:  # Merged meanwhile: `since` says that it is missing.
                continue
            end = new.rfind(b"\n") + 1
            for line in new[:end].splitlines(keepends=True):
                record = _parsed(line)
                if record is None:
                    if offset + len(line) == self._read.get(last, 0) + end:
                        break  # The last one: a power cut may leave its end without its middle.
                    problem = f"the record at byte {offset} is damaged. Run `hippo doctor --repair`"
                    raise IndexCorruptError(str(self._file(last)), problem)
                self._keep(record)
                self._last = last, offset, line[:_SUM]
                offset += len(line)
            self._read[last] = offset
        return last

    def _is_another(self, files: list[int]) -> bool:
        """Whether these files are of another index, or were restored: the newest always stays, with its records."""
        if self._read and (not files or files[-1] < max(self._read)):
            return True
        if self._last is None:
            return False
        first, place, check_sum = self._last
        try:
            with self._file(first).open("rb") as file:
                file.seek(place)
                return file.read(_SUM) != check_sum
        except FileNotFoundError:  # Merged.
            return False


def _line(record: Record) -> bytes:
    body = {"number": record.number, "size": record.size, **record.body}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _parsed(line: bytes) -> Record | None:
    """The record that a line holds; None: it is damaged."""
    try:
        if int(line[:8], 16) != zlib.crc32(line[9:-1]) or line[8:9] != b" ":
            return None
        body = json.loads(line[9:-1])
        number, size = body.pop("number"), body.pop("size")
        whole = type(number) is int and type(size) is int and number >= 0 and size > 0
        return Record(number, size, body) if whole else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
