"""A large index of made-up documents without a model, built once and kept."""

from pathlib import Path

from hippo import Hippo
from pipelines.life.corpus import documents

__all__ = ["built"]


def built(folder: Path, passages: int) -> Path:
    """Folder of an index of so many passages below `folder`; made if it is not there."""
    root = folder / f"hashing-{passages}"
    with Hippo.open(root, encoder="hashing", config={"chunking": {"method": "document"}}) as memory:
        if memory.status().documents != passages:
            memory.add(documents(range(passages)))
    return root
