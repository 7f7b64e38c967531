"""What people decided about synonyms, laid over what the vectors say.

A decision is about two entity keys, whether or not the index holds such entities now. A rejected pair is as if its
names were not similar: it has no edge, and takes no place among the nearest names of either. An accepted one is as if
its names were the same: its edge weighs 1, the cosine similarity of a name with itself, whatever the vectors say, and
no limit applies to it.
"""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hippo.graph.synonyms import Similar

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DECISIONS", "decided", "join", "undecided"]

DECISIONS = pa.schema({"first": pa.string(), "second": pa.string(), "decision": pa.string()})
"""Columns of a table of decisions; first < second, ordered by both."""


def decided(decisions: pa.Table, keys: pa.Array, decision: str) -> Similar:
    """The pairs of entities that were decided about in one way, with a similarity of 1.

    Args:
        decisions: As `DECISIONS` says.
        keys: Key of each entity, ascending.
        decision: "accepted" or "rejected".
    """
    chosen = decisions.filter(pc.equal(decisions.column("decision"), decision))
    low, high = (_rows(chosen.column(name), keys) for name in ("first", "second"))
    there = (low >= 0) & (high >= 0)
    return Similar(low[there], high[there], np.ones(int(there.sum()), np.float32))


def undecided(similar: Similar, *others: Similar) -> Similar:
    """The similar pairs that are none of the others."""
    known = np.concatenate([np.empty((0, 2), np.int64), *(np.stack([one.low, one.high], 1) for one in others)])
    if not len(known) or not len(similar.low):
        return similar
    size = int(max(known.max(), similar.high.max())) + 1
    kept = ~np.isin(similar.low * size + similar.high, known[:, 0] * size + known[:, 1])
    return Similar(similar.low[kept], similar.high[kept], similar.similarity[kept])


def join(first: Similar, second: Similar) -> Similar:
    """The pairs of both, none of which is in both."""
    return Similar(
        np.concatenate([first.low, second.low]),
        np.concatenate([first.high, second.high]),
        np.concatenate([first.similarity, second.similarity]),
    )


def _rows(values: pa.ChunkedArray, keys: pa.Array) -> "NDArray[np.int64]":
    return np.asarray(pc.fill_null(pc.index_in(values, value_set=keys), -1), np.int64)
