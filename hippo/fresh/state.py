"""What was remembered since a snapshot, as a value."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hippo.fresh.records import Told
    from hippo.snapshot.merge import Part

__all__ = ["Fresh"]


@dataclass(frozen=True)
class Fresh:
    """What was remembered since a snapshot.

    Attributes:
        version: Number of what comes next: the same number, the same content.
        part: The documents in their newest versions, laid out; None: there are none.
        told: By id, all versions of each, oldest first.
        older: Lays out the versions that newer ones have replaced, by id, then as they followed each other.
        gone: Ids of documents of the snapshot that are to be forgotten.
        links: Weights by both ends and kind; None: there is to be none.
    """

    version: int
    part: "Part | None" = None
    told: "Mapping[str, Sequence[Told]]" = field(default_factory=dict)
    older: "Callable[[], Part | None]" = lambda: None
    gone: frozenset[str] = frozenset()
    links: Mapping[tuple[str, str, str], float | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.part is not None or bool(self.gone) or bool(self.links)
