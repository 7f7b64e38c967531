"""What a reader gets: facts, gists and passages together, within a budget."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from hippo.types.documents import Triple
from hippo.types.plain import Plain
from hippo.types.results import Retrieval

__all__ = ["Consolidation", "Context", "ContextItem", "FactHit", "PrunedDocument"]


@dataclass(frozen=True, slots=True)
class FactHit(Plain):
    """A fact that a question touches. `rank` counts from 1; `score` is comparable within one call only.

    Attributes:
        rank: Its place.
        score: Fused standard score of cosine similarity and BM25; higher is better.
        text: A triple in words, or an evidence sentence with its title.
        triple: The triple; None where the fact is a sentence.
        start: Where its evidence begins in the text of its passage.
        end: Where it ends.
        chunk_id: The passage that says it.
        document_id: Its document.
        title: Title of the document.
        timestamp: When the document was said or true; None: unknown.
        derived: What kind of derived document it is; None: it is none.
    """

    rank: int
    score: float
    text: str
    triple: Triple | None
    start: int
    end: int
    chunk_id: str
    document_id: str
    title: str | None
    timestamp: datetime | None
    derived: str | None = None


@dataclass(frozen=True, slots=True)
class ContextItem(Plain):
    """One piece of a context.

    Attributes:
        kind: "fact" (a sentence), "triple", "gist" or "passage".
        text: What it says, as it stands in the context.
        chunk_id: The passage that it is or that says it.
        document_id: Its document.
        title: Title of the document.
        timestamp: When it was said or true; None: unknown.
    """

    kind: Literal["fact", "triple", "gist", "passage"]
    text: str
    chunk_id: str
    document_id: str
    title: str | None
    timestamp: datetime | None


@dataclass(frozen=True, slots=True)
class Context(Plain):
    """What a memory knows about a question, packed for a reader.

    Attributes:
        question: As given.
        text: All items: facts with their dates and sources, then gists, then passages.
        items: The same one by one, in order.
        tokens: Estimated tokens of the text, at most the budget.
        dropped: What was left out, by reason.
        retrieval: The passages and how they were found.
    """

    question: str
    text: str
    items: tuple[ContextItem, ...]
    tokens: int
    dropped: Mapping[str, int]
    retrieval: Retrieval


@dataclass(frozen=True, slots=True)
class Consolidation(Plain):
    """What consolidation made.

    Attributes:
        facts: Joined facts that there are now.
        gists: Gists of sessions and entities.
        contradictions: Contradictions, both sides of each.
        made: Derived documents that are new.
        removed: Derived documents that nothing leads to any more.
        snapshot: Name of the snapshot that holds them; None: nothing changed.
    """

    facts: int
    gists: int
    contradictions: int
    made: int
    removed: int
    snapshot: str | None


@dataclass(frozen=True, slots=True)
class PrunedDocument(Plain):
    """A document that a policy no longer keeps.

    Attributes:
        document_id: Its id.
        session: Its session, if it has one.
        days: Its age; None: it has no timestamp.
        retention: What is left of it by the forgetting curve, 0 to 1; 1 where its kind has no half-life.
    """

    document_id: str
    session: str | None
    days: float | None
    retention: float
