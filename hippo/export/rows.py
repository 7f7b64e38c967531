"""Nodes and edges of the graph, a block at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from hippo.snapshot.contents import Contents

__all__ = ["BLOCK", "EdgeBlock", "edge_blocks", "node_ids", "nodes"]

BLOCK = 4096
"""Rows that are Python objects at once."""

_EDGES = 1 << 16
_BEGINNING = 60
"""Characters of a passage without title that name it."""


@dataclass(frozen=True, slots=True)
class EdgeBlock:
    """Some edges, each once.

    Attributes:
        sources: Nodes, int64 `(b,)`; the smaller of both.
        targets: Nodes, int64 `(b,)`.
        kinds: Weight by kind of edge, float64 `(b,)`, 0 where the kind does not join the pair.
        weights: Sum over kinds, float64 `(b,)`.
    """

    sources: "NDArray[np.int64]"
    targets: "NDArray[np.int64]"
    kinds: "Mapping[str, NDArray[np.float64]]"
    weights: "NDArray[np.float64]"


def node_ids(contents: "Contents") -> "pa.ChunkedArray":
    """Ids of all nodes, large_string `(n,)`, in the order of the graph's rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    large = pa.large_string()  # ids of a large graph may exceed the 2 GiB of a plain string array
    parts = [("entity:", contents.entities.column("key")), ("passage:", contents.chunks.column("chunk_id"))]
    arrays = [
        pc.binary_join_element_wise(pa.scalar(prefix, large), column.cast(large), pa.scalar("", large))
        for prefix, column in parts
    ]
    return pa.chunked_array([chunk for array in arrays for chunk in array.chunks], large)


def nodes(contents: "Contents") -> Iterator[dict[str, Any]]:
    """Attributes of every node, in the order of the graph's rows; those that a node does not have are not there.

    Both kinds have `kind` ("entity" or "passage") and `label`. Entities have `chunks`, how many passages mention them;
    passages have `document_id`, `position`, `text`, and `title` if there is one.
    """
    for batch in contents.entities.to_batches(BLOCK):
        for row in batch.to_pylist():
            yield {"kind": "entity", "label": row["name"], "chunks": row["chunks"]}
    columns = ["document_id", "position", "title", "text"]
    for batch in contents.chunks.select(columns).to_batches(BLOCK):
        for row in batch.to_pylist():
            label = row["title"] or row["text"][:_BEGINNING]
            yield {"kind": "passage", "label": label, **{key: value for key, value in row.items() if value is not None}}


def edge_blocks(contents: "Contents") -> Iterator[EdgeBlock]:
    """All edges, each once, in ascending order of source and target."""
    graph = contents.graph
    start = 0
    while start < graph.n_nodes:
        limit = int(graph.indptr[start]) + _EDGES
        stop = max(start + 1, int(np.searchsorted(graph.indptr, limit, side="right")) - 1)
        place = slice(int(graph.indptr[start]), int(graph.indptr[stop]))
        sources = np.repeat(np.arange(start, stop), np.diff(graph.indptr[start : stop + 1]))
        targets = np.asarray(graph.indices[place], np.int64)
        once = sources < targets
        kinds = {kind: np.asarray(weights[place][once], np.float64) for kind, weights in graph.weights.items()}
        total = np.sum([*kinds.values(), np.zeros(int(once.sum()))], axis=0)
        yield EdgeBlock(sources[once], targets[once], kinds, total)
        start = stop
