"""Documents as cells: one row for every value that a condition looks at, by kind."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from hippo.errors import DocumentError
from hippo.filters.deadline import Deadline
from hippo.filters.field import Field
from hippo.filters.values import Kind, moment

__all__ = ["Cells", "cells"]

_OWN = {"id": "document_id", "title": "title", "source": "source", "timestamp": "timestamp"}
_CHECK_EVERY = 1_024
_JSON = json.JSONDecoder(parse_constant=lambda _: None)
"""Without NaN and infinities, which JSON does not have."""
_SCHEMA = pa.schema(
    {
        "row": pa.int64(),
        "field": pa.int32(),
        "text": pa.string(),
        "number": pa.int64(),
        "flag": pa.bool_(),
        "moment": pa.timestamp("us"),
    }
)


@dataclass(frozen=True, slots=True)
class Cells:
    """Values of documents.

    Attributes:
        table: Columns row int64 (of the document), field int32 (index into the fields asked for), and one for each
            kind, of which at most one is not null: text string, number int64 (a rank), flag bool, moment timestamp[us].
            A list has a row for each of its items, nulls have none. Each document has one row more, whose field is
            null.
        ranks: Rank by number, of all numbers in the table and all that were given.
    """

    table: pa.Table
    ranks: Mapping[float, int]


def cells(
    documents: pa.Table, wanted: Mapping[Field, set[Kind]], numbers: Sequence[float], deadline: Deadline
) -> Cells:
    """Take out of documents what a condition looks at.

    Numbers become ranks, since no type of DuckDB holds both 2**53 + 1 and 0.1: Python compares integers of any length
    and floats exactly, and ranks compare as the numbers do.

    Args:
        documents: Columns document_id, title, metadata (JSON text), timestamp, source.
        wanted: Fields, with the kinds that they are compared as.
        numbers: Numbers that are compared with.
        deadline: When to give up.

    Raises:
        DocumentError: Metadata are no JSON object.
        TimeoutError: It took too long.
    """
    everyone = np.arange(documents.num_rows)
    tables = [_table({"row": everyone})]
    for index, field in enumerate(wanted):
        if field.own:
            column = documents.column(_OWN[field.path[0]])
            kind = "moment" if field.path[0] == "timestamp" else "text"
            values = column.cast(pa.timestamp("us") if kind == "moment" else pa.string())
            tables.append(_table({"row": everyone, "field": np.full(len(everyone), index), kind: values}))
            tables[-1] = tables[-1].filter(values.is_valid())
    found = _metadata_values(documents, wanted, deadline) if any(not field.own for field in wanted) else []
    ranks = {number: rank for rank, number in enumerate(sorted({*numbers, *_numbers(found)}))}
    deadline.check()
    tables.append(_metadata_table(found, list(wanted.values()), ranks))
    return Cells(pa.concat_tables(tables), ranks)


def _table(columns: Mapping[str, Any]) -> pa.Table:
    """A table of the schema; columns that are not given are null."""
    length = len(columns["row"])
    return pa.table([columns.get(item.name, pa.nulls(length, item.type)) for item in _SCHEMA], schema=_SCHEMA)


def _metadata_values(
    documents: pa.Table, wanted: Mapping[Field, set[Kind]], deadline: Deadline
) -> list[tuple[int, int, Any]]:
    """Document, index of the field, value."""
    paths = [(index, field.path) for index, field in enumerate(wanted) if not field.own]
    found: list[tuple[int, int, Any]] = []
    for row, text in enumerate(documents.column("metadata").to_pylist()):
        if row % _CHECK_EVERY == 0:
            deadline.check()
        if text is None or text == "{}":
            continue
        metadata = _object(text, documents, row)
        for index, (key, *rest) in paths:
            if key in metadata:
                found += [(row, index, value) for value in _values(metadata[key], rest)]
    return found


def _object(text: str, documents: pa.Table, row: int) -> dict[str, Any]:
    try:
        metadata = _JSON.decode(text)
        if isinstance(metadata, dict):
            return metadata
        problem = f"it is a {type(metadata).__name__}"
    except (ValueError, RecursionError) as error:
        problem = str(error)
    raise DocumentError(documents.column("document_id")[row].as_py(), f"its metadata are no JSON object: {problem}")


def _values(node: Any, path: Sequence[str]) -> Iterator[Any]:
    """What a path leads to, through lists too; no nulls."""
    if isinstance(node, list):
        for item in node:
            yield from _values(item, path)
    elif not path:
        if node is not None:
            yield node
    elif isinstance(node, dict) and path[0] in node:
        yield from _values(node[path[0]], path[1:])


def _numbers(found: Sequence[tuple[int, int, Any]]) -> set[float]:
    return {value for _, _, value in found if _is_number(value)}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _metadata_table(
    found: Sequence[tuple[int, int, Any]], kinds: Sequence[set[Kind]], ranks: Mapping[float, int]
) -> pa.Table:
    columns = {
        "row": [row for row, _, _ in found],
        "field": [index for _, index, _ in found],
        "text": [value if isinstance(value, str) and "text" in kinds[index] else None for _, index, value in found],
        "number": [ranks[value] if _is_number(value) else None for _, _, value in found],
        "flag": [value if isinstance(value, bool) else None for _, _, value in found],
        "moment": [moment(value) if "moment" in kinds[index] else None for _, index, value in found],
    }
    return pa.table(columns, schema=_SCHEMA)
