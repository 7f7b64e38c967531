"""Retrieval from a part of the documents, or from what was known at a time, exactly as from an index of that alone."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from hippo.errors import IndexMismatchError
from hippo.retrieval.retrieve import Retriever
from hippo.snapshot import FORMAT
from hippo.snapshot.contents import Contents

if TYPE_CHECKING:
    from hippo.filters import Condition
    from hippo.snapshot.history import History

__all__ = ["Retrievers"]

_MOST_BYTES = 512 << 20
"""Memory that retrievers of parts may take together; the newest one is kept in any case."""
_MOST_PARTS = 64
_Stretch = tuple[int | None, int]
_Key = tuple[str | None, _Stretch | None]
"""A condition as text, and a stretch of time between two changes."""


class Retrievers:
    """Retrievers of one snapshot: of the whole, and of the parts that conditions and times choose.

    What a condition or a time chooses is cut out once, by the first who asks for it, and kept while there is room,
    since they come again and again. Errors are not kept. Threads may share it.

    Args:
        whole: Contents of the snapshot.
        make: Makes the retriever of some contents.
        history: Reads what was known earlier, once it is asked for; None: the snapshot does not know.
        most_bytes: Memory that the kept parts may take together.
        most_parts: Number of parts that are kept.
    """

    def __init__(
        self,
        whole: Contents,
        make: Callable[[Contents], Retriever],
        history: "Callable[[], History | None]" = lambda: None,
        *,
        most_bytes: int = _MOST_BYTES,
        most_parts: int = _MOST_PARTS,
    ) -> None:
        self._make = make
        self._whole = make(whole)
        self._read_history = history
        self._most_bytes = most_bytes
        self._most_parts = most_parts
        self._parts: OrderedDict[_Key, tuple[Retriever, int]] = OrderedDict()
        self._being_cut: dict[_Key, Future[Retriever]] = {}
        self._lock = threading.Lock()

    @property
    def whole(self) -> Retriever:
        """The retriever of all documents."""
        return self._whole

    @property
    def present(self) -> Contents:
        """Contents of the snapshot, whatever lies beside it."""
        return self._whole.contents

    @cached_property
    def history(self) -> "History":
        """What was known earlier.

        Raises:
            IndexMismatchError: The snapshot is of an older version, which does not know.
        """
        found = self._read_history()
        if found is None:
            remedy = "Run `hippo index` once on the index: it is then published anew, from what it holds"
            raise IndexMismatchError("the open snapshot", "snapshot format", "1 or 2", str(FORMAT), remedy)
        return found

    def of(self, condition: "Condition | None", time: datetime | None = None) -> Retriever:
        """The retriever of the documents that satisfy a condition, as they were known at a time.

        Args:
            condition: The condition; None: all documents.
            time: The time, UTC without a zone; None: the present documents, whenever they came into force.

        Raises:
            FilterError: The condition takes too long, or compares what cannot be compared.
            IndexMismatchError: The snapshot is of an older version, which cannot be cut.
        """
        # All times between two changes are one.
        stretch = None if time is None else self._stretch(time)
        if condition is None and stretch is None:
            return self._whole
        return self._kept((None if condition is None else str(condition), stretch), condition, time)

    def apart(self, condition: "Condition | None", time: datetime | None = None) -> Retriever:
        """The same, of an index that holds nothing of what is to be forgotten: for those who look at the graph itself.

        Arguments and errors are those of `of`.
        """
        return self.of(condition, time)

    def _kept(self, key: _Key, condition: "Condition | None", time: datetime | None) -> Retriever:
        """A part, which is cut if nobody did before."""
        while True:
            with self._lock:
                if key in self._parts:
                    self._parts.move_to_end(key)
                    return self._parts[key][0]
                awaited = self._being_cut.get(key)
                if awaited is None:
                    cutting = self._being_cut[key] = Future()
            if awaited is None:
                return self._fill(key, cutting, condition, time)
            try:
                return awaited.result()
            except CancelledError:  # Whoever was cutting it was interrupted.
                continue

    def _stretch(self, time: datetime) -> _Stretch | None:
        """The stretch between two changes that a time falls into; None: all is as it is at present."""
        place = self.history.place(time)
        return None if place is None else (place, 0)

    def _fill(
        self, key: _Key, cutting: "Future[Retriever]", condition: "Condition | None", time: datetime | None
    ) -> Retriever:
        """Cut a part, for all who wait for it too."""
        try:
            part, size = self._cut(condition, time)
        except BaseException as error:
            with self._lock:
                del self._being_cut[key]
            if isinstance(error, Exception):
                cutting.set_exception(error)
            else:
                cutting.cancel()
            raise
        with self._lock:
            del self._being_cut[key]
            self._parts[key] = part, size
            while len(self._parts) > 1 and (len(self._parts) > self._most_parts or self._size() > self._most_bytes):
                self._parts.popitem(last=False)
        cutting.set_result(part)
        return part

    def _size(self) -> int:
        """Bytes of all kept parts."""
        return sum(size for _, size in self._parts.values())

    def _cut(self, condition: "Condition | None", time: datetime | None) -> tuple[Retriever, int]:
        from hippo.filters import matching
        from hippo.snapshot.restrict import restrict

        whole = self._whole if condition is None else self.of(None, time)
        part = contents = whole.contents
        if condition is not None:
            part = restrict(contents, matching(condition, contents.documents))
        elif time is not None:
            part = self.history.at(contents, time)
        if part is contents:
            return whole, 0
        return self._sized(part)

    def _sized(self, part: Contents) -> tuple[Retriever, int]:
        """The retriever of a part, and the memory that it takes."""
        # What a retriever makes is, for the most part, a weight per edge: float64, unlike the stored ones; and vectors
        # of facts in 8 bits.
        codes = part.vectors["fact"].size if "fact" in part.vectors else 0
        return self._make(part), part.nbytes + 8 * len(part.graph.indices) + codes

    def forked(self) -> None:
        """Begin anew in a child: the threads that held the lock, or were cutting a part, are not here."""
        self._lock, self._being_cut = threading.Lock(), {}
