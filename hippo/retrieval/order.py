"""The order of passages that comes out of their scores, and of which newer one replaces which."""

from typing import TYPE_CHECKING

import numpy as np

from hippo.retrieval.linkers import Linkers
from hippo.retrieval.profiles import Profile
from hippo.retrieval.rank import order_of
from hippo.retrieval.replaced import POOL, replacements
from hippo.search.newest import newest_first
from hippo.snapshot.contents import Contents

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.retrieval.holding import Holding

__all__ = ["in_order"]


def in_order(
    contents: Contents,
    times: "NDArray[np.int64]",
    linkers: Linkers,
    scores: "NDArray[np.float64]",
    fallback: "NDArray[np.float64]",
    profile: Profile,
    k: int,
    count: int,
    found: "Holding | None" = None,
) -> "tuple[NDArray[np.int64], NDArray[np.float64], dict[int, int]]":
    """Rows of the best passages, scores in their order, and what newer one replaces which of the best k.

    Args:
        contents: The index.
        times: Of its passages, from `passage_times`.
        linkers: Which passages are hidden.
        scores: Of all passages, float64 `(P,)`.
        fallback: Orders those of equal scores, float64 `(P,)`.
        profile: Whether the newest wins.
        k: Number of passages that are asked for.
        count: Number of rows that are wanted.
        found: Passages that tell what the question asks, of which the newest version wins; None: it does not ask for
            the present.
    """
    if linkers.hidden is not None:
        scores = np.where(linkers.hidden, -np.inf, scores)
    newer = {} if found is None else found.versions(times, linkers.passages.rows)
    if not profile.newest_wins and not newer:
        return order_of(scores, fallback, count, linkers.scoring), scores, {}
    pool = min(max(k, POOL), linkers.shown)
    rows = order_of(scores, fallback, max(count, pool), linkers.scoring).tolist()
    if profile.newest_wins:
        # What is known of the question says more than what sentences look like.
        newer = {**replacements(contents, rows[:pool], times), **newer}
    order = np.array(newest_first(rows, newer), np.int64)
    # One that was moved up has the score of the passage that it now stands before.
    scores = scores.copy()
    scores[order] = np.maximum.accumulate(scores[order][::-1])[::-1]
    return order[:count], scores, newer
