"""Files of text: plain and Markdown."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from hippo.documents.chats import is_whatsapp, whatsapp_turns
from hippo.documents.decode import read_text
from hippo.documents.front import read_front_matter
from hippo.documents.html import html_text
from hippo.documents.records import Columns, parse_timestamp
from hippo.documents.source import FileInput
from hippo.errors import DocumentError, MissingExtraError
from hippo.types import Document, Skipped

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["markdown_text", "read_markdown", "read_plain"]

_MOST_LEVELS = 100
"""Quotes, lists and items of lists within one another; each takes the parser five calls of Python's thousand."""
_FRONT_MATTER = re.compile(r"---[^\S\n]*\n(.*?\n)---[^\S\n]*(?:\n|\Z)", re.DOTALL)


def read_plain(file: FileInput) -> Iterator[Document | Skipped]:
    """One document: the text as it is. An export of WhatsApp is read as turns."""
    text = read_text(file.path)
    if isinstance(text, str) and is_whatsapp(text):
        yield from whatsapp_turns(text, file)
        return
    yield text if isinstance(text, Skipped) else Document(text, id=file.id, source=file.source)


def read_markdown(file: FileInput) -> Iterator[Document | Skipped]:
    """One document: the text without its marks; front matter gives title, timestamp and metadata.

    Raises:
        MissingExtraError: markdown-it-py is not installed.
    """
    text = read_text(file.path)
    if isinstance(text, Skipped):
        yield text
        return
    front = _FRONT_MATTER.match(text)
    found = markdown_text(text[front.end() :] if front else text)
    if found is None:
        yield file.skip(f"blocks nest deeper than {_MOST_LEVELS} levels; flatten it, or save it as text")
        return
    heading, body = found
    document = Document(body, id=file.id, title=heading, source=file.source)
    yield _with_front(document, front[1], file.columns) if front else document


def _with_front(document: Document, front: str, columns: Columns) -> Document:
    """A document with what its front matter says; where that cannot be read, it is kept as text."""
    metadata = read_front_matter(front, typed=columns.typed)
    if metadata is None:
        return replace(document, title=_front_title(front) or document.title, metadata={"front_matter": front})
    title, timestamp = document.title, None
    named = metadata.get(columns.title)
    if isinstance(named, str | int | float) and not isinstance(named, bool):
        title = str(metadata.pop(columns.title))
    # One that is no time says something all the same.
    with suppress(DocumentError):
        timestamp = parse_timestamp(metadata.get(columns.timestamp), document.source or "")
        metadata.pop(columns.timestamp, None)
    if columns.metadata is not None:
        metadata = {name: metadata[name] for name in columns.metadata if name in metadata}
    return replace(document, title=title, metadata=metadata, timestamp=timestamp)


def _front_title(front: str) -> str | None:
    for line in front.split("\n"):
        if line.startswith("title:"):
            title = line.removeprefix("title:").strip()
            quoted = len(title) > 1 and title[0] == title[-1] and title[0] in "\"'"
            return title[1:-1] if quoted else title
    return None


def markdown_text(text: str) -> tuple[str | None, str] | None:
    """Title (the first heading of level 1) and text of Markdown, the title's own line left out where it comes first.

    None where quotes and lists nest so deep that the parser leaves out what they hold.

    Raises:
        MissingExtraError: markdown-it-py is not installed.
    """
    try:
        from markdown_it import MarkdownIt
    except ImportError as error:
        raise MissingExtraError("reading Markdown", "markdown-it-py", "documents") from error
    tokens = MarkdownIt("commonmark", {"maxNesting": _MOST_LEVELS}).enable("table").parse(text)
    if any(token.level >= _MOST_LEVELS - 1 for token in tokens):
        return None
    title = None
    blocks: list[str] = []
    mark = ""
    row: list[str] = []
    for index, token in enumerate(tokens):
        if token.type == "list_item_open":
            mark = f"{token.info}{token.markup} " if token.info else "- "
        elif token.type == "tr_close":
            blocks.append(" | ".join(row))
            row = []
        elif token.type == "html_block":
            blocks.append(html_text(token.content)[1])
        elif token.type in ("fence", "code_block"):
            blocks.append(mark + token.content.rstrip("\n"))
            mark = ""
        elif token.type == "inline":
            words = _inline(token)
            opener = tokens[index - 1]
            if opener.type in ("th_open", "td_open"):
                row.append(words)
            elif opener.tag == "h1" and title is None and words.strip():
                title = words
                if any(blocks):
                    blocks.append(words)
            else:
                blocks.append(mark + words)
                mark = ""
    return title, "\n\n".join(filter(None, blocks)) or (title or "")


def _inline(token: "Token") -> str:
    """Words of a paragraph or heading; marks and tags dropped, an image replaced by its description."""
    parts = []
    for child in token.children or ():
        if child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type in ("text", "code_inline", "image"):
            parts.append(child.content)
    return "".join(parts)
