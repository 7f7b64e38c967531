"""Reciprocal rank fusion: several rankings as one, on one scale, whatever their scores mean.

Cormack, Clarke, Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods",
SIGIR 2009.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import fsum

from hippo.search.newest import newest_first
from hippo.types import Hit

__all__ = ["K0", "fuse"]

K0 = 60
"""The paper's constant: how little the first ranks stand out."""


def fuse(rankings: Sequence[Sequence[Hit]], k: int) -> tuple[Hit, ...]:
    """The k best passages of all rankings.

    The score of a passage is Σ 1 / (60 + rank) over the rankings that hold it, ranks counted from 1. Ties are broken by
    the rank in the first ranking, then by the second, and so on. Everything else in a hit, its explanation too, is that
    of the ranking where it stands highest, the earlier one where it does so twice.

    Args:
        rankings: Passages best first, each once in a ranking.
        k: Most passages of the result.

    Returns:
        Hits with ranks 1 to k at most and fused scores, in (0, len(rankings) / 61].
    """
    places: dict[str, list[tuple[int, Hit]]] = {}
    for ranking in rankings:
        for rank, hit in enumerate(ranking, start=1):
            places.setdefault(hit.chunk_id, []).append((rank, hit))
    # Exact sums, so that equal ranks in another order tie; sorting keeps the order of first mention among them.
    scores = {chunk: fsum(1 / (K0 + rank) for rank, _ in found) for chunk, found in places.items()}
    best = {chunk: min(found, key=lambda place: place[0])[1] for chunk, found in places.items()}
    newer = {chunk: hit.superseded_by for chunk, hit in best.items() if hit.superseded_by in best}
    order = newest_first(sorted(places, key=lambda chunk: -scores[chunk]), newer)[:k]
    for before, after in reversed(list(pairwise(order))):
        scores[before] = max(scores[before], scores[after])
    return tuple(replace(best[chunk], rank=rank, score=scores[chunk]) for rank, chunk in enumerate(order, start=1))
