"""What was remembered since a snapshot, as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hippo.snapshot.merge import Part

__all__ = ["Fresh"]


@dataclass(frozen=True)
class Fresh:
    """What was remembered since a snapshot.

    Attributes:
        version: Number of what comes next: the same number, the same content.
        part: The documents, laid out; None: there are none.
        starts: Since when each is in force: microseconds since 1970 in UTC, int64 `(D,)`, in the order of the part;
            None without a part.
        gone: Ids of documents of the snapshot that are to be forgotten.
        links: Weights by both ends and kind; None: there is to be none.
    """

    version: int
    part: "Part | None" = None
    starts: "NDArray[np.int64] | None" = None
    gone: frozenset[str] = frozenset()
    links: Mapping[tuple[str, str, str], float | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.part is not None or bool(self.gone) or bool(self.links)
