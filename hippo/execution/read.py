"""Files to parts: lists of documents that go through the other stages together.

Files are grouped into units, each read by one worker, and documents into parts. Where a group ends depends on the names
and documents around that place alone, so that a new file changes the groups next to it and no others: what was
extracted from all the others is found again.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from hippo.documents import KNOWN_SUFFIXES, Limits
from hippo.documents.load import Input, check_unique, find_inputs, read_inputs
from hippo.documents.records import Columns
from hippo.documents.source import FileInput, Places
from hippo.errors import DocumentError
from hippo.execution.shards import documents_table, key_of, write_shard
from hippo.execution.stage import Plan, Row, Work
from hippo.ids import text_hash
from hippo.indexing.revise import content_hash
from hippo.storage import is_remote, open_folder
from hippo.storage.remote import RemoteFolder
from hippo.types import Document, Skipped

__all__ = ["PART_DOCUMENTS", "find_units", "read"]

T = TypeVar("T")

PART_DOCUMENTS = 64
"""Documents of a part, in the mean, unless the plan's option `part_documents` says otherwise."""

_VERSION = 1
_FILES = 64
"""Files of a unit, in the mean."""
_LARGE = 16 * 2**20
"""Bytes of a file that is a unit of its own."""
_MOST = 4
"""Times the mean that a group may grow to."""
_TEXT = 32 * 2**20
"""Characters of a part."""


def find_units(
    sources: Sequence[str | Path],
    *,
    suffixes: Collection[str] | None = None,
    columns: Columns = Columns(),  # noqa: B008  (frozen)
    max_bytes: int,
) -> tuple[list[Row], list[Skipped]]:
    """Rows for the stage `read`, in the order of the sources; and what is left out.

    Args:
        sources: Files and folders, as paths or URLs of object stores.
        suffixes: Only files with these suffixes; None: all that can be read.
        columns: Names of columns of tables.
        max_bytes: Largest file that is read whole.

    Raises:
        DocumentError: As `hippo.documents.iter_documents`; or a URL holds no file that can be read.
        StorageError: A URL cannot be listed.
    """
    if not sources:
        raise DocumentError("build_index", "needs at least one file or folder")
    units: list[Row] = []
    skipped: list[Skipped] = []
    for source in sources:
        files: list[tuple[str, str, bool, int]] = []  # place, name, tolerant, bytes
        if isinstance(source, str) and is_remote(source):
            files = [(place, name, True, 0) for place, name in _remote_files(source, suffixes)]
        else:
            found = find_inputs([Path(source)], suffixes=suffixes, columns=columns, max_bytes=max_bytes)
            for item in found:
                if isinstance(item, Skipped):
                    skipped.append(item)
                else:
                    path = item.file.path
                    size = path.stat().st_size if path.is_file() else 0
                    # Workers of a cluster have a working folder of their own.
                    files.append((str(path.absolute()), item.file.id, item.tolerant, size))
        for group in _groups(files, _FILES, lambda file: file[1], lambda file: file[3] / _LARGE):
            units.append({"unit": len(units), "files": [list(file[:3]) for file in group]})
    return units, skipped


def read(plan: Plan) -> Work:
    """The stage that reads the files of a unit and writes parts.

    A row with `files` becomes a row with `read` (name of the shard), `part` (hash of its documents) and `documents`
    (how many) for each part, and one with `skipped` at the end.
    """
    return _Read(plan)


