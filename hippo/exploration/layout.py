"""Where the nodes of a picture are: the same places whenever the same nodes and edges are drawn."""

import hashlib
import math
import random
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["positions"]

_ROUNDS = 200
_MANY = 1000
_ROUNDS_OF_MANY = 60
_DIGITS = 4
_SEED = 1991
_turn = threading.Lock()
"""igraph has one generator of random numbers for all threads."""


def positions(
    names: Sequence[str], edges: "NDArray[np.int64]", weights: "NDArray[np.float64]"
) -> "NDArray[np.float64]":
    """Places in a square, by forces between nodes (Fruchterman and Reingold 1991).

    A node starts at a place that a hash of its name gives, and the random numbers that keep nodes apart are the same
    each time: places depend on names and edges alone, not on the process, the time or what was drawn before.

    Args:
        names: Of the n nodes, all different.
        edges: Pairs of nodes, int64 `(m, 2)`.
        weights: Of the edges, float64 `(m,)`, positive: heavier ones are shorter.

    Returns:
        float64 `(n, 2)`, each coordinate from -1 to 1.
    """
    if not names:
        return np.empty((0, 2))
    places = np.array([_start(name) for name in names])
    if len(names) > 1:
        places = _pulled(places * math.sqrt(len(names)), edges, weights)
    places -= (places.max(axis=0) + places.min(axis=0)) / 2.0
    reach = np.abs(places).max(axis=0)
    found: NDArray[np.float64] = np.round(places / np.where(reach > 0, reach, 1.0), _DIGITS)
    return found


def _pulled(
    places: "NDArray[np.float64]", edges: "NDArray[np.int64]", weights: "NDArray[np.float64]"
) -> "NDArray[np.float64]":
    """Places after the rounds of forces."""
    import igraph

    many = len(places) > _MANY
    graph = igraph.Graph(n=len(places), edges=edges.tolist())
    with _turn:
        igraph.set_random_number_generator(random.Random(_SEED))  # noqa: S311  (for a picture)
        try:
            made = graph.layout_fruchterman_reingold(
                weights=weights.tolist() or None,
                niter=_ROUNDS_OF_MANY if many else _ROUNDS,
                seed=places.tolist(),
                grid=many,
            )
        finally:
            igraph.set_random_number_generator(random)
    return np.array(made.coords)


def _start(name: str) -> tuple[float, float]:
    """A place in the unit disc, by name."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    first, second = (int.from_bytes(digest[at : at + 8], "big") / 2.0**64 for at in (0, 8))
    return math.sqrt(first) * math.cos(math.tau * second), math.sqrt(first) * math.sin(math.tau * second)
