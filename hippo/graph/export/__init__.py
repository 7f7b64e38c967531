"""The graph and the tables of an index, for other programs.

In memory as a `networkx.Graph` or `igraph.Graph`; on disk as GraphML, Parquet or JSON lines. Whatever is written
appears under its name only when it is complete.

Node ids are `entity:KEY` and `passage:CHUNK_ID`. Every edge carries one weight per kind that joins its nodes
(`relation`, `contains`, `synonym`, `follows`) and `weight`, their sum.
"""

from hippo.graph.export.graphml import write_graphml
from hippo.graph.export.jsonl import write_jsonl
from hippo.graph.export.memory import to_igraph, to_networkx
from hippo.graph.export.parquet import write_parquet
from hippo.graph.export.place import Export

__all__ = ["Export", "to_igraph", "to_networkx", "write_graphml", "write_jsonl", "write_parquet"]
