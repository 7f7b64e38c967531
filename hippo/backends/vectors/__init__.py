"""Nearest vectors: NumPy brute force, which is always there; FAISS for many vectors; torch, or FAISS, on a GPU."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hippo.backends.devices import sees_cuda
from hippo.backends.vectors.grown import Earlier
from hippo.errors import UnknownNameError
from hippo.protocols import VectorIndex

if TYPE_CHECKING:
    from collections.abc import Callable

    from hippo.protocols import RangeIndex, Vectors

__all__ = ["APPROXIMATE_FROM", "Earlier", "build_search", "exact_index", "open_vectors"]

APPROXIMATE_FROM = 200_000
"""Vectors from which an approximate FAISS index pays. Below, on a CPU, exact NumPy search is as fast as exact FAISS."""
_CUDA_PAIRS = 2**28
"""Comparisons, some seconds of a processor, from which a CUDA device repays that vectors are sent there."""


def build_search(vectors: "Vectors", folder: Path, earlier: Earlier | None = None) -> dict[str, Any] | None:
    """Build the approximate search that `open_vectors` takes where it chooses FAISS, and keep it.

    Where torch finds a CUDA device with room for the vectors, `open_vectors` compares all of them there and leaves this
    search alone. It is built all the same: an index is also read on other machines.

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
    name: Literal["auto", "numpy", "faiss", "torch"] = "auto",
    saved: Path | None = None,
) -> VectorIndex:
    """An index of vectors by the back-end that suits their number.

    Args:
        vectors: float32 or float16 `(n, d)`, may be memory-mapped; kept, not copied.
        name: "numpy", "faiss", "torch", or "auto": NumPy where n is less than `APPROXIMATE_FROM`. Of more vectors,
            torch where it sees a CUDA device, of whose memory they take a quarter at most in float16, and FAISS sees
            none; else FAISS if it is installed, else NumPy. Torch is imported only where there may be such a device.
        saved: Folder in which `build_search` has kept the search of these vectors; None: FAISS builds one, which takes
            minutes for a million.

    Raises:
        UnknownNameError: `name` is none of these.
        MissingExtraError: "faiss" or "torch" was asked for and is not installed.
        InputError: `vectors` is no matrix of float32 or float16.

    Examples:
        >>> import numpy as np
        >>> open_vectors(np.eye(3, dtype=np.float32)).search(np.eye(3, dtype=np.float32)[:1], 2)[0].tolist()
        [[0, 1]]
    """
    if name not in ("auto", "numpy", "faiss", "torch"):
        raise UnknownNameError("vector index", name, ["auto", "numpy", "faiss", "torch"])
    many = len(vectors) >= APPROXIMATE_FROM
    if name == "torch" or (name == "auto" and many and _suits_torch(vectors)):
        from hippo.backends.vectors.torch import TorchVectorIndex

        return TorchVectorIndex(vectors)
    if name == "faiss" or (name == "auto" and many and importlib.util.find_spec("faiss") is not None):
        from hippo.backends.vectors.faiss import FaissVectorIndex

        return FaissVectorIndex(vectors) if saved is None else FaissVectorIndex.load(saved, vectors)
    from hippo.backends.vectors.exact import ExactVectorIndex

    return ExactVectorIndex(vectors)


def exact_index(pairs: int) -> "Callable[[Vectors], RangeIndex]":
    """What makes an exact index for so many comparisons: the same is found by each.

    Args:
        pairs: Number of queries times number of vectors.

    Returns:
        `TorchVectorIndex` where that is much and torch, which has been imported already, sees a CUDA device; else
        `ExactVectorIndex`.

    Examples:
        >>> exact_index(1000).__name__
        'ExactVectorIndex'
    """
    if pairs >= _CUDA_PAIRS and sees_cuda():
        from hippo.backends.vectors.torch import TorchVectorIndex

        return TorchVectorIndex
    from hippo.backends.vectors.exact import ExactVectorIndex

    return ExactVectorIndex


def _suits_torch(vectors: "Vectors") -> bool:
    """Whether there is a CUDA device which FAISS does not see, and which is large enough for all vectors."""
    if not sees_cuda(load=True):
        return False
    from hippo.backends.vectors.torch import fits_cuda

    if importlib.util.find_spec("faiss") is not None:
        from hippo.backends.vectors.faiss import count_gpus

        if count_gpus():
            return False
    return fits_cuda(vectors)
