"""The different texts among many, in order, without holding them all: DuckDB sorts in files where memory ends."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa

__all__ = ["distinct"]

_WAITING = 262_144
_BATCH = 65_536


def distinct(blocks: Iterable[pa.Array], memory: int, folder: Path | None = None) -> Iterator[pa.Array]:
    """Different texts in code point order, block by block.

    Args:
        blocks: Texts, string.
        memory: Bytes that are held at most, about.
        folder: Where files may lie, which a process that is killed leaves there; None: where the system has them.

    Examples:
        >>> [block.to_pylist() for block in distinct([pa.array(["b", "a"]), pa.array(["b"])], 2**30)]
        [['a', 'b']]
    """
    with TemporaryDirectory(prefix=".tmp-", dir=folder) as place:
        settings = {"memory_limit": f"{max(memory // 2**20, 64)}MiB", "temp_directory": place}
        connection = duckdb.connect(str(Path(place) / "texts.duckdb"), config=settings)  # type: ignore[arg-type]
        try:
            connection.execute("CREATE TABLE texts (text VARCHAR)")
            waiting: list[pa.Array] = []
            for block in blocks:
                waiting.append(block)
                if sum(map(len, waiting)) >= _WAITING:
                    _insert(connection, waiting)
                    waiting = []
            _insert(connection, waiting)
            query = "SELECT DISTINCT text FROM texts ORDER BY text"
            for batch in connection.sql(query).to_arrow_reader(_BATCH):
                yield batch.column(0).cast(pa.string())
        finally:
            connection.close()


def _insert(connection: duckdb.DuckDBPyConnection, blocks: list[pa.Array]) -> None:
    given = pa.table({"text": pa.chunked_array(blocks, pa.string())})
    connection.register("given", given)
    connection.execute("INSERT INTO texts SELECT DISTINCT text FROM given")
    connection.unregister("given")
