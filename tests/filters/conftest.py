"""Documents to filter."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

Documents = Callable[[Sequence[dict[str, Any]]], pa.Table]


def _table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    own = {"id", "title", "source", "timestamp"}
    return pa.table(
        {
            "document_id": pa.array([row.get("id", str(number)) for number, row in enumerate(rows)], pa.string()),
            "title": pa.array([row.get("title") for row in rows], pa.string()),
            "metadata": pa.array(
                [
                    json.dumps(row["metadata"] if "metadata" in row else {k: v for k, v in row.items() if k not in own})
                    for row in rows
                ],
                pa.string(),
            ),
            "timestamp": pa.array(
                [
                    row["timestamp"] and datetime.fromisoformat(row["timestamp"]) if "timestamp" in row else None
                    for row in rows
                ],
                pa.timestamp("us", "UTC"),
            ),
            "source": pa.array([row.get("source") for row in rows], pa.string()),
        }
    )


@pytest.fixture(scope="session")
def documents() -> Documents:
    """A table as the store and snapshots have it, from own fields and metadata in one dict each."""
    return _table
