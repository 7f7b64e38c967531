"""Nearest vectors: NumPy brute force, which is always there, and FAISS for many vectors or a GPU."""

import importlib.util
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hippo.errors import UnknownNameError
from hippo.protocols import VectorIndex

__all__ = ["APPROXIMATE_FROM", "open_vectors"]

APPROXIMATE_FROM = 200_000
"""Vectors from which an approximate FAISS index pays. Below, on a CPU, exact NumPy search is as fast as exact FAISS."""


def open_vectors(vectors: NDArray[np.float32], name: Literal["auto", "numpy", "faiss"] = "auto") -> VectorIndex:
    """An index of vectors by the back-end that suits their number.

    Args:
        vectors: float32 `(n, d)`, may be memory-mapped; kept, not copied.
        name: "numpy", "faiss", or "auto": FAISS if it is installed and n is at least `APPROXIMATE_FROM`, else NumPy.

    Raises:
        UnknownNameError: `name` is none of these.
        MissingExtraError: "faiss" was asked for and is not installed.
        InputError: `vectors` is not a float32 matrix.

    Examples:
        >>> open_vectors(np.eye(3, dtype=np.float32)).search(np.eye(3, dtype=np.float32)[:1], 2)[0].tolist()
        [[0, 1]]
    """
    if name not in ("auto", "numpy", "faiss"):
        raise UnknownNameError("vector index", name, ["auto", "numpy", "faiss"])
    many = len(vectors) >= APPROXIMATE_FROM
    if name == "faiss" or (name == "auto" and many and importlib.util.find_spec("faiss") is not None):
        from hippo.backends.vectors.faiss import FaissVectorIndex

        return FaissVectorIndex(vectors)
    from hippo.backends.vectors.exact import ExactVectorIndex

    return ExactVectorIndex(vectors)
