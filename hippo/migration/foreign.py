"""What any of the other systems has extracted, in one form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Foreign", "Named", "Passage", "Related", "words_of"]

_MOST_WORDS = 12


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of text that was extracted from.

    Attributes:
        text: The text.
        document: Id of the document that it is a piece of; None: unknown.
        source: File or title of that document; None: unknown.
        position: Its place in the document; None: unknown.
    """

    text: str
    document: str | None = None
    source: str | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """An entity: its name, and the ids of the passages that it was found in."""

    name: str
    passages: Sequence[str]


@dataclass(frozen=True, slots=True)
class Related:
    """A relation: two entities, what joins them in words, and the ids of the passages that say so."""

    subject: str
    words: str
    object: str
    passages: Sequence[str]


@dataclass(frozen=True, slots=True)
class Foreign:
    """Everything that is taken over.

    Attributes:
        system: Name of the other system.
        passages: By id.
        entities: In the order of the files.
        relations: In the order of the files.
        dropped: What could not be taken over, by reason.
    """

    system: str
    passages: Mapping[str, Passage]
    entities: Sequence[Named]
    relations: Sequence[Related]
    dropped: Mapping[str, int] = field(default_factory=dict)


def words_of(subject: str, description: str, object_: str, keywords: str = "") -> str:
    """The words of a relation: those between both names in its description, else its keywords, else the description.

    It takes time in proportion to the description, which may be anything.

    Examples:
        >>> words_of("ADA SMITH", "Ada Smith founded and led Steelworks Smith for years", "STEELWORKS SMITH")
        'founded and led'
        >>> words_of("Ada", "They met in 1850", "Bert", "acquaintance")
        'acquaintance'
    """
    text, subject, object_ = (" ".join(one.split()) for one in (description, subject, object_))
    folded = _lower(text)
    start = folded.find(f"{_lower(subject)} ") + len(subject) + 1
    end = folded.find(f" {_lower(object_)}", start + 1) if start > len(subject) else -1
    if end > 0 and text.count(" ", start, end) < _MOST_WORDS:
        return text[start:end]
    return " ".join(keywords.split()) or text or "is related to"


def _lower(text: str) -> str:
    """Text in lower case, every letter in its place: a few become two."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(one if len(one.lower()) > 1 else one.lower() for one in text)
