"""Files that are still there after a power cut.

A rename is atomic, but what it renames and the rename itself reach the disk only when file and folder are fsynced. An
fsync that fails is fatal: the system may already have dropped the data, and trying again would report success.
"""

import os
import secrets
from pathlib import Path

__all__ = ["replace_text", "sync_directory", "sync_file"]


def sync_file(path: Path) -> None:
    """Wait until the content of a file is on disk.

    Raises:
        OSError: The disk refused; nothing that was written to the file may be relied upon.
    """
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Wait until the names in a folder are on disk. Does nothing on Windows, which cannot open folders.

    Raises:
        OSError: The disk refused; renames in the folder may be lost.
    """
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_text(path: Path, text: str) -> None:
    """Replace a small file by rename: whoever reads it sees the old text or the new one, never a part.

    Raises:
        OSError: The disk refused; the old file is still there.
    """
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        temporary.write_text(text, encoding="utf-8")
        sync_file(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)
