"""Arithmetic of linking: similarities, sums of words, both fused, the best.

In NumPy, and compiled by numba for many texts. What either gives for a question does not depend on the others that it
is asked with, to the last bit.
"""

import importlib.util
from typing import TYPE_CHECKING

from hippo.backends.scoring.arrays import ARRAYS, ArrayScoring

if TYPE_CHECKING:
    from hippo.backends.scoring.compiled import CompiledScoring

    Scoring = ArrayScoring | CompiledScoring

__all__ = ["ARRAYS", "COMPILED_FROM", "Scoring", "scoring"]

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
