"""Re-ranking: the best passages are read once more, and both orders become one."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hippo.errors import RerankingError
from hippo.protocols import Reranker
from hippo.search.newest import newest_first
from hippo.tracing import traced
from hippo.types import Hit, Retrieval

__all__ = ["rerank"]

_FLATTENING = 60
"""Added to every rank, as in the paper: how much less the second rank counts than the first."""


@traced("hippo.retrieve.rerank")
def rerank(reranker: Reranker, found: Sequence[Retrieval], *, k: int, share: float) -> list[Retrieval]:
    """Bring what a re-ranker says into the order of passages.

    Ranks are joined, not scores, since a re-ranker's scores may have any scale: weighted reciprocal rank fusion
    (Cormack, Clarke and Büttcher, SIGIR 2009). A passage of rank i before, and j by the re-ranker, has the score
    (1 - s) / (60 + i) + s / (60 + j). The order before keeps a part because a passage in the middle of a chain need not
    resemble the question. Among equals it decides. Where newest wins, it still does.

    Args:
        reranker: Reads titles and texts of the hits.
        found: What was retrieved; all hits are read.
        k: Number of hits that stay.
        share: s, the weight of the re-ranker's order, in (0, 1].

    Returns:
        The same retrievals with their hits in the new order, whose score is the one above; an explanation says what
        the re-ranker gave.

    Raises:
        RerankingError: The re-ranker does not give one finite number per passage.
    """
    questions = [one.question for one in found]
    texts = [[f"{hit.title}\n{hit.text}" if hit.title else hit.text for hit in one.hits] for one in found]
    asked = [place for place, some in enumerate(texts) if some]
    given = reranker.rerank([questions[place] for place in asked], [texts[place] for place in asked]) if asked else []
    scores = dict(zip(asked, _checked(reranker, given, [len(texts[place]) for place in asked]), strict=True))
    return [
        _reordered(one, scores[place], reranker.fingerprint, k, share) if place in scores else one
        for place, one in enumerate(found)
    ]


def _checked(reranker: Reranker, given: object, counts: Sequence[int]) -> list[np.ndarray]:
    if not isinstance(given, Sequence) or len(given) != len(counts):
        raise RerankingError(reranker.fingerprint, f"must give a list of scores for each of {len(counts)} questions")
    try:
        scores = [np.asarray(one, np.float64) for one in given]
    except (TypeError, ValueError) as error:
        raise RerankingError(reranker.fingerprint, f"must give numbers: {error}") from error
    for one, count in zip(scores, counts, strict=True):
        if one.shape != (count,) or not np.isfinite(one).all():
            problem = f"must give {count} finite numbers for {count} passages, got {one.tolist()!r:.200}"
            raise RerankingError(reranker.fingerprint, problem)
    return scores


def _reordered(one: Retrieval, scores: np.ndarray, fingerprint: str, k: int, share: float) -> Retrieval:
    count = len(one.hits)
    ranks = np.empty(count)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, count + 1)
    fused = (1 - share) / (_FLATTENING + np.arange(1, count + 1)) + share / (_FLATTENING + ranks)
    order = _newest_first(one.hits, np.argsort(-fused, kind="stable").tolist())
    # One that was moved up has the score of the passage that it now stands before.
    best = np.maximum.accumulate(fused[order][::-1])[::-1]
    hits = tuple(
        _explained(replace(one.hits[place], rank=rank, score=float(best[rank - 1])), float(scores[place]))
        for rank, place in enumerate(order[:k], 1)
    )
    return replace(one, hits=hits, parameters={**one.parameters, "reranker": fingerprint, "reranked": count})


def _newest_first(hits: Sequence[Hit], order: list[int]) -> list[int]:
    places = {hit.chunk_id: place for place, hit in enumerate(hits)}
    newer = {
        place: places[hit.superseded_by]
        for place, hit in enumerate(hits)
        if hit.superseded_by is not None and hit.superseded_by in places
    }
    return newest_first(order, newer)


def _explained(hit: Hit, score: float) -> Hit:
    if hit.explanation is None:
        return hit
    return replace(hit, explanation=replace(hit.explanation, reranking=score))
