"""Files, folders and Python values to documents. Whatever is left out is yielded too, with the reason."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hippo.config import DocumentsConfig
from hippo.documents.folders import find_files, has_file
from hippo.documents.formats import ISOLATED, KNOWN_SUFFIXES, READERS, STREAMED
from hippo.documents.limits import Limits
from hippo.documents.process import ParserProcess
from hippo.documents.records import Columns, clean, parse_timestamp, plain, record_document
from hippo.documents.source import FileInput
from hippo.documents.turns import speaker_of
from hippo.errors import DocumentError, DuplicateDocumentError, UnknownNameError
from hippo.ids import content_id
from hippo.types import Document, Skipped

__all__ = [
    "MAX_BYTES",
    "Input",
    "check_unique",
    "coerce_documents",
    "find_inputs",
    "iter_documents",
    "read_file",
    "read_inputs",
]

_LISTED = "documents["
MAX_BYTES = DocumentsConfig().max_bytes
"""Default of the largest file that is read whole: 256 MiB."""


def iter_documents(
    sources: Path | Iterable[Path],
    *,
    suffixes: Collection[str] | None = None,
    columns: Columns = Columns(),  # noqa: B008  (frozen)
    max_bytes: int = MAX_BYTES,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
) -> Iterator[Document | Skipped]:
    """Read documents from files and folders.

    Folders are read with all their subfolders, in the order of names. The id of a file is its path relative to the
    folder that was given, with forward slashes, or its name if it was given itself; the id of a row is that in its id
    column, or a hash of its title and text. So a second run gives the same ids. Paths are checked at once; files are
    read while the result is consumed, one at a time, tables row by row.

    Args:
        sources: One path or several.
        suffixes: Only files with these suffixes ("md" or ".md"); None: all known ones.
        columns: Names of the columns of CSV, TSV, JSON lines, Parquet and JSON files.
        max_bytes: Largest file that is read whole, in bytes; also the longest row of a table, and the longest text that
            a compressed file may hold.
        limits: What a file may take that a third-party package parses, in a process of its own.

    Returns:
        Documents with unique ids, and a `Skipped` for each file or row that holds no usable document.

    Raises:
        DocumentError: A path does not exist, cannot be read or is no path; a folder is an index or holds no file of a
            known suffix; a column is missing, or a JSON file has an unknown shape. In a folder, a file of the last two
            kinds is only skipped, unless `columns` were chosen.
        DuplicateDocumentError: Two documents have one id.
        UnknownNameError: One of `suffixes` is not known.
        MissingExtraError: A format needs a package that is not installed.
    """
    found = find_inputs(sources, suffixes=suffixes, columns=columns, max_bytes=max_bytes)
    return check_unique(read_inputs(found, limits))


@dataclass(frozen=True, slots=True)
class Input:
    """A file to be read.

    Attributes:
        file: The file.
        tolerant: Whether it is only skipped if it has the wrong shape, since nobody said that it holds documents.
    """

    file: FileInput
    tolerant: bool


def find_inputs(
    sources: Path | Iterable[Path],
    *,
    suffixes: Collection[str] | None = None,
    columns: Columns = Columns(),  # noqa: B008  (frozen)
    max_bytes: int = MAX_BYTES,
) -> Iterator[Input | Skipped]:
    """The files that `iter_documents` would read, in its order, and what it would leave out. None is opened.

    Arguments and errors are those of `iter_documents`; paths are checked at once.
    """
    paths: object = [sources] if isinstance(sources, os.PathLike) else sources
    if isinstance(paths, str | bytes) or not isinstance(paths, Iterable):
        raise DocumentError(repr(sources), "is no path; give a pathlib.Path, or texts to coerce_documents")
    wanted = _suffixes(suffixes)
    checked = [_existing(path, wanted) for path in paths]
    return _found(checked, wanted, suffixes is not None, columns, max_bytes)


def read_inputs(inputs: Iterable[Input | Skipped], limits: Limits = Limits()) -> Iterator[Document | Skipped]:  # noqa: B008  (frozen)
    """Documents of files, with ids, which nobody has compared yet; and what was left out.

    Args:
        inputs: What `find_inputs` found.
        limits: What a file may take that a third-party package parses, in a process of its own.
    """
    return _finish(_read(inputs, limits))


def _suffixes(suffixes: Collection[str] | None) -> frozenset[str]:
    if suffixes is None:
        return frozenset(KNOWN_SUFFIXES)
    names = frozenset("." + suffix.lower().lstrip(".") for suffix in suffixes)
    for name in sorted(names.difference(KNOWN_SUFFIXES)):
        raise UnknownNameError("suffix", name, KNOWN_SUFFIXES)
    return names


def _existing(path: object, wanted: frozenset[str]) -> Path:
    if not isinstance(path, os.PathLike):
        raise DocumentError(
            repr(path), f"is a {type(path).__name__}; give a pathlib.Path, or texts to coerce_documents"
        )
    found = Path(path)
    try:
        exists = found.exists()
    except OSError as error:
        raise DocumentError(str(found), f"cannot be read: {error.strerror or error}") from error
    if not exists:
        raise DocumentError(str(found), "no such file or folder")
    if found.is_dir() and not has_file(found, wanted):
        raise DocumentError(str(found), f"holds no file with a known suffix: {', '.join(sorted(wanted))}")
    return found


def _found(
    paths: list[Path], wanted: frozenset[str], chosen: bool, columns: Columns, max_bytes: int
) -> Iterator[Input | Skipped]:
    for root in paths:
        is_folder = root.is_dir()
        for item in find_files(root) if is_folder else iter([(root, root.name)]):
            if isinstance(item, Skipped):
                yield item
                continue
            path, name = item
            if path.suffix.lower() in wanted:
                tolerant = is_folder and columns == Columns(typed=columns.typed)
                yield Input(FileInput(path, name, columns, max_bytes), tolerant)
            elif not chosen or not is_folder:
                # What a choice of suffixes leaves out of a folder was not asked for; anything else is reported.
                yield Skipped(str(path), f"suffix {path.suffix!r} is none of {', '.join(sorted(wanted))}")


def _read(inputs: Iterable[Input | Skipped], limits: Limits) -> Iterator[Document | Skipped]:
    with ParserProcess(limits) as process:
        for item in inputs:
            if isinstance(item, Skipped):
                yield item
            else:
                yield from read_file(item.file, process, tolerant=item.tolerant)


def read_file(file: FileInput, process: ParserProcess, *, tolerant: bool = False) -> Iterator[Document | Skipped]:
    """What a file of a known suffix holds.

    Args:
        file: The file.
        process: Where third-party packages parse.
        tolerant: Skip a file of the wrong shape, which nobody said holds documents.

    Raises:
        DocumentError: A column is missing, or a JSON file has an unknown shape, and `tolerant` is not set.
        MissingExtraError: The format needs a package that is not installed.
    """
    suffix = file.path.suffix.lower()
    try:
        if not file.path.is_file():
            yield file.skip("no regular file")
            return
        size = file.path.stat().st_size
        if size == 0:
            yield file.skip("empty file")
        elif size > file.max_bytes and suffix not in STREAMED:
            limit = f"{size / 2**20:.1f} MiB, over the limit of {file.max_bytes / 2**20:.1f} MiB"
            yield file.skip(f"{limit}; split it, or raise documents.max_bytes")
        else:
            yield from (process.read if suffix in ISOLATED else READERS[suffix])(file)
    except OSError as error:
        yield file.skip(f"cannot be read: {error.strerror or error}")
    except DocumentError as error:
        if not tolerant:
            raise
        yield Skipped(*error.args)


def coerce_documents(values: Iterable[Document | str | Mapping[str, object]]) -> Iterator[Document | Skipped]:
    """Make documents of Python values.

    Args:
        values: Documents, texts, or mappings with `text` and optionally `id`, `title`, `timestamp` (ISO 8601 or
            datetime) and `metadata`; other keys become metadata.

    Returns:
        Documents with unique ids, a hash of title and text where none was given, and a `Skipped` for each value without
        text and each repeat.

    Raises:
        DocumentError: A value or a part of it has the wrong type; the message names its position, from 0.
        DuplicateDocumentError: Two documents have one id.

    Examples:
        >>> documents = coerce_documents(["One.", {"text": "Two.", "id": 7, "lang": "en"}])
        >>> [(document.text, document.metadata) for document in documents]
        [('One.', {}), ('Two.', {'lang': 'en'})]
    """
    given: object = [values] if isinstance(values, str | Document | Mapping) else values
    if isinstance(given, bytes) or not isinstance(given, Iterable):
        raise DocumentError("documents", f"must be texts, mappings or Documents, got {type(given).__name__}")
    found = check_unique(_finish(_coerce(position, value) for position, value in enumerate(given)))
    return (_without_position(item) for item in found)


def _without_position(item: Document | Skipped) -> Document | Skipped:
    """The place in a list served for messages; it says nothing about the document."""
    if isinstance(item, Document) and item.source and item.source.startswith(_LISTED):
        return replace(item, source=None)
    return item


def _coerce(position: int, value: object) -> Document:
    source = f"{_LISTED}{position}]"
    if isinstance(value, str):
        return Document(value, source=source)
    if isinstance(value, Mapping):
        return record_document(value, Columns(), source)
    if not isinstance(value, Document):
        raise DocumentError(source, f"must be a text, a mapping or a Document, got {type(value).__name__}")
    source = str(value.source or source)
    for name, part, kinds in (
        ("text", value.text, str),
        ("id", value.id, str | None),
        ("title", value.title, str | None),
        ("metadata", value.metadata, Mapping),
        ("source", value.source, str | None),
    ):
        if not isinstance(part, kinds):
            raise DocumentError(source, f"{name!r} has the wrong type: {type(part).__name__}")
    return replace(
        value, metadata=plain(value.metadata, source), timestamp=parse_timestamp(value.timestamp, source), source=source
    )


def _finish(items: Iterable[Document | Skipped]) -> Iterator[Document | Skipped]:
    """Clean every document and give it an id; leave out those without text."""
    for item in items:
        source = clean(item.source) if item.source else None
        if isinstance(item, Skipped):
            yield Skipped(source or "document", clean(item.reason))
        elif not (text := clean(item.text)).strip():
            yield Skipped(source or "document", "no text")
        else:
            named = item.title or speaker_of(item)
            title = clean(named).strip() or None if named else None
            key = clean(item.id) if item.id else content_id(title, text)
            yield replace(item, text=text, title=title, id=key, source=source)


def check_unique(
    documents: Iterable[Document | Skipped], seen: dict[str, str] | None = None
) -> Iterator[Document | Skipped]:
    """Pass documents on while their ids are unique.

    A repeat of a document whose id is a hash of its content says nothing new and becomes a `Skipped`. Memory grows with
    the number of documents, not with their text.

    Args:
        documents: Documents with ids, and anything already left out.
        seen: Where documents came from that were passed on before, by id; those that are passed on now are added.

    Raises:
        DuplicateDocumentError: Two documents have one id of the caller's.
    """
    seen = {} if seen is None else seen
    for item in documents:
        if isinstance(item, Skipped):
            yield item
            continue
        source = item.source or "document"
        key = item.id or ""
        first = seen.get(key)
        if first is None:
            seen[key] = source
            yield item
        elif item.id == content_id(item.title, item.text):
            yield Skipped(source, f"duplicate of {first}")
        else:
            raise DuplicateDocumentError(item.id, first, source)
