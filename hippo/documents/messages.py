"""Lists of messages to turns: as OpenAI and LangChain have them, and as chat programs export them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from hippo.documents.records import clean, parse_timestamp, plain
from hippo.documents.turns import turn
from hippo.errors import DocumentError
from hippo.ids import content_id
from hippo.types import Document, Skipped

__all__ = ["conversation", "is_message", "message_turns", "spoken"]

_SPEAKERS = ("name", "speaker", "sender", "sender_name", "author", "from", "user", "role", "type")
_TEXTS = ("content", "text", "message", "body", "refusal")
_TIMES = ("timestamp", "time", "date", "created_at", "create_time", "created", "timestamp_ms", "ts")
_IDS = ("id", "uuid", "message_id")
_ROLES = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant", "HumanMessageChunk": "user"}
_UNSPOKEN = frozenset({"system", "developer", "tool", "function", "remove", "service"})
"""Roles of messages that nobody says to anybody."""
_STEPS = re.compile(
    r"reasoning|item_reference|compaction|(?:\w+_)?(?:call|call_output|approval_request|approval_response)"
)
"""Types of items that lie between messages in OpenAI's responses: thoughts, calls of tools and what these gave."""
_UNSAID = frozenset(
    {"thinking", "reasoning", "tool_use", "tool_result", "tool_call", "server_tool_call", "tool_response"}
)
"""Types of parts that are no part of what is said."""
_KINDS = ("image", "audio", "video")
_CAPTIONS = ("caption", "alt", "alt_text", "transcript", "description", "text")
_SECONDS = re.compile(r"\d{9,}(?:\.\d+)?")
"""Seconds since 1970 as text; fewer digits are a date."""
_MILLISECONDS = 1e11
"""Numbers above this are milliseconds since 1970, not seconds."""


def conversation(
    messages: Iterable[object],
    *,
    session: str | None = None,
    timestamp: datetime | str | None = None,
    metadata: Mapping[str, Any] = MappingProxyType({}),
) -> list[Document | Skipped]:
    """The turns of a conversation, a document each, ready for `Hippo.add`.

    Args:
        messages: Texts, mappings or objects. Mappings: OpenAI's (`role`, `content` as text or parts, perhaps `name`),
            LangChain's (`type` and `data`), or any with a speaker and a text under their common names; a time may be
            ISO 8601 text, a datetime or seconds since 1970. Objects: LangChain's messages. Captions and transcripts of
            images, sounds and videos are text; what they are of is kept as a reference. What is called and thought
            between messages (tools, functions, reasoning) is nobody's text.
        session: Name of the session; None: a hash of the conversation.
        timestamp: When messages without a time of their own were said.
        metadata: Of every turn.

    Returns:
        Documents in order, and a `Skipped` for each message that says nothing: without text, of a role such as "system"
        or "tool", or a call of a tool.

    Raises:
        DocumentError: A message has no known shape, or a time that is none.

    Examples:
        >>> turns = conversation([{"role": "user", "content": "I moved to Rome."}, ("Ann", "Good!")], session="s1")
        >>> [(one.id, one.title, one.text) for one in turns]
        [('s1/0', 'user', 'I moved to Rome.'), ('s1/1', 'Ann', 'Good!')]
    """
    given = _listed(messages)
    if session is None:
        session = content_id(None, "\n".join(f"{speaker}\t{text}" for speaker, text in spoken(given)))
    time = parse_timestamp(timestamp, "timestamp")
    return list(message_turns(given, session=session, timestamp=time, metadata=plain(metadata, "metadata")))


def spoken(messages: Iterable[object]) -> list[tuple[str | None, str]]:
    """Who says what in each of some messages, those of the system too.

    Args:
        messages: As for `conversation`.

    Raises:
        DocumentError: A message has no known shape.
    """
    return [_parsed(message, f"messages[{place}]")[:2] for place, message in enumerate(_listed(messages))]


def _listed(messages: Iterable[object]) -> list[object]:
    if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Iterable):
        raise DocumentError("messages", f"must be a list of messages, got {type(messages).__name__}")
    return list(messages)


