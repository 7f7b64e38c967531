r"""When the order of the best candidates is proven: bounds on each score, and how far they are from a proof.

**Setting.** x = d Pᵀx + c r with P(u→v) = w_uv g_v / s_u and s = W g. For an estimate x̂ let q = c r + d Pᵀx̂ - x̂ be
its residual, of either sign, and take x̂ + q, one sweep further, as the estimate to return. Its error is

    e = x - x̂ - q = (I - d Pᵀ)⁻¹ q - q = Σ_{i≥1} dⁱ (Pᵀ)ⁱ q,    e_v = Σ_u q_u H(u, v),    H = Σ_{i≥1} dⁱ Pⁱ ≥ 0.

Nodes without edges have their final score c r from the start, and q = 0.

**L1.** Rows of H sum to d / (1 - d), so |e|₁ ≤ |q|₁ d / (1 - d).

**One node, by mass.** A walk from u ≠ v needs at least one step to reach v, and one from v at least two to return,
since there are no loops. Let F(u, v) = E[d^τ], τ the first time at v after the start. Then F(v, v) ≤ d², so Σ_{i≥0} dⁱ
Pⁱ(v, v) = 1 / (1 - F(v, v)) ≤ 1 / (1 - d²), and H(u, v) = F(u, v) / (1 - F(v, v)) ≤ d / (1 - d²). Hence, with q⁺ and q⁻
the positive and negative parts,

    - |q⁻|₁ d / (1 - d²)  ≤  e_v  ≤  |q⁺|₁ d / (1 - d²).

**One node, by detailed balance.** D_u = g_u s_u gives D_u P(u→v) = g_u w_uv g_v = D_v P(v→u): the walk is reversible
with respect to D (for g = 1, D is the strength). So D_u H(u, v) = D_v H(v, u), and with the potential h_u = q_u / D_u

    e_v = Σ_u h_u D_u H(u, v) = D_v Σ_u H(v, u) h_u,    Σ_u H(v, u) = d / (1 - d),
    D_v min(h) d / (1 - d)  ≤  e_v  ≤  D_v max(h) d / (1 - d),

the extremes over all nodes with edges. The smaller of the two widths holds on each side: never more than the mass, and
far less for most nodes, whose D_v is small.

**One node, from both ends** (Lofgren, Banerjee and Goel, "Personalized PageRank estimation and search", 2016). Push a
unit of mass from v itself: its estimate ẑ and what is left of it, ρ, have Σ_{i≥0} dⁱ Pⁱ(v, ·) = ẑ + Σ_w ρ_w Σ_{i≥0} dⁱ
Pⁱ(w, ·). With q_v = D_v h_v the line above is q_v + e_v = D_v Σ_u h_u Σ_{i≥0} dⁱ Pⁱ(v, u), so

    x_v = x̂_v + D_v Σ_u ẑ_u h_u + e'_v,    |e'_v| ≤ D_v max|h| |ρ|₁ / (1 - d),

where the sum goes over the nodes that were pushed. The bound is about half the one before; the estimate gains far more,
since the potentials are large near the seeds and their neighbours, where both ends meet, and not where ρ is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from hippo.protocols import Float64, Int64

__all__ = [
    "ROUNDING",
    "Interval",
    "chain_excess",
    "contested",
    "head_excess",
    "head_of",
    "interval",
    "l1_factor",
    "order_excess",
]

# Rounding of sums of non-negative terms: gaps smaller than this part of a score prove nothing.
ROUNDING = 1e-12


def l1_factor(damping: float) -> float:
    """Factor from |q|₁ to the bound on |e|₁: d / (1 - d)."""
    return damping / (1.0 - damping)


@dataclass(frozen=True, slots=True)
class Interval:
    """How far the true score of a node can lie from its estimate, given the residual of one column.

    Attributes:
        down: Per unit of D_v, below the estimate.
        up: Per unit of D_v, above the estimate.
        most_down: Below, for any node.
        most_up: Above, for any node.
    """

    down: float
    up: float
    most_down: float
    most_up: float

    def below(self, volume: Any) -> Any:
        """Bound below for nodes of volume D_v; NumPy array or torch tensor in, the same out."""
        return (volume * self.down).clip(max=self.most_down)

    def above(self, volume: Any) -> Any:
        """Bound above for nodes of volume D_v; NumPy array or torch tensor in, the same out."""
        return (volume * self.up).clip(max=self.most_up)


def interval(damping: float, mass: float, total: float, least: float, greatest: float) -> Interval:
    """The interval of one column.

    Args:
        damping: d.
        mass: |q|₁.
        total: Σ q.
        least: min(h), or a lower bound of it.
        greatest: max(h), or an upper bound of it.
    """
    by_balance, by_mass = l1_factor(damping), damping / (1.0 - damping**2)
    return Interval(
        down=by_balance * max(0.0, -least),
        up=by_balance * max(0.0, greatest),
        most_down=by_mass * max(0.0, mass - total) / 2.0,
        most_up=by_mass * max(0.0, mass + total) / 2.0,
    )


def head_excess(scores: Float64, volume: Float64, bounds: Interval, top: int) -> float:
    """How many times too wide the bounds are to prove the order of the `top` best; below 1: it is proven.

    Args:
        scores: Estimates of the candidates, float64 `(c,)`.
        volume: D of the candidates, or an upper bound of it, float64 `(c,)`.
        bounds: Of this column.
        top: How many of the best are to be in order.

    Returns:
        The ratio, infinite where two estimates are equal.

    Examples:
        >>> bounds = Interval(down=0.0, up=0.25, most_down=0.0, most_up=1.0)
        >>> round(head_excess(np.array([2.0, 1.0, 0.5]), np.ones(3), bounds, top=2), 6)
        0.5
    """
    return order_excess(scores, bounds.below(volume), bounds.above(volume), top)


def order_excess(scores: Float64, below: Float64, above: Float64, top: int) -> float:
    """`head_excess` of candidates that have bounds of their own.

    Args:
        scores: Estimates, float64 `(c,)`.
        below: How far the true scores can lie below them, float64 `(c,)`.
        above: And above them.
        top: How many of the best are to be in order.
    """
    head = head_of(scores, top)
    if not len(head):
        return 0.0
    rest_score, rest_above = -math.inf, 0.0
    if len(head) < len(scores):
        upper = scores + above
        upper[head] = -math.inf
        best = int(upper.argmax())
        rest_score, rest_above = float(scores[best]), float(above[best])
    return chain_excess(scores[head], below[head], above[head], rest_score, rest_above)


def head_of(scores: Float64, top: int) -> Int64:
    """Places of the best, best first: int64 `(min(top, c),)`."""
    first = max(len(scores) - top, 0)
    head = np.argpartition(scores, first)[first:] if first else np.arange(len(scores))
    best: Int64 = head[np.argsort(-scores[head])]
    return best


def contested(scores: Float64, below: Float64, above: Float64, top: int) -> Int64:
    """Places of the candidates whose intervals keep the order of the `top` best open.

    Args:
        scores: As for `order_excess`, as are the others.
        below: See there.
        above: See there.
        top: See there.

    Returns:
        int64, ascending by rank: those of the best that overlap with another candidate, then all that overlap with one
        of the best.

    Examples:
        >>> contested(np.array([2.0, 5.0, 1.9, 0.0]), np.full(4, 0.1), np.full(4, 0.1), top=2).tolist()
        [0, 2]
    """
    head = head_of(scores, top)
    lower, upper = scores - below, scores + above
    near = upper >= lower[head].min(initial=math.inf)
    near[head] = False
    rest = np.flatnonzero(near)
    following = np.append(upper[head], upper[rest].max(initial=-math.inf))[::-1]
    reached = lower[head] <= np.maximum.accumulate(following)[::-1][1:]
    reaching = upper[head] >= np.append(math.inf, np.minimum.accumulate(lower[head]))[:-1]
    return np.concatenate([head[reached | reaching], rest])


def chain_excess(scores: Float64, below: Float64, above: Float64, rest_score: float, rest_above: float) -> float:
    """`head_excess` of a head that has been picked already.

    Args:
        scores: Estimates of the head in descending order, float64 `(k,)`, k at least 1.
        below: Bounds below them.
        above: Bounds above them.
        rest_score: Estimate of the candidate outside of the head with the highest upper bound; minus infinity if none.
        rest_above: Bound above it.
    """
    gaps = scores - np.append(scores[1:], rest_score)
    widths = below + np.append(above[1:], rest_above) + ROUNDING * scores
    if (gaps <= 0.0).any():
        return math.inf
    return float((widths / gaps).max())
