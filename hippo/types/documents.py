"""From documents to facts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from hippo.calendar import day_name
from hippo.types.plain import Plain

__all__ = [
    "Chunk",
    "Document",
    "Extraction",
    "ExtractionFailure",
    "Fact",
    "Mention",
    "Skipped",
    "TextKind",
    "Triple",
    "Version",
    "passage_of",
]

TextKind = Literal["passage", "fact", "entity", "query_to_passage", "query_to_fact", "query_to_entity"]
"""What a text is encoded as: models with instructions treat these differently."""


@dataclass(frozen=True, slots=True)
class Document(Plain):
    """A text to remember.

    Attributes:
        text: The whole text.
        id: The caller's id, unique in the index; None: a hash of title and text.
        title: Carried into every chunk, its facts and its embedding.
        metadata: A JSON object.
        timestamp: When the document was true or said; None: unknown.
        source: Where it was read from (path, and line or row), for messages.
    """

    text: str
    id: str | None = None
    title: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    timestamp: datetime | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Version(Plain):
    """A version of a document, in force or not any more.

    Attributes:
        document_id: Id of the document.
        title: Its title in this version; so for the next four.
        metadata: A JSON object.
        timestamp: When it was true or said; None: unknown.
        source: Where it was read from.
        passages: Number of its chunks.
        started: Since when it is in force; None: since ever, as far as is known.
        ended: Until when it was; None: it is.
        ending: "replaced" by a newer version, or "deleted"; None: it is in force.
    """

    document_id: str
    title: str | None
    metadata: Mapping[str, Any]
    timestamp: datetime | None
    source: str | None
    passages: int
    started: datetime | None
    ended: datetime | None = None
    ending: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped(Plain):
    """Something that was left out of an index, and why."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Chunk(Plain):
    """A piece of a document, the unit that is ranked. `document.text[start:end] == text`.

    `said` is when a turn of a conversation was said, UTC without a zone; None: it is of no conversation, or that is
    not known.
    """

    id: str
    document_id: str
    position: int
    text: str
    start: int
    end: int
    title: str | None = None
    said: datetime | None = None

    @property
    def passage(self) -> str:
        """Title, newline, text: what facts are found in."""
        return passage_of(self.title, None, self.text)

    @property
    def searched(self) -> str:
        """What is embedded and searched: `passage_of` this chunk."""
        return passage_of(self.title, self.said, self.text)


def passage_of(title: str | None, said: datetime | None, text: str) -> str:
    r"""What is embedded and searched of a chunk: title, newline, text; of a turn, the day beside the title.

    Examples:
        >>> passage_of("Ada", datetime(1843, 7, 2), "I have it.")
        'Ada, 2 July 1843\nI have it.'
    """
    if said is None:
        return f"{title}\n{text}" if title else text
    return f"{title}, {day_name(said)}\n{text}" if title else f"{day_name(said)}\n{text}"


@dataclass(frozen=True, slots=True)
class Mention(Plain):
    """A place in a chunk that names an entity. `start` and `end` are -1 when the name comes from the title."""

    key: str
    surface: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Triple(Plain):
    """Subject, predicate, object, as written."""

    subject: str
    predicate: str
    object: str


@dataclass(frozen=True, slots=True)
class Fact(Plain):
    """Something that a chunk says: a text to be searched, and the entities that it connects.

    Attributes:
        text: What is embedded: a triple in words, or an evidence sentence prefixed with its title.
        entities: Keys of its entities, without repeats, in order of first mention.
        relations: Pairs of these keys that the fact relates: one `relation` edge contribution each. Unordered, no
            self pairs.
        start: Where the evidence begins in the chunk's text.
        end: Where it ends.
        triple: The triple, when there is one.
    """

    text: str
    entities: tuple[str, ...]
    relations: tuple[tuple[str, str], ...]
    start: int
    end: int
    triple: Triple | None = None


@dataclass(frozen=True, slots=True)
class Extraction(Plain):
    """What an extractor found in one chunk. `dropped` counts what it threw away, by reason."""

    chunk_id: str
    mentions: tuple[Mention, ...]
    facts: tuple[Fact, ...]
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExtractionFailure(Plain):
    """A chunk that could not be extracted; the next run tries again."""

    chunk_id: str
    reason: str
