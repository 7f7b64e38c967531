"""Mailboxes in the format mbox: a turn for each message, a session for each thread."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser
from email.utils import parseaddr, parsedate_to_datetime

from hippo.documents.html import html_text
from hippo.documents.records import clean
from hippo.documents.source import FileInput
from hippo.documents.turns import turn
from hippo.errors import MissingExtraError
from hippo.types import Document, Skipped

__all__ = ["read_mbox"]

_ID = re.compile(r"<[^<>\s]{1,250}>")
_REPLY = re.compile(r"^(?:(?:re|fw|fwd|aw|wg|sv|antw)\s*:\s*)+", re.IGNORECASE)
_WROTE = re.compile(
    r"\n(?:On|Am|Le|El) [^\n]{5,200}(?:\n[^\n]{0,200})?(?:wrote|schrieb|écrit|escribió)[^\n]{0,100}:\s*\Z"
)


def read_mbox(file: FileInput) -> Iterator[Document | Skipped]:
    """Messages of a mailbox: their plain text, else that of their HTML, without what is quoted. No attachments.

    A message belongs to the thread of the first one that its references name. It is read in a process with limits,
    since the standard library's parser takes much for hostile messages.
    """
    threads: dict[str, str] = {}
    counts: dict[str, int] = {}
    number = 0
    for number, raw in enumerate(_messages(file), 1):
        try:
            message = BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(raw)
            text = _text(message)
            made = _turn(message, text, threads, counts, file, number) if text else file.skip("no text", number)
        except MemoryError:
            raise
        except MissingExtraError as error:
            made = file.skip(f"HTML alone: {error}", number)
        except Exception as error:  # the standard library's parser raises almost anything, also when a header is read
            made = file.skip(f"no message that can be read: {type(error).__name__}", number)
        yield made
    if not number:
        yield file.skip("no messages")


def _messages(file: FileInput) -> Iterator[bytes]:
    """Messages begin at a line "From " at the beginning or after an empty one."""
    lines: list[bytes] = []
    size, empty, begun = 0, True, False
    with file.path.open("rb") as stream:
        while line := stream.readline(file.max_bytes):
            if empty and line.startswith(b"From "):
                if size:
                    yield b"".join(lines)
                lines, size, begun = [], 0, True
                continue
            empty = not line.strip()
            lines.append(line[1:] if line.startswith(b">From ") else line)
            size += len(line)
    if begun and any(line.strip() for line in lines):
        yield b"".join(lines)


def _text(message: EmailMessage) -> str | None:
    """The plain text, else that of the HTML: some programs send a plain part that says nothing of its own."""
    bodies = (message.get_body(preferencelist=(kind,)) for kind in ("plain", "html"))
    return next((text for body in bodies if body is not None and (text := _own(body))), None)


def _own(body: MIMEPart) -> str | None:
    """The text of a part without what is quoted."""
    try:
        content = body.get_content()
    except LookupError:  # a charset that nobody knows
        payload = body.get_payload(decode=True)
        content = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else None
    if not isinstance(content, str):
        return None
    if body.get_content_subtype() == "html":
        return html_text(clean(content), without="blockquote, .gmail_quote, .yahoo_quoted")[1]
    own = [line for line in clean(content).split("\n") if not line.startswith(">")]
    return _WROTE.sub("", "\n".join(own).rstrip()).strip()


def _turn(
    message: EmailMessage, text: str, threads: dict[str, str], counts: dict[str, int], file: FileInput, number: int
) -> Document:
    own = _ids(message, "Message-ID")[:1] or [f"<{number}>"]
    before = [*_ids(message, "References"), *_ids(message, "In-Reply-To")]
    root = next((threads[one] for one in before if one in threads), before[0] if before else own[0])
    for one in (*before, own[0]):
        threads.setdefault(one, root)
    subject = _REPLY.sub("", clean(str(message.get("Subject", ""))).strip())
    name, address = parseaddr(clean(str(message.get("From", ""))))
    place = counts.get(root, 0)
    counts[root] = place + 1
    session = f"{file.id}#{root}"
    metadata = {key: value for key, value in (("subject", subject), ("from", address)) if value}
    return turn(
        f"{subject}\n\n{text}" if subject and not place else text,
        session=session,
        position=place,
        speaker=name or address or None,
        timestamp=_time(message),
        key=f"{session}/{number}",
        metadata=metadata,
        source=f"{file.source}:{number}",
    )


def _ids(message: EmailMessage, header: str) -> list[str]:
    return _ID.findall(str(message.get(header, "")))


def _time(message: EmailMessage) -> datetime | None:
    try:
        time = parsedate_to_datetime(str(message.get("Date", "")))
    except (ValueError, OverflowError):
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
