"""Turns of conversations: documents that say in their metadata which session they belong to.

A turn is a document of its own, so that it has a time, can be replaced, forgotten and asked for by its metadata like
any other. Its title is its speaker, whom "I" in its sentences stands for.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from hippo.types import Document

__all__ = ["MEDIA", "POSITION", "SESSION", "SPEAKER", "said_at", "speaker_of", "turn"]

SESSION = "session"
"""Key of the metadata whose documents of one value follow one another."""
POSITION = "position"
"""Key of the metadata with the place of a document in its session, a number."""
SPEAKER = "speaker"
"""Key of the metadata with who says a turn."""
MEDIA = "media"
"""Key of the metadata with what a text is the caption or transcript of."""


def said_at(document: Document) -> datetime | None:
    """When a turn was said, UTC without a zone; None: the document is no turn, or has no timestamp.

    Examples:
        >>> said_at(Document("Hello.", metadata={"session": "1"}, timestamp=datetime(2023, 5, 8, tzinfo=UTC)))
        datetime.datetime(2023, 5, 8, 0, 0)
        >>> said_at(Document("Hello.", timestamp=datetime(2023, 5, 8, tzinfo=UTC))) is None
        True
    """
    time = document.timestamp
    if time is None or document.metadata.get(SESSION) is None:
        return None
    try:
        return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
    except OverflowError:  # The store refuses such a time, by name.
        return None


def speaker_of(document: Document) -> str | None:
    """Who says a turn, as far as its metadata tell; None for other documents."""
    speaker = document.metadata.get(SPEAKER)
    return speaker if isinstance(speaker, str) and document.metadata.get(SESSION) is not None else None


def turn(
    text: str,
    *,
    session: str,
    position: float,
    speaker: str | None = None,
    timestamp: datetime | None = None,
    key: str | None = None,
    metadata: Mapping[str, Any] = MappingProxyType({}),
    media: Sequence[Mapping[str, Any]] = (),
    source: str | None = None,
) -> Document:
    """A document that is a turn.

    Args:
        text: What was said.
        session: Turns of one session follow one another.
        position: Place in it; what lies between two others has a position between theirs.
        speaker: Who said it.
        timestamp: When.
        key: Id of the document; None: made of session and position.
        metadata: What else is to be known of it.
        media: What it is the caption or transcript of: mappings with `uri`, `kind` ("image", "audio" or "video") and,
            where it is a part, `start` and `end` in seconds. It comes back with the hit, as `metadata["media"]`.
        source: Where it was read from.

    Examples:
        >>> turn("Hello.", session="1", position=0, speaker="Ann").metadata
        {'session': '1', 'position': 0, 'speaker': 'Ann'}
    """
    known: dict[str, Any] = {**metadata, SESSION: session, POSITION: position}
    if speaker:
        known[SPEAKER] = speaker
    if media:
        known[MEDIA] = [dict(one) for one in media]
    return Document(text, key or f"{session}/{position}", speaker, known, timestamp, source)