def message_turns(
    messages: Sequence[object],
    *,
    session: str,
    timestamp: datetime | None = None,
    metadata: Mapping[str, Any] = MappingProxyType({}),
    source: str | None = None,
    first: int = 0,
    tolerant: bool = False,
    seen: set[str] | None = None,
) -> Iterator[Document | Skipped]:
    """As `conversation`, with positions from `first` on; `tolerant` leaves out what it does not know.

    `seen` holds the ids that are taken, and is added to; None: none are.
    """
    seen = set() if seen is None else seen
    for place, message in enumerate(messages, first):
        where = f"{source}:{max(place, 1) if first else place + 1}" if source else f"messages[{place}]"
        try:
            speaker, text, media = _parsed(message, where)
            if speaker in _UNSPOKEN:
                yield Skipped(where, f"a message of the role {speaker}")
                continue
            if speaker is not None and not text and _STEPS.fullmatch(speaker):
                yield Skipped(where, f"an item of the type {speaker}, which nobody says")
                continue
            if not text.strip():
                yield Skipped(where, "no text")
                continue
            time = _time(message, where) or timestamp
            key = _first(message, _IDS)
        except DocumentError as error:
            if not tolerant:
                raise
            yield Skipped(*error.args)
            continue
        own = f"{session}/{key}" if isinstance(key, str | int) and key != "" else f"{session}/{place}"
        while own in seen:
            own = f"{own}#{place}"
        seen.add(own)
        yield turn(
            text,
            session=session,
            position=place,
            speaker=speaker,
            timestamp=time,
            key=own,
            metadata=metadata,
            media=media,
            source=None if source is None else where,
        )


def is_message(value: object) -> bool:
    """Whether a value looks like a message: a mapping of somebody who says something.

    Examples:
        >>> is_message({"role": "user", "content": "Hello."}), is_message({"title": "A", "text": "B"})
        (True, False)
    """
    if not isinstance(value, Mapping):
        return False
    if isinstance(value.get("data"), Mapping):
        return "type" in value and "content" in value["data"]
    if "lc" in value:
        return isinstance(value.get("kwargs"), Mapping) and "content" in value["kwargs"]
    spoken = any(key in value for key in _TEXTS)
    if "title" in value or not spoken:
        return False
    return any(key in value for key in ("role", "speaker", "sender", "sender_name")) or (
        any(key in value for key in ("from", "user", "author", "name")) and any(key in value for key in _TIMES)
    )


def _parsed(message: object, where: str) -> tuple[str | None, str, list[dict[str, Any]]]:
    """Speaker, text, and references to media."""
    if isinstance(message, str):
        return None, clean(message), []
    if isinstance(message, tuple) and len(message) == 2 and all(isinstance(part, str) for part in message):
        role, text = message
        return clean(str(_ROLES.get(role, role))).strip() or None, clean(text), []
    known = _unwrapped(message, where)
    if "role" not in known and _STEPS.fullmatch(str(known.get("type"))):
        return str(known["type"]), "", []
    content = _first(known, _TEXTS)
    if content is None and not any(name in known for name in _TEXTS):
        raise DocumentError(where, f"says nothing: none of the keys {', '.join(_TEXTS)}")
    texts: list[str] = []
    media: list[dict[str, Any]] = []
    _read(content, texts, media, where)
    if isinstance(known.get("audio"), Mapping) and not texts:
        _read_spoken(known["audio"], texts, media)
    return _speaker(known), "\n".join(texts), media


def _unwrapped(message: object, where: str) -> Mapping[Any, Any]:
    """A message as a mapping: attributes of an object, or what LangChain wraps."""
    if not isinstance(message, Mapping):
        if not hasattr(message, "content"):
            raise DocumentError(where, f"is no message: a text, a mapping or a LangChain message, got {_kind(message)}")
        return {name: getattr(message, name, None) for name in ("name", "role", "type", "content", "refusal", "audio")}
    if isinstance(message.get("data"), Mapping):
        return {"type": message.get("type"), **message["data"]}
    if "lc" in message and isinstance(message.get("kwargs"), Mapping):
        return dict(message["kwargs"])  # as `langchain_core.load.dumpd` writes it
    return message


