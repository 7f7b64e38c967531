"""The cache of LLM replies. What was paid for once is never paid for again."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from hippo.store import journal
from hippo.store.columns import strings
from hippo.store.part import Part

__all__ = ["Replies"]


class Replies(Part):
    """The table `replies`: JSON text by a hash of everything that determines it."""

    def get_replies(self, keys: Sequence[str]) -> dict[str, str]:
        """Replies to those of the keys that are cached."""
        asked = pa.table({"key": strings(keys)})
        query = "SELECT key, reply FROM replies WHERE key IN (SELECT key FROM asked)"
        return dict(self._connection.rows(query, asked=asked))

    def put_replies(self, replies: Mapping[str, str]) -> None:
        """Cache replies. One transaction. What is cached already stays as it is.

        Raises:
            InputError: A key or reply holds a lone surrogate; JSON can escape it.
        """
        with self._connection.transaction():
            known = self.get_replies(list(replies))
            new = {key: reply for key, reply in replies.items() if key not in known}
            columns = {"key": strings(list(new)), "reply": strings(list(new.values()))}
            journal.insert(self._connection, "replies", pa.table(columns))
