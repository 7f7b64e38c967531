"""What looking around in the graph gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hippo.types.plain import Plain
from hippo.types.results import PathStep

__all__ = ["Entity", "EntityPath", "Link", "Neighbor", "Passage"]


@dataclass(frozen=True, slots=True)
class Entity(Plain):
    """Something that passages mention, as it was found by name.

    Attributes:
        key: The normalised name under which its mentions are one entity.
        name: Its commonest spelling.
        passages: How many passages mention it.
        match: "exact": the name is its own; "words": its key holds words of the name; "similar": its vector is near;
            "listed": no name was given.
        similarity: Share of the words that its key holds, or cosine similarity, at most 1.
    """

    key: str
    name: str
    passages: int
    match: Literal["exact", "words", "similar", "listed"]
    similarity: float


@dataclass(frozen=True, slots=True)
class Neighbor(Plain):
    """What an edge joins to an entity.

    Attributes:
        kind: "relation": an entity that facts relate to it; "synonym": an entity of a similar name; "titles": a passage
            whose title it is; "contains": a passage that mentions it.
        name: Name of the entity; title of the passage, or how it begins.
        key: Key of the entity; None for a passage.
        weight: Number of facts; cosine similarity; 1 for passages.
        sentence: What says so: a fact; None for synonyms, and for passages that only mention it.
        chunk_id: The passage that holds the sentence; None for synonyms.
    """

    kind: str
    name: str
    key: str | None
    weight: float
    sentence: str | None
    chunk_id: str | None


@dataclass(frozen=True, slots=True)
class EntityPath(Plain):
    """A way from one entity to another.

    Attributes:
        steps: Its edges in order, over entities and passages, each with the sentence that says so.
        probability: That a walk from the first entity takes it, 0 to 1: the product of those of its steps.
    """

    steps: tuple[PathStep, ...]
    probability: float


@dataclass(frozen=True, slots=True)
class Passage(Plain):
    """A chunk of a document, as it is in the index.

    Attributes:
        chunk_id: Its id.
        document_id: Id of its document.
        position: Its place among the chunks of the document, from 0.
        title: Title of the document.
        text: What it says.
        start: Where it begins in the document's text.
        end: Where it ends.
        metadata: Of the document.
    """

    chunk_id: str
    document_id: str
    position: int
    title: str | None
    text: str
    start: int
    end: int
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Link(Plain):
    """An edge that people made. It has no direction.

    Attributes:
        first: One end: id of a document or passage, or "entity:" and the key of an entity; the lesser of the two in
            code point order.
        second: The other end.
        kind: What kind of edge it is, as people named it.
        weight: Above 0; a profile's `kind_weights` multiply it.
    """

    first: str
    second: str
    kind: str
    weight: float
