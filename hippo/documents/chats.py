"""Exports of chat programs: JSON of ChatGPT, Claude, Telegram, Slack and others, and the text that WhatsApp writes."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hippo.documents.messages import is_message, message_turns
from hippo.documents.source import FileInput
from hippo.documents.turns import turn
from hippo.types import Document, Skipped

__all__ = ["chat_turns", "is_whatsapp", "whatsapp_turns"]

_LISTS = ("messages", "chat_messages", "conversation", "turns")
_NAMES = ("session", "session_id", "conversation_id", "id", "uuid", "title", "name")


@dataclass(frozen=True, slots=True)
class _Chat:
    session: str | None
    title: str | None
    messages: list[Any]


def chat_turns(data: Any, file: FileInput) -> Iterator[Document | Skipped] | None:
    """Turns of the conversations that JSON holds; None: it holds none.

    Known are lists of messages, mappings with such a list under `messages`, `chat_messages`, `conversation` or `turns`,
    ChatGPT's trees of messages (of which the branch that was shown last counts), lists of these, and all chats of an
    account of Telegram. Messages of Facebook and Instagram, the newest of which comes first, are brought into order.

    Args:
        data: What the file says.
        file: The file; its id names the sessions.
    """
    if isinstance(data, list) and data and is_message(data[0]):
        chats = [_Chat(None, None, data)]
    else:
        values = data if isinstance(data, list) else _chats_of_account(data) or [data]
        if not values or not all(_holds_chat(value) for value in values):
            return None
        chats = [_chat(value) for value in values]
    return _turns(chats, file)


def _chats_of_account(data: Any) -> list[Any]:
    """All chats of a whole export of Telegram; none: it is something else."""
    chats = data.get("chats") if isinstance(data, Mapping) else None
    found = chats.get("list") if isinstance(chats, Mapping) else None
    return [one for one in found if _holds_chat(one)] if isinstance(found, list) else []


def _holds_chat(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    if isinstance(value.get("mapping"), Mapping):
        return True
    found = next((value[name] for name in _LISTS if isinstance(value.get(name), list)), None)
    return found is not None and (not found or any(is_message(one) for one in found))


def _chat(value: Mapping[str, Any]) -> _Chat:
    session = next((value[name] for name in _NAMES if isinstance(value.get(name), str | int)), None)
    title = value.get("title") or value.get("name")
    if isinstance(value.get("mapping"), Mapping):
        messages = _branch(value["mapping"], value.get("current_node"))
    else:
        messages = next(value[name] for name in _LISTS if isinstance(value.get(name), list))
    if any(isinstance(one, Mapping) and "sender_name" in one for one in messages):
        messages = [_unmangled(one) for one in reversed(messages)]
    return _Chat(None if session is None else str(session), title if isinstance(title, str) else None, messages)


def _unmangled(message: Any) -> Any:
    """A message of Facebook or Instagram, whose exports have the bytes of UTF-8 for characters."""
    if not isinstance(message, Mapping):
        return message
    found = dict(message)
    for name in ("sender_name", "content"):
        if isinstance(text := found.get(name), str):
            with suppress(UnicodeError):
                found[name] = text.encode("latin-1").decode("utf-8")
    return found


def _branch(nodes: Mapping[str, Any], last: object) -> list[Any]:
    """Messages from the root of a tree to one of its nodes; without it to the one that was written last."""
    known = {key: node for key, node in nodes.items() if isinstance(node, Mapping)}
    if not isinstance(last, str) or last not in known:
        last = max(known, key=lambda key: _seconds(known[key]), default=None)
    found: list[Any] = []
    seen: set[str] = set()
    while isinstance(last, str) and last in known and last not in seen:
        seen.add(last)
        message = known[last].get("message")
        if isinstance(message, Mapping):
            found.append(_chatgpt(message))
        last = known[last].get("parent")
    return found[::-1]


def _seconds(node: Mapping[str, Any]) -> float:
    message = node.get("message")
    time = message.get("create_time") if isinstance(message, Mapping) else None
    try:
        return float(time) if isinstance(time, int | float) else float("-inf")
    except OverflowError:
        return float("-inf")


def _chatgpt(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message with its role and its parts where others have them."""
    author, content = message.get("author"), message.get("content")
    parts = content.get("parts", content.get("text")) if isinstance(content, Mapping) else content
    role = author.get("role") if isinstance(author, Mapping) else author
    return {"id": message.get("id"), "role": role, "content": parts, "create_time": message.get("create_time")}


def _turns(chats: list[_Chat], file: FileInput) -> Iterator[Document | Skipped]:
    if not any(chat.messages for chat in chats):
        yield file.skip("no passages")
    seen: set[str] = set()
    for number, chat in enumerate(chats, 1):
        session = file.id if chat.session is None else f"{file.id}#{chat.session}"
        session = session if session not in seen else f"{session}#{number}"
        seen.add(session)
        metadata = {"conversation": chat.title} if chat.title else {}
        source = file.source if len(chats) == 1 else f"{file.source}:{number}"
        yield from message_turns(chat.messages, session=session, metadata=metadata, source=source, tolerant=True)


