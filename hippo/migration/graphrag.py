"""The output folder of Microsoft's GraphRAG: tables of entities, relationships, text units and documents as Parquet."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hippo.documents.foreign import read_values
from hippo.documents.process import ParserProcess
from hippo.errors import DocumentError
from hippo.migration.foreign import Foreign, Named, Passage, Related, words_of

__all__ = ["UNITS", "read_graphrag"]

UNITS = ("text_units.parquet", "create_final_text_units.parquet")
"""Names of a table, of newer versions and of older ones."""
_OLDER = "create_final_"


def read_graphrag(folder: Path, process: ParserProcess, *, max_bytes: int) -> Foreign:
    """Read entities, relationships and text units; titles of documents, if their table is there.

    Args:
        folder: Holds `entities.parquet`, `relationships.parquet` and `text_units.parquet`, or the same names behind
            `create_final_`, as older versions write them.
        process: Where the tables are parsed.
        max_bytes: Longest row, as JSON.

    Raises:
        DocumentError: A table is missing, empty, malformed, or takes more than the process may.
    """
    rows = partial(_rows, folder, process, max_bytes)
    titles = {}
    if _path(folder, "documents").exists():
        titles = {str(row["id"]): row.get("title") for row in rows("documents", "id")}
    passages = {}
    for row in rows("text_units", "id", "text"):
        documents = row["document_ids"] or [row.get("document_id")]
        document = next((str(one) for one in documents if one), None)
        title = titles.get(document or "")
        passages[str(row["id"])] = Passage(str(row["text"] or ""), document, title if isinstance(title, str) else None)
    entities = [
        Named(str(row["title"] if "title" in row else row["name"]), row["text_unit_ids"])
        for row in rows("entities", "title|name")
    ]
    relations = []
    for row in rows("relationships", "source", "target"):
        left, right = str(row["source"]), str(row["target"])
        words = words_of(left, str(row.get("description") or ""), right)
        relations.append(Related(left, words, right, row["text_unit_ids"]))
    return Foreign("GraphRAG", passages, entities, relations)


def _path(folder: Path, name: str) -> Path:
    older = folder / f"{_OLDER}{name}.parquet"
    return older if older.exists() else folder / f"{name}.parquet"


_LISTS = ("document_ids", "text_unit_ids")
_READ = ("id", "title", "name", "text", "document_id", "source", "target", "description", *_LISTS)


def _rows(folder: Path, process: ParserProcess, max_bytes: int, name: str, *needed: str) -> Iterator[Mapping[str, Any]]:
    """Rows of a table, with their lists of ids.

    Args:
        folder: Holds it.
        process: Where it is parsed.
        max_bytes: Longest row, as JSON.
        name: Of the table.
        needed: Names of columns that it must have; of several apart by "|", one.
    """
    path = _path(folder, name)
    empty = True
    for row in read_values(path, process, max_bytes=max_bytes, columns=_READ):
        empty = False
        for column in needed:
            if not any(one in row for one in column.split("|")):
                raise DocumentError(str(path), f"has no column {column!r}, but {sorted(row)[:20]}")
        lists = {column: row.get(column) or [] for column in _LISTS}
        for column, ids in lists.items():
            if not isinstance(ids, list):
                raise DocumentError(str(path), f"column {column!r} must hold lists of ids, not {type(ids).__name__}")
        yield {**row, **{column: tuple(map(str, ids)) for column, ids in lists.items()}}
    if empty:  # GraphRAG writes none: it stops where it finds nothing.
        raise DocumentError(str(path), "has no rows: its GraphRAG index is not whole")
