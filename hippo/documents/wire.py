"""What passes between this process and the one that parses files: a line of JSON each way.

    request  {"path": ..., "id": ..., "max_bytes": ..., "columns": {...}, "memory": ..., "seconds": ...}, or {} for more
    reply    {"items": [{"text": ..., ...} or {"reason": ..., "source": ...}, ...], "more": true or false}
             {"error": "DocumentError", "args": [...]}

A reply is data from a process that has met hostile files: its size is limited, and its values are checked.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hippo.documents.records import Columns, record_document
from hippo.documents.source import FileInput
from hippo.errors import DocumentError, HippoError, MissingExtraError
from hippo.types import Document, Skipped

__all__ = [
    "BATCH_BYTES",
    "OUT_OF_MEMORY",
    "dump",
    "file_of",
    "item_of",
    "line_of",
    "load",
    "longest_reply",
    "raise_error",
    "request_for",
]

BATCH_BYTES = 2**20
"""A reply ends with the item that makes it this long, if not before."""
OUT_OF_MEMORY = 77
"""Exit status of a process that has used up its memory."""
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_ROOM = 2**16
"""For brackets, and for reasons in place of documents that are too long."""
_ERRORS: Mapping[str, type[HippoError]] = {"DocumentError": DocumentError, "MissingExtraError": MissingExtraError}


def dump(value: Any) -> bytes:
    """A line of JSON, without its line break."""
    # Names of files may hold lone surrogates: bytes that are no UTF-8.
    return _ENCODER.encode(value).encode("utf-8", "surrogatepass")


def load(line: bytes) -> Any:
    """The value of a line.

    Raises:
        ValueError: It is no JSON.
    """
    try:
        return json.loads(line.decode("utf-8", "surrogatepass"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def longest_reply(max_bytes: int) -> int:
    """Most bytes of a reply about a file: one item that is as long as it may be, and those before it."""
    return max_bytes + BATCH_BYTES + _ROOM


def request_for(file: FileInput, memory: int, seconds: float) -> dict[str, Any]:
    """The request to read a file."""
    return {
        "path": str(file.path),
        "id": file.id,
        "columns": asdict(file.columns),
        "max_bytes": file.max_bytes,
        "memory": memory,
        "seconds": seconds,
    }


def file_of(request: Mapping[str, Any]) -> FileInput:
    """The file that a request asks for."""
    columns = dict(request["columns"])
    if columns["metadata"] is not None:
        columns["metadata"] = tuple(columns["metadata"])
    return FileInput(Path(request["path"]), request["id"], Columns(**columns), request["max_bytes"])


def line_of(item: Document | Skipped, max_bytes: int) -> bytes:
    """An item of a reply; a document that is too long becomes a `Skipped`."""
    if isinstance(item, Document):
        # Not `asdict`, which copies all it finds.
        line = dump(
            {
                "text": item.text,
                "id": item.id,
                "title": item.title,
                "metadata": item.metadata,
                "timestamp": item.timestamp and item.timestamp.isoformat(),
                "source": item.source,
            }
        )
        if len(line) <= max_bytes:
            return line
        reason = f"holds {len(line)} bytes of text, over the limit of {max_bytes}; raise documents.max_bytes"
        item = Skipped(item.source or "document", reason)
    return dump(asdict(item))


def item_of(values: Any, source: str) -> Document | Skipped:
    """The item that a reply holds.

    Args:
        values: From a reply.
        source: Path of the file.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(values, dict):
        raise ValueError("no item")
    place = str(values.pop("source", None) or source)
    reason = values.pop("reason", None)
    if reason is not None:
        return Skipped(place, str(reason))
    try:
        return record_document(values, Columns(metadata=("metadata",)), place)
    except DocumentError as error:
        raise ValueError(str(error)) from error


def raise_error(reply: Mapping[str, Any]) -> None:
    """Raise the error that a reply tells of, if it does.

    Raises:
        DocumentError: A column is missing.
        MissingExtraError: A package is not installed.
        ValueError: It is neither.
    """
    name = reply.get("error")
    if name is not None:
        if name not in _ERRORS:
            raise ValueError(f"unknown error {name!r}")
        raise _ERRORS[name](*map(str, reply["args"]))
