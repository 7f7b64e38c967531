"""Suffix to reader: the formats that files may have."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from hippo.documents.benchmark import read_json
from hippo.documents.captions import read_captions
from hippo.documents.html import read_html
from hippo.documents.mail import read_mbox
from hippo.documents.markup import read_markdown, read_plain
from hippo.documents.office import read_docx, read_pdf
from hippo.documents.source import FileInput
from hippo.documents.tables import read_csv, read_jsonl, read_parquet, read_tsv
from hippo.types import Document, Skipped

__all__ = ["ISOLATED", "KNOWN_SUFFIXES", "READERS", "STREAMED", "Reader"]

Reader = Callable[[FileInput], Iterator[Document | Skipped]]
"""Yields the documents of a file, and what of it had to be left out."""

READERS: Mapping[str, Reader] = MappingProxyType(
    {
        ".csv": read_csv,
        ".docx": read_docx,
        ".htm": read_html,
        ".html": read_html,
        ".json": read_json,
        ".jsonl": read_jsonl,
        ".log": read_plain,
        ".markdown": read_markdown,
        ".mbox": read_mbox,
        ".md": read_markdown,
        ".ndjson": read_jsonl,
        ".parquet": read_parquet,
        ".pdf": read_pdf,
        ".rst": read_plain,
        ".srt": read_captions,
        ".text": read_plain,
        ".tsv": read_tsv,
        ".txt": read_plain,
        ".vtt": read_captions,
    }
)
KNOWN_SUFFIXES: tuple[str, ...] = tuple(READERS)
"""Suffixes that `iter_documents` reads, lower case, sorted."""
STREAMED = frozenset([".csv", ".jsonl", ".mbox", ".ndjson", ".parquet", ".tsv"])
"""Suffixes of files that are read row by row, whatever their size."""
ISOLATED = frozenset([".docx", ".htm", ".html", ".markdown", ".mbox", ".md", ".parquet", ".pdf"])
"""Suffixes of files that are read in a process of their own, since their parsers are no code of ours."""
