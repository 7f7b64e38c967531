"""From rows of an index to the values that a caller gets."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hippo.retrieval.seeds import Seeds
from hippo.snapshot.contents import Contents
from hippo.types import Hit, SeedFact

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["hits", "pick", "seed_facts"]


def seed_facts(contents: Contents, seeds: Seeds) -> tuple[SeedFact, ...]:
    """The facts that seed, best first."""
    indptr, indices = contents.fact_entities
    rows = seeds.facts
    columns = zip(
        rows,
        pick(contents.facts.column("text"), rows),
        pick(contents.chunks.column("chunk_id"), pick(contents.facts.column("chunk"), rows)),
        seeds.fact_scores.tolist(),
        seeds.fact_weights.tolist(),
        strict=True,
    )
    names = contents.entities.column("name")
    return tuple(
        SeedFact(text, tuple(pick(names, indices[indptr[row] : indptr[row + 1]])), chunk_id, score, weight)
        for row, text, chunk_id, score, weight in columns
    )


def hits(contents: Contents, rows: "NDArray[np.int64]", scores: "NDArray[np.float64]") -> list[Hit]:
    """Passages as hits, ranked in the order of their rows.

    Args:
        contents: The index.
        rows: Rows of the passages, best first.
        scores: Scores of all passages, float64 `(P,)`.
    """
    chunks = contents.chunks
    metadata = pick(contents.documents.column("metadata"), pick(chunks.column("document"), rows))
    times = pick(contents.documents.column("timestamp"), pick(chunks.column("document"), rows))
    parts = [pick(chunks.column(name), rows) for name in ("text", "title", "document_id", "chunk_id")]
    return [
        Hit(rank, score, text, title, document_id, chunk_id, _metadata(raw), timestamp=time)
        for rank, (score, text, title, document_id, chunk_id, raw, time) in enumerate(
            zip(scores[rows].tolist(), *parts, metadata, times, strict=True), 1
        )
    ]


def _metadata(raw: str) -> dict[str, Any]:
    """Metadata of a document; most often there are none."""
    found: dict[str, Any] = {} if raw == "{}" else json.loads(raw)
    return found


def pick(column: "pa.ChunkedArray", rows: "Iterable[int]") -> list[Any]:
    """A few values of a column. Arrow's `take` is for many, and the first call of it imports all of its functions."""
    # Tables of a snapshot are in one piece, which is asked without looking for the piece first.
    values = column.chunk(0) if column.num_chunks == 1 else column
    return [values[int(row)].as_py() for row in rows]
