"""How near passages are to the times that a question asks about.

With m in [0, 1] how near a passage is, its score is multiplied by 1 + ω · m (ω is `Profile.time_weight`): what is of
the time that is asked about comes before what is alike but of another. A passage is of the time at which it was said,
and of every day, month and year that it mentions, if it has a timestamp. An index that knows of no time and of no
session is asked as if questions said none.

* In a stretch of time m is 1; at a distance of δ from it m = exp(-δ / max(its length, one day)), and thirty days where
  it is open at one end.
* An event is the passage of a known time or of a session that its words touch most. When it happened, m falls with the
  passages between in their session, exp(-n / 3), and with the days between; before or after it is a stretch of time, or
  that side of its session.
* Now, m is the share of the passages that are not newer; where the question is about somebody who speaks, or is spoken
  of, it is 0 to 2 for what tells what holds of them, and 0 else (`hippo.retrieval.holding`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from hippo.calendar import named_span
from hippo.documents.turns import SESSION
from hippo.graph.sequence import in_sequence
from hippo.retrieval.recency import DAY, passage_times
from hippo.retrieval.when import AskedTime, asked_times
from hippo.snapshot.history import EVER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.retrieval.link import Linked
    from hippo.snapshot.contents import Contents

__all__ = ["Asked", "Timeline"]

_OPEN = 30 * DAY
_NEIGHBOURS = 3.0


@dataclass(frozen=True, slots=True)
class Asked:
    """Times that m questions ask about.

    Attributes:
        times: Of each question.
        rests: What each question asks besides.
        vectors: Unit vectors of the events among them by their words, to be compared with passages; None: by words
            alone.
    """

    times: "Sequence[Sequence[AskedTime]]"
    rests: Sequence[str]
    vectors: "dict[str, NDArray[np.float32]] | None"

    @classmethod
    def by(cls, questions: Sequence[str], reference: datetime) -> "Asked":
        """What questions ask, without vectors."""
        found = [asked_times(question, reference) for question in questions]
        return cls([times for times, _ in found], [rest for _, rest in found], None)

    @property
    def events(self) -> list[str]:
        """The words of all events, each once."""
        return list(dict.fromkeys(one.event for times in self.times for one in times if one.event))

    def part(self, rows: slice) -> "Asked":
        """Of some of the questions."""
        return Asked(self.times[rows], self.rests[rows], self.vectors)


class Timeline:
    """Times and places of the passages of an index.

    Args:
        contents: The index.
    """

    def __init__(self, contents: "Contents") -> None:
        self._contents = contents

    @cached_property
    def _times(self) -> "NDArray[np.int64]":
        return passage_times(self._contents)

    @cached_property
    def _places(self) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """Sequence of each passage, and its place in it, from 0: int64 `(P,)` each."""
        documents = self._contents.chunks.column("document").to_numpy()
        labels, ranks = (part[documents] for part in in_sequence(self._contents.documents))
        order = np.lexsort((np.arange(len(labels)), ranks, labels))
        firsts = np.flatnonzero(np.diff(labels[order], prepend=-1))
        places = np.empty(len(order), np.int64)
        places[order] = np.arange(len(order)) - np.repeat(firsts, np.diff(np.append(firsts, len(order))))
        return labels, places

    @cached_property
    def _turns(self) -> "NDArray[np.bool_]":
        """Which passages are turns, bool `(P,)`."""
        chunks = self._contents.chunks
        if "said" not in chunks.column_names:
            return np.zeros(chunks.num_rows, bool)
        return np.asarray(pc.is_valid(chunks.column("said")), bool)

    @cached_property
    def _named(self) -> "tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]":
        """Entities that are dates: rows, first moments, first moments after them; int64 each."""
        keys = self._contents.entities.column("key")
        rows = np.flatnonzero(np.asarray(pc.match_substring_regex(keys, r"\d{4}")))
        spans = [(row, span) for row in rows.tolist() if (span := named_span(keys[row].as_py()))]
        starts, ends = ([_moment(getattr(span, end)) for _, span in spans] for end in ("start", "end"))
        return np.array([row for row, _ in spans], np.int64), np.array(starts, np.int64), np.array(ends, np.int64)

    @cached_property
    def knows(self) -> bool:
        """Whether anything is known of when passages are from: a timestamp or a session of one of them."""
        sessions = pc.any(pc.match_substring(self._contents.documents.column("metadata"), f'"{SESSION}"')).as_py()
        return bool((self._times != EVER).any() or sessions)

    def nearness(self, one: AskedTime, event: "Linked | None") -> "tuple[NDArray[np.float64], int | None]":
        """How near each passage is to a time, 0 to 1, float64 `(P,)`; and the row of the event's passage.

        Args:
            one: The time.
            event: How the words of its event touch the passages, if it is one.
        """
        times = self._times
        if one.event is not None:
            return self._near_event(one, event)
        if one.order in ("now", "present"):
            dated = np.sort(times[times != EVER])
            found = np.searchsorted(dated, times, side="right") / max(len(dated), 1)
            counts = (times != EVER) & (self._turns if one.order == "present" else True)
            return np.where(counts, found, 0.0), None
        start = None if one.start is None else _moment(one.start)
        end = None if one.end is None else _moment(one.end)
        near = _within(times, start, end)
        self._add_named(near, start, end)
        return near, None

    def _add_named(self, near: "NDArray[np.float64]", start: int | None, end: int | None) -> None:
        """Raise what mentions a date in a stretch of time, as far as that date lies in it."""
        if start is None or end is None:
            return
        rows, starts, ends = self._named
        shared = np.minimum(ends, end) - np.maximum(starts, start)
        graph = self._contents.graph
        for place in np.flatnonzero(shared > 0).tolist():
            row = rows[place]
            nodes = graph.indices[graph.indptr[row] : graph.indptr[row + 1]]
            passages = nodes[nodes >= graph.n_entities] - graph.n_entities
            passages = passages[self._times[passages] != EVER]
            near[passages] = np.maximum(near[passages], shared[place] / (ends[place] - starts[place]))

    def _near_event(self, one: AskedTime, event: "Linked | None") -> "tuple[NDArray[np.float64], int | None]":
        times, (labels, places) = self._times, self._places
        none = np.zeros(len(times))
        if event is None or not len(times):
            return none, None
        sizes = np.bincount(labels)
        known = (times != EVER) | (sizes[labels] > 1)
        known = np.flatnonzero(known if event.touched is None else known & event.touched)
        if not len(known):
            return none, None
        row = int(known[np.lexsort((known, -event.fused[known]))[0]])
        apart = np.where(labels == labels[row], places - places[row], 0)
        same = labels == labels[row]
        if one.order == "when":
            near = np.where(same, np.exp(-np.abs(apart) / _NEIGHBOURS), 0.0)
            if times[row] != EVER:
                near = np.maximum(near, 0.5 * _within(times, times[row] - DAY // 2, times[row] + DAY // 2))
            return near, row
        side = apart < 0 if one.order == "before" else apart > 0
        if times[row] == EVER:
            return np.where(same & side, 1.0, 0.0), row
        moment = int(times[row])
        near = _within(times, None, moment) if one.order == "before" else _within(times, moment + 1, None)
        # Within the session of the event, places are more exact than times.
        return np.where(same, np.where(side, 1.0, 0.0), near), row


def _within(times: "NDArray[np.int64]", start: int | None, end: int | None) -> "NDArray[np.float64]":
    """1 in a stretch of time, less the farther from it; 0 where no time is known."""
    scale = _OPEN if start is None or end is None else max(end - start, DAY)
    gaps = np.zeros(len(times))
    moments = times.astype(np.float64)
    if start is not None:
        gaps = np.maximum(gaps, start - moments)
    if end is not None:
        gaps = np.maximum(gaps, moments - end + 1)
    return np.where(times == EVER, 0.0, np.exp(-gaps / scale))


def _moment(time: datetime) -> int:
    """Microseconds since 1970."""
    zoned = time if time.tzinfo else time.replace(tzinfo=UTC)
    return (zoned - datetime(1970, 1, 1, tzinfo=UTC)) // (datetime.resolution)
