"""Age of passages: how much less an older one counts."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from hippo.snapshot.contents import Contents
from hippo.snapshot.history import EVER, microseconds

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DAY", "decay", "newest_of", "passage_times"]

DAY = 86_400_000_000
"""Microseconds."""


def passage_times(contents: Contents) -> "NDArray[np.int64]":
    """Timestamp of each passage's document: microseconds since 1970 in UTC, int64 `(P,)`; `EVER` where it has none."""
    times = microseconds(contents.documents.column("timestamp"))
    found: NDArray[np.int64] = times[contents.chunks.column("document").to_numpy()]
    return found


def decay(times: "NDArray[np.int64]", half_life: float, until: datetime | None) -> "NDArray[np.float64]":
    """What is left of each passage's score: 2 ** (-age / half-life), in (0, 1].

    Ages are counted from `until`, or else from the newest timestamp there is: never from the clock, so that a question
    has the same answer tomorrow. What is newer than that has no age. A passage without timestamp keeps its score, as if
    it were of no age: nothing says that it is out of date.

    Args:
        times: From `passage_times`.
        half_life: Days, above 0.
        until: A time, UTC without a zone; None: the newest timestamp.

    Examples:
        >>> decay(np.array([0, 10, EVER]) * np.array([1, DAY, 1]), 10.0, None).tolist()
        [0.5, 1.0, 1.0]
    """
    dated = times != EVER
    left = np.ones(len(times))
    if not dated.any():
        return left
    ages = np.maximum(newest_of(times, until) - times[dated], 0) / DAY
    left[dated] = np.exp2(-ages / half_life)
    return left


def newest_of(times: "NDArray[np.int64]", until: datetime | None) -> int:
    """From when ages count: a time, UTC without a zone, or else the newest of some; microseconds since 1970."""
    if until is None:
        return int(times.max())
    return int(until.replace(tzinfo=UTC).timestamp() * 1_000_000)