def _speaker(message: Mapping[Any, Any]) -> str | None:
    # What nobody says is told by its role, whoever it is from.
    role = message.get("role") or message.get("type")
    if isinstance(role, str) and role in _UNSPOKEN:
        return role
    for name in _SPEAKERS:
        value = message.get(name)
        if isinstance(value, Mapping):
            value = _first(value, ("name", "display_name", "role", "username"))
        if isinstance(value, str) and value.strip():
            said = clean(_ROLES.get(value, value)).strip()
            # Whoever calls himself "system" has a role beside his name, and is not heard as what he is called.
            if said not in _UNSPOKEN or not isinstance(role, str) or name in ("role", "type"):
                return said
    return None


def _read(content: object, texts: list[str], media: list[dict[str, Any]], where: str) -> None:
    """Texts and media of a content: a text, or a list of parts."""
    if content is None:
        return
    parts = content if isinstance(content, list | tuple) else [content]
    for part in parts:
        if isinstance(part, str):
            texts.append(clean(part))
        elif isinstance(part, Mapping):
            _read_part(part, texts, media, where)
        else:
            raise DocumentError(where, f"a part of its content is a {_kind(part)}, not a text or a mapping")
    # Telegram has one text in many pieces, some of them formatted.
    if len({type(part) for part in parts}) > 1 and not media:
        texts[:] = ["".join(texts)]


def _read_part(part: Mapping[Any, Any], texts: list[str], media: list[dict[str, Any]], where: str) -> None:
    named = str(part.get("type", ""))
    kind = next((known for known in _KINDS if known in named), None)
    if kind is None:
        if isinstance(text := _first(part, ("text", "refusal")), str) and named not in _UNSAID:
            texts.append(clean(text))
        return
    inner = next((value for name in (named, f"{kind}_url", kind) if isinstance(value := part.get(name), Mapping)), {})
    both = {**inner, **part}
    uri = _first(both, ("uri", "url", "file_id", "path"))
    uri = uri if isinstance(uri, str) else part.get(f"{kind}_url")
    said = _first(both, _CAPTIONS)
    if isinstance(said, str):
        texts.append(f"[{kind}: {clean(said)}]")
    reference: dict[str, Any] = {"kind": kind}
    if isinstance(uri, str):
        # What is embedded is no reference, and may be megabytes.
        reference["uri"] = clean(uri.partition(",")[0] if uri.startswith("data:") else uri)
    for name in ("start", "end"):
        if isinstance(value := both.get(name), int | float) and not isinstance(value, bool):
            reference[name] = plain(value, where)
    media.append(reference)


def _read_spoken(audio: Mapping[Any, Any], texts: list[str], media: list[dict[str, Any]]) -> None:
    """What a model of OpenAI says aloud: its transcript, and the id of the sound."""
    if isinstance(transcript := audio.get("transcript"), str):
        texts.append(clean(transcript))
    reference = {"kind": "audio", "uri": audio.get("id")}
    media.append({key: clean(value) for key, value in reference.items() if isinstance(value, str)})


def _time(message: object, where: str) -> datetime | None:
    value = _first(message, _TIMES)
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        value = float(value)  # Slack writes seconds as text.
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value / 1000 if value > _MILLISECONDS else value, UTC)
        except (OverflowError, ValueError, OSError) as error:
            raise DocumentError(where, "its time is a number beyond every calendar") from error
    return parse_timestamp(value, where)


def _first(message: object, names: Iterable[str]) -> Any:
    """The first value that there is under some names."""
    if not isinstance(message, Mapping):
        found = (getattr(message, name, None) for name in names if not isinstance(message, str | tuple))
        return next((value for value in found if value is not None and not callable(value)), None)
    data = message.get("data")
    message = {**message, **data} if isinstance(data, Mapping) else message
    return next((message[name] for name in names if message.get(name) is not None), None)


def _kind(value: object) -> str:
    return type(value).__name__
