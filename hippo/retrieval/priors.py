"""What multiplies the scores of passages: age, retention, and the time that a question asks about."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.retrieval.holding import About, Holding, holding
from hippo.retrieval.rank import order_of
from hippo.retrieval.recency import decay, passage_times
from hippo.retrieval.replaced import POOL
from hippo.retrieval.retention import Recalled, Retention
from hippo.retrieval.timeline import Asked, Timeline

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.retrieval.link import Linked, Linker
    from hippo.retrieval.linkers import Linkers
    from hippo.retrieval.profiles import Profile
    from hippo.retrieval.when import AskedTime
    from hippo.snapshot.contents import Contents

__all__ = ["Prior", "Priors"]


@dataclass(frozen=True, slots=True)
class Prior:
    """What multiplies the scores of passages for one question: float64 `(P,)` each, None where it makes no difference.

    Attributes:
        recency: By age alone.
        retention: By age, kind and recalls.
        time: By how near a passage is to a time asked about.
        told: What is to be said of the times, for `Retrieval.parameters`.
        present: Whether the question asks what holds now.
    """

    recency: "NDArray[np.float64] | None" = None
    retention: "NDArray[np.float64] | None" = None
    time: "NDArray[np.float64] | None" = None
    told: tuple[dict[str, Any], ...] = ()
    present: bool = False

    @property
    def factors(self) -> "NDArray[np.float64] | None":
        """Their product; None: there is none."""
        product = None
        for part in (self.recency, self.retention, self.time):
            if part is not None:
                product = part if product is None else product * part
        return product

    def of_holding(self, found: Holding, weight: float) -> "Prior":
        """Where it is known which passages tell what holds: with m the share of the strongest, 1 + 2 ω m."""
        count = 0 if self.time is None else len(self.time)
        time = np.ones(count)
        time[found.rows] += 2.0 * weight * found.shares()
        return replace(self, time=time)

    def of(self, row: int) -> dict[str, float | None]:
        """What of a passage goes into its explanation, by name."""
        parts = {"recency": self.recency, "retention": self.retention, "time": self.time}
        return {name: None if part is None else float(part[row]) for name, part in parts.items()}


class Priors:
    """Makes priors for the questions to one index.

    Args:
        contents: The index.
    """

    def __init__(self, contents: "Contents") -> None:
        self._contents = contents

    @cached_property
    def times(self) -> "NDArray[np.int64]":
        """From `passage_times`."""
        return passage_times(self._contents)

    @cached_property
    def _retention(self) -> Retention:
        return Retention(self._contents)

    @cached_property
    def _timeline(self) -> Timeline:
        return Timeline(self._contents)

    def asked(self, questions: Sequence[str], profile: "Profile", reference: datetime) -> "Asked | None":
        """Times that questions ask about; None: there are none, or neither profile nor index makes anything of them."""
        if not profile.time_weight or not self._timeline.knows:
            return None
        asked = Asked.by(questions, reference)
        return asked if any(asked.times) else None

    def common(self, profile: "Profile", as_of: datetime | None, recalled: Recalled) -> Prior:
        """What is the same for all questions."""
        half_life = profile.recency_half_life
        return Prior(
            None if half_life is None else decay(self.times, half_life, as_of),
            self._retention.left(profile, as_of, recalled) if profile.retention else None,
        )

    def holding(
        self,
        prior: Prior,
        question: str,
        names: Callable[[str], Sequence[str]],
        scores: "NDArray[np.float64]",
        relevance: "Linked",
        linkers: "Linkers",
    ) -> Holding | None:
        """What of the best passages tells what a question about the present asks; None: it asks for nothing such.

        Args:
            prior: Of the question.
            question: What it asks besides times.
            names: Finds the names in it.
            scores: Of all passages, float64 `(P,)`, without the time asked about.
            relevance: How much it, or what it leaves open, touches each.
            linkers: Which passages are hidden.
        """
        about = About.of(question, names(question)) if prior.present else None
        if about is None:
            return None
        shown = scores if linkers.hidden is None else np.where(linkers.hidden, -np.inf, scores)
        best = order_of(shown, relevance.fused, min(POOL, linkers.shown), linkers.scoring)
        return holding(self._contents, best, relevance.fused, about)

    def of_questions(
        self, common: Prior, asked: "Asked | None", profile: "Profile", linker: "Linker", count: int
    ) -> list[Prior]:
        """A prior for each question, with the times that it asks about.

        Args:
            common: From `common`.
            asked: The times; None: there are none.
            profile: For ω and β.
            linker: Of passages, which finds events.
            count: Number of questions.
        """
        if asked is None:
            return [common] * count
        texts, vectors = asked.events, asked.vectors
        queries = None if vectors is None or not texts else np.stack([vectors[text] for text in texts])
        linked = linker.link(texts, queries, profile.lexical_weight) if texts else []
        events = dict(zip(texts, linked, strict=True))
        return [self._of(common, times, events, profile.time_weight) for times in asked.times]

    def _of(self, common: Prior, times: "Sequence[AskedTime]", events: "dict[str, Linked]", weight: float) -> Prior:
        if not times:
            return common
        near, told = None, []
        for one in times:
            found, row = self._timeline.nearness(one, events.get(one.event or ""))
            if not found.any() and one.order == "present":
                continue
            # All of several times count: none of them is known to be the one that matters.
            near = found if near is None else (near + found) / 2
            told.append(self._told(one, row))
        # What changes nothing must not make the walk go farther.
        factors = 1.0 + weight * near if near is not None and near.any() else None
        present = factors is not None and all(one.order in ("now", "present") for one in times)
        return Prior(common.recency, common.retention, factors, tuple(told), present)

    def _told(self, one: "AskedTime", row: int | None) -> dict[str, Any]:
        told: dict[str, Any] = {"text": one.text, "order": one.order}
        told |= {name: time.isoformat() for name in ("start", "end") if (time := getattr(one, name)) is not None}
        if row is not None:
            told["event"] = self._contents.chunks.column("chunk_id")[row].as_py()
        return told
