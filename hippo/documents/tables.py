"""Files of rows, read row by row: CSV, TSV, JSON lines and Parquet."""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, TextIO

from hippo.documents.cells import ALL_TEXT, Kind, infer_kinds, read_cell
from hippo.documents.chats import chat_turns
from hippo.documents.decode import UNDECODABLE, detect_encoding
from hippo.documents.messages import is_message, message_turns
from hippo.documents.records import record_document
from hippo.documents.source import REST_UNREAD, FileInput
from hippo.errors import DocumentError
from hippo.types import Document, Skipped

__all__ = ["batch_size", "read_csv", "read_jsonl", "read_parquet", "read_tsv"]

_BATCH = 256
"""Most rows of a Parquet file that are in memory at once."""
_BATCH_BYTES = 16 * 2**20
"""About as many bytes."""
_LONGEST_HEADER = 2**20
"""Characters that the names of all columns of a table may have."""


def read_csv(file: FileInput) -> Iterator[Document | Skipped]:
    """A document per row; the first row names the columns. Cells may be separated by commas or semicolons.

    The file is read twice, since a column holds numbers only if all its cells do; rows are never kept.

    Raises:
        DocumentError: A column asked for is missing.
    """
    return _read_delimited(file, ",")


def read_tsv(file: FileInput) -> Iterator[Document | Skipped]:
    """A document per row; the first row names the columns.

    Raises:
        DocumentError: A column asked for is missing.
    """
    return _read_delimited(file, "\t")


def _read_delimited(file: FileInput, delimiter: str) -> Iterator[Document | Skipped]:
    encoding = detect_encoding(file.path)
    if encoding is None:
        yield file.skip(UNDECODABLE)
        return
    # Python's limit of 128 KiB a cell is one for the whole process and too low for texts: raise it, never lower it.
    csv.field_size_limit(max(csv.field_size_limit(), min(file.max_bytes, 2**31 - 1)))
    table = _Table(file, encoding, delimiter)
    empty = True
    try:
        kinds = _kinds(table) if file.columns.typed else ALL_TEXT
        for row in table.rows():
            empty = False
            yield _row(table, row, kinds)
    except (csv.Error, UnicodeDecodeError) as error:
        yield file.skip(f"{REST_UNREAD}: {error}", table.line)
        return
    if empty:
        yield file.skip("no rows")


@dataclass(slots=True)
class _Table:
    """A table that can be read more than once.

    Attributes:
        file: Its file.
        encoding: Encoding of the file.
        delimiter: What separates cells, a comma standing for a semicolon too.
        header: Names of the columns, once the first row has been read.
        line: Where the row begins that was read last, or that cannot be read.
    """

    file: FileInput
    encoding: str
    delimiter: str
    header: list[str] = field(default_factory=list)
    line: int = 1

    def rows(self) -> Iterator[list[str]]:
        """All rows but the first and those without cells, from the beginning."""
        file, delimiter = self.file, self.delimiter
        with file.path.open(encoding=self.encoding, newline="") as stream:
            if delimiter == "," and "," not in (first := stream.readline(_LONGEST_HEADER)) and ";" in first:
                delimiter = ";"
            stream.seek(0)
            lines = _Lines(stream, min(file.max_bytes, _LONGEST_HEADER))
            rows = csv.reader(lines, delimiter=delimiter, strict=True)
            self.line = 1
            self.header = next(rows, [])
            if repeated := [name for name, times in Counter(self.header).items() if name and times > 1]:
                raise DocumentError(file.source, f"more than one column is named {repeated[0]!r}")
            file.columns.require(self.header, file.source)
            row: list[str] | None = []
            while row is not None:
                if row:
                    yield row
                self.line = rows.line_num + 1
                lines.begin_row(file.max_bytes)
                row = next(rows, None)


def _kinds(table: _Table) -> Mapping[int, Kind | None]:
    """What the columns of metadata hold, in the rows that fit and can be read."""
    rows = (row for row in _readable(table.rows()) if len(row) == len(table.header))
    first = next(rows, None)
    if first is None:
        return ALL_TEXT
    kept = set(table.file.columns.kept(table.header))
    return infer_kinds(chain([first], rows), [index for index, name in enumerate(table.header) if name in kept])


