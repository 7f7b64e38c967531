"""The linking side of a memory: edges of a kind of their own that its users make."""

import re
from math import isfinite
from typing import TYPE_CHECKING

from hippo.deferred import in_thread_of
from hippo.errors import InputError, NotInIndexError
from hippo.renewing import Renewing
from hippo.types import Link

if TYPE_CHECKING:
    from hippo.snapshot.contents import Contents

__all__ = ["Linking"]

_KIND = re.compile(r"[a-z][a-z0-9_-]{0,63}", re.ASCII)


class Linking(Renewing):
    """Links: citations, replies, notes on something, whatever belongs together for reasons that no text says.

    A link joins two passages, documents or entities by an edge of its own kind, over which the walk goes as over any
    other. `retrieval.profiles` give a kind its weight (`kind_weights`; 1 unless given). Links are kept by name: they go
    when one of their ends goes, and are there again should it come back, unless it was forgotten.
    """

    def link(self, first: str, second: str, *, kind: str = "link", weight: float = 1.0) -> Link:
        """Join two things. The link is on disk when the call returns, and the next question sees it.

        Args:
            first: Id of a document (which stands for its first passage) or passage, or name of an entity, where it is
                no id or "entity:" stands before it.
            second: Another of these.
            kind: What joins them, such as "cites" or "replies-to"; none of the kinds that the index makes itself.
            weight: Above 0. It takes the place of that of an older link of this kind.

        Raises:
            InputError: The kind or weight cannot be used, or both ends are one.
            IndexEmptyError: Nothing has been added or remembered yet.
            NotInIndexError: The index holds nothing of one of the names.
            IndexStateError: The disk refused.
        """
        self._check_writable()
        checked = isinstance(weight, int | float) and not isinstance(weight, bool) and isfinite(weight) and weight > 0
        if not checked:
            raise InputError(f"the weight of a link must be a number above 0, got {weight!r}")
        ends = self._ends(first, second, _checked(kind))
        self._log().link({ends: float(weight)}, self._merged)
        return Link(*ends, float(weight))

    def unlink(self, first: str, second: str, *, kind: str | None = None) -> list[Link]:
        """Take links away.

        Args:
            first: As for `link`.
            second: As for `link`.
            kind: Only of this kind; None: of all kinds.

        Returns:
            Those that there were.
        """
        self._check_writable()
        wanted = set(self._ends(first, second, "")[:2])
        found = [one for one in self.links() if {one.first, one.second} == wanted and kind in (None, one.kind)]
        if found:
            self._log().link({(one.first, one.second, one.kind): None for one in found}, self._merged)
        return found

    def links(self, name: str | None = None) -> list[Link]:
        """Links in order of their ends.

        Args:
            name: Only those of this document, passage or entity; None: all.

        Raises:
            NotInIndexError: The index holds nothing of this name.
        """
        contents = self._linked()
        wanted = None if name is None else _meaning(contents, name)
        found = [Link(**one) for one in contents.links.to_pylist()]
        return [one for one in found if wanted is None or wanted in (one.first, one.second)]

    alink = in_thread_of(link)
    """`link` without blocking the event loop."""
    aunlink = in_thread_of(unlink)
    """`unlink` without blocking the event loop."""

    def _ends(self, first: str, second: str, kind: str) -> tuple[str, str, str]:
        contents = self._linked()
        ends = sorted(_meaning(contents, name) for name in (first, second))
        if ends[0] == ends[1]:
            raise InputError(f"{first!r} and {second!r} are one; a link joins two")
        return ends[0], ends[1], kind

    def _linked(self) -> "Contents":
        self.refresh()
        return self._retriever_now().contents


def _checked(kind: object) -> str:
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        problem = "starts with a letter from a to z, and has letters, digits, - and _ alone, at most 64"
        raise InputError(f"a kind of link {problem}, got {kind!r}")
    from hippo.graph.model import KINDS

    if kind in KINDS:
        raise InputError(f"{kind!r} is a kind of edge that the index makes; others are free")
    return kind


def _meaning(contents: "Contents", name: object) -> str:
    """What a name is kept as: the id that it is, or else "entity:" and the key of its entity."""
    import pyarrow as pa

    from hippo.exploration.entities import row_of
    from hippo.graph.links import ENTITY, nodes_of

    if not isinstance(name, str) or not name:
        raise InputError(f"an end of a link is a text, got {name!r}")
    try:
        [node] = nodes_of(pa.array([name], pa.string()), contents.documents, contents.chunks, pa.array([], pa.string()))
    except UnicodeEncodeError:
        node = -1
    if node >= 0:
        return name
    try:
        row = row_of(contents, name.removeprefix(ENTITY))
    except NotInIndexError as error:
        raise NotInIndexError("document, passage or entity", name, error.args[2]) from error
    return f"{ENTITY}{contents.entities.column('key')[row].as_py()}"
