"""Which documents a change takes out of an index."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from hippo.errors import DocumentError
from hippo.store import Store
from hippo.types import Document, Skipped

__all__ = ["Doomed", "Vanished", "by_condition", "by_id"]

Doomed = Callable[[Store], Sequence[str]]
"""From the store to the ids of documents that go. Called once all input has been read."""

_ROW = re.compile(r":\d+$")
"""Number of a row after the name of its file."""


def by_id(ids: Sequence[str], *, missing_ok: bool = False) -> Doomed:
    """Documents with these ids.

    Args:
        ids: The ids.
        missing_ok: Pass over ids that the index does not hold. Otherwise they are a DocumentError, and nothing goes.
    """

    def choose(store: Store) -> Sequence[str]:
        known = store.content_hashes(ids)
        missing = [one for one in ids if one not in known]
        if missing and not missing_ok:
            more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise DocumentError(missing[0], f"the index holds no document of this id{more}; nothing was deleted")
        return [one for one in dict.fromkeys(ids) if one in known]

    return choose


def by_condition(where: str | Mapping[str, Any]) -> Doomed:
    """Documents that satisfy a condition.

    Raises:
        FilterError: The condition is wrong.
    """
    from hippo.filters import matching, parse_where

    condition = parse_where(where)

    def choose(store: Store) -> Sequence[str]:
        table = store.documents_table()
        found: list[str] = table.column("document_id").filter(pa.array(matching(condition, table))).to_pylist()
        return found

    return choose


class Vanished:
    """Documents that were read from below some folders and are there no more.

    Those of files that are there and could not be read this time stay.

    Args:
        folders: The folders.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._roots = [folder.absolute() for folder in folders]
        self._there: set[str | None] = set()
        self._unread: set[Path] = set()

    def watch(self, items: Iterable[Document | Skipped]) -> Iterator[Document | Skipped]:
        """The items that are read from the folders now, as they are; what they are is remembered."""
        for item in items:
            if isinstance(item, Document):
                self._there.add(item.id)
            else:
                self._unread.add(_file(item.source))
            yield item

    def __call__(self, store: Store) -> Sequence[str]:
        """Ids of those that have vanished."""
        return [key for key, source in store.all_sources() if key not in self._there and self._gone(_file(source))]

    def _gone(self, file: Path) -> bool:
        return file not in self._unread and any(file.is_relative_to(root) for root in self._roots)


def _file(source: str) -> Path:
    return Path(_ROW.sub("", source)).absolute()
