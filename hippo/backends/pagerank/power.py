"""Block power iteration, accelerated: many questions at once, on CPU threads or a CUDA device."""

from __future__ import annotations

import importlib.util
import math
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Literal

import numpy as np

from hippo.backends.devices import sees_cuda
from hippo.backends.pagerank.measure_kernel import WIDTH
from hippo.backends.pagerank.problem import Problem, outcomes
from hippo.backends.pagerank.solver import Solver
from hippo.backends.pagerank.sweep import Arrays, Block, NumpyArrays
from hippo.errors import ConfigError
from hippo.protocols import PageRankResult

__all__ = ["PowerPageRank"]

# Numbers in one array of a block: bounds the memory of a block (six arrays of 128 MB) and of one on a CUDA device.
_BLOCK_NUMBERS = 2**24
_CUDA_BLOCK_NUMBERS = 2**27
# Numbers in one array that a thread of NumPy's sweeps has to have, to be worth the changes of who runs.
_THREAD_NUMBERS = 2**19
# Entries of the matrix from which compiled sweeps repay, within some hundred questions, that numba has to be imported,
# which takes a sixth of a second.
_COMPILED_ENTRIES = 50_000
# Entries of the matrix times questions above which a CUDA device repays the transfers.
_CUDA_WORK = 2e8


class PowerPageRank(Solver):
    """Power iteration (Brin and Page 1998) on blocks of restart vectors, without a matrix per question.

    Accelerated by Chebyshev's semi-iteration (see `hippo.backends.pagerank.sweep`): a sweep shrinks the error by d / (1
    + √(1 - d²)) in the long run instead of d, so the tolerance is reached in half the sweeps at d = 0.5 and in two
    fifths at 0.7. Each column stops by itself: a question's scores do not depend on which others it is asked with.

    A column is certified if the order of its `top` best candidates is proven, strictly: each is above the next, and the
    last above all others. With `top` None it is certified if the tolerance is reached. A column that reaches the
    tolerance without a proof, since two candidates tie for example, stops uncertified. With "cuda", asking raises
    `MissingExtraError` if torch is not installed, and `ConfigError` if it sees no device.

    Args:
        threads: CPU threads, each with its own columns; None: one per core.
        device: "cpu", "cuda" (through torch), or "auto": "cuda" for big problems where torch has been imported already
            and sees a device, else "cpu".
        max_iterations: Sweeps after which to stop; the result's `residual` then says what was reached.
        compiled: Whether sweeps on the CPU are relaxations compiled by numba (`hippo.backends.pagerank.relaxation`):
            about half as many are needed. None: on graphs of some size, where numba is installed.

    Raises:
        ConfigError: An option is out of range.
        MissingExtraError: `compiled` is true, and numba is not installed.
    """

    def __init__(
        self,
        *,
        threads: int | None = None,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        max_iterations: int = 200,
        compiled: bool | None = None,
    ) -> None:
        if device not in ("auto", "cpu", "cuda"):
            raise ConfigError("PowerPageRank", "device", f"must be auto, cpu or cuda, got {device!r}")
        if threads is not None and threads < 1:
            raise ConfigError("PowerPageRank", "threads", f"must be at least 1, got {threads}")
        if max_iterations < 1:
            raise ConfigError("PowerPageRank", "max_iterations", f"must be at least 1, got {max_iterations}")
        self._threads = threads or os.cpu_count() or 1
        self._device = device
        self._max_iterations = max_iterations
        self._compiled = compiled
        if compiled:
            from hippo.backends.pagerank.relaxation_kernel import compiled as compile_loops

            compile_loops()

    def solve(self, problem: Problem) -> PageRankResult:
        """Scores of the block of questions that a problem holds."""
        if not self.uses_cuda(problem):
            if self.relaxes(problem.graph.nnz):
                from hippo.backends.pagerank.relaxation import relax
                from hippo.backends.pagerank.relaxation_kernel import compiled

                return relax(problem, compiled(), self._max_iterations, self._threads)
            return solve(problem, NumpyArrays(), self._max_iterations, self._threads, WIDTH, _BLOCK_NUMBERS)
        from hippo.backends.pagerank.cuda import TorchArrays

        return solve(problem, TorchArrays("cuda"), self._max_iterations, 1, problem.shape[1], _CUDA_BLOCK_NUMBERS)

    def relaxes(self, entries: int) -> bool:
        """Whether the sweeps of a graph with so many entries on the CPU are compiled relaxations."""
        if self._compiled is not None:
            return self._compiled
        return entries >= _COMPILED_ENTRIES and self.has_numba

    @cached_property
    def has_numba(self) -> bool:
        """Whether numba is installed: looked for once, since that asks the file system."""
        return importlib.util.find_spec("numba") is not None

    @property
    def together(self) -> int | None:
        """Questions that are best asked at once; None: all of them, since a CUDA device may take them."""
        return None if self._device == "cuda" or (self._device == "auto" and sees_cuda()) else WIDTH

    def uses_cuda(self, problem: Problem) -> bool:
        """Whether this problem would be solved on a CUDA device."""
        if self._device != "auto":
            return self._device == "cuda"
        return problem.graph.nnz * problem.shape[1] >= _CUDA_WORK and sees_cuda()


def solve(
    problem: Problem, arrays: Arrays, max_iterations: int, threads: int, width: int, numbers: int
) -> PageRankResult:
    """Sweep the columns of a problem, block by block.

    Args:
        problem: The problem.
        arrays: Where the sweeps run.
        max_iterations: Most sweeps of a block.
        threads: Blocks swept at the same time.
        width: Most columns of a block.
        numbers: Most numbers in one array of a block.
    """
    n, m = problem.shape
    # Written and mostly read question by question.
    scores, residual = np.empty((problem.wanted.stop - problem.wanted.start, m), order="F"), np.empty(m)
    certified, iterations = np.empty(m, dtype=bool), np.empty(m, dtype=np.int64)
    threads = min(threads, math.ceil(n * m / _THREAD_NUMBERS))
    width = max(1, min(width, math.ceil(m / max(threads, 1)), numbers // max(n, 1)))
    blocks = [slice(start, min(start + width, m)) for start in range(0, m, width)]

    def run(columns: slice) -> None:
        block = Block(problem, arrays, columns)
        for sweep in range(1, max_iterations + 1):
            for column, found, bound, proven in block.sweep(last=sweep == max_iterations):
                scores[:, column], residual[column], certified[column] = found[problem.wanted], bound, proven
                iterations[column] = sweep
            if not len(block.columns):
                return

    if threads > 1 and len(blocks) > 1:
        with ThreadPoolExecutor(min(threads, len(blocks))) as pool:
            list(pool.map(run, blocks))
    else:
        for columns in blocks:
            run(columns)
    stopped = outcomes(certified, residual, problem)
    return PageRankResult(scores, residual, certified, "power", iterations, stopped)
