"""Stages in this process, or in a pool of processes of this machine."""

import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from hippo.errors import InputError
from hippo.execution.stage import Plan, Row, Stage, Worker

__all__ = ["LocalExecutor"]

_AHEAD = 4
"""Rows handed to a pool for each of its workers, so that none waits for the next."""

_workers: list[Worker] = []
"""Of a process of the pool, one for each stage."""


@dataclass(frozen=True, slots=True)
class LocalExecutor:
    """Runs stages on this machine.

    Args:
        workers: Number of processes; 1: this one alone.

    Raises:
        InputError: There are no workers.
    """

    workers: int = 1

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise InputError(f"workers must be at least 1, got {self.workers}")

    @property
    def name(self) -> str:
        """Its name, "local"."""
        return "local"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    def run(self, plan: Plan, stages: Sequence[Stage], rows: Iterable[Row]) -> Iterator[Row]:
        """See `hippo.execution.Executor`."""
        if self.workers > 1:
            return self._run_pool(plan, stages, rows)
        for stage in stages:
            rows = _through(Worker(plan, stage), rows)
        return iter(rows)

    def _run_pool(self, plan: Plan, stages: Sequence[Stage], rows: Iterable[Row]) -> Iterator[Row]:
        """What a stage yields goes back into the pool for the next one, before new rows do."""
        context = multiprocessing.get_context("spawn")  # Threads of this process hold locks that a fork would keep.
        new = iter(rows)
        with ProcessPoolExecutor(self.workers, context, _start, (plan, list(stages))) as pool:
            try:
                open_: dict[Future[list[Row]], int] = {}
                more = True
                while more or open_:
                    while more and len(open_) < _AHEAD * self.workers:
                        row = next(new, None)
                        more = row is not None
                        if row is not None:
                            open_[pool.submit(_do, 0, row)] = 0
                    done, _ = wait(open_, return_when=FIRST_COMPLETED)
                    for future in done:
                        following = open_.pop(future) + 1
                        for made in future.result():
                            if following == len(stages):
                                yield made
                            else:
                                open_[pool.submit(_do, following, made)] = following
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def _through(worker: Worker, rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        yield from worker(row)


def _start(plan: Plan, stages: Sequence[Stage]) -> None:
    _workers.extend(Worker(plan, stage) for stage in stages)


def _do(place: int, row: Row) -> list[Row]:
    return list(_workers[place](row))
