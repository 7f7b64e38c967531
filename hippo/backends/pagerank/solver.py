"""How engines are asked: both ways lead to one validated problem."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from hippo.backends.pagerank.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hippo.protocols import Float64, Int64, PageRankResult, Walk

__all__ = ["Solver"]


class Solver(ABC):
    """A `hippo.protocols.SeededPageRank` that solves a `Problem`."""

    @abstractmethod
    def solve(self, problem: Problem) -> PageRankResult:
        """Scores of the block of questions that a problem holds."""

    def rank(
        self,
        walk: Walk,
        restart: Float64,
        *,
        tolerance: float = 1e-9,
        top: int | None = None,
        candidates: slice | None = None,
    ) -> PageRankResult:
        """Scores of a block of questions. See `hippo.protocols.PageRank.rank`.

        Raises:
            InputError: An argument cannot be used.
        """
        return self.solve(Problem.of(walk, restart, tolerance, top, candidates))

    def rank_seeds(
        self,
        walk: Walk,
        seeds: Sequence[tuple[Int64, Float64]],
        *,
        tolerance: float = 1e-9,
        top: int | None = None,
        candidates: slice | None = None,
        everywhere: bool = False,
    ) -> PageRankResult:
        """The same from seeds as they are: see `hippo.protocols.SeededPageRank.rank_seeds`.

        Raises:
            InputError: An argument cannot be used.
        """
        return self.solve(Problem.seeded(walk, seeds, tolerance, top, candidates, everywhere))
