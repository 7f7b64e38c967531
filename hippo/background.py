"""One event loop in a thread of its own, so that synchronous callers can use asynchronous parts.

It works where a loop is running already (notebooks, servers), and connections stay open from call to call.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, TypeVar

__all__ = ["elsewhere", "iterate", "loop", "run"]

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_process = 0


def loop() -> asyncio.AbstractEventLoop:
    """The loop, started if need be; a forked process gets its own."""
    global _loop, _process
    with _lock:
        if _loop is None or _process != os.getpid():
            _loop, _process = asyncio.new_event_loop(), os.getpid()
            threading.Thread(target=_loop.run_forever, name="hippo-background", daemon=True).start()
        return _loop


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in the loop and wait for its result; an interrupted wait cancels it.

    Must not be called from the loop's own thread.

    Examples:
        >>> async def answer() -> int:
        ...     return 42
        >>> run(answer())
        42
    """
    future = asyncio.run_coroutine_threadsafe(coroutine, loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


async def elsewhere(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in the background loop and await its result in the caller's own; cancelling cancels it."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop()))


def iterate(items: AsyncIterator[T]) -> Iterator[T]:
    """Items of an asynchronous iterator, one at a time; leaving early closes it."""
    done = object()

    async def step() -> Any:
        return await anext(items, done)

    try:
        while (item := run(step())) is not done:
            yield item
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            run(close())
