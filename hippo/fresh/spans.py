"""When versions that were remembered are in force: as the store will have it once they are merged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from hippo.fresh.records import Told
from hippo.fresh.state import Fresh
from hippo.graph.synonyms import Similar
from hippo.snapshot.history import EVER, History, Past, as_microseconds, as_times
from hippo.snapshot.merge import rows_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.snapshot.contents import Contents

__all__ = ["Spans", "floors_of", "history_of"]


@dataclass(frozen=True)
class Spans:
    """When versions are in force: microseconds since 1970 in UTC, int64 each.

    Attributes:
        starts: Since when the newest version of each document is, `(D,)`; documents by id.
        began: Since when each older version was, `(V,)`; by id, then as they followed each other.
        ended: Until when it was.
    """

    starts: "NDArray[np.int64]"
    began: "NDArray[np.int64]"
    ended: "NDArray[np.int64]"

    @classmethod
    def of(cls, told: Mapping[str, Sequence[Told]], floors: Mapping[str, int]) -> "Spans":
        """By the rules of the store: a version begins at its timestamp, if that is later than all that was known.

        Otherwise when it was remembered: a correction is known from the moment that it was made.

        Args:
            told: Versions by id, oldest first.
            floors: By id, before which moment no version may begin.
        """
        starts, began, ended = [], [], []
        for key in sorted(told):
            own: list[int] = []
            floor = floors.get(key)
            for one in told[key]:
                time, at = one.document.timestamp, as_microseconds(one.at or datetime.now(UTC))
                said = None if time is None else as_microseconds(time)
                floor = said if said is not None and (floor is None or said > floor) else max(at, floor or at)
                own.append(floor)
            starts.append(own[-1])
            began += own[:-1]
            ended += own[1:]
        return cls(*(np.array(some, np.int64) for some in (starts, began, ended)))


def floors_of(told: Mapping[str, Sequence[Told]], contents: "Contents", history: History) -> dict[str, int]:
    """What a snapshot knows of documents that were remembered: by id, the start or the end of its newest version.

    Args:
        told: Versions by id.
        contents: Of the snapshot.
        history: Its history.
    """
    keys = sorted(told)
    floors: dict[str, int] = {}
    known = [(contents.documents, history.starts)]
    if history.past is not None:
        known.append((history.past.part.tables.documents, history.past.bounds[1]))
    for documents, times in known:
        # Of ids that repeat, the last row is that of the newest version.
        ids = documents.column("document_id").combine_chunks()[::-1]
        rows = rows_in(pa.array(keys, pa.string()), ids)
        for key, row in zip(keys, rows.tolist(), strict=True):
            if row >= 0 and (time := int(times[::-1][row])) != EVER:
                floors[key] = max(time, floors.get(key, time))
    return floors


def history_of(fresh: Fresh) -> History:
    """History of a memory of which nothing is published yet."""
    spans, older = Spans.of(fresh.told, {}), fresh.older()
    if older is None:
        return History(spans.starts)
    bounds = {"started": as_times(spans.began), "ended": as_times(spans.ended)}
    times = pa.table({**bounds, "ending": pa.array(["replaced"] * len(spans.began), pa.string())})
    return History(spans.starts, Past(older, times, Similar.none()))
