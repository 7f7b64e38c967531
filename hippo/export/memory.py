"""The graph as an object of networkx or igraph."""

from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.export.rows import edge_blocks, node_ids, nodes

if TYPE_CHECKING:
    import igraph
    import networkx

    from hippo.snapshot.contents import Contents

__all__ = ["to_igraph", "to_networkx"]

_ATTRIBUTES = ("kind", "label", "chunks", "document_id", "position", "title", "text")


def to_networkx(contents: "Contents") -> "networkx.Graph":
    """The graph as an undirected `networkx.Graph`.

    Nodes are `entity:KEY`, with the attributes `kind`, `label` and `chunks` (how many passages mention it), and
    `passage:CHUNK_ID`, with `kind`, `label`, `document_id`, `position`, `text` and, if it has one, `title`. Edges have
    one attribute per kind that joins the pair, and `weight`, their sum.

    Args:
        contents: Of an index: `Hippo.contents()`.
    """
    import networkx

    graph = networkx.Graph()
    ids: list[str] = node_ids(contents).to_pylist()
    graph.add_nodes_from(zip(ids, nodes(contents), strict=True))
    for block in edge_blocks(contents):
        kinds = {kind: weights.tolist() for kind, weights in block.kinds.items()}
        pairs = zip(block.sources.tolist(), block.targets.tolist(), block.weights.tolist(), strict=True)
        graph.add_edges_from(
            (
                ids[source],
                ids[target],
                {**{kind: weights[row] for kind, weights in kinds.items() if weights[row]}, "weight": total},
            )
            for row, (source, target, total) in enumerate(pairs)
        )
    return graph


def to_igraph(contents: "Contents") -> "igraph.Graph":
    """The graph as an undirected `igraph.Graph`; vertex i is row i of `contents.graph`.

    Vertices have the attributes of `to_networkx`, None where a kind of node has none, and their id as `name`. Edges
    have one attribute per kind, 0 where the kind does not join the pair, and `weight`, their sum.

    Args:
        contents: Of an index: `Hippo.contents()`.
    """
    import igraph

    rows = list(nodes(contents))
    vertices: dict[str, list[Any]] = {name: [row.get(name) for row in rows] for name in _ATTRIBUTES}
    vertices["name"] = node_ids(contents).to_pylist()
    blocks = list(edge_blocks(contents))
    pairs = [np.column_stack([block.sources, block.targets]) for block in blocks]
    edges = {
        kind: np.concatenate([block.kinds[kind] for block in blocks]).tolist() if blocks else []
        for kind in contents.graph.weights
    }
    edges["weight"] = np.concatenate([block.weights for block in blocks]).tolist() if blocks else []
    return igraph.Graph(
        n=len(rows),
        edges=np.concatenate(pairs) if pairs else [],
        directed=False,
        vertex_attrs=vertices,
        edge_attrs=edges,
    )
