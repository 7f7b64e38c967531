"""Nearest vectors: NumPy brute force, which is always there, and FAISS for many vectors or a GPU."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hippo.backends.vectors.grown import Earlier
from hippo.errors import UnknownNameError
from hippo.protocols import VectorIndex

if TYPE_CHECKING:
    from hippo.protocols import Vectors

__all__ = ["APPROXIMATE_FROM", "Earlier", "build_search", "open_vectors"]

APPROXIMATE_FROM = 200_000
"""Vectors from which an approximate FAISS index pays. Below, on a CPU, exact NumPy search is as fast as exact FAISS."""


def build_search(vectors: "Vectors", folder: Path, earlier: Earlier | None = None) -> dict[str, Any] | None:
    """Build the approximate search that `open_vectors` would build, and keep it.

    Args:
        vectors: float32 or float16 `(n, d)`, may be memory-mapped.
        folder: A new folder for it, which `open_vectors` takes as `saved`.
        earlier: A search of other vectors, of which this one takes over what still suits.

    Returns:
        `kind`, `effort`, `recall`, `trained` and `added`, as in `FaissVectorIndex`;
        None where comparing all is better or FAISS is missing.
    """
    if len(vectors) < APPROXIMATE_FROM or importlib.util.find_spec("faiss") is None:
        return None
    from hippo.backends.vectors.faiss import FaissVectorIndex

    index = FaissVectorIndex(vectors, earlier=earlier)
    folder.mkdir()
    index.save(folder)
    return {
        "kind": index.kind,
        "effort": index.effort,
        "recall": round(index.recall, 4),
        "trained": index.trained,
        "added": index.added,
    }


def open_vectors(
    vectors: "Vectors",
    name: Literal["auto", "numpy", "faiss"] = "auto",
    saved: Path | None = None,
) -> VectorIndex:
    """An index of vectors by the back-end that suits their number.

    Args:
        vectors: float32 or float16 `(n, d)`, may be memory-mapped; kept, not copied.
        name: "numpy", "faiss", or "auto": FAISS if it is installed and n is at least `APPROXIMATE_FROM`, else NumPy.
        saved: Folder in which `build_search` has kept the search of these vectors; None: FAISS builds one, which takes
            minutes for a million.

    Raises:
        UnknownNameError: `name` is none of these.
        MissingExtraError: "faiss" was asked for and is not installed.
        InputError: `vectors` is no matrix of float32 or float16.

    Examples:
        >>> import numpy as np
        >>> open_vectors(np.eye(3, dtype=np.float32)).search(np.eye(3, dtype=np.float32)[:1], 2)[0].tolist()
        [[0, 1]]
    """
    if name not in ("auto", "numpy", "faiss"):
        raise UnknownNameError("vector index", name, ["auto", "numpy", "faiss"])
    many = len(vectors) >= APPROXIMATE_FROM
    if name == "faiss" or (name == "auto" and many and importlib.util.find_spec("faiss") is not None):
        from hippo.backends.vectors.faiss import FaissVectorIndex

        return FaissVectorIndex(vectors) if saved is None else FaissVectorIndex.load(saved, vectors)
    from hippo.backends.vectors.exact import ExactVectorIndex

    return ExactVectorIndex(vectors)
