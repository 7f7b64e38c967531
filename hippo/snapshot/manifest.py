"""The manifest of a snapshot: what it holds, with sizes and SHA-256 sums, and facts about how it was made."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hippo.errors import IndexCorruptError, IndexMismatchError, InputError

__all__ = ["FORMAT", "MANIFEST", "Manifest", "check_name", "digest"]

MANIFEST = "manifest.json"
"""Name of the manifest in the folder of a snapshot."""

FORMAT = 4
"""Version of the layout of a snapshot. 1 had neither mentions, nor relations of facts, nor counts of terms; 2 did not
know since when documents are in force, nor what was before; 3 when turns were said, nor sessions."""

_FILE_NAME = re.compile(r"\w[\w.-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a snapshot holds.

    Attributes:
        name: Of the snapshot.
        created: When it was published: UTC, ISO 8601.
        files: Size in bytes and SHA-256 sum (hex) by path in the folder, with "/" between parts.
        info: A JSON object about how it was made.
        format: Version of its layout.
    """

    name: str
    created: str
    files: Mapping[str, tuple[int, str]]
    info: Mapping[str, Any]
    format: int = FORMAT

    def to_json(self) -> str:
        """The manifest as JSON, with a sum of its own.

        Raises:
            InputError: `info` is not a JSON object.
        """
        files = {name: {"bytes": size, "sha256": digest} for name, (size, digest) in sorted(self.files.items())}
        body = {
            "format": self.format,
            "name": self.name,
            "created": self.created,
            "files": files,
            "info": dict(self.info),
        }
        try:
            # Through JSON and back: the sum must be of what a reader will see (keys as strings, tuples as lists).
            body = json.loads(json.dumps(body, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(f"info of a snapshot is not a JSON object: {error}") from error
        return json.dumps({**body, "sha256": _sum(body)}, indent=1)

    @classmethod
    def from_json(cls, path: Path, text: str) -> "Manifest":
        """The manifest in some text.

        Args:
            path: Where the text is from, for messages.
            text: JSON.

        Raises:
            IndexCorruptError: It is not what `to_json` writes.
            IndexMismatchError: A newer hippo wrote it.
        """
        try:
            body = json.loads(text)
            version, stored = body["format"], body.pop("sha256")
            if stored != _sum(body):  # Every version makes the sum in this way.
                raise ValueError("its SHA-256 sum differs")
            if isinstance(version, int) and version > FORMAT:
                remedy = "Upgrade the package hippo-memory"
                raise IndexMismatchError(str(path), "snapshot format", str(version), str(FORMAT), remedy)
            files = {name: (entry["bytes"], entry["sha256"]) for name, entry in body["files"].items()}
            if not all(isinstance(size, int) and isinstance(sha256, str) for size, sha256 in files.values()):
                raise TypeError("it has files without size and sum")
            if not isinstance(body["info"], dict):
                raise TypeError("its info is no object")
            return cls(str(body["name"]), str(body["created"]), files, body["info"], version)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise IndexCorruptError(str(path), f"{error}. {REMEDY}") from error


REMEDY = "Run `hippo index` again to publish a sound snapshot"
"""What to do about a damaged snapshot: the store holds everything that is needed."""


def _sum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def digest(path: Path) -> str:
    """SHA-256 sum of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_name(name: str) -> str:
    """A name for a file of a snapshot: ASCII letters, digits, ".", "_" and "-", no path.

    Raises:
        InputError: It is no such name, or the manifest's.

    Examples:
        >>> check_name("facts.arrow")
        'facts.arrow'
    """
    if not _FILE_NAME.fullmatch(name) or name == MANIFEST:
        raise InputError(f"a file of a snapshot needs a plain name such as 'facts', got {name!r}")
    return name
