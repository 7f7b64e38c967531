"""Links between passages, documents and entities: kept by name, whatever documents come and go."""

from collections.abc import Mapping

import pyarrow as pa

from hippo.errors import InputError
from hippo.store import journal
from hippo.store.columns import bad_text, strings
from hippo.store.part import Part

__all__ = ["Links"]


class Links(Part):
    """The table `links`."""

    def links_table(self) -> pa.Table:
        """All links, ordered by their ends and kind.

        Returns:
            first, second (first < second), kind: strings; weight float64.
        """
        return self._connection.table("SELECT first, second, kind, weight FROM links ORDER BY first, second, kind")

    def put_links(self, links: Mapping[tuple[str, str, str], float | None]) -> None:
        """Store links, each in the place of an older one of the same ends and kind. One transaction.

        Args:
            links: Weights by first, second and kind; None: there is to be none.

        Raises:
            InputError: A name holds a lone surrogate.
        """
        if problem := bad_text(*(name for one in links for name in one)):
            raise InputError(f"a link cannot be stored: {problem}")
        with self._connection.transaction():
            asked = pa.table({"key": strings(sorted({first for first, _, _ in links}))})
            query = "SELECT first, second, kind, weight FROM links WHERE first IN (SELECT key FROM asked)"
            known = {
                (first, second, kind): weight
                for first, second, kind, weight in self._connection.rows(query, asked=asked)
            }
            journal.delete(self._connection, "links", "first", asked)
            self._put({**known, **links})

    def _put(self, links: Mapping[tuple[str, str, str], float | None]) -> None:
        kept = sorted((ends, weight) for ends, weight in links.items() if weight is not None)
        columns: dict[str, pa.Array] = {
            name: strings([ends[place] for ends, _ in kept]) for place, name in enumerate(("first", "second", "kind"))
        }
        columns["weight"] = pa.array([weight for _, weight in kept], pa.float64())
        journal.insert(self._connection, "links", pa.table(columns))

    def _forget_links(self, names: pa.Table) -> None:
        """Delete the links of which an end is in `names["key"]`; must run in a transaction."""
        for column in ("first", "second"):
            journal.delete(self._connection, "links", column, names)
