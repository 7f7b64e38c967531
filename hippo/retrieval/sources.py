"""Sources: whose documents say something, and how much of a retrieval one of them may bring.

With a cap c below 1 (`Profile.source_cap`), and by the source of the document that each comes from:

* **Facts and passages that seed** are chosen best first, but of one source at most max(1, ⌊c · n⌋) of the n that are
  chosen (n_f facts, n_p passages; where a profile seeds every passage, none is left out).
* **Restart mass**: the share of the restart vector that the facts and passages of one source bring is at most
  max(c, 1 / S), S being the number of sources that bring any; what is taken from one goes to the others, in proportion.
  Personalized PageRank is linear in the restart vector, so the same bounds the activation, anywhere in the graph, that
  is there because of the seeds of one source. Names in the question belong to no source and are not capped.
* **Results**: of k passages at most max(1, ⌊c · k⌋) are of one source, as long as there are others; places that these
  cannot fill go to the passages left out, best first, so that there are k results whenever there are k passages.

Not bounded is what a source does to counts and edges: passages that it adds receive activation from entities which they
name, and entities that they name count as mentioned more often.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.retrieval.profiles import Profile
from hippo.snapshot.contents import Contents
from hippo.types import SourceShare

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Owners", "Sources", "capped", "first", "share_of", "shares_of", "within"]

_NOTHING = 1e-15
"""Share of a source that counts as none."""


@dataclass(frozen=True)
class Sources:
    """Whose the passages of an index are.

    Attributes:
        passages: Number of the source of each passage, int64 `(P,)`.
        facts: The same of each fact, int64 `(F,)`.
        names: By number: the value of the metadata field, as text, or the id of the document.
    """

    passages: "NDArray[np.int64]"
    facts: "NDArray[np.int64]"
    names: tuple[str, ...]

    @classmethod
    def of(cls, contents: Contents, field: str | None) -> "Sources":
        """The sources of an index.

        Args:
            contents: The index.
            field: A key of the metadata, or several, with dots between; documents of one value are of one source, and
                those without it each of their own. None: every document is a source.
        """
        ids = contents.documents.column("document_id").to_pylist()
        values: list[str | None] = [None] * len(ids)
        if field is not None:
            values = [_value(json.loads(raw), field) for raw in contents.documents.column("metadata").to_pylist()]
        pairs = zip(ids, values, strict=True)
        names = [f"id {key}" if value is None else f"{field} {value}" for key, value in pairs]
        distinct, documents = np.unique(np.array(names, dtype=object), return_inverse=True)
        passages = documents[contents.chunks.column("document").to_numpy()].astype(np.int64)
        return cls(passages, passages[contents.facts.column("chunk").to_numpy()], tuple(distinct.tolist()))


class Owners:
    """The sources of an index, by what tells them apart; found when first asked for."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._known: dict[str | None, Sources] = {}

    def __call__(self, profile: Profile) -> Sources | None:
        """Whose the passages are; None: the profile does not cap sources."""
        if profile.source_cap >= 1:
            return None
        if profile.source_field not in self._known:
            self._known[profile.source_field] = Sources.of(self._contents, profile.source_field)
        return self._known[profile.source_field]


def share_of(sources: Sources, row: int, brought: Mapping[int, tuple[float, float]] | None) -> SourceShare:
    """What the source of a passage brings; None: nothing walks."""
    source = int(sources.passages[row])
    uncapped, seeds = (None, None) if brought is None else brought.get(source, (0.0, 0.0))
    return SourceShare(sources.names[source], uncapped, seeds)


def _value(metadata: Mapping[str, Any], field: str) -> str | None:
    """What a document says under a key, as text; None: nothing."""
    value: Any = metadata.get(field)
    if value is None:
        value = metadata
        for part in field.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


def within(sources: Iterable[int], count: int, cap: float) -> "NDArray[np.int64]":
    """Positions of the first `count` items of which no source has more than max(1, ⌊cap · count⌋), ascending.

    Args:
        sources: Source of each item, best first.
        count: How many are wanted.
        cap: c, above 0.
    """
    most = max(1, int(cap * count + 1e-9))
    taken: Counter[int] = Counter()
    kept: list[int] = []
    for position, source in enumerate(sources):
        if len(kept) == count:
            break
        if taken[source] < most:
            taken[source] += 1
            kept.append(position)
    return np.array(kept, np.int64)


def capped(masses: "NDArray[np.float64]", sources: "NDArray[np.int64]", cap: float) -> "NDArray[np.float64]":
    """Masses of which no source brings a greater share than max(cap, 1 / S).

    The shares of the sources that bring more are cut to that limit, and those of all others grow by one factor, so that
    the sum stays. With masses that are of no source, which have no limit, the limit is `cap`.

    Args:
        masses: Non-negative, with a positive sum, float64 `(n,)`.
        sources: Source of each, int64 `(n,)`; -1: of none.
        cap: c, above 0 and up to 1.

    Examples:
        >>> capped(np.array([0.8, 0.1, 0.1]), np.array([0, 1, 2]), 0.5).round(3).tolist()
        [0.5, 0.25, 0.25]
        >>> capped(np.array([0.8, 0.2]), np.array([0, 0]), 0.5).tolist()
        [0.8, 0.2]
    """
    whole = masses.sum()
    distinct, places = np.unique(sources, return_inverse=True)
    shares = np.bincount(places, masses / whole, minlength=len(distinct))
    # What is next to nothing cannot make up for what others lose.
    shares[shares < _NOTHING] = 0.0
    bound = (distinct >= 0) & (shares > 0)
    free = shares[distinct < 0].sum()
    if not bound.any():
        return masses
    limit = cap if free > 0 else max(cap, 1.0 / bound.sum())
    factors = np.ones(len(distinct))
    cut = np.zeros(len(distinct), bool)
    while True:
        rest = shares[~cut].sum()
        growth = (1.0 - limit * cut.sum()) / rest if rest > 0 else 1.0
        over = bound & ~cut & (shares * growth > limit * (1 + 1e-12))
        if not over.any():
            break
        cut |= over
    factors[~cut] = growth
    factors[shares == 0] = 0.0
    factors[cut] = limit / shares[cut]
    return masses * factors[places]


def shares_of(
    sources: "NDArray[np.int64]", before: "NDArray[np.float64]", after: "NDArray[np.float64]"
) -> dict[int, tuple[float, float]]:
    """Share of each source in two vectors of masses, by its number."""
    distinct, places = np.unique(sources, return_inverse=True)
    both = [np.bincount(places, masses / masses.sum(), minlength=len(distinct)) for masses in (before, after)]
    return {
        source: (old, new)
        for source, old, new in zip(distinct.tolist(), *(part.tolist() for part in both), strict=True)
        if source >= 0 and old > 0
    }


def first(rows: "NDArray[np.int64]", sources: Sources, k: int, cap: float) -> "tuple[NDArray[np.int64], int]":
    """The k results among ranked passages.

    Args:
        rows: All passages, best first, int64 `(P,)`.
        sources: Whose they are.
        k: How many are wanted, at most P.
        cap: c.

    Returns:
        Their rows, best first, and how many better ones were left out.
    """
    kept = within(sources.passages[rows].tolist(), k, cap)
    if len(kept) < k:
        others = np.setdiff1d(np.arange(len(rows)), kept)
        kept = np.sort(np.concatenate([kept, others[: k - len(kept)]]))
    return rows[kept], int(kept[-1]) + 1 - len(kept) if len(kept) else 0
