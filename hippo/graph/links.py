"""Edges that people make: of a kind of their own, between passages, documents and entities, with a weight."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hippo.graph.build import Pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ENTITY", "LINKS", "link_pairs", "nodes_of"]

LINKS = pa.schema({"first": pa.string(), "second": pa.string(), "kind": pa.string(), "weight": pa.float64()})
"""Columns of a table of links; first < second, ordered by the first three. A link of which an end is not in the index
makes no edge, and makes one again once it is."""


ENTITY = "entity:"
"""Begins the name of an entity, by its key; all other names are ids of documents and passages."""


def nodes_of(names: pa.Array, documents: pa.Table, chunks: pa.Table, keys: pa.Array) -> "NDArray[np.int64]":
    """The node that each name means: the passage of an id, the first passage of a document's id, the entity of a key.

    Args:
        names: Names, string.
        documents: Column document_id.
        chunks: Columns chunk_id and document (rows, ascending).
        keys: Key of each entity.

    Returns:
        int64 `(n,)`, entity i is node i, chunk j is node E + j; -1: there is none.
    """
    found = _rows(names, chunks.column("chunk_id"))
    owner = _rows(names, documents.column("document_id"))
    owners = chunks.column("document").to_numpy()
    first = np.searchsorted(owners, owner)
    titled = (found < 0) & (owner >= 0) & (first < len(owners))
    titled[titled] = owners[first[titled]] == owner[titled]
    found[titled] = first[titled]
    nodes = np.where(found >= 0, found + len(keys), -1)
    named = pc.if_else(pc.starts_with(names, ENTITY), pc.utf8_slice_codeunits(names, len(ENTITY)), None)
    entities = np.where(pc.is_valid(named), _rows(named, keys), -1)
    return np.where((nodes < 0) & (entities >= 0), entities, nodes)


def link_pairs(links: pa.Table, documents: pa.Table, chunks: pa.Table, keys: pa.Array) -> Mapping[str, Pairs]:
    """Pairs of nodes by kind of link, each once; weights of links between the same two nodes add up.

    Args:
        links: As `LINKS` says.
        documents: As for `nodes_of`; so are the next two.
        chunks: Passages.
        keys: Key of each entity.
    """
    if not links.num_rows:
        return {}
    ends = [nodes_of(links.column(name).combine_chunks(), documents, chunks, keys) for name in ("first", "second")]
    low, high = np.minimum(*ends), np.maximum(*ends)
    kinds, weights = links.column("kind").to_numpy(zero_copy_only=False), links.column("weight").to_numpy()
    n = len(keys) + chunks.num_rows
    pairs: dict[str, Pairs] = {}
    for kind in sorted(set(kinds.tolist())):
        chosen = (kinds == kind) & (low >= 0) & (low != high)
        codes, places = np.unique(low[chosen] * n + high[chosen], return_inverse=True)
        totals = np.bincount(places, weights[chosen], minlength=len(codes))
        pairs[kind] = codes // max(n, 1), codes % max(n, 1), totals.astype(np.float32)
    return pairs


def _rows(names: pa.Array, known: pa.ChunkedArray | pa.Array) -> "NDArray[np.int64]":
    return np.array(pc.fill_null(pc.index_in(names, value_set=known), -1), np.int64)
