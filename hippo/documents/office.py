"""Files of office programs: PDF and DOCX.

Their parsers meet damaged and hostile files and then raise almost anything. They run in a process of their own, which
reports every exception with the file.
"""

import logging
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hippo.documents.source import FileInput
from hippo.errors import MissingExtraError
from hippo.types import Document, Skipped

if TYPE_CHECKING:
    from docx.table import Table

__all__ = ["read_docx", "read_pdf"]

_MOST_RATIO = 200
"""Most bytes that one of an archive unpacks to: text of office programs shrinks to a tenth, a bomb to a thousandth."""
_FREE_BYTES = 16 * 2**20
"""Unpacked bytes of which the ratio does not count."""
_MOST_TITLE_LINES = 3


def read_pdf(file: FileInput) -> Iterator[Document | Skipped]:
    """One document: the text of all pages; the title is that of the file's properties, else its name.

    Raises:
        MissingExtraError: pypdf is not installed.
    """
    try:
        from pypdf import PdfReader
    except ImportError as error:
        raise MissingExtraError("reading PDF", "pypdf", "documents") from error
    # What is wrong with a file is reported with its name; the library would log it without.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    with PdfReader(file.path) as reader:
        # An empty user password is common: it only forbids printing and the like.
        if reader.is_encrypted and not reader.decrypt(""):
            yield file.skip("encrypted PDF; remove its password first")
            return
        pages = [page.extract_text().strip() for page in reader.pages]
        title = str((reader.metadata and reader.metadata.title) or "").strip() or file.path.stem
    text = _join_pages(pages)
    if not text.strip():
        yield file.skip("no text; if its pages are scanned, run OCR first")
        return
    metadata = {"pages": len(pages)}
    yield Document(_without_title(text, title), id=file.id, title=title, metadata=metadata, source=file.source)


def _join_pages(pages: list[str]) -> str:
    """A page ends a paragraph unless the next one goes on in lower case."""
    parts: list[str] = []
    for page in filter(None, pages):
        if parts:
            parts.append("\n" if page[0].islower() else "\n\n")
        parts.append(page)
    return "".join(parts)


def _without_title(text: str, title: str) -> str:
    """The text without the lines of the title, where these come first: every chunk has the title anyway.

    What stays would join the next line in a PDF, and make one name of the title and of the first words after it.
    """
    lines = text.split("\n")
    wanted = " ".join(title.split())
    for count in range(1, _MOST_TITLE_LINES + 1):
        if " ".join(" ".join(lines[:count]).split()) == wanted:
            return "\n".join(lines[count:]).strip() or text
    return text


def read_docx(file: FileInput) -> Iterator[Document | Skipped]:
    """One document: paragraphs, headings, list items and table rows in order.

    The title is that of the file's properties, else its first paragraph of style Title or Heading 1, else its name.

    Raises:
        MissingExtraError: python-docx is not installed.
    """
    try:
        import docx
        from docx.text.paragraph import Paragraph
    except ImportError as error:
        raise MissingExtraError("reading DOCX", "python-docx", "documents") from error
    if problem := _bomb(file):
        yield file.skip(problem)
        return
    blocks: list[str] = []
    heading = None
    content = docx.Document(str(file.path))
    for block in content.iter_inner_content():
        if not isinstance(block, Paragraph):
            blocks.extend(_rows(block))
            continue
        style = str(block.style.name) if block.style else ""
        if heading is None and style in ("Title", "Heading 1") and block.text.strip():
            heading = block.text.strip()
        blocks.append(f"- {block.text}" if style.startswith("List") and block.text.strip() else block.text)
    title = content.core_properties.title.strip() or heading or file.path.stem
    text = "\n\n".join(block for block in blocks if block.strip())
    yield Document(_without_title(text, title), id=file.id, title=title, source=file.source)


def _bomb(file: FileInput) -> str | None:
    """Why an archive is not unpacked; None if it can be. What it says of its sizes may be a lie: memory is limited."""
    with zipfile.ZipFile(file.path) as archive:
        unpacked = sum(item.file_size for item in archive.infolist())
    if unpacked > file.max_bytes:
        return f"unpacks to {unpacked} bytes, over the limit of {file.max_bytes}; raise documents.max_bytes"
    size = file.path.stat().st_size
    if unpacked > _FREE_BYTES and unpacked > _MOST_RATIO * size:
        return f"unpacks to {unpacked // size} times its size, as zip bombs do; save it again, or convert it to text"
    return None


def _rows(table: "Table") -> Iterator[str]:
    """Rows of a table, cells apart by a bar; a merged cell counts once."""
    for row in table.rows:
        cells: dict[int, str] = {}
        for cell in row.cells:
            cells.setdefault(id(cell._tc), " ".join(cell.text.split()))
        yield " | ".join(cells.values())
