"""What an extractor found, as the rows of tables."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from hippo.errors import ExtractionError
from hippo.store.columns import bad_text, strings
from hippo.types import Extraction, ExtractionFailure, Fact, Mention

__all__ = ["Extracted", "fact_columns", "mention_columns"]


@dataclass(frozen=True, slots=True)
class Extracted:
    """Outcomes of extraction as tables, in which they can be kept and handed on.

    Attributes:
        outcomes: chunk_id, state ("done" or "failed"), reason (null where done), dropped (JSON: what was thrown away,
            by reason); a row per chunk.
        facts: chunk_id, ordinal, text, start, end, subject, predicate, object, entities, relations, as in
            `Store.facts_table`; those of one chunk stand together.
        mentions: chunk_id, key, surface, start, end, as in `Store.mentions_table`, likewise.
    """

    outcomes: pa.Table
    facts: pa.Table
    mentions: pa.Table

    @classmethod
    def of(cls, outcomes: Sequence[Extraction | ExtractionFailure], extractor: str) -> "Extracted":
        """Outcomes as tables.

        Args:
            outcomes: What an extractor gave.
            extractor: Its fingerprint, for messages.

        Raises:
            ExtractionError: Text that is no Unicode, or a fact that relates what is not among its entities.
        """
        for outcome in outcomes:
            if problem := _problem(outcome):
                raise ExtractionError(extractor, f"chunk {outcome.chunk_id}: {problem}")
        found = [outcome for outcome in outcomes if isinstance(outcome, Extraction)]
        return cls(_outcome_columns(outcomes), fact_columns(found), mention_columns(found))

    @classmethod
    def joined(cls, parts: "Sequence[Extracted]") -> "Extracted":
        """Outcomes of several sets of chunks, at least one."""
        return cls(
            *(pa.concat_tables([getattr(part, name) for part in parts]) for name in ("outcomes", "facts", "mentions"))
        )

    def only(self, chunk_ids: pa.Array) -> "Extracted":
        """The outcomes of some chunks, in the same order."""
        return Extracted(
            *(
                table.filter(pc.is_in(table.column("chunk_id"), value_set=chunk_ids))
                for table in (self.outcomes, self.facts, self.mentions)
            )
        )

    def failed(self) -> list[str]:
        """Ids of the chunks that could not be extracted."""
        failures = self.outcomes.filter(pc.equal(self.outcomes.column("state"), "failed"))
        ids: list[str] = failures.column("chunk_id").to_pylist()
        return ids

    def dropped(self) -> Counter[str]:
        """What was thrown away, by reason."""
        total: Counter[str] = Counter()
        for text in self.outcomes.column("dropped").to_pylist():
            total.update(json.loads(text))
        return total


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


def _outcome_columns(outcomes: Sequence[Extraction | ExtractionFailure]) -> pa.Table:
    reasons = [outcome.reason if isinstance(outcome, ExtractionFailure) else None for outcome in outcomes]
    dropped = [dict(outcome.dropped) if isinstance(outcome, Extraction) else {} for outcome in outcomes]
    return pa.table(
        {
            "chunk_id": strings([outcome.chunk_id for outcome in outcomes]),
            "state": strings(["done" if reason is None else "failed" for reason in reasons]),
            "reason": strings(reasons),
            "dropped": strings([json.dumps(one, sort_keys=True) for one in dropped]),
        }
    )
