"""What extraction found: mentions and facts of chunks."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from hippo.errors import InputError
from hippo.scratch import Scratch
from hippo.store import journal
from hippo.store.columns import strings
from hippo.store.documents import EXTRACTION
from hippo.store.extracted import Extracted
from hippo.store.ledger import Ledger
from hippo.types import Extraction, ExtractionFailure

__all__ = ["Extractions"]


class Extractions(Ledger):
    """The tables `mentions` and `facts`, written together with the ledger."""

    def put_extractions(self, outcomes: Sequence[Extraction | ExtractionFailure], extractor: str) -> None:
        """Store what an extractor found in chunks, or that it failed. One transaction.

        An extraction replaces what its chunk had; a failure is recorded and leaves older facts where they are.

        Args:
            outcomes: At most one per chunk, of chunks that the store holds.
            extractor: Fingerprint of the extractor.

        Raises:
            ExtractionError: Text that is no Unicode, or a fact that relates what is not among its entities.
            InputError: Two outcomes for one chunk, or an unknown chunk.
        """
        self.put_extracted(Extracted.of(outcomes, extractor), extractor)

    def put_extracted(self, extracted: Extracted, extractor: str) -> None:
        """`put_extractions` of outcomes that are tables already."""
        outcomes = extracted.outcomes
        with self._connection.transaction():
            again = self._check_known(outcomes.column("chunk_id").to_pylist())
            found = outcomes.filter(pc.equal(outcomes.column("state"), "done")).column("chunk_id")
            replaced = pa.table({"key": found.filter(pc.is_in(found, value_set=strings(sorted(again))))})
            if replaced.num_rows:
                journal.delete(self._connection, "facts", "chunk_id", replaced)
                journal.delete(self._connection, "mentions", "chunk_id", replaced)
            journal.insert(self._connection, "facts", extracted.facts)
            journal.insert(self._connection, "mentions", extracted.mentions)
            self._record(outcomes, extractor)

    def _check_known(self, chunk_ids: Sequence[str]) -> set[str]:
        """Those of the chunks that have had an outcome before."""
        asked = pa.table({"key": strings(chunk_ids)})
        query = "SELECT chunk_id, state FROM ledger WHERE chunk_id IN (SELECT key FROM asked)"
        states: dict[str, str] = dict(self._connection.rows(query, asked=asked))
        seen: set[str] = set()
        for chunk_id in chunk_ids:
            if chunk_id not in states:
                raise InputError(f"the index holds no chunk {chunk_id!r}; it was deleted, or never put")
            if chunk_id in seen:
                raise InputError(f"two outcomes for the chunk {chunk_id!r}")
            seen.add(chunk_id)
        return {chunk_id for chunk_id, state in states.items() if state != "pending"}

    def yield_per_chunk(self, extractor: str) -> tuple[float, float] | None:
        """How much this extractor finds: different facts, and different entities, for each chunk that it has done.

        Args:
            extractor: Fingerprint of the extractor.

        Returns:
            None where it has done no chunk.
        """
        [(chunks, facts, entities)] = self._connection.rows(
            "WITH done AS (SELECT chunk_id FROM ledger WHERE stage = ? AND state = 'done' AND fingerprint = ?), "
            "found AS (SELECT text, entities FROM facts SEMI JOIN done USING (chunk_id)), "
            "named AS (SELECT key FROM mentions SEMI JOIN done USING (chunk_id) "
            "UNION SELECT unnest(entities) FROM found) "
            "SELECT (SELECT count(*) FROM done), "
            "(SELECT count(DISTINCT text) FROM found), (SELECT count(*) FROM named)",
            [EXTRACTION, extractor],
        )
        return (facts / chunks, entities / chunks) if chunks else None

    def facts_table(self, scratch: Scratch | None = None) -> pa.Table:
        """All facts in canonical order: by document id, position of the chunk, ordinal.

        Args:
            scratch: Where a large table is put; None: in memory.

        Returns:
            chunk_id string, ordinal int32 (place among the facts of its chunk), text string, start int32, end int32
            (characters in the chunk's text), subject, predicate, object string (null without a triple), entities
            list<string> (keys), relations list<int32> (positions in `entities`, flattened pairs).
        """
        return self._connection.table(
            'SELECT f.chunk_id, f.ordinal, f.text, f."start", f."end", f.subject, f.predicate, f.object, f.entities, '
            "f.relations FROM facts f JOIN chunks c ON c.id = f.chunk_id ORDER BY c.document_id, c.position, f.ordinal",
            scratch=scratch,
        )

    def mentions_table(self, scratch: Scratch | None = None) -> pa.Table:
        """All mentions, ordered by document id, position of the chunk, start, key, end, surface.

        Args:
            scratch: Where a large table is put; None: in memory.

        Returns:
            chunk_id string, key string, surface string, start int32, end int32 (characters in the chunk's text; -1 when
            the name comes from the title).
        """
        return self._connection.table(
            'SELECT m.chunk_id, m.key, m.surface, m."start", m."end" '
            "FROM mentions m JOIN chunks c ON c.id = m.chunk_id "
            'ORDER BY c.document_id, c.position, m."start", m.key, m."end", m.surface',
            scratch=scratch,
        )
