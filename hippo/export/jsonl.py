"""Everything that an index knows as JSON lines."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hippo.export.place import Export, new_folder
from hippo.export.tables import TABLES

if TYPE_CHECKING:
    from hippo.snapshot.contents import Contents

__all__ = ["write_jsonl"]

Row = dict[str, Any]


def write_jsonl(contents: "Contents", folder: Path) -> Export:
    """Write `documents`, `chunks`, `facts`, `entities` and `edges` as `NAME.jsonl`, one object a line, UTF-8.

    `documents.jsonl` holds id, title, text, metadata and timestamp: `hippo index NEW documents.jsonl` reads the same
    documents again. Facts hold their evidence and, if there is one, their triple; chunks leave out the text that is
    already in their document; edges leave out the kinds that do not join their nodes. See `hippo.export.tables`.

    Args:
        contents: Of an index: `Hippo.contents()`.
        folder: Folder to make.

    Returns:
        What was written: rows by file.

    Raises:
        InputError: The folder exists and is not empty, or cannot be written.
    """
    rows = dict.fromkeys(TABLES, 0)
    folder = Path(folder)
    with new_folder(folder) as temporary:
        for name, pieces in TABLES.items():
            shape = _SHAPES.get(name, dict)
            with (temporary / f"{name}.jsonl").open("w", encoding="utf-8", newline="\n") as file:
                for table in pieces(contents):
                    for batch in table.to_batches(4096):
                        for row in batch.to_pylist():
                            file.write(json.dumps(shape(row), ensure_ascii=False) + "\n")
                        rows[name] += batch.num_rows
    return Export(str(folder), rows)


def _document(row: Row) -> Row:
    timestamp = row["timestamp"]
    return {
        "id": row["document_id"],
        "title": row["title"],
        "text": row["text"],
        "metadata": json.loads(row["metadata"]) if row["metadata"] else {},
        "timestamp": timestamp.isoformat() if timestamp else None,
    }


def _chunk(row: Row) -> Row:
    return {key: value for key, value in row.items() if key not in ("title", "text")}


def _fact(row: Row) -> Row:
    triple = {name: row.pop(name) for name in ("subject", "predicate", "object")}
    return {**row, "triple": triple if triple["predicate"] is not None else None}


def _edge(row: Row) -> Row:
    return {key: value for key, value in row.items() if value}


_SHAPES: dict[str, Callable[[Row], Row]] = {"documents": _document, "chunks": _chunk, "facts": _fact, "edges": _edge}
