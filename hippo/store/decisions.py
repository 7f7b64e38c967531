"""What was decided about synonyms: kept by entity key, whatever documents come and go."""

from collections.abc import Mapping

import pyarrow as pa

from hippo.errors import InputError
from hippo.store import journal
from hippo.store.columns import bad_text, strings
from hippo.store.part import Part

__all__ = ["Decisions"]


class Decisions(Part):
    """The table `synonyms`."""

    def decisions_table(self) -> pa.Table:
        """All decisions, ordered by both keys.

        Returns:
            first, second (entity keys, first < second), decision ("accepted" or "rejected"): strings.
        """
        return self._connection.table("SELECT first, second, decision FROM synonyms ORDER BY first, second")

    def changed_decisions(self, decisions: Mapping[tuple[str, str], str | None]) -> dict[tuple[str, str], str | None]:
        """Those of some decisions that are none yet, or other ones; None: there is to be none."""
        known = {(one["first"], one["second"]): one["decision"] for one in self.decisions_table().to_pylist()}
        return {pair: word for pair, word in decisions.items() if known.get(pair) != word}

    def put_decisions(self, decisions: Mapping[tuple[str, str], str | None]) -> None:
        """Store decisions, each in the place of an older one about the same pair. One transaction.

        Args:
            decisions: "accepted", "rejected" or, for none, None, by pair of keys, the lesser key first.

        Raises:
            InputError: A key holds a lone surrogate.
        """
        if problem := bad_text(*(key for pair in decisions for key in pair)):
            raise InputError(f"a name cannot be stored: {problem}")
        with self._connection.transaction():
            asked = pa.table({"key": strings(sorted({first for first, _ in decisions}))})
            query = "SELECT first, second, decision FROM synonyms WHERE first IN (SELECT key FROM asked)"
            known = {(first, second): word for first, second, word in self._connection.rows(query, asked=asked)}
            rows = {**known, **decisions}
            journal.delete(self._connection, "synonyms", "first", asked)
            kept = sorted((*pair, word) for pair, word in rows.items() if word)
            columns = {
                name: strings([row[place] for row in kept])
                for place, name in enumerate(("first", "second", "decision"))
            }
            journal.insert(self._connection, "synonyms", pa.table(columns))
