"""The graph and the tables of an index, for other programs.

In memory as a `networkx.Graph` or `igraph.Graph`; on disk as GraphML, Parquet or JSON lines. Whatever is written
appears under its name only when it is complete.

Node ids are `entity:KEY` and `passage:CHUNK_ID`. Every edge carries one weight per kind that joins its nodes
(`relation`, `contains`, `titles`, `synonym`, `follows`) and `weight`, their sum.
"""

from hippo.export.graphml import write_graphml
from hippo.export.jsonl import write_jsonl
from hippo.export.memory import to_igraph, to_networkx
from hippo.export.parquet import write_parquet
from hippo.export.place import Export

__all__ = ["Export", "to_igraph", "to_networkx", "write_graphml", "write_jsonl", "write_parquet"]
