"""Retrieval from a snapshot and what was remembered since, as from one index."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from hippo.fresh.layer import layered, rows_of
from hippo.fresh.spans import Spans, floors_of
from hippo.fresh.state import Fresh
from hippo.retrieval.filtered import Retrievers
from hippo.retrieval.retrieve import Retriever
from hippo.snapshot.contents import Contents
from hippo.snapshot.derived import derived_from
from hippo.snapshot.history import as_microseconds
from hippo.snapshot.merge import Part, merge, rows_in
from hippo.snapshot.restrict import finished, restrict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.filters import Condition

__all__ = ["LayeredRetrievers"]


class LayeredRetrievers(Retrievers):
    """Retrievers of a snapshot and of what lies beside it.

    The whole is layered, in time that grows with what was remembered since. What conditions and times choose is cut out
    of both and merged, so it is what an index of it alone would hold, but for synonyms of new names.

    Args:
        base: Retrievers of the snapshot, which keep what they cut.
        fresh: What was remembered since.
        make: Makes the retriever of some contents; takes `over` too.
    """

    def __init__(self, base: Retrievers, fresh: Fresh, make: Callable[..., Retriever]) -> None:
        self._base = base
        self._fresh = fresh
        whole = layered(base.whole.contents, fresh.part, fresh.links, fresh.gone | _ids(fresh.part))
        made = make(whole, over=base.whole)
        super().__init__(whole, lambda part: made if part is whole else make(part), lambda: base.history)

    @property
    def present(self) -> Contents:
        """Contents of the snapshot."""
        return self._base.present

    def apart(self, condition: "Condition | None", time: datetime | None = None) -> Retriever:
        """See `Retrievers.apart`: the whole, too, is cut and merged while something in it is to be forgotten."""
        found = self.of(condition, time)
        return found if found.linkers.hidden is None else self._kept((None, None), None, None)

    @cached_property
    def _spans(self) -> Spans:
        """When what was remembered is in force. What is to be forgotten is as if it had never been known."""
        told = self._fresh.told
        floors = floors_of({key: told[key] for key in told if key not in self._fresh.gone}, self.present, self.history)
        return Spans.of(told, floors)

    def _stretch(self, time: datetime) -> "tuple[int | None, int] | None":
        before, spans, moment = self.history.place(time), self._spans, as_microseconds(time)
        now = spans.starts <= moment
        # Times begin one after another, so their number says which are in force.
        return None if before is None and now.all() else (before, int(now.sum() + (spans.began <= moment).sum()))

    def _in_force(self, time: datetime | None) -> "list[tuple[Part, NDArray[np.bool_]]]":
        """What was remembered, and which versions of it are in force."""
        part = self._fresh.part
        if part is None:
            return []
        if time is None:
            return [(part, np.ones(part.tables.documents.num_rows, bool))]
        spans, moment = self._spans, as_microseconds(time)
        found, then = [(part, spans.starts <= moment)], (spans.began <= moment) & (moment < spans.ended)
        older = self._fresh.older() if then.any() else None
        return found if older is None else [*found, (older, then)]

    def _cut(self, condition: "Condition | None", time: datetime | None) -> tuple[Retriever, int]:
        from hippo.filters import matching

        known, links = self._base.of(condition, time), self._fresh.links
        fresh = self._in_force(time)
        # What is in force takes the place of an older version, whether it satisfies the condition or not.
        gone = self._fresh.gone.union(*(_ids(part, chosen) for part, chosen in fresh))
        contents = _without(known.contents, gone)
        for part, chosen in fresh:
            if condition is not None:
                chosen = chosen & matching(condition, part.tables.documents)
            if chosen.any():
                contents = _merged(contents, part.restrict(chosen))
        if links:
            contents = layered(contents, None, links, frozenset())
        return (known, 0) if contents is known.contents else self._sized(contents)


def _merged(contents: Contents, part: Part) -> Contents:
    """Contents of both, in canonical order."""
    own = Part(contents.tables, contents.words, contents.vectors)
    both = merge(own, part)
    rows = rows_in(own.tables.keys, both.tables.keys)
    return finished(both, contents.similar.renumbered(rows), contents.info)


def _without(contents: Contents, gone: frozenset[str]) -> Contents:
    """Contents without some documents."""
    rows = rows_of(contents.documents, gone) | derived_from(contents.documents, gone)
    return restrict(contents, ~rows) if rows.any() else contents


def _ids(part: Part | None, chosen: "NDArray[np.bool_] | None" = None) -> frozenset[str]:
    """Ids of the documents of a part, or of some of them."""
    if part is None:
        return frozenset()
    ids = part.tables.documents.column("document_id")
    return frozenset((ids if chosen is None else ids.filter(pa.array(chosen))).to_pylist())
