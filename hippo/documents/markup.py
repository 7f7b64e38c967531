"""Files of text: plain and Markdown."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hippo.documents.decode import read_text
from hippo.documents.html import html_text
from hippo.documents.source import FileInput
from hippo.errors import MissingExtraError
from hippo.types import Document, Skipped

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["markdown_text", "read_markdown", "read_plain"]

_FRONT_MATTER = re.compile(r"---[^\S\n]*\n(.*?\n)---[^\S\n]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[^\S\n]*([\"']?)(.+?)\1[^\S\n]*$", re.MULTILINE)


def read_plain(file: FileInput) -> Iterator[Document | Skipped]:
    """One document: the text as it is."""
    text = read_text(file.path)
    yield text if isinstance(text, Skipped) else Document(text, id=file.id, source=file.source)


def read_markdown(file: FileInput) -> Iterator[Document | Skipped]:
    """One document: the text without its marks; front matter goes to the metadata.

    Raises:
        MissingExtraError: markdown-it-py is not installed.
    """
    text = read_text(file.path)
    if isinstance(text, Skipped):
        yield text
        return
    front = _FRONT_MATTER.match(text)
    metadata = {"front_matter": front[1]} if front else {}
    title, body = markdown_text(text[front.end() :] if front else text)
    named = _FRONT_TITLE.search(front[1]) if front else None
    yield Document(body, id=file.id, title=named[2] if named else title, metadata=metadata, source=file.source)


def markdown_text(text: str) -> tuple[str | None, str]:
    """Title (the first heading of level 1) and text of Markdown, the title's own line left out where it comes first.

    Raises:
        MissingExtraError: markdown-it-py is not installed.
    """
    try:
        from markdown_it import MarkdownIt
    except ImportError as error:
        raise MissingExtraError("reading Markdown", "markdown-it-py", "documents") from error
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
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
