"""Edges between entities as the published systems weigh them (HippoRAG, arXiv 2405.14831; HippoRAG 2, 2502.14802).

They write a weight for either direction of a pair: the number n of triples that relate the two, and over it, wherever
the name that the direction leaves lists the other one as similar, their cosine c. The walk is undirected and adds the
two up. With l of the two directions listed (0, 1 or 2) a pair weighs

    w = l · c + (2 - l) · n.

Here the parts are kept apart as always: (2 - l) / 2 · n as `relation` and l / 2 · c as `synonym`, so that w comes out
where a profile weighs both by 2, and another profile may weigh them otherwise.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hippo.graph.build import Pairs
from hippo.graph.synonyms import Similar, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["listings", "named", "overwrite", "searching"]

_SIGN = "[A-Za-z0-9]"
_LEAST_SIGNS = 3


def named(keys: Sequence[str]) -> "NDArray[np.bool_]":
    """Which entities may be listed as similar: all but the one whose key is empty. bool `(len(keys),)`."""
    return np.fromiter((bool(key) for key in keys), bool, len(keys))


def searching(keys: pa.Array) -> "NDArray[np.bool_]":
    """Which entities list others: those of three or more ASCII letters and digits. bool `(len(keys),)`.

    Examples:
        >>> searching(pa.array(["us", "u s a", "1911", ""])).tolist()
        [False, True, True, False]
    """
    found: NDArray[np.bool_] = np.asarray(pc.count_substring_regex(keys, _SIGN), np.int64) >= _LEAST_SIGNS
    return found


def listings(similar: Similar, lists: "NDArray[np.bool_]", most: int) -> "NDArray[np.int64]":
    """In how many of its two directions each similar pair is listed: int64 `(p,)`, 0 to 2.

    Args:
        similar: Pairs of entities.
        lists: Which entities list others, bool `(E,)`.
        most: Longest list of an entity, nearest first.
    """
    of_low, of_high = nearest(similar, most)
    found: NDArray[np.int64] = (of_low & lists[similar.low]).astype(np.int64) + (of_high & lists[similar.high])
    return found


def overwrite(relation: Pairs, similar: Similar, listed: "NDArray[np.int64]", n: int) -> tuple[Pairs, Pairs]:
    """Weights of both kinds of edge, where lists of similar names take the place of counts of triples.

    Args:
        relation: Pairs of entities, lower row first, and the number of triples that relate them.
        similar: Pairs of similar entities.
        listed: From `listings`.
        n: Number of nodes; rows are below it.

    Returns:
        Relation pairs and synonym pairs, each with positive weights.

    Examples:
        >>> pairs = np.array([0, 0]), np.array([1, 2]), np.array([3, 1], np.float32)
        >>> similar = Similar(np.array([0]), np.array([1]), np.array([0.9], np.float32))
        >>> [part.tolist() for part in overwrite(pairs, similar, np.array([1]), 3)[0]]
        [[0, 0], [1, 2], [1.5, 1.0]]
    """
    low, high, counts = relation
    times = np.zeros(len(low), np.int64)
    codes, similar_codes = low * n + high, similar.low * n + similar.high
    _, mine, theirs = np.intersect1d(codes, similar_codes, assume_unique=True, return_indices=True)
    times[mine] = listed[theirs]
    kept = times < 2
    weights = (counts * (2 - times) / 2).astype(np.float32)
    shown = listed > 0
    cosines = (similar.similarity * listed / 2).astype(np.float32)
    return (
        (low[kept], high[kept], weights[kept]),
        (similar.low[shown], similar.high[shown], cosines[shown]),
    )
