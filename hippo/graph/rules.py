"""The graph of some tables, by the rules "hippo" or, as in the published systems, "hipporag"."""

from typing import TYPE_CHECKING

from hippo.graph.build import assemble
from hippo.graph.published import listings, overwrite, searching
from hippo.graph.synonyms import Similar, limit

if TYPE_CHECKING:
    from hippo.graph.build import Pairs
    from hippo.graph.model import Graph
    from hippo.graph.tables import Tables

__all__ = ["make_graph"]


def make_graph(tables: "Tables", similar: Similar, *, rules: str, synonym_max: int) -> "Graph":
    """Lay every kind of edge over one pattern.

    Args:
        tables: Numbered tables.
        similar: All similar pairs of their entities.
        rules: `GraphConfig.rules`.
        synonym_max: `GraphConfig.synonym_max`.
    """
    n_entities, n_passages = len(tables.keys), tables.chunks.num_rows
    pairs: dict[str, Pairs] = {**tables.pairs}
    if rules == "hipporag":
        del pairs["titles"]
        # The published code stops a list once it is longer than its limit, not once it is as long.
        listed = listings(similar, searching(tables.keys), synonym_max + 1)
        pairs["relation"], pairs["synonym"] = overwrite(pairs["relation"], similar, listed, n_entities + n_passages)
    else:
        pairs["synonym"] = limit(similar, synonym_max)
    return assemble(n_entities, n_passages, pairs)
