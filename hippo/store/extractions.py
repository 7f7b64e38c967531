"""What extraction found: mentions and facts of chunks."""

from collections.abc import Sequence

import pyarrow as pa

from hippo.errors import ExtractionError, InputError
from hippo.store import journal
from hippo.store.columns import bad_text, strings
from hippo.store.documents import EXTRACTION
from hippo.store.ledger import Ledger
from hippo.types import Extraction, ExtractionFailure, Fact, Mention

__all__ = ["Extractions", "fact_columns", "mention_columns"]


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
        for outcome in outcomes:
            if problem := _problem(outcome):
                raise ExtractionError(extractor, f"chunk {outcome.chunk_id}: {problem}")
        found = [outcome for outcome in outcomes if isinstance(outcome, Extraction)]
        facts, mentions = fact_columns(found), mention_columns(found)
        with self._connection.transaction():
            again = self._check_known(outcomes)
            replaced = pa.table({"key": strings([item.chunk_id for item in found if item.chunk_id in again])})
            if replaced.num_rows:
                journal.delete(self._connection, "facts", "chunk_id", replaced)
                journal.delete(self._connection, "mentions", "chunk_id", replaced)
            journal.insert(self._connection, "facts", facts)
            journal.insert(self._connection, "mentions", mentions)
            self._record(_outcome_columns(outcomes, extractor))

    def _check_known(self, outcomes: Sequence[Extraction | ExtractionFailure]) -> set[str]:
        """Ids of the chunks that have had an outcome before."""
        asked = pa.table({"key": strings([outcome.chunk_id for outcome in outcomes])})
        query = "SELECT chunk_id, state FROM ledger WHERE chunk_id IN (SELECT key FROM asked)"
        states: dict[str, str] = dict(self._connection.rows(query, asked=asked))
        seen: set[str] = set()
        for outcome in outcomes:
            if outcome.chunk_id not in states:
                raise InputError(f"the index holds no chunk {outcome.chunk_id!r}; it was deleted, or never put")
            if outcome.chunk_id in seen:
                raise InputError(f"two outcomes for the chunk {outcome.chunk_id!r}")
            seen.add(outcome.chunk_id)
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

    def facts_table(self) -> pa.Table:
        """All facts in canonical order: by document id, position of the chunk, ordinal.

        Returns:
            chunk_id string, ordinal int32 (place among the facts of its chunk), text string, start int32, end int32
            (characters in the chunk's text), subject, predicate, object string (null without a triple), entities
            list<string> (keys), relations list<int32> (positions in `entities`, flattened pairs).
        """
        return self._connection.table(
            'SELECT f.chunk_id, f.ordinal, f.text, f."start", f."end", f.subject, f.predicate, f.object, f.entities, '
            "f.relations FROM facts f JOIN chunks c ON c.id = f.chunk_id ORDER BY c.document_id, c.position, f.ordinal"
        )

    def mentions_table(self) -> pa.Table:
        """All mentions, ordered by document id, position of the chunk, start, key, end, surface.

        Returns:
            chunk_id string, key string, surface string, start int32, end int32 (characters in the chunk's text; -1 when
            the name comes from the title).
        """
        return self._connection.table(
            'SELECT m.chunk_id, m.key, m.surface, m."start", m."end" '
            "FROM mentions m JOIN chunks c ON c.id = m.chunk_id "
            'ORDER BY c.document_id, c.position, m."start", m.key, m."end", m.surface'
        )


def _problem(outcome: Extraction | ExtractionFailure) -> str | None:
    """What makes an outcome unfit for storing."""
    if isinstance(outcome, ExtractionFailure):
        return bad_text(outcome.chunk_id, outcome.reason)
    for fact in outcome.facts:
        unknown = {key for pair in fact.relations for key in pair}.difference(fact.entities)
        if unknown:
            return f"fact {fact.text!r} relates {min(unknown)!r}, which is not among its entities"
        triple = (fact.triple.subject, fact.triple.predicate, fact.triple.object) if fact.triple else ()
        if problem := bad_text(fact.text, *triple, *fact.entities):
            return problem
    return bad_text(
        outcome.chunk_id, *(text for mention in outcome.mentions for text in (mention.key, mention.surface))
    )


def fact_columns(extractions: Sequence[Extraction]) -> pa.Table:
    """Rows of the table `facts`."""
    rows = [(item.chunk_id, ordinal, fact) for item in extractions for ordinal, fact in enumerate(item.facts)]
    triples = [fact.triple for _, _, fact in rows]
    return pa.table(
        {
            "chunk_id": strings([chunk_id for chunk_id, _, _ in rows]),
            "ordinal": pa.array([ordinal for _, ordinal, _ in rows], pa.int32()),
            "text": strings([fact.text for _, _, fact in rows]),
            "start": pa.array([fact.start for _, _, fact in rows], pa.int32()),
            "end": pa.array([fact.end for _, _, fact in rows], pa.int32()),
            "subject": strings([triple.subject if triple else None for triple in triples]),
            "predicate": strings([triple.predicate if triple else None for triple in triples]),
            "object": strings([triple.object if triple else None for triple in triples]),
            "entities": pa.array([fact.entities for _, _, fact in rows], pa.list_(pa.string())),
            "relations": pa.array([_positions(fact) for _, _, fact in rows], pa.list_(pa.int32())),
        }
    )


def _positions(fact: Fact) -> list[int]:
    """Relations as positions in `fact.entities`, pair after pair."""
    position = {key: place for place, key in enumerate(fact.entities)}
    return [position[key] for pair in fact.relations for key in pair]


def mention_columns(extractions: Sequence[Extraction]) -> pa.Table:
    """Rows of the table `mentions`."""
    rows: list[tuple[str, Mention]] = [(item.chunk_id, mention) for item in extractions for mention in item.mentions]
    return pa.table(
        {
            "chunk_id": strings([chunk_id for chunk_id, _ in rows]),
            "key": strings([mention.key for _, mention in rows]),
            "surface": strings([mention.surface for _, mention in rows]),
            "start": pa.array([mention.start for _, mention in rows], pa.int32()),
            "end": pa.array([mention.end for _, mention in rows], pa.int32()),
        }
    )


def _outcome_columns(outcomes: Sequence[Extraction | ExtractionFailure], extractor: str) -> pa.Table:
    reasons = [outcome.reason if isinstance(outcome, ExtractionFailure) else None for outcome in outcomes]
    return pa.table(
        {
            "chunk_id": strings([outcome.chunk_id for outcome in outcomes]),
            "state": strings(["done" if reason is None else "failed" for reason in reasons]),
            "fingerprint": strings([extractor] * len(outcomes)),
            "reason": strings(reasons),
            "failed": pa.array([int(reason is not None) for reason in reasons], pa.int32()),
        }
    )
