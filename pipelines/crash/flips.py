"""One flipped bit in one file of an index."""

import random
from pathlib import Path

__all__ = ["files", "flip"]

_PASSING = "-shm"
"""Suffix of what SQLite keeps in shared memory; it is made anew from the log."""


def files(root: Path) -> list[str]:
    """What may be flipped: paths below an index, in order; only the newest of its snapshots."""
    snapshots = sorted((root / "snapshots").glob("[0-9]*"))
    return sorted(
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file()
        and path.stat().st_size
        and not path.name.endswith(_PASSING)
        and (root / "snapshots" not in path.parents or path.parent in snapshots[-1:])
    )


def flip(file: Path, chance: random.Random) -> int:
    """Flip a bit of a file.

    Returns:
        Its number.
    """
    content = bytearray(file.read_bytes())
    bit = chance.randrange(8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    file.write_bytes(content)
    return bit