class _Read:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._size: int = plan.options.get("part_documents", PART_DOCUMENTS)
        settings = plan.config.documents
        self._most = settings.max_bytes
        self._limits = Limits(settings.memory, settings.seconds)

    def __call__(self, row: Row) -> Iterator[Row]:
        folder, columns = self._plan.work, self._plan.columns
        with tempfile.TemporaryDirectory(prefix="hippo-") as here:
            paths = [_path(place, Path(here) / str(number)) for number, (place, _, _) in enumerate(row["files"])]
            settings = [*(getattr(columns, name) for name in columns.__slots__), self._size, self._most]
            settings += [self._limits.memory, self._limits.seconds]
            key = key_of("read", _VERSION, row["files"], [_digest(path) for path in paths], settings)
            marker = f"read/{key}.json"
            known = self._known(marker, key)
            made = known is None
            if known is None:
                self._write(key, marker, row["files"], paths)
                known = json.loads(folder.read(marker))
        for place, (part, documents) in enumerate(known["parts"]):
            about = {"unit": row["unit"], "place": place, "read": _name(key, place)}
            yield {**about, "part": part, "documents": documents, "made": made}
        yield {"unit": row["unit"], "place": len(known["parts"]), "skipped": known["skipped"], "made": made}

    def _known(self, marker: str, key: str) -> dict[str, Any] | None:
        """What there is of a unit; None: it has to be read, since it never was, or a damaged part was removed."""
        folder = self._plan.work
        if not folder.exists(marker):
            return None
        known: dict[str, Any] = json.loads(folder.read(marker))
        return known if all(folder.exists(_name(key, place)) for place in range(len(known["parts"]))) else None

    def _write(self, key: str, marker: str, files: list[tuple[str, str, bool]], paths: list[Path]) -> None:
        """Write the parts of a unit, then what there is of them: a unit without that is read again."""
        inputs = [
            Input(FileInput(path, name, self._plan.columns, self._most), tolerant)
            for path, (_, name, tolerant) in zip(paths, files, strict=True)
        ]
        sources = _Sources({path.parent: place for path, (place, _, _) in zip(paths, files, strict=True)})
        skipped: list[tuple[str, str]] = []
        parts: list[tuple[str, int]] = []

        def documents() -> Iterator[Document]:
            for one in check_unique(read_inputs(inputs, self._limits)):
                if isinstance(one, Skipped):
                    skipped.append((sources.place(one.source), one.reason))
                else:
                    yield replace(one, source=sources.absolute(one.source)) if one.source else one

        for group in _groups(documents(), self._size, lambda one: one.id or "", lambda one: len(one.text) / _TEXT):
            write_shard(self._plan.work, _name(key, len(parts)), documents_table(group))
            content = [[one.id, content_hash(one)] for one in group]
            parts.append((key_of("part", _VERSION, content), len(group)))
        self._plan.work.write(marker, json.dumps({"parts": parts, "skipped": skipped}).encode())


def _name(key: str, place: int) -> str:
    return f"read/{key}-{place:06d}.parquet"


class _Sources:
    """Where documents are from, though remote files are read from copies.

    Args:
        places: By the folder of a copy, the URL that it is of; the paths of local files name themselves.
    """

    def __init__(self, places: dict[Path, str]) -> None:
        self._urls = {folder: place.rpartition("/")[0] for folder, place in places.items() if is_remote(place)}
        self._local = Places()

    def place(self, source: str) -> str:
        """A source as it was named."""
        path = Path(source)
        return f"{self._urls[path.parent]}/{path.name}" if path.parent in self._urls else source

    def absolute(self, source: str) -> str:
        """A source whatever the working folder."""
        place = self.place(source)
        return place if is_remote(place) else self._local(place)


def _path(place: str, folder: Path) -> Path:
    """Where a file can be read on this machine; a remote one is copied into a folder of its own."""
    if not is_remote(place):
        return Path(place)
    url, _, name = place.rpartition("/")
    folder.mkdir()
    open_folder(url).download(name, folder / name)
    return folder / name


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()[:32]
    except OSError as error:
        return f"unreadable: {error.errno}"  # the reader says so


def _remote_files(source: str, suffixes: Collection[str] | None) -> list[tuple[str, str]]:
    """URL and name of every file at a URL, in the order of names: all below it, or the one that it is of."""
    known = frozenset(KNOWN_SUFFIXES)
    wanted = known if suffixes is None else frozenset("." + one.lower().lstrip(".") for one in suffixes)
    folder = open_folder(source)
    if not isinstance(folder, RemoteFolder):
        raise DocumentError(source, "is no URL of an object store")
    names = [name for name in folder.names() if not any(part.startswith(".") for part in name.split("/"))]
    found = [(f"{folder.url}/{name}", name) for name in names if Path(name).suffix.lower() in wanted]
    if not found:
        parent, _, file = folder.url.rpartition("/")
        if Path(file).suffix.lower() in wanted and open_folder(parent).exists(file):
            return [(folder.url, file)]
        raise DocumentError(source, f"holds no file with a known suffix: {', '.join(sorted(wanted))}")
    return found


def _groups(items: Iterable[T], mean: int, name: Callable[[T], str], weight: Callable[[T], float]) -> Iterator[list[T]]:
    """Cut a sequence into groups: after items whose hash says so, one in `mean`, or when a group is large enough.

    Args:
        items: The items.
        mean: Items of a group, in the mean.
        name: What is hashed.
        weight: Share of a group that an item fills by its size.
    """
    group: list[T] = []
    filled = 0.0
    for item in items:
        group.append(item)
        filled += weight(item)
        if len(group) >= _MOST * mean or filled >= 1 or int(text_hash(name(item))[:8], 16) % mean == 0:
            yield group
            group, filled = [], 0.0
    if group:
        yield group
