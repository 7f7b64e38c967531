"""Which memory an object of another framework asks, and what it says of the passages found."""

import os
from pathlib import Path
from typing import Any

from hippo.engine import Hippo
from hippo.errors import InputError
from hippo.snapshot.current import check_root
from hippo.types import Hit

__all__ = ["memory_of", "metadata_of"]


def memory_of(owner: str, index: Hippo | None, path: str | os.PathLike[str] | None, *, create: bool = False) -> Hippo:
    """The memory given, or the one at a path.

    Args:
        owner: Who asks, for messages.
        index: An open memory.
        path: Folder of one; both may be given if they are one.
        create: Whether the folder may be a new one.

    Raises:
        IndexPathError: There is no index at the path. See also `Hippo.open`.
        InputError: Neither was given, or two that differ.
    """
    if index is None:
        if path is None:
            raise InputError(f"{owner} needs index=, an open memory, or path=, the folder of one")
        if not create:
            check_root(Path(path))
        return Hippo.open(path)
    if path is not None and Path(index.path).resolve() != Path(path).resolve():
        raise InputError(f"index= is the memory at {index.path}, and path= is {path}; give one of them")
    return index


def metadata_of(hit: Hit) -> dict[str, Any]:
    """Metadata of a passage, ready for JSON: those of its document, and where and how it was found.

    Ours are `source` (the document's own, else its id), `title`, `document_id`, `rank`, `score`; where there is one,
    `timestamp` (ISO 8601), `superseded_by` and `explanation`. What the document has under one of these names, if it
    says something else, stays as `document.NAME`.
    """
    source = hit.metadata.get("source")
    ours: dict[str, Any] = {
        "source": source if isinstance(source, str) else hit.document_id,
        "title": hit.title or "",
        "document_id": hit.document_id,
        "rank": hit.rank,
        "score": hit.score,
    }
    if hit.timestamp is not None:
        ours["timestamp"] = hit.timestamp.isoformat()
    if hit.superseded_by is not None:
        ours["superseded_by"] = hit.superseded_by
    if hit.explanation is not None:
        ours["explanation"] = hit.explanation.to_dict()
    if not hit.metadata:
        return ours
    shadowed = {f"document.{key}": hit.metadata[key] for key in ours if hit.metadata.get(key, ours[key]) != ours[key]}
    return {**hit.metadata, **ours, **shadowed}
