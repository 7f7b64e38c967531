"""How activation spreads: the walk of a question, one sweep at a time.

Engines take fewer and larger steps (`hippo.backends.pagerank`). This is the plain iteration that they shorten, for
whoever wants to see how activation gets where it ends.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from hippo.protocols import Walk

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["sweeps"]


def sweeps(walk: Walk, restart: "NDArray[np.float64]") -> "Iterator[NDArray[np.float64]]":
    """Activation before the first sweep and after each one, without end: power iteration (Brin and Page 1998).

    x_0 = r, and x_{t+1} = d Pᵀ x_t + ((1 - d) + d aᵀ x_t) r, with a the indicator of nodes without edges. What is still
    wrong after t sweeps is at most 2 d^t, as the sum of all absolute differences.

    Args:
        walk: The walk of one question: its gain has one column.
        restart: r, float64 `(n,)`, non-negative, sums to 1.

    Yields:
        float64 `(n,)`, non-negative, sums to 1.

    Examples:
        >>> from scipy.sparse import csr_array
        >>> pair = csr_array(np.array([[0.0, 1.0], [1.0, 0.0]]))
        >>> spreading = sweeps(Walk(pair, 0.5), np.array([1.0, 0.0]))
        >>> [next(spreading).tolist() for _ in range(3)]
        [[1.0, 0.0], [0.5, 0.5], [0.75, 0.25]]
    """
    gain = np.ones(len(restart)) if walk.gain is None else walk.gain[:, 0]
    strength = walk.adjacency @ gain
    linked = strength > 0
    now = restart
    while True:
        yield now
        leaving = np.divide(now, strength, out=np.zeros_like(now), where=linked)
        stays = float(now[~linked].sum())
        now = walk.damping * gain * (walk.adjacency @ leaving) + (1.0 - walk.damping + walk.damping * stays) * restart
