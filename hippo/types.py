"""The values that flow from stage to stage: frozen, slotted, comparable, convertible to plain data.

Offsets are in characters (code points) of the text they refer to, start inclusive, end exclusive.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from numbers import Integral, Real
from typing import Any, Literal

__all__ = [
    "AddReport",
    "Chunk",
    "Document",
    "Explanation",
    "Extraction",
    "ExtractionFailure",
    "Fact",
    "Hit",
    "Mention",
    "PathStep",
    "Progress",
    "Retrieval",
    "SeedFact",
    "Skipped",
    "Status",
    "TextKind",
    "Triple",
    "to_dict",
]

TextKind = Literal["passage", "fact", "entity", "query_to_passage", "query_to_fact", "query_to_entity"]
"""What a text is encoded as: models with instructions treat these differently."""


def to_dict(value: Any) -> Any:
    """Plain data (dict, list, str, int, float, bool, None) of a value of this module, recursively."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_dict(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_dict(item) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str | bool) or value is None:
        return value
    if isinstance(value, Real):  # NumPy's among them
        return int(value) if isinstance(value, Integral) else float(value)
    if isinstance(value, Sequence | Set) and not isinstance(value, bytes | bytearray):
        return [to_dict(item) for item in value]
    return str(value)


class _Plain:
    """Adds `to_dict()` to a slotted dataclass."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data of this value, ready for `json.dumps`."""
        data: dict[str, Any] = to_dict(self)
        return data


@dataclass(frozen=True, slots=True)
class Document(_Plain):
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
class Skipped(_Plain):
    """Something that was left out of an index, and why."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Chunk(_Plain):
    """A piece of a document, the unit that is ranked. `document.text[start:end] == text`."""

    id: str
    document_id: str
    position: int
    text: str
    start: int
    end: int
    title: str | None = None

    @property
    def passage(self) -> str:
        """Title, newline, text: what is embedded and ranked."""
        return f"{self.title}\n{self.text}" if self.title else self.text


@dataclass(frozen=True, slots=True)
class Mention(_Plain):
    """A place in a chunk that names an entity. `start` and `end` are -1 when the name comes from the title."""

    key: str
    surface: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Triple(_Plain):
    """Subject, predicate, object, as written."""

    subject: str
    predicate: str
    object: str


@dataclass(frozen=True, slots=True)
class Fact(_Plain):
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
class Extraction(_Plain):
    """What an extractor found in one chunk. `dropped` counts what it threw away, by reason."""

    chunk_id: str
    mentions: tuple[Mention, ...]
    facts: tuple[Fact, ...]
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExtractionFailure(_Plain):
    """A chunk that could not be extracted; the next run tries again."""

    chunk_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A step of long work. `total` is None while unknown; `done == total` ends the stage."""

    stage: str
    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class AddReport(_Plain):
    """What an `add` did.

    Attributes:
        added: Documents that were new.
        changed: Documents whose id was known and whose text, title or metadata differs; the new version
            replaced the old.
        unchanged: Documents that the index already held.
        skipped: Inputs that held no usable document, each with its reason.
        failed: Chunks that could not be extracted, each with its reason; the next run tries them again.
        chunks: Chunks now in the index.
        facts: Facts now in the index.
        entities: Entities now in the index.
        embedded: Texts that had to be embedded; the rest came from the cache.
        dropped: What extraction threw away, by reason.
        seconds: Wall time by stage.
        snapshot: Name of the snapshot that readers now open.
    """

    added: int
    changed: int
    unchanged: int
    skipped: tuple[Skipped, ...]
    failed: tuple[ExtractionFailure, ...]
    chunks: int
    facts: int
    entities: int
    embedded: int
    dropped: Mapping[str, int]
    seconds: Mapping[str, float]
    snapshot: str


@dataclass(frozen=True, slots=True)
class SeedFact(_Plain):
    """A fact that the question touched. `score` is its fused score, `weight` its share of the seeds (they sum to 1)."""

    text: str
    entities: tuple[str, ...]
    chunk_id: str
    score: float
    weight: float


@dataclass(frozen=True, slots=True)
class PathStep(_Plain):
    """One edge of a path from a seed to a passage.

    Attributes:
        source: Entity name, or title or beginning of the passage, that the step leaves.
        target: The same for where it arrives.
        kind: "seed" (from the question), "relation", "contains", "synonym" or "follows".
        sentence: What says so: the evidence sentence; None for synonyms, neighbours, and passages that the question
            touches as a whole.
        chunk_id: The chunk that holds the sentence.
        probability: Transition probability of the step, 0 to 1; for a seed its share of the restart vector.
    """

    source: str
    target: str
    kind: str
    sentence: str | None
    chunk_id: str | None
    probability: float


@dataclass(frozen=True, slots=True)
class Explanation(_Plain):
    """Why a passage was ranked where it is.

    Attributes:
        facts: Seed facts of the question, best first.
        path: Strongest path from the question through a seed to the passage.
        dense: Standard score of the passage's cosine similarity among all passages; None without encoder.
        lexical: Standard score of its BM25 score.
        activation: Its share of the walk's activation (personalized PageRank value).
    """

    facts: tuple[SeedFact, ...]
    path: tuple[PathStep, ...]
    dense: float | None
    lexical: float | None
    activation: float | None


@dataclass(frozen=True, slots=True)
class Hit(_Plain):
    """A ranked passage. `rank` counts from 1; `score` is comparable within one retrieval only, higher is better."""

    rank: int
    score: float
    text: str
    title: str | None
    document_id: str
    chunk_id: str
    metadata: Mapping[str, Any]
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True)
class Retrieval(_Plain):
    """The answer to a question: ranked passages, and how they were found.

    Attributes:
        question: As given.
        profile: Name of the retrieval profile.
        hits: Best first; k of them, or all passages of a smaller index.
        parameters: Options of the profile that were in force, and the engine that walked.
        seeds: Facts that seeded the walk, best first; empty for profiles without a walk.
        seconds: Wall time by stage.
    """

    question: str
    profile: str
    hits: tuple[Hit, ...]
    parameters: Mapping[str, Any]
    seeds: tuple[SeedFact, ...]
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Status(_Plain):
    """What an index holds.

    Attributes:
        path: Its folder.
        snapshot: Name of the newest published snapshot; None before the first.
        documents: Documents in the snapshot; the other counts likewise.
        chunks: Passages.
        facts: Facts.
        entities: Entities.
        edges: Unordered pairs of nodes by kind of edge.
        failed: Chunks whose extraction failed and will be tried again by the next run, by reason.
        encoder: Fingerprint of the encoder; None for an index without vectors.
        extractor: Fingerprint of the extractor that made the newest facts.
        bytes: Size on disk by part.
    """

    path: str
    snapshot: str | None
    documents: int
    chunks: int
    facts: int
    entities: int
    edges: Mapping[str, int]
    failed: Mapping[str, int]
    encoder: str | None
    extractor: str | None
    bytes: Mapping[str, int]
