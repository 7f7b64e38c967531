"""What follows what: the chunks of a document in their order, and the documents of a session in theirs."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hippo.documents.turns import POSITION, SESSION
from hippo.graph.build import Pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["follow_pairs", "in_sequence", "in_sessions", "sessions_of"]

_MOST_NAMED = 16
"""Sessions that are looked for by name; of more, every document with a session is looked at."""

_FARTHEST = 1e300
"""Whole numbers in metadata may be larger than any float."""


def in_sequence(documents: pa.Table) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Which sequence each document belongs to, and its place in it.

    Documents whose metadata have the same `session` are one sequence, by their `position` (a number; those without one
    come last), then by timestamp, then by id. Every other document is a sequence of its own.

    Args:
        documents: Columns document_id, metadata (JSON) and timestamp, by document_id.

    Returns:
        Number of the sequence, int64 `(D,)`, in no order that means anything; rank among all documents, int64 `(D,)`,
        by which documents of one sequence are in order.
    """
    count = documents.num_rows
    sequences, positions = np.arange(count), np.full(count, np.inf)
    metadata = documents.column("metadata")
    # Most documents are in no session: theirs need not be parsed.
    rows = np.flatnonzero(np.asarray(pc.match_substring(metadata, f'"{SESSION}"')))
    named: dict[str, int] = {}
    for row in rows.tolist():
        values: dict[str, Any] = json.loads(metadata[row].as_py())
        session, position = values.get(SESSION), values.get(POSITION)
        if session is None:
            continue
        sequences[row] = count + named.setdefault(_as_json(session), len(named))
        if isinstance(position, int | float) and not isinstance(position, bool):
            positions[row] = min(max(position, -_FARTHEST), _FARTHEST)
    times = documents.column("timestamp").cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    moments = np.asarray(times.fill_null(np.iinfo(np.int64).max), np.int64)
    ranks = np.empty(count, np.int64)
    ranks[np.lexsort((np.arange(count), moments, positions))] = np.arange(count)
    return sequences, ranks


def sessions_of(documents: pa.Table) -> list[str]:
    """The different sessions of documents, as JSON, in code point order."""
    metadata = documents.column("metadata")
    named = metadata.filter(pc.match_substring(metadata, f'"{SESSION}"')).to_pylist()
    values = [json.loads(raw).get(SESSION) for raw in named]
    return sorted({_as_json(value) for value in values if value is not None})


def in_sessions(documents: pa.Table, sessions: Sequence[str]) -> "NDArray[np.bool_]":
    """Which documents may be in one of some sessions, and all that are, bool `(D,)`.

    Args:
        documents: With the column metadata, as the store writes it.
        sessions: From `sessions_of`.
    """
    metadata = documents.column("metadata")
    found = np.zeros(documents.num_rows, bool)
    named = [f'"{SESSION}": {session}' for session in sessions]
    for text in named if len(named) <= _MOST_NAMED else [f'"{SESSION}"']:
        found |= np.asarray(pc.match_substring(metadata, text), bool)
    return found


def _as_json(value: Any) -> str:
    """As metadata are written."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def follow_pairs(
    document: "NDArray[np.integer]",
    sequences: "tuple[NDArray[np.int64], NDArray[np.int64]]",
    first_node: int,
    distance: int,
) -> Pairs:
    """Passages of one sequence that are at most `distance` apart, with a weight of 1 / (how far they are apart).

    Recall in free order goes to neighbours, the more the nearer they are (Kahana 1996, "Associative retrieval processes
    in free recall").

    Args:
        document: `(P,)`, the document of each passage; passages of a document are adjacent and in order.
        sequences: From `in_sequence`.
        first_node: Node of passage 0.
        distance: Largest number of places between two that are joined, 0 or more; 0: none is.
    """
    labels, ranks = (part[document] for part in sequences)
    order = np.lexsort((np.arange(len(document)), ranks, labels))
    ordered = labels[order]
    low, high, weights = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.float32)]
    for apart in range(1, min(distance, len(order) - 1) + 1):
        together = np.flatnonzero(ordered[apart:] == ordered[:-apart])
        ends = np.stack([order[together], order[together + apart]])
        low.append(ends.min(axis=0) + first_node)
        high.append(ends.max(axis=0) + first_node)
        weights.append(np.full(len(together), 1.0 / apart, np.float32))
    return np.concatenate(low), np.concatenate(high), np.concatenate(weights)
