"""Files of other programs as plain values: rows of Parquet, nodes and edges of GraphML.

Their parsers are no code of ours, so they run in a process with limits: `ParserProcess(readers=FOREIGN)`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from xml.etree.ElementTree import ParseError

from hippo.documents.process import ParserProcess
from hippo.documents.records import Columns, plain
from hippo.documents.source import FileInput
from hippo.documents.tables import batch_size
from hippo.errors import DocumentError
from hippo.types import Document, Skipped

__all__ = ["FOREIGN", "READERS", "read_values"]

FOREIGN = "hippo.documents.foreign"
"""Name of this module, for the process."""


def read_values(
    path: Path, process: ParserProcess, *, max_bytes: int, columns: tuple[str, ...] | None = None
) -> Iterator[Mapping[str, Any]]:
    """What a file holds: a mapping for each row of `.parquet`, for each node and then each edge of `.graphml`.

    A node is `{"name": …, "attributes": {…}}`, an edge `{"ends": [name, name], "attributes": {…}}`. Values are JSON, as
    metadata of documents are.

    Args:
        path: The file.
        process: Made with `readers=FOREIGN`.
        max_bytes: Longest row, node or edge, as JSON.
        columns: Only these of a table, as far as it has them; None: all.

    Raises:
        DocumentError: It cannot be read, is damaged, takes more than the process may, or unfolds to more text than
            that.
    """
    try:
        most = left = process.limits.memory_for(path.stat().st_size)
        for item in process.read(FileInput(path, path.name, Columns(metadata=columns), max_bytes)):
            if isinstance(item, Skipped):
                raise DocumentError(item.source, item.reason)
            left -= _characters(item.metadata)
            if left < 0:
                process.close()
                problem = f"unfolds to more than {most / 2**20:.0f} MiB of text; raise documents.memory"
                raise DocumentError(str(path), problem)
            yield item.metadata
    except FileNotFoundError as error:
        raise DocumentError(str(path), "no such file") from error
    except OSError as error:
        raise DocumentError(str(path), f"cannot be read: {error.strerror or error}") from error


def _characters(value: object) -> int:
    """Characters of all texts in plain data."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(map(len, value)) + sum(map(_characters, value.values()))
    return sum(map(_characters, value)) if isinstance(value, list) else 0


def _read_rows(file: FileInput) -> Iterator[Document]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file.path) as table:
            wanted = file.columns.metadata
            names = [name for name in table.schema_arrow.names if wanted is None or name in wanted]
            for batch in table.iter_batches(batch_size=batch_size(table.metadata), columns=names):
                for row in batch.to_pylist():
                    yield Document("", metadata=plain(row, file.source))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DocumentError(file.source, f"cannot be read as Parquet: {error}") from error


def _read_graph(file: FileInput) -> Iterator[Document]:
    import networkx

    try:
        graph = networkx.read_graphml(file.path)
    except (ParseError, networkx.NetworkXError, ValueError, KeyError) as error:
        raise DocumentError(file.source, f"no GraphML: {error}") from error
    for name, data in graph.nodes(data=True):
        yield Document("", metadata=plain({"name": str(name), "attributes": data}, file.source))
    for left, right, data in graph.edges(data=True):
        yield Document("", metadata=plain({"ends": [str(left), str(right)], "attributes": data}, file.source))


READERS = MappingProxyType({".graphml": _read_graph, ".parquet": _read_rows})
"""Reader by suffix, as in `hippo.documents.formats`; a document stands for each mapping, which its metadata are."""
