"""The graph of some tables, by the rules "hippo" or, as in the published systems, "hipporag"."""

from typing import TYPE_CHECKING

import numpy as np

from hippo.graph.build import assemble
from hippo.graph.decisions import decided, join, undecided
from hippo.graph.published import listings, overwrite, searching
from hippo.graph.synonyms import Similar, limit
from hippo.scratch import Scratch

if TYPE_CHECKING:
    from hippo.graph.build import Pairs
    from hippo.graph.model import Graph
    from hippo.graph.tables import Tables

__all__ = ["make_graph"]


def make_graph(
    tables: "Tables",
    similar: Similar,
    *,
    rules: str,
    synonym_max: int,
    follow_distance: int,
    scratch: Scratch | None = None,
) -> "Graph":
    """Lay every kind of edge over one pattern.

    Args:
        tables: Numbered tables, with the decisions about synonyms.
        similar: All similar pairs of their entities.
        rules: `GraphConfig.rules`.
        synonym_max: `GraphConfig.synonym_max`.
        follow_distance: `GraphConfig.follow_distance`.
        scratch: Where large arrays are put; None: in memory.
    """
    n_entities, n_passages = len(tables.keys), tables.chunks.num_rows
    pairs: dict[str, Pairs] = {**tables.pairs, "follows": tables.follows(follow_distance)}
    accepted, rejected = (decided(tables.decisions, tables.keys, word) for word in ("accepted", "rejected"))
    found = undecided(similar, accepted, rejected)
    if rules == "hipporag":
        del pairs["titles"]
        # The published code stops a list once it is longer than its limit, not once it is as long.
        listed = listings(found, searching(tables.keys), synonym_max + 1)
        # An accepted pair is listed by both of its names.
        listed = np.concatenate([listed, np.full(len(accepted.low), 2, np.int64)])
        both = join(found, accepted)
        pairs["relation"], pairs["synonym"] = overwrite(pairs["relation"], both, listed, n_entities + n_passages)
    else:
        kept = join(Similar(*limit(found, synonym_max)), accepted)
        pairs["synonym"] = kept.low, kept.high, kept.similarity
    return assemble(n_entities, n_passages, pairs, scratch)