# WhatsApp: "[08.05.23, 13:56:02] Ann: text" on iOS, "08/05/2023, 13:56 - Ann: text" on Android. In brackets a year that
# comes first, without a comma, is that of a log.
_HEAD = re.compile(
    r"^[\u200e\u200f]?\[?(?P<first>\d{4}|\d{1,2}(?P<short>))(?P<sign>[./-])(?P<second>\d{1,2})(?P=sign)(?P<third>\d{2,4})"
    r"(?P<comma>,)?[ \u00a0\u202f](?:(?:à|alle|at|klo|kl\.|um)[ \u00a0\u202f])?"
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<seconds>\d{2}))?"
    r"(?:[ \u00a0\u202f]?(?P<half>[AaPp])\.?[ \u00a0\u202f]?[Mm]\.?)?"
    r"(?:\](?(comma)|(?(short)|(?!)))|[ \u00a0\u202f][-–]) (?P<rest>.*)"
)
_SPEAKER = re.compile(r"(?P<speaker>[^:\n]{1,60}): (?P<text>.*)", re.DOTALL)
_ATTACHED = re.compile(
    r"\u200e?<attached: (?P<one>[^>\n]{1,200})>|^\u200e?(?P<other>\S[^\n]{0,200}?\.\w{2,4}) \(file attached\)",
    re.MULTILINE,
)
_KINDS = {"jpg": "image", "jpeg": "image", "png": "image", "webp": "image", "opus": "audio", "mp3": "audio",
          "m4a": "audio", "mp4": "video", "mov": "video", "3gp": "video"}  # fmt: skip
_LEFT_OUT = re.compile(
    r"(?:(?:^|\u200e)\u200e?(?:<Media omitted>|(?:image|video|audio|sticker|GIF|document|contact card) omitted"
    r"|(?:This message was deleted|You deleted this message)\.?)|\u200e?<This message was edited>)[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
"""What WhatsApp writes in place of something, or of itself: alone on a line or behind a mark."""
_LOOKED_AT = 20


def is_whatsapp(text: str) -> bool:
    """Whether a text is an export of WhatsApp: its first line is the head of a message, and so are most of the next."""
    lines = [line for line in text[:8192].split("\n")[:_LOOKED_AT] if line.strip()]
    heads = [bool(_HEAD.match(line)) for line in lines]
    return bool(lines) and heads[0] and 2 * sum(heads) >= len(heads) and any(": " in line[12:] for line in lines)


def whatsapp_turns(text: str, file: FileInput) -> Iterator[Document | Skipped]:
    """Messages of an export, a turn each; a line without a head belongs to the message before it.

    Day and month are told apart by numbers above 12 anywhere in the file, and where there are none, by the sign: "/"
    with a half of the day is the American order.
    """
    messages: list[tuple[re.Match[str], list[str]]] = []
    for line in text.split("\n"):
        if match := _HEAD.match(line):
            messages.append((match, [match["rest"]]))
        elif messages:
            messages[-1][1].append(line)
    american = _american([match for match, _ in messages])
    for place, (match, lines) in enumerate(messages):
        found = _SPEAKER.fullmatch("\n".join(lines).strip().lstrip("\u200e"))
        if found is None:
            yield file.skip("a notice of WhatsApp, which nobody said", place + 1)
            continue
        said, media = _media(found["text"])
        if not said.strip("\u200e \n"):
            yield file.skip("no text", place + 1)
            continue
        yield turn(
            said,
            session=file.id,
            position=place,
            speaker=found["speaker"].strip("\u200e\u202a\u202c ~"),
            timestamp=_moment(match, american),
            media=media,
            source=f"{file.source}:{place + 1}",
        )


def _american(matches: "list[re.Match[str]]") -> bool:
    if any(int(match["first"]) > 12 for match in matches):
        return False
    if any(int(match["second"]) > 12 for match in matches):
        return True
    return any(match["sign"] == "/" and match["half"] for match in matches)


def _moment(match: "re.Match[str]", american: bool) -> datetime | None:
    """When a message was sent, by the clock of the telephone, taken as UTC; None: that is no time."""
    first, second, third = (int(match[name]) for name in ("first", "second", "third"))
    if len(match["first"]) == 4:
        year, month, day = first, second, third
    else:
        day, month = (second, first) if american else (first, second)
        year = third + 2000 if third < 100 else third
    hour = int(match["hour"])
    if match["half"]:
        hour = hour % 12 + (12 if match["half"].lower() == "p" else 0)
    try:
        return datetime(year, month, day, hour, int(match["minute"]), int(match["seconds"] or 0), tzinfo=UTC)
    except ValueError:
        return None


def _media(text: str) -> tuple[str, list[dict[str, Any]]]:
    """A message without the names of attached files, and references to these."""
    media = []
    for match in _ATTACHED.finditer(text):
        name = (match["one"] or match["other"]).strip()
        media.append({"kind": _KINDS.get(name.rpartition(".")[2].lower(), "file"), "uri": name})
    return _LEFT_OUT.sub("", _ATTACHED.sub("", text)).strip(), media
