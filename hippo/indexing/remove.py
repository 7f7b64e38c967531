"""Which documents a change takes out of an index."""

import os.path
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from hippo.documents.source import HOLDS_NOTHING, REST_UNREAD, Places
from hippo.errors import DocumentError
from hippo.store import Store
from hippo.types import Document, Skipped

__all__ = ["Doomed", "Held", "Vanished", "by_condition", "by_id"]


class Held(Protocol):
    """What a store says of its documents, as far as it is asked which of them go."""

    def content_hashes(self, document_ids: Sequence[str]) -> dict[str, str]: ...  # noqa: D102

    def known_once(self, document_ids: Sequence[str]) -> set[str]: ...  # noqa: D102

    def documents_table(self) -> pa.Table: ...  # noqa: D102

    def gone_table(self) -> pa.Table: ...  # noqa: D102


Doomed = Callable[[Store | None], Sequence[str]]
"""From the store, if there is one, to the ids of documents that go. Called once all input has been read."""

_ROW = re.compile(r":\d+$")
"""Number of a row after the name of its file."""


def by_id(
    ids: Sequence[str], *, missing_ok: bool = False, gone: bool = False
) -> Callable[[Held | None], Sequence[str]]:
    """Documents with these ids.

    Args:
        ids: The ids.
        missing_ok: Pass over ids that the index does not hold. Otherwise they are a DocumentError, and nothing goes.
        gone: Whether documents count that were deleted before, of which a version is kept.
    """

    def choose(store: Held | None) -> Sequence[str]:
        known = set(store.content_hashes(ids)) if store else set()
        if store and gone:
            known |= store.known_once(ids)
        missing = [one for one in ids if one not in known]
        if missing and not missing_ok:
            more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise DocumentError(missing[0], f"the index holds no document of this id{more}; nothing was deleted")
        return [one for one in dict.fromkeys(ids) if one in known]

    return choose


def by_condition(where: str | Mapping[str, Any], *, gone: bool = False) -> Callable[[Held | None], Sequence[str]]:
    """Documents that satisfy a condition.

    Args:
        where: The condition.
        gone: Whether documents count that were deleted before, whose last version satisfies it.

    Raises:
        FilterError: The condition is wrong.
    """
    from hippo.filters import matching, parse_where

    condition = parse_where(where)

    def choose(store: Held | None) -> Sequence[str]:
        if store is None:
            return []
        found: list[str] = []
        for table in (store.documents_table(), *([store.gone_table()] if gone else [])):
            found += table.column("document_id").filter(pa.array(matching(condition, table))).to_pylist()
        return found

    return choose


class Vanished:
    """Documents that were read from below some folders and are there no more.

    What was read now is what stays of a file: rows that a table has lost go, and so does the document of an emptied
    file. A file that is there and was not read keeps its documents: it, or a folder on the way to it, cannot be read or
    is left out, or its suffix is none of those chosen. So does a row that cannot be read.

    Args:
        folders: Folders and files.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._place = Places()
        self._roots = [Path(self._place(str(path.resolve() if path.is_dir() else path))) for path in folders]
        self._there: set[str | None] = set()
        self._read: set[Path] = set()
        self._unread: set[str] = set()

    def watch(self, items: Iterable[Document | Skipped]) -> Iterator[Document | Skipped]:
        """The items that are read from the folders now, as they are; what they are is remembered."""
        for item in items:
            place = self._place(item.source or "")
            if isinstance(item, Document):
                self._there.add(item.id)
                self._read.add(_file(place))
            elif item.reason in HOLDS_NOTHING or item.reason.startswith("duplicate of "):
                self._read.add(_file(place))
            else:
                self._unread.add(str(_file(place)) if item.reason.startswith(REST_UNREAD) else place)
            yield item

    def __call__(self, store: Store | None) -> Sequence[str]:
        """Ids of those that have vanished."""
        sources = store.all_sources() if store else []
        return [key for key, source in sources if key not in self._there and self._gone(source)]

    def _gone(self, source: str) -> bool:
        file = _file(source)
        # A path without a beginning is no file that was read by `add_files`, or nobody knows which.
        if not file.is_absolute() or not any(file.is_relative_to(root) for root in self._roots):
            return False
        if any(str(place) in self._unread for place in (source, file, *file.parents)):
            return False
        return file in self._read or not os.path.lexists(file)


def _file(source: str) -> Path:
    return Path(_ROW.sub("", source))
