"""Personalized PageRank solved directly: the slow, exact reference for every engine in `hippo.backends.pagerank`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from hippo.protocols import Walk

if TYPE_CHECKING:
    from hippo.protocols import Float64

__all__ = ["exact_pagerank", "transition_matrix"]


def transition_matrix(walk: Walk, column: int = 0) -> sp.csr_array:
    """P of one question: `P(u -> v) = w_uv g_v / Σ_v' w_uv' g_v'`.

    Args:
        walk: The walk.
        column: Which column of the gain, where there is one per question.

    Returns:
        CSR `(n, n)`, float64; rows sum to 1, except those of nodes without edges, which are empty.

    Examples:
        >>> path = sp.csr_array(np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 3.0], [0.0, 3.0, 0.0]]))
        >>> transition_matrix(Walk(path, 0.5)).toarray()
        array([[0.  , 1.  , 0.  ],
               [0.25, 0.  , 0.75],
               [0.  , 1.  , 0.  ]])
    """
    weights = walk.adjacency.astype(np.float64)
    if walk.gain is not None:
        weights = weights @ sp.diags_array(walk.gain[:, column if walk.gain.shape[1] > 1 else 0])
    strength = np.asarray(weights.sum(axis=1)).ravel()
    inverse = np.divide(1.0, strength, out=np.zeros_like(strength), where=strength > 0)
    return sp.csr_array(sp.diags_array(inverse) @ weights)


def exact_pagerank(walk: Walk, restart: Float64) -> Float64:
    """Scores of a random walk with restart, by sparse LU factorisation.

    Brin and Page, "The anatomy of a large-scale hypertextual Web search engine" (1998), with the restart vector of
    Haveliwala, "Topic-sensitive PageRank" (2002). With a the indicator of dangling nodes (those without edges), whose
    mass returns to r, the scores of one column solve

        x = d (Pᵀ + r aᵀ) x + (1 - d) r.

    The rank-one term needs no solving. Put c = (1 - d) + d aᵀx; then x = d Pᵀx + c r, so x = c y with
    y = (I - d Pᵀ)⁻¹ r. No edge leads to or from a dangling node, hence aᵀy = aᵀr = ρ, c = (1 - d) + d c ρ, and so
    c = (1 - d) / (1 - d ρ). The sum: 1ᵀy = (1 - ρ) / (1 - d) + ρ = (1 - d ρ) / (1 - d) = 1 / c, so x sums to 1: letting
    the dangling mass leak and then renormalising is the same as returning it to r.

    Time and memory grow with the fill-in of the factorisation: for graphs of some thousands of nodes.

    Args:
        walk: The walk; nothing is validated here.
        restart: r: `(n, m)`, non-negative, each column sums to 1.

    Returns:
        Scores, float64 `(n, m)`, non-negative, each column sums to 1.

    Examples:
        >>> pair = sp.csr_array(np.array([[0.0, 1.0], [1.0, 0.0]]))
        >>> exact_pagerank(Walk(pair, 0.5), np.array([[1.0], [0.0]])).round(3)
        array([[0.667],
               [0.333]])
    """
    restart = np.asarray(restart, dtype=np.float64)
    shared = walk.gain is None or walk.gain.shape[1] == 1
    if shared:
        return _solve(walk, restart, 0)
    columns = [_solve(walk, restart[:, [column]], column) for column in range(restart.shape[1])]
    return np.hstack(columns) if columns else np.empty_like(restart)


def _solve(walk: Walk, restart: Float64, column: int) -> Float64:
    matrix = transition_matrix(walk, column)
    identity = sp.eye_array(matrix.shape[0], format="csc")
    solved = splu(sp.csc_array(identity - walk.damping * matrix.T)).solve(restart)
    scores: Float64 = solved / solved.sum(axis=0)
    return scores
