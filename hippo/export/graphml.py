"""The graph as GraphML, which networkx, igraph, Gephi, Cytoscape and yEd read."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO
from xml.sax.saxutils import escape, quoteattr

from hippo.export.place import Export, new_file
from hippo.export.rows import edge_blocks, node_ids, nodes

if TYPE_CHECKING:
    from hippo.snapshot.contents import Contents

__all__ = ["write_graphml"]

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped (section 2.2)."""

_NODE_TYPES = {
    "kind": "string",
    "label": "string",
    "chunks": "int",
    "document_id": "string",
    "position": "int",
    "title": "string",
    "text": "string",
}


class _Text:
    """Text for XML; counts the characters that had to be left out."""

    def __init__(self) -> None:
        self.removed = 0

    def clean(self, value: str) -> str:
        cleaned, count = _ILLEGAL.subn("", value)
        self.removed += count
        return cleaned

    def element(self, value: Any) -> str:
        return escape(self.clean(str(value)), {"\r": "&#13;"})


def write_graphml(contents: "Contents", path: Path) -> Export:
    """Write the graph as GraphML, with the nodes, edges and attributes of `hippo.export.to_networkx`.

    Rows are written as they are read. Control characters that XML 1.0 cannot hold are left out and counted; an entity
    whose id holds one is called `entity-ROW` instead, so that ids stay unique.

    Args:
        contents: Of an index: `Hippo.contents()`.
        path: File to make.

    Returns:
        What was written: rows `nodes` and `edges`; removed `control characters`.

    Raises:
        InputError: There is a file of this name, or it cannot be written.
    """
    text = _Text()
    path = Path(path)
    with new_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n')
        _write_keys(file, list(contents.graph.weights))
        file.write('<graph edgedefault="undirected">\n')
        ids = _ids(contents, text)
        for number, attributes in zip(ids, nodes(contents), strict=True):
            data = "".join(f'<data key="{name}">{text.element(value)}</data>' for name, value in attributes.items())
            file.write(f"<node id={number}>{data}</node>\n")
        edges = 0
        for line in _edges(contents, ids):
            file.write(line)
            edges += 1
        file.write("</graph>\n</graphml>\n")
    return Export(str(path), {"nodes": len(ids), "edges": edges}, {"control characters": text.removed})


def _write_keys(file: TextIO, kinds: list[str]) -> None:
    file.writelines(
        f'<key id="{name}" for="node" attr.name="{name}" attr.type="{type_}"/>\n' for name, type_ in _NODE_TYPES.items()
    )
    for kind in [*kinds, "weight"]:
        # Nodes and edges share one space of key ids, so kinds of edge get a prefix.
        key = quoteattr(f"edge-{kind}")
        file.write(f'<key id={key} for="edge" attr.name={quoteattr(kind)} attr.type="double"/>\n')


def _ids(contents: "Contents", text: _Text) -> list[str]:
    """Ids of all nodes as quoted attributes."""
    ids = []
    for row, given in enumerate(node_ids(contents).to_pylist()):
        cleaned = text.clean(given)
        ids.append(quoteattr(given if cleaned == given else f"entity-{row}"))
    return ids


def _edges(contents: "Contents", ids: list[str]) -> Iterator[str]:
    for block in edge_blocks(contents):
        kinds = {quoteattr(f"edge-{kind}"): weights.tolist() for kind, weights in block.kinds.items()}
        pairs = zip(block.sources.tolist(), block.targets.tolist(), block.weights.tolist(), strict=True)
        for row, (source, target, total) in enumerate(pairs):
            data = "".join(f"<data key={key}>{weights[row]!r}</data>" for key, weights in kinds.items() if weights[row])
            data += f'<data key="edge-weight">{total!r}</data>'
            yield f"<edge source={ids[source]} target={ids[target]}>{data}</edge>\n"
