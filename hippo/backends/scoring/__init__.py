"""Arithmetic of linking: similarities, sums of words, both fused, the best.

In NumPy, and compiled by numba for many texts. What either gives for a question does not depend on the others that it
is asked with, to the last bit.
"""

import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hippo.backends.scoring.arrays import ARRAYS, ArrayScoring

if TYPE_CHECKING:
    from hippo.backends.scoring.codes import Codes
    from hippo.backends.scoring.compiled import CompiledScoring
    from hippo.protocols import Vectors

    Scoring = ArrayScoring | CompiledScoring

__all__ = ["ARRAYS", "COMPILED_FROM", "Scoring", "build_codes", "held", "scoring"]

COMPILED_FROM = 5_000
"""Texts from which compiled loops repay that numba is imported. The walk over a graph of so many facts needs it too."""


def scoring(texts: int) -> "Scoring":
    """What scores so many texts.

    Args:
        texts: How many.

    Examples:
        >>> type(scoring(10)).__name__
        'ArrayScoring'
    """
    if texts < COMPILED_FROM or importlib.util.find_spec("numba") is None:
        return ARRAYS
    from hippo.backends.scoring.compiled import CompiledScoring

    return CompiledScoring()


def held(vectors: "Vectors") -> "Vectors":
    """Vectors as `scoring` of them is fast: float32 where NumPy compares, which takes longer to widen them than that.

    Args:
        vectors: float32 or float16 `(n, d)`.

    Examples:
        >>> import numpy as np
        >>> held(np.ones((2, 3), np.float16)).dtype
        dtype('float32')
    """
    if scoring(len(vectors)) is not ARRAYS:
        return vectors
    import numpy as np

    return vectors.astype(np.float32, copy=False)


def build_codes(vectors: "Vectors", empty: Callable[..., Any]) -> "Codes | None":
    """The vectors in 8 bits that `scoring` of so many texts compares; None where it compares them as they are.

    Args:
        vectors: float32 or float16 `(n, d)`, may be memory-mapped.
        empty: Makes room for them, given a shape and a type.
    """
    if scoring(len(vectors)) is ARRAYS:
        return None
    from hippo.backends.scoring.codes import Codes

    return Codes.of(vectors, empty)
