"""The cheaper of push and power, by estimated work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from hippo.backends.pagerank.power import PowerPageRank
from hippo.backends.pagerank.problem import Problem
from hippo.backends.pagerank.solver import Solver
from hippo.protocols import PageRankResult

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.backends.pagerank.push import PushPageRank

__all__ = ["AutoPageRank"]

# Below, sweeping the whole graph takes a few milliseconds, and proves the order.
_LEAST_ENTRIES = 1_000_000
# With 3 the first five, and the first twenty, were those of the exact order for all questions that were compared
# (`python -m pipelines.bench_ppr --walk hippo --check 200 --slack 3`).
_SLACK = 3.0
# Seeds whose edges are more than this part of the graph leave push no locality.
_MOST_SEEDED = 0.02


class AutoPageRank(Solver):
    """Push for questions with sparse seeds on a large graph of which only the order of the best is asked; else power.

    On small graphs a few sweeps beat a queue. Proving a tolerance, unlike proving the order of the best, takes push
    over the whole graph. Without numba everything goes to power, and numba is not imported before push is needed.
    `certified` means what it means for `PowerPageRank`; `engine` names who did the work, "power" if both did.

    Args:
        threads: Of `PowerPageRank`.
        device: Of `PowerPageRank`. Questions that would go to a CUDA device are not given to push.
        max_work: Of `PushPageRank`.
        slack: Of `PushPageRank`: on a large graph a question ends when its order can be trusted, and the result says
            so; 1: only a proof or the tolerance ends it.
    """

    def __init__(
        self,
        *,
        threads: int | None = None,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        max_work: float | None = None,
        slack: float = _SLACK,
    ) -> None:
        self._power = PowerPageRank(threads=threads, device=device)
        self._max_work = max_work
        self._slack = slack
        self._push: PushPageRank | None = None

    @property
    def together(self) -> int | None:
        """Questions that are best asked at once: see `PowerPageRank.together`."""
        return self._power.together

    def solve(self, problem: Problem) -> PageRankResult:
        """Scores of the block of questions that a problem holds."""
        # Each column by itself: the order of a question's passages does not depend on which others it is asked with.
        light = self._prefers_push(problem)
        if not light.any():
            return self._power.solve(problem)
        if self._push is None:
            from hippo.backends.pagerank.push import PushPageRank

            self._push = PushPageRank(max_work=self._max_work, power=self._power, slack=self._slack)
        if light.all():
            return self._push.solve(problem)
        parts = [np.flatnonzero(light).tolist(), np.flatnonzero(~light).tolist()]
        pushed, swept = self._push.solve(problem.only(parts[0])), self._power.solve(problem.only(parts[1]))
        order = np.argsort(np.concatenate(parts))
        stopped = (*pushed.stopped, *swept.stopped)
        return PageRankResult(
            np.hstack([pushed.scores, swept.scores])[:, order],
            np.concatenate([pushed.residual, swept.residual])[order],
            np.concatenate([pushed.certified, swept.certified])[order],
            swept.engine,
            np.concatenate([pushed.iterations, swept.iterations])[order],
            tuple(stopped[place] for place in order.tolist()),
        )

    def _prefers_push(self, problem: Problem) -> NDArray[np.bool_]:
        """Of each question, bool `(m,)`."""
        graph = problem.graph
        if problem.top is None or graph.nnz < _LEAST_ENTRIES or self._power.uses_cuda(problem):
            return np.zeros(len(problem.planted), bool)
        if not self._power.has_numba:
            return np.zeros(len(problem.planted), bool)
        indptr, planted = graph.adjacency.indptr, problem.planted
        degrees = np.append(0, np.cumsum(indptr[planted.nodes + 1] - indptr[planted.nodes], dtype=np.int64))
        light: NDArray[np.bool_] = np.diff(degrees[planted.indptr]) <= _MOST_SEEDED * graph.nnz
        return light
