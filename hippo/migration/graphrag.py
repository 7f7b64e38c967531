"""The output folder of Microsoft's GraphRAG: tables of entities, relationships, text units and documents as Parquet."""

from pathlib import Path
from typing import Any

from hippo.errors import DocumentError
from hippo.migration.foreign import Foreign, Named, Passage, Related, words_of

__all__ = ["UNITS", "read_graphrag"]

UNITS = ("text_units.parquet", "create_final_text_units.parquet")
"""Names of a table, of newer versions and of older ones."""
_OLDER = "create_final_"


def read_graphrag(folder: Path) -> Foreign:
    """Read entities, relationships and text units; titles of documents, if their table is there.

    Args:
        folder: Holds `entities.parquet`, `relationships.parquet` and `text_units.parquet`, or the same names behind
            `create_final_`, as older versions write them.

    Raises:
        DocumentError: A table is missing or malformed.
    """
    titles = {}
    if _path(folder, "documents").exists():
        titles = {str(row.get("id")): row.get("title") for row in _rows(folder, "documents", "id")}
    passages = {}
    for row in _rows(folder, "text_units", "id", "text"):
        documents = row.get("document_ids") or [row.get("document_id")]
        document = next((str(one) for one in documents if one), None)
        title = titles.get(document or "")
        passages[str(row["id"])] = Passage(str(row["text"] or ""), document, title if isinstance(title, str) else None)
    named = "title" if "title" in _columns(folder, "entities") else "name"
    entities = [
        Named(str(row[named]), tuple(map(str, row.get("text_unit_ids") or ())))
        for row in _rows(folder, "entities", named)
    ]
    relations = []
    for row in _rows(folder, "relationships", "source", "target"):
        left, right = str(row["source"]), str(row["target"])
        words = words_of(left, str(row.get("description") or ""), right)
        relations.append(Related(left, words, right, tuple(map(str, row.get("text_unit_ids") or ()))))
    return Foreign("GraphRAG", passages, entities, relations)


def _path(folder: Path, name: str) -> Path:
    older = folder / f"{_OLDER}{name}.parquet"
    return older if older.exists() else folder / f"{name}.parquet"


def _columns(folder: Path, name: str) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = _path(folder, name)
    try:
        return list(pq.read_schema(path).names)
    except FileNotFoundError as error:
        raise DocumentError(str(path), "no such file") from error
    except (OSError, pa.ArrowException) as error:
        raise DocumentError(str(path), f"cannot be read as Parquet: {error}") from error


_READ = (
    "id",
    "title",
    "name",
    "text",
    "document_ids",
    "document_id",
    "text_unit_ids",
    "source",
    "target",
    "description",
)
_LISTS = ("document_ids", "text_unit_ids")


def _rows(folder: Path, name: str, *needed: str) -> list[dict[str, Any]]:
    """Rows of a table, with the columns that are read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns, path = _columns(folder, name), _path(folder, name)
    if missing := [column for column in needed if column not in columns]:
        raise DocumentError(str(path), f"has no column {missing[0]!r}, but {columns}")
    try:
        table = pq.read_table(path, columns=[one for one in _READ if one in columns])
    except (OSError, pa.ArrowException) as error:
        raise DocumentError(str(path), f"cannot be read as Parquet: {error}") from error
    for one in table.schema:
        if one.name in _LISTS and not any(
            is_one(one.type) for is_one in (pa.types.is_list, pa.types.is_large_list, pa.types.is_null)
        ):
            raise DocumentError(str(path), f"column {one.name!r} must hold lists of ids, not {one.type}")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
