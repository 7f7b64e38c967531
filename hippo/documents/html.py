"""HTML files: the text that a browser would show."""

import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from hippo.documents.decode import read_text
from hippo.documents.source import FileInput
from hippo.errors import MissingExtraError
from hippo.types import Document, Skipped

if TYPE_CHECKING:
    from bs4 import Tag
    from bs4.element import PageElement

__all__ = ["html_text", "read_html"]

_DROPPED = ["script", "style", "nav", "noscript", "template", "svg", "head"]
_BLOCKS = re.compile(
    "address|article|aside|blockquote|caption|d[dlt]|details|div|fieldset|fig(caption|ure)|footer|form|h[1-6]|header|hr|li|"
    "main|[ou]l|p|pre|section|summary|table|tbody|tfoot|thead|tr"
)


class _Close(NamedTuple):
    """The end of a tag: what to write there, and whether it ends preformatted text."""

    text: str
    verbatim: bool


def read_html(file: FileInput) -> Iterator[Document | Skipped]:
    """One document: the visible text without scripts, styles and navigation.

    Raises:
        MissingExtraError: beautifulsoup4 or lxml is not installed.
    """
    try:
        from bs4.dammit import EncodingDetector
    except ImportError as error:
        raise MissingExtraError("reading HTML", "beautifulsoup4", "documents") from error
    with file.path.open("rb") as stream:
        declared = EncodingDetector.find_declared_encoding(stream.read(4096), is_html=True)
    text = read_text(file.path, declared)
    if isinstance(text, Skipped):
        yield text
        return
    title, body = html_text(text)
    yield Document(body, id=file.id, title=title, source=file.source)


def html_text(html: str, *, without: str | None = None) -> tuple[str | None, str]:
    """Title and visible text of HTML: blocks apart by a blank line, list items with a dash, cells with a bar.

    Args:
        html: The page.
        without: What is left out, as a CSS selector; None: nothing that can be seen.

    Raises:
        MissingExtraError: beautifulsoup4 or lxml is not installed.
    """
    try:
        from bs4 import BeautifulSoup, FeatureNotFound
    except ImportError as error:
        raise MissingExtraError("reading HTML", "beautifulsoup4", "documents") from error
    with warnings.catch_warnings():
        # XHTML read as HTML, and text that looks like a path, are both fine here.
        warnings.simplefilter("ignore")
        try:
            soup = BeautifulSoup(html, "lxml")
        except FeatureNotFound as error:
            raise MissingExtraError("reading HTML", "lxml", "documents") from error
    for part in soup.select(without) if without else ():
        part.decompose()
    title = " ".join(soup.title.get_text().split()) if soup.title else ""
    # Without the bar after the last cell of a row.
    text = "\n".join(line.strip().rstrip(" |") for line in "".join(_visible(soup)).split("\n"))
    # An item that begins with a block.
    text = re.sub(r"(^|\n)-\n+", r"\1- ", text)
    return title or None, re.sub(r"\n{3,}", "\n\n", text).strip()


def _visible(root: "Tag") -> Iterator[str]:
    """Text of a tree in order, with line breaks around blocks; a stack, as pages nest deeper than Python recurses."""
    from bs4 import Tag
    from bs4.element import NavigableString

    stack: list[PageElement | _Close] = [root]
    verbatim = 0
    while stack:
        node = stack.pop()
        if isinstance(node, _Close):
            yield node.text
            verbatim -= node.verbatim
        elif isinstance(node, Tag):
            if node.name in _DROPPED:
                continue
            close = _Close("", node.name == "pre")
            if node.name == "br":
                yield "\n"
            elif node.name in ("td", "th"):
                close = _Close(" | ", False)
            elif _BLOCKS.fullmatch(node.name):
                yield "\n\n- " if node.name == "li" else "\n\n"
                close = _Close("\n\n", close.verbatim)
            verbatim += close.verbatim
            stack.append(close)
            stack.extend(reversed(node.contents))
        # Comments and the like are strings too, of subclasses.
        elif type(node) is NavigableString:
            yield str(node) if verbatim else re.sub(r"\s+", " ", node)
