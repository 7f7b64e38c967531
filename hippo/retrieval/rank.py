"""Ranking: the walk from the seeds, and the order of passages that comes out of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hippo.protocols import PageRank, PageRankResult, Walk
from hippo.retrieval.link import Linked
from hippo.retrieval.profiles import Profile
from hippo.retrieval.seeds import Seeds

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

__all__ = ["order_of", "spread"]

_TYPICAL = 3.0
"""Standard score at which a passage is taken to speak of the question: its gain is 1."""
_MOST_AVERSE = -8.0
"""Lower bound of the logarithm of the gain, so that no passage is unreachable."""


def gain(passages: Linked, strength: float) -> "NDArray[np.float64]":
    """How much the walk prefers each passage: g = exp(clip(λ (p - 3), -8, 0)), float64 `(P,)`."""
    return np.exp(np.clip(strength * (passages.fused - _TYPICAL), _MOST_AVERSE, 0.0))


def spread(
    engine: PageRank,
    adjacency: "csr_array",
    seeds: Sequence[Seeds],
    passages: Sequence[Linked],
    profile: Profile,
    *,
    k: int,
    tolerance: float,
) -> PageRankResult:
    """Walk for a block of questions; passages are the last nodes.

    Returns:
        Activations of all nodes, one column per question.
    """
    n = adjacency.shape[0]
    n_entities = n - len(passages[0].fused)
    restart = np.zeros((n, len(seeds)))
    for column, one in enumerate(seeds):
        restart[one.nodes, column] = one.weights
    gains = None
    if profile.query_gain > 0:
        gains = np.ones((n, len(seeds)))
        for column, linked in enumerate(passages):
            gains[n_entities:, column] = gain(linked, profile.query_gain)
    walk = Walk(adjacency, profile.damping, gains)
    return engine.rank(walk, restart, tolerance=tolerance, top=k, candidates=slice(n_entities, n))


def order_of(scores: "NDArray[np.float64]", fallback: "NDArray[np.float64]", k: int) -> "NDArray[np.int64]":
    """Rows of the k best passages: by score, by fallback (for passages that no activation reached), by row."""
    rows = np.arange(len(scores))
    if k < len(scores):
        cut = np.partition(scores, len(scores) - k)[len(scores) - k]
        rows = np.flatnonzero(scores >= cut)
    order: NDArray[np.int64] = rows[np.lexsort((rows, -fallback[rows], -scores[rows]))][:k]
    return order
