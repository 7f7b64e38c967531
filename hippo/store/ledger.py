"""The ledger: which chunks a stage has done, which wait, and which failed and why."""

import itertools
from collections.abc import Generator, Sequence
from contextlib import suppress

import pyarrow as pa

from hippo.errors import IndexStateError, InputError
from hippo.store.documents import EXTRACTION
from hippo.store.part import Part
from hippo.types import Chunk

__all__ = ["Ledger"]

_numbers = itertools.count()


class Ledger(Part):
    """The table `ledger`: one row per chunk and stage.

    A row's state is "pending", "done" or "failed". `fingerprint` is that of the extractor whose outcome it records;
    `attempts` counts failures since the last success.
    """

    def pending(self, extractor: str, *, batch: int = 256) -> Generator[list[Chunk], None, None]:
        """Chunks that this extractor has not done, failed ones included, in canonical order.

        What is pending is fixed when the first batch is asked for, so outcomes may be put between batches and a chunk
        that fails again is not handed out twice. The chunks wait on DuckDB's side, not in memory.

        Args:
            extractor: Fingerprint of the extractor.
            batch: Largest number of chunks in a batch, at least 1.

        Raises:
            InputError: `batch` is less than 1.
        """
        if batch < 1:
            raise InputError(f"batch must be at least 1, got {batch}")
        return self._batches("NOT (l.state = 'done' AND l.fingerprint = ?)", extractor, batch)

    def untried(self, document_ids: Sequence[str], *, batch: int = 256) -> Generator[list[Chunk], None, None]:
        """Chunks of some documents of which nothing has been extracted yet, nor tried to be, as `pending` gives them.

        Args:
            document_ids: Ids of the documents.
            batch: Largest number of chunks in a batch, at least 1.
        """
        return self._batches("l.state = 'pending' AND c.document_id IN (SELECT unnest(?))", list(document_ids), batch)

    def _batches(self, condition: str, value: object, batch: int) -> Generator[list[Chunk], None, None]:
        name = f"pending_{next(_numbers)}"
        self._connection.run(
            f"CREATE TEMP TABLE {name} AS "  # noqa: S608
            'SELECT c.id, c.document_id, c.position, c.text, c."start", c."end", c.title, c.said '
            "FROM chunks c JOIN ledger l ON l.chunk_id = c.id "
            f"WHERE l.stage = ? AND {condition} ORDER BY c.document_id, c.position",
            [EXTRACTION, value],
        )
        try:
            for first in itertools.count(step=batch):
                query = f"SELECT * FROM {name} WHERE rowid >= ? AND rowid < ? ORDER BY rowid"  # noqa: S608
                rows = self._connection.rows(query, [first, first + batch])
                if not rows:
                    return
                yield [Chunk(*row) for row in rows]
        finally:
            if not self._connection.closed:
                with suppress(IndexStateError):  # A store that failed meanwhile says so where it did.
                    self._connection.run(f"DROP TABLE {name}")

    def count_pending(self, extractor: str | None) -> int:
        """Number of chunks that this extractor has not done, failed ones included; None: that no extractor has done."""
        query = (
            "SELECT count(*) FROM ledger "
            "WHERE stage = ? AND NOT (state = 'done' AND fingerprint = ifnull(?, fingerprint))"
        )
        [(count,)] = self._connection.rows(query, [EXTRACTION, extractor])
        return int(count)

    def extractors(self) -> list[str]:
        """Fingerprints of the extractors whose outcomes it holds, that of most chunks first."""
        query = (
            "SELECT fingerprint FROM ledger WHERE stage = ? AND state = 'done' "
            "GROUP BY fingerprint ORDER BY count(*) DESC, fingerprint"
        )
        return [fingerprint for (fingerprint,) in self._connection.rows(query, [EXTRACTION])]

    def failures(self) -> list[tuple[str, str, int]]:
        """Chunks whose last attempt failed, in canonical order: id, reason, failures since the last success."""
        return self._connection.rows(
            "SELECT l.chunk_id, l.reason, l.attempts FROM ledger l JOIN chunks c ON c.id = l.chunk_id "
            "WHERE l.state = 'failed' ORDER BY c.document_id, c.position, l.stage"
        )

    def undone(self, extractor: str, chunk_ids: pa.Array) -> pa.Array:
        """Those of some chunks that this extractor has not done, failed ones included; unknown ones are passed over."""
        query = (
            "SELECT chunk_id FROM ledger WHERE chunk_id IN (SELECT key FROM asked) "
            "AND stage = ? AND NOT (state = 'done' AND fingerprint = ?) ORDER BY chunk_id"
        )
        asked = pa.table({"key": chunk_ids})
        return self._connection.table(query, [EXTRACTION, extractor], asked=asked).column("chunk_id").combine_chunks()

    def _record(self, outcomes: pa.Table, extractor: str) -> None:
        """Set the state of chunks; must run in a transaction.

        Args:
            outcomes: chunk_id, state, reason.
            extractor: Fingerprint of the extractor.
        """
        self._connection.run(
            "UPDATE ledger SET state = o.state, fingerprint = ?, reason = o.reason, "
            "attempts = CASE o.state WHEN 'failed' THEN ledger.attempts + 1 ELSE 0 END "
            "FROM outcomes o WHERE ledger.chunk_id = o.chunk_id AND ledger.stage = ?",
            [extractor, EXTRACTION],
            outcomes=outcomes,
        )
