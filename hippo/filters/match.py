"""Which documents satisfy a condition."""

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hippo.errors import FilterError
from hippo.filters.cells import cells
from hippo.filters.condition import Condition, check_size
from hippo.filters.deadline import Deadline
from hippo.filters.field import Field
from hippo.filters.statement import Select, compared
from hippo.filters.values import Kind

__all__ = ["matching"]

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
    "lock_configuration": "true",
    "memory_limit": "2GB",
    "python_enable_replacements": "false",
    "temp_directory": "",
    "threads": "1",
}


def matching(condition: Condition, documents: pa.Table, *, seconds: float = 10.0) -> NDArray[np.bool_]:
    """Find the documents for which a condition is true.

    A condition is true, false or unknown, as in SQL: it is unknown where a document has no value that can be compared
    with it, and only what is true matches. So neither `year = 2020` nor `not (year = 2020)` matches a document without
    a year.

    Args:
        condition: What must hold.
        documents: Columns document_id, title, metadata (JSON text), timestamp (in UTC), source.
        seconds: Most time to take.

    Returns:
        bool `(len(documents),)`, one for each document, in their order.

    Raises:
        DocumentError: A document's metadata are no JSON object.
        FilterError: It took longer, needs too much memory, or the condition is too large.
    """
    check_size(condition)
    matched = np.zeros(documents.num_rows, np.bool_)
    wanted: dict[Field, set[Kind]] = {}
    numbers: list[Any] = []
    for field, kind, values in compared(condition):
        wanted.setdefault(field, set()).update([kind] if kind else [])
        numbers += values if kind == "number" else []
    deadline = Deadline(seconds)
    try:
        found = cells(documents, wanted, numbers, deadline)
        select = Select(condition, {field: index for index, field in enumerate(wanted)}, found.ranks)
        matched[_rows(select.text, select.parameters, found.table, deadline)] = True
    except (TimeoutError, duckdb.InterruptException) as error:
        raise FilterError(str(condition)[:120], f"took longer than {seconds:g} s; ask for less at once") from error
    except duckdb.Error as error:
        problem = f"could not be evaluated: {str(error).strip().partition(chr(10))[0]}"
        raise FilterError(str(condition)[:120], problem) from error
    return matched


def _rows(statement: str, parameters: Sequence[Any], table: pa.Table, deadline: Deadline) -> NDArray[np.int64]:
    """The only column of a statement over the table `cells`, in a database of its own that can do nothing else."""
    with duckdb.connect(":memory:", config=_CONFIG) as connection:
        connection.register("cells", table)
        connection.execute("BEGIN TRANSACTION READ ONLY")
        with deadline.interrupting(connection):
            return np.asarray(connection.execute(statement, list(parameters)).fetchnumpy()["row"], np.int64)
