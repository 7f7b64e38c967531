"""Retrieval from a part of the documents, exactly as from an index of that part alone."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from hippo.retrieval.retrieve import Retriever
from hippo.snapshot.contents import Contents

if TYPE_CHECKING:
    from hippo.filters import Condition

__all__ = ["Retrievers"]

_MOST_BYTES = 512 << 20
"""Memory that retrievers of parts may take together; the newest one is kept in any case."""


class Retrievers:
    """Retrievers of one snapshot: of the whole, and of the parts that conditions choose. Threads may share it.

    What a condition chooses is cut out once and kept while there is room, since conditions come again and again.

    Args:
        whole: Contents of the snapshot.
        make: Makes the retriever of some contents.
        most_bytes: Memory that the kept parts may take together.
    """

    def __init__(
        self, whole: Contents, make: Callable[[Contents], Retriever], *, most_bytes: int = _MOST_BYTES
    ) -> None:
        self._make = make
        self._whole = make(whole)
        self._most_bytes = most_bytes
        self._parts: OrderedDict[str, tuple[Retriever, int]] = OrderedDict()
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
        with self._lock:
            if key in self._parts:
                self._parts.move_to_end(key)
                return self._parts[key][0]
        part = self._cut(condition)
        with self._lock:
            self._parts[key] = part
            self._parts.move_to_end(key)
            while len(self._parts) > 1 and sum(size for _, size in self._parts.values()) > self._most_bytes:
                self._parts.popitem(last=False)
        return part[0]

    def _cut(self, condition: "Condition") -> tuple[Retriever, int]:
        from hippo.filters import matching
        from hippo.snapshot.restrict import restrict

        contents = self._whole.contents
        part = restrict(contents, matching(condition, contents.documents))
        return (self._whole, 0) if part is contents else (self._make(part), part.nbytes)
