"""Several rankings as one: by rank, whatever their scores mean, or by score, where all have the same scale.

Cormack, Clarke, Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods",
SIGIR 2009.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from math import fsum

from hippo.search.newest import newest_first
from hippo.types import Hit

__all__ = ["K0", "fuse", "mix"]

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
    return _joined(rankings, lambda _, rank, __: 1 / (K0 + rank), k)


def mix(rankings: Sequence[Sequence[Hit]], weights: Sequence[float], k: int) -> tuple[Hit, ...]:
    """The k best passages of rankings by one profile, each with its share of the scores.

    The activation of a plain walk is linear in its seeds, so that the mixture is what a walk from the seeds of all
    would give. The score of a passage is Σ weight · score over the rankings that hold it; everything else is as for
    `fuse`.

    Args:
        rankings: Passages best first, each once in a ranking.
        weights: Of each ranking, positive.
        k: Most passages of the result.
    """
    return _joined(rankings, lambda place, _, hit: weights[place] * hit.score, k)


def _joined(rankings: Sequence[Sequence[Hit]], part: Callable[[int, int, Hit], float], k: int) -> tuple[Hit, ...]:
    """The k best by the sum of their parts: of the number of a ranking, the rank there, and the hit."""
    places: dict[str, list[tuple[int, Hit]]] = {}
    parts: dict[str, list[float]] = {}
    for place, ranking in enumerate(rankings):
        for rank, hit in enumerate(ranking, start=1):
            places.setdefault(hit.chunk_id, []).append((rank, hit))
            parts.setdefault(hit.chunk_id, []).append(part(place, rank, hit))
    # Exact sums, so that equal parts in another order tie; sorting keeps the order of first mention among them.
    scores = {chunk: fsum(found) for chunk, found in parts.items()}
    best = {chunk: min(found, key=lambda place: place[0])[1] for chunk, found in places.items()}
    newer = {chunk: hit.superseded_by for chunk, hit in best.items() if hit.superseded_by in best}
    order = newest_first(sorted(places, key=lambda chunk: -scores[chunk]), newer)[:k]
    for before, after in reversed(list(pairwise(order))):
        scores[before] = max(scores[before], scores[after])
    return tuple(replace(best[chunk], rank=rank, score=scores[chunk]) for rank, chunk in enumerate(order, start=1))
