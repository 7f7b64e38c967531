"""Work that threads share: blocks of questions, and what is looked for at the same time."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

__all__ = ["shared", "started"]

T = TypeVar("T")
_THREADS = 2
"""More would wait for each other: half of the work on a block is Python."""


def shared(parts: Sequence[slice], work: Callable[[slice], T], most: int, threads: int | None = None) -> Iterator[T]:
    """What comes of blocks, in order. The caller's thread and others work on them, and none of it depends on who did.

    The caller takes the next block that nobody has begun, whenever the one that comes next is not there yet.

    Args:
        parts: Blocks of questions.
        work: Does one.
        most: Blocks that may be under way, or done and not yet taken, at the same time: what they hold takes memory.
        threads: That work, the caller's among them; None: two, where there are cores for them.
    """
    ahead = min(most, len(parts))
    threads = 1 if ahead < 2 else threads or min(_cores(), _THREADS)
    ahead = min(ahead, threads + 1)
    if threads < 2:
        yield from map(work, parts)
        return
    pool = ThreadPoolExecutor(min(threads, ahead) - 1)
    try:
        begun: dict[int, Future[T]] = {0: Future()}  # the first one is for the caller
        for place in range(len(parts)):
            for other in range(place + len(begun), min(place + ahead, len(parts))):
                begun[other] = pool.submit(copy_context().run, work, parts[other])
            while not begun[place].done():
                mine = next((at for at, one in begun.items() if one.cancel()), None)
                if mine is None:
                    break
                begun[mine] = Future()
                begun[mine].set_result(work(parts[mine]))
            yield begun.pop(place).result()
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


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
