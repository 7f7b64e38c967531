"""A passage in its place: what comes before and after it in its document or session."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.errors import NotInIndexError
from hippo.graph.sequence import in_sequence, in_sessions, sessions_of
from hippo.snapshot.contents import Contents
from hippo.types import Passage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["chunk_row", "passages_around"]

_COLUMNS = ("chunk_id", "document_id", "position", "title", "text", "start", "end")


def passages_around(contents: Contents, chunk_id: str, *, before: int = 0, after: int = 0) -> list[Passage]:
    """A passage and its neighbours in the same document or, of a turn of a conversation, session; in order.

    Args:
        contents: The index.
        chunk_id: Id of the passage.
        before: How many before it, as far as there are.
        after: How many after it.

    Raises:
        NotInIndexError: There is no such passage.
    """
    row = chunk_row(contents, chunk_id)
    rows = _sequence(contents, row)
    place = int(np.flatnonzero(rows == row)[0])
    return _passages(contents, rows[max(0, place - before) : place + after + 1].tolist())


def _sequence(contents: Contents, row: int) -> "NDArray[np.int64]":
    """Rows of the passages of a document, or of the session that it belongs to, in order."""
    owners, documents = contents.chunks.column("document").to_numpy(), contents.documents
    chosen = np.array([owners[row]], np.int64)
    if sessions := sessions_of(documents.slice(int(owners[row]), 1)):
        chosen = np.flatnonzero(in_sessions(documents, sessions))
        labels, ranks = in_sequence(documents.take(chosen))
        own = labels == labels[np.searchsorted(chosen, owners[row])]
        chosen = chosen[own][np.argsort(ranks[own])]
    bounds = zip(np.searchsorted(owners, chosen), np.searchsorted(owners, chosen, side="right"), strict=True)
    return np.concatenate([np.arange(first, end) for first, end in bounds])


def chunk_row(contents: Contents, chunk_id: str) -> int:
    """Row of a passage.

    Raises:
        NotInIndexError: There is no such passage.
    """
    import pyarrow.compute as pc

    try:
        row: int = pc.index(contents.chunks.column("chunk_id"), chunk_id).as_py()
    except UnicodeError:  # a lone surrogate, which no id has
        row = -1
    hidden = contents.hidden_passages
    if row < 0 or (hidden is not None and hidden[row]):
        raise NotInIndexError("passage", chunk_id, ())
    return row


def _passages(contents: Contents, rows: "Iterable[int]") -> list[Passage]:
    made = []
    for row in rows:
        values: dict[str, Any] = {name: contents.chunks.column(name)[row].as_py() for name in _COLUMNS}
        document = contents.chunks.column("document")[row].as_py()
        metadata = json.loads(contents.documents.column("metadata")[document].as_py())
        made.append(Passage(**values, metadata=metadata))
    return made
