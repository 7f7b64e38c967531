"""Retrieval from a snapshot and what was remembered since, as from one index."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from hippo.fresh.layer import layered, rows_of
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

    def _stretch(self, time: datetime) -> "tuple[int | None, int] | None":
        before, now = self.history.place(time), self._in_force(time)
        # Times begin one after another, so their number says which are in force.
        return None if before is None and now.all() else (before, int(now.sum()))

    def _in_force(self, time: datetime | None) -> "NDArray[np.bool_]":
        """Which of the fresh documents are in force."""
        starts = self._fresh.starts
        if starts is None:
            return np.empty(0, bool)
        return np.ones(len(starts), bool) if time is None else starts <= as_microseconds(time)

    def _cut(self, condition: "Condition | None", time: datetime | None) -> tuple[Retriever, int]:
        from hippo.filters import matching

        known, part, links = self._base.of(condition, time), self._fresh.part, self._fresh.links
        contents = _without(known.contents, self._fresh.gone)
        if part is not None:
            chosen = self._in_force(time)
            # What is in force takes the place of an older version, whether it satisfies the condition or not.
            contents = _without(contents, _ids(part, chosen))
            if condition is not None:
                chosen &= matching(condition, part.tables.documents)
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
