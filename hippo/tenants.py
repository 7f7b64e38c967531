"""Where the namespaces of an index are: each is an index of its own, in a folder below it."""

import re
import unicodedata
from pathlib import Path
from urllib.parse import unquote

from hippo.errors import InputError

__all__ = ["NAMESPACES", "namespace_folder", "namespace_names"]

NAMESPACES = "namespaces"
"""Folder of the namespaces, in the folder of an index."""

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)", re.ASCII)
"""Names that Windows gives to no file."""
_LONGEST = 200
"""Bytes of a folder's name: file systems take 255, and temporary names are longer."""


def namespace_folder(root: Path, name: str) -> Path:
    """Folder of a namespace, whether it is there or not.

    Its name is the namespace's, where everything but lower-case ASCII letters, digits, "-" and "_" is written as "%"
    and the hexadecimal number of each UTF-8 byte. So no name leads elsewhere, and none is taken for another one on file
    systems that pass over case or compose characters.

    Args:
        root: Folder of the index.
        name: Any text in Unicode's normal form C, without control characters or spaces at its ends.

    Raises:
        InputError: The name cannot be used.

    Examples:
        >>> namespace_folder(Path("index"), "Team A").name
        '%54eam%20%41'
    """
    if not isinstance(name, str):
        raise InputError(f"a namespace is a text, got {name!r}")
    if not name or name != name.strip():
        raise InputError(f"namespace {name!r}: it must be a text that is not empty and has no space at its ends")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise InputError(f"namespace {name!r}: it must hold neither control characters nor lone surrogates")
    if name != unicodedata.normalize("NFC", name):
        raise InputError(f"namespace {name!r}: it must be in Unicode's normal form C: unicodedata.normalize('NFC', …)")
    plain = "" if _DEVICES.fullmatch(name) else _PLAIN
    written = "".join(one if one in plain else _percent(one) for one in name)
    if len(written) > _LONGEST:
        raise InputError(f"namespace {name[:20]!r}…: its folder's name takes {len(written)} bytes, at most {_LONGEST}")
    return root / NAMESPACES / written


def namespace_names(root: Path) -> list[str]:
    """Names of the namespaces of an index, in code point order. Other folders, as of unfinished copies, are none."""
    place = root / NAMESPACES
    if not place.is_dir():
        return []
    names = []
    for item in place.iterdir():
        name = unquote(item.name, errors="replace")
        try:
            known = namespace_folder(root, name) == item and item.is_dir()
        except InputError:
            known = False
        if known:
            names.append(name)
    return sorted(names)


def _percent(character: str) -> str:
    return "".join(f"%{byte:02x}" for byte in character.encode())
