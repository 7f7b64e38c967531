"""A passage in its place: what comes before and after it in its document."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.errors import NotInIndexError
from hippo.snapshot.contents import Contents
from hippo.types import Passage

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["chunk_row", "passages_around"]

_COLUMNS = ("chunk_id", "document_id", "position", "title", "text", "start", "end")


def passages_around(contents: Contents, chunk_id: str, *, before: int = 0, after: int = 0) -> list[Passage]:
    """A passage and its neighbours in the same document, in order.

    Args:
        contents: The index.
        chunk_id: Id of the passage.
        before: How many before it, as far as there are.
        after: How many after it.

    Raises:
        NotInIndexError: There is no such passage.
    """
    chunks, row = contents.chunks, chunk_row(contents, chunk_id)
    document = chunks.column("document").to_numpy()
    first, end = (int(np.searchsorted(document, document[row], side)) for side in ("left", "right"))
    return _passages(contents, range(max(first, row - before), min(end, row + after + 1)))


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
