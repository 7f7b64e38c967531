"""Which documents a run has seen so far, without holding them in memory."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import pyarrow as pa

from hippo.errors import IndexStateError
from hippo.store.columns import strings
from hippo.store.connection import Connection
from hippo.store.part import Part

__all__ = ["Seeing", "Seen"]

_numbers = itertools.count()


class Seen:
    """Ids of documents and where they came from. Made by `Store.seeing`."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection, self._name = connection, name

    def known(self, document_ids: Sequence[str]) -> dict[str, str]:
        """Those of the ids that were added, and where they came from."""
        asked = pa.table({"key": strings(document_ids)})
        query = f"SELECT id, source FROM {self._name} WHERE id IN (SELECT key FROM asked)"  # noqa: S608
        return dict(self._connection.rows(query, asked=asked))

    def add(self, documents: Mapping[str, str]) -> None:
        """Add ids that are not known, and where they came from."""
        given = pa.table({"id": strings(list(documents)), "source": strings(list(documents.values()))})
        self._connection.run(f"INSERT INTO {self._name} SELECT * FROM given", given=given)  # noqa: S608


class Seeing(Part):
    """Lists of what was seen, which are gone with the connection."""

    @contextmanager
    def seeing(self) -> Iterator[Seen]:
        """An empty list, in a `with`."""
        name = f"seen_{next(_numbers)}"
        self._connection.run(f"CREATE TEMP TABLE {name} (id VARCHAR, source VARCHAR)")
        try:
            yield Seen(self._connection, name)
        finally:
            if not self._connection.closed:
                with suppress(IndexStateError):  # A store that failed meanwhile says so where it did.
                    self._connection.run(f"DROP TABLE {name}")
