"""Blocks of questions one after another: while one is walked, the next is linked."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

__all__ = ["Later", "overlapped", "started"]

T = TypeVar("T")
Begun = TypeVar("Begun")
Later = Callable[[Callable[[], Any]], Callable[[], Any]]
"""From work to what waits for it and gives what came of it."""
_WALKERS = 2
"""More would wait: linking, which one thread does, takes about as long as walking."""


def overlapped(
    parts: Sequence[slice], begin: Callable[[slice, Later], Begun], most: int, threads: int | None = None
) -> Iterator[Begun]:
    """Blocks in order, each begun, and what it left for later under way.

    Linking is mostly Python, and walks are compiled loops beside which other threads go on: so two cores are used from
    the first block to the last, and none of the results depends on it.

    Args:
        parts: Blocks of questions.
        begin: Begins one. It may leave work to its second argument, and wait for it when the block is asked for.
        most: Blocks that may be under way at the same time: what they hold takes memory.
        threads: That do what was left; None: two, where there are cores for them.
    """
    threads = threads or min(os.cpu_count() or 1, _WALKERS)
    ahead = min(most, threads + 1, len(parts))
    if ahead < 2 or threads < 2:
        for part in parts:
            yield begin(part, _at_once)
        return
    pool = ThreadPoolExecutor(threads)
    try:
        begun: deque[Begun] = deque()
        for part in parts:
            begun.append(begin(part, lambda work: pool.submit(copy_context().run, work).result))
            if len(begun) == ahead:
                yield begun.popleft()
        yield from begun
    finally:
        # After an error nobody wants what has not begun.
        pool.shutdown(cancel_futures=True)


def started(work: Callable[[], T]) -> Callable[[], T]:
    """Work that another thread begins now; called, it waits and gives what came of it."""
    pool = ThreadPoolExecutor(1)
    result = pool.submit(copy_context().run, work).result
    # What was submitted is still done.
    pool.shutdown(wait=False)
    return result


def _at_once(work: Callable[[], Any]) -> Callable[[], Any]:
    found = work()
    return lambda: found