def _readable(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """Rows up to the one that cannot be read; why not is told when the documents are made."""
    with suppress(csv.Error, UnicodeDecodeError):
        yield from rows


class _Lines:
    """Lines of a table. A row may span many of them, as cells in quotes do, but no more than a limit of characters."""

    def __init__(self, stream: TextIO, limit: int) -> None:
        self._stream = stream
        self.begin_row(limit)

    def begin_row(self, limit: int) -> None:
        self._limit = self._left = limit

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._stream.readline(self._left)
        self._left -= len(line)
        if not self._left and not line.endswith(("\n", "\r")):
            raise csv.Error(f"row of {self._limit} characters or more; shorten it, or raise documents.max_bytes")
        if not line:
            raise StopIteration
        return line


def _row(table: _Table, row: Sequence[str], kinds: Mapping[int, Kind | None]) -> Document | Skipped:
    if len(row) != len(table.header):
        return table.file.skip(f"{len(row)} cells in a table of {len(table.header)} columns", table.line)
    cells = [read_cell(cell, kinds[index]) if index in kinds else cell for index, cell in enumerate(row)]
    return _document(table.file, dict(zip(table.header, cells, strict=True)), table.line)


def read_jsonl(file: FileInput) -> Iterator[Document | Skipped]:
    """A document per line, which holds one JSON object; a conversation or a message is read as turns.

    Raises:
        DocumentError: The first object has no text key.
    """
    encoding = detect_encoding(file.path)
    if encoding is None:
        yield file.skip(UNDECODABLE)
        return
    empty = True
    checked = False
    seen: set[str] = set()
    line = 0
    try:
        with file.path.open(encoding=encoding) as stream:
            while text := stream.readline(file.max_bytes):
                line += 1
                if len(text) == file.max_bytes and not text.endswith("\n"):
                    empty = False
                    yield file.skip(f"line of {file.max_bytes} characters or more; raise documents.max_bytes", line)
                    while text and not text.endswith("\n"):
                        text = stream.readline(file.max_bytes)
                    continue
                if not text.strip():
                    continue
                empty = False
                record = _object(text)
                if isinstance(record, str):
                    yield file.skip(record, line)
                    continue
                chat = (
                    None if file.columns.text in record else chat_turns(record, replace(file, id=f"{file.id}:{line}"))
                )
                if chat is not None:
                    yield from chat
                elif file.columns.text not in record and is_message(record):
                    yield from message_turns(
                        [record], session=file.id, first=line, source=file.source, tolerant=True, seen=seen
                    )
                else:
                    if not checked:
                        file.columns.require(record, file.source)
                        checked = True
                    yield _document(file, record, line)
    except UnicodeDecodeError as error:
        yield file.skip(f"{REST_UNREAD}: {error}", line + 1)
        return
    if empty:
        yield file.skip("no rows")


def _object(text: str) -> dict[str, Any] | str:
    """The JSON object in a line, or what is wrong with it."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"
    return record if isinstance(record, dict) else f"expected a JSON object, got {type(record).__name__}"


def read_parquet(file: FileInput) -> Iterator[Document | Skipped]:
    """A document per row.

    Raises:
        DocumentError: A column asked for is missing.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = 0
    try:
        with pq.ParquetFile(file.path) as table:
            names = table.schema_arrow.names
            file.columns.require(names, file.source)
            for batch in table.iter_batches(batch_size=batch_size(table.metadata)):
                for record in batch.to_pylist():
                    row += 1
                    yield _document(file, record, row)
    except (pa.ArrowException, OSError, ValueError) as error:
        yield file.skip(f"{REST_UNREAD}: {error}", row + 1) if row else file.skip(f"no readable Parquet: {error}")
        return
    if row == 0:
        yield file.skip("no rows")


def batch_size(metadata: Any) -> int:
    """Rows of a batch, fewer where they are long. Sizes that are a lie cost speed, or memory, which is limited."""
    size = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    return min(_BATCH, max(1, int(_BATCH_BYTES * metadata.num_rows // max(1, size))))


def _document(file: FileInput, record: Mapping[str, Any], row: int) -> Document | Skipped:
    source = f"{file.source}:{row}"
    try:
        return record_document(record, file.columns, source)
    except DocumentError as error:
        return Skipped(source, error.args[1])
