"""Retrieval from a part of the documents, exactly as from an index of that part alone."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING

from hippo.retrieval.retrieve import Retriever
from hippo.snapshot.contents import Contents

if TYPE_CHECKING:
    from hippo.filters import Condition

__all__ = ["Retrievers"]

_MOST_BYTES = 512 << 20
"""Memory that retrievers of parts may take together; the newest one is kept in any case."""
_MOST_PARTS = 64


class Retrievers:
    """Retrievers of one snapshot: of the whole, and of the parts that conditions choose. Threads may share it.

    What a condition chooses is cut out once, by the first who asks for it, and kept while there is room, since
    conditions come again and again. Errors are not kept.

    Args:
        whole: Contents of the snapshot.
        make: Makes the retriever of some contents.
        most_bytes: Memory that the kept parts may take together.
        most_parts: Number of parts that are kept.
    """

    def __init__(
        self,
        whole: Contents,
        make: Callable[[Contents], Retriever],
        *,
        most_bytes: int = _MOST_BYTES,
        most_parts: int = _MOST_PARTS,
    ) -> None:
        self._make = make
        self._whole = make(whole)
        self._most_bytes = most_bytes
        self._most_parts = most_parts
        self._parts: OrderedDict[str, tuple[Retriever, int]] = OrderedDict()
        self._being_cut: dict[str, Future[Retriever]] = {}
        self._lock = threading.Lock()

    @property
    def whole(self) -> Retriever:
        """The retriever of all documents."""
        return self._whole

    def of(self, condition: "Condition | None") -> Retriever:
        """The retriever of the documents that satisfy a condition; None: of all.

        Raises:
            FilterError: The condition takes too long, or compares what cannot be compared.
            IndexMismatchError: The snapshot is of an older version, which cannot be cut.
        """
        if condition is None:
            return self._whole
        key = str(condition)
        while True:
            with self._lock:
                if key in self._parts:
                    self._parts.move_to_end(key)
                    return self._parts[key][0]
                awaited = self._being_cut.get(key)
                if awaited is None:
                    cutting = self._being_cut[key] = Future()
            if awaited is None:
                return self._fill(key, cutting, condition)
            try:
                return awaited.result()
            except CancelledError:  # Whoever was cutting it was interrupted.
                continue

    def _fill(self, key: str, cutting: "Future[Retriever]", condition: "Condition") -> Retriever:
        """Cut a part, for all who wait for it too."""
        try:
            part, size = self._cut(condition)
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

    def _cut(self, condition: "Condition") -> tuple[Retriever, int]:
        from hippo.filters import matching
        from hippo.snapshot.restrict import restrict

        contents = self._whole.contents
        part = restrict(contents, matching(condition, contents.documents))
        if part is contents:
            return self._whole, 0
        # What a retriever makes is, for the most part, a weight per edge: float64, unlike the stored ones.
        return self._make(part), part.nbytes + 8 * len(part.graph.indices)

    def forked(self) -> None:
        """Begin anew in a child: the threads that held the lock, or were cutting a part, are not here."""
        self._lock, self._being_cut = threading.Lock(), {}
