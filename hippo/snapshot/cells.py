"""A few values of the columns of an index, read without making an Arrow scalar of each."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from hippo.snapshot.contents import Contents

__all__ = ["Cells", "reader"]

Read = Callable[[int], Any]


class Cells:
    """Reads cells of the tables of an index. Any number of threads may use it.

    Args:
        contents: The index.
    """

    def __init__(self, contents: "Contents") -> None:
        self._contents = contents
        self._readers: dict[tuple[str, str], Read] = {}

    def pick(self, table: str, column: str, rows: Iterable[int]) -> list[Any]:
        """Values of some rows.

        Args:
            table: "chunks", "facts", "entities" or "documents".
            column: One of its columns.
            rows: Which ones, as Python's whole numbers.
        """
        return list(map(self._reader(table, column), rows))

    def read(self, table: str, column: str, row: int) -> Any:
        """Value of one row: see `pick`."""
        return self._reader(table, column)(row)

    def _reader(self, table: str, column: str) -> Read:
        read = self._readers.get((table, column))
        if read is None:
            read = self._readers[table, column] = reader(getattr(self._contents, table).column(column))
        return read


def reader(column: "pa.ChunkedArray") -> Read:
    """Reads the value of a row, as Python has it.

    Examples:
        >>> import pyarrow as pa
        >>> read = reader(pa.chunked_array([pa.array(["Ada", None, "Åbo"])]))
        >>> read(0), read(1), read(2)
        ('Ada', None, 'Åbo')
    """
    import pyarrow as pa

    if column.num_chunks != 1:
        return lambda row: column[row].as_py()
    values = column.chunk(0)
    if pa.types.is_integer(values.type) and not values.null_count:
        numbers = values.to_numpy()
        return lambda row: int(numbers[row])
    if not pa.types.is_string(values.type) or not len(values):
        return lambda row: values[row].as_py()
    valid, ends, text = values.buffers()
    first, offsets = values.offset, memoryview(ends).cast("i")
    data = memoryview(text if text is not None else b"")

    def read(row: int) -> str:
        place = first + row
        return str(data[offsets[place] : offsets[place + 1]], "utf-8")

    if valid is None:
        return read
    bits = memoryview(valid)

    def read_known(row: int) -> str | None:
        place = first + row
        return read(row) if bits[place >> 3] >> (place & 7) & 1 else None

    return read_known
