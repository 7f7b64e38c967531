"""Which documents a policy no longer keeps."""

import json
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from hippo.documents.turns import SESSION
from hippo.retrieval.profiles import Profile
from hippo.retrieval.recency import DAY, newest_of
from hippo.retrieval.retention import Recalled, Retention
from hippo.snapshot.contents import Contents
from hippo.snapshot.derived import derived_rows
from hippo.snapshot.history import EVER, microseconds
from hippo.types import PrunedDocument

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.filters import Condition

__all__ = ["choose"]


def choose(
    contents: Contents,
    condition: "Condition | None",
    profile: Profile,
    recalled: Recalled,
    *,
    until: datetime | None,
    older_than: float | None,
    retention_below: float | None,
    keep_newest: int,
) -> list[PrunedDocument]:
    """Documents of which all that is given holds, the oldest first; the arguments are those of `Hippo.prune`."""
    documents = contents.documents
    times = microseconds(documents.column("timestamp"))
    goes = np.ones(documents.num_rows, bool)
    if condition is not None:
        from hippo.filters import matching

        goes = matching(condition, documents)
    goes[list(derived_rows(documents))] = False
    there = np.ones(documents.num_rows, bool) if contents.hidden is None else ~contents.hidden
    goes &= there
    dated = times != EVER
    ages = np.zeros(documents.num_rows)
    if dated.any():
        ages[dated] = np.maximum(newest_of(times, until) - times[dated], 0) / DAY
    left = _retained(contents, profile, until, recalled)
    if older_than is not None:
        goes &= dated & (ages > older_than)
    if retention_below is not None:
        goes &= dated & (left < retention_below)
    ids = documents.column("document_id").to_pylist()
    sessions = [_session(raw) for raw in documents.column("metadata").to_pylist()]
    newest_first = sorted(range(len(ids)), key=lambda row: (-int(times[row]), ids[row]))
    seen: Counter[str | None] = Counter()
    for row in (row for row in newest_first if there[row]):
        seen[sessions[row]] += 1
        if seen[sessions[row]] <= keep_newest:
            goes[row] = False
    rows = [row for row in reversed(newest_first) if goes[row]]
    return [
        PrunedDocument(ids[row], sessions[row], float(ages[row]) if dated[row] else None, float(left[row]))
        for row in rows
    ]


def _retained(
    contents: Contents, profile: Profile, until: datetime | None, recalled: Recalled
) -> "NDArray[np.float64]":
    """What is left of each document, of its best passage, float64 `(D,)`; 1 for one without passages."""
    left = np.zeros(contents.documents.num_rows)
    owners = contents.chunks.column("document").to_numpy()
    np.maximum.at(left, owners, Retention(contents).left(profile, until, recalled))
    left[np.bincount(owners, minlength=len(left)) == 0] = 1.0
    return left


def _session(raw: str) -> str | None:
    value = json.loads(raw).get(SESSION) if f'"{SESSION}"' in raw else None
    return None if value is None else str(value)
