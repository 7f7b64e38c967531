"""One event loop in a thread of its own, so that synchronous callers can use asynchronous parts.

It works where a loop is running already (notebooks, servers), and connections stay open from call to call. Nothing may
block it: what computes, or waits for it, goes to a pool of threads (`in_thread`), which is not the loop's own, since
that one looks up the addresses of servers. A forked process gets a loop and threads of its own.

```
any thread ── run, iterate ──────► the loop ── in_thread ──► threads ── run ──► the loop
another loop ── elsewhere, aiterate ──┘
```

Whoever stops waiting, by an interrupt, a cancelled task or an iterator left early, cancels what was waited for.
"""

import asyncio
import contextvars
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

__all__ = ["aiterate", "begin", "elsewhere", "gather", "in_thread", "iterate", "loop", "run"]

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 32
"""Most of them wait for a model, one for each question that is being retrieved."""
_END = object()


class _Background:
    """The loop of one process and its threads."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="hippo-worker")
        self._thread = threading.Thread(target=self.loop.run_forever, name="hippo-background", daemon=True)
        self._thread.start()

    def is_here(self) -> bool:
        """Whether the caller is on the loop's own thread."""
        return threading.current_thread() is self._thread


_lock = threading.Lock()
_current: _Background | None = None
_inherited: list[_Background | None] = []
"""Of a parent process: its threads do not run here, and its loop must not be closed."""


def _background() -> _Background:
    global _current
    with _lock:
        if _current is None:
            _current = _Background()
        return _current


def _after_fork() -> None:
    """A child has only the thread that forked, and locks as they were in the middle of anything."""
    global _lock, _current
    _inherited.append(_current)
    _lock, _current = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def loop() -> asyncio.AbstractEventLoop:
    """The loop, started if need be."""
    return _background().loop


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in the loop and wait for its result; an interrupted wait cancels it.

    Raises:
        RuntimeError: It was called in the loop's own thread, where it would wait for itself: from a language model's
            `complete`, for example.

    Examples:
        >>> async def answer() -> int:
        ...     return 42
        >>> run(answer())
        42
    """
    future = begin(coroutine)
    call = _call.get()
    if call is not None:
        call.waits_for(future)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def begin(coroutine: Coroutine[Any, Any, T]) -> "Future[T]":
    """Start a coroutine for a caller who is going to block until it ends.

    Raises:
        RuntimeError: As `run`.
    """
    background = _background()
    if background.is_here():
        coroutine.close()
        raise RuntimeError(
            "a synchronous call of hippo was made in hippo's own event loop, where it would wait for itself for ever; "
            "await Hippo.aask there, or make the call in a thread: await asyncio.to_thread(...)"
        )
    return asyncio.run_coroutine_threadsafe(coroutine, background.loop)


async def elsewhere(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in the background loop and await its result in the caller's own; cancelling cancels it."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop()))


async def gather(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Results of coroutines that run at the same time; when one fails, or the wait is cancelled, so are the others."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


class _Call:
    """A function at work in a thread, and the coroutine that it waits for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._off = False
        self._awaited: Future[Any] | None = None

    def waits_for(self, future: "Future[Any]") -> None:
        with self._lock:
            self._awaited = future
            if self._off:
                future.cancel()

    def call_off(self) -> None:
        """End its wait, and every later one."""
        with self._lock:
            self._off = True
            if self._awaited is not None:
                self._awaited.cancel()


_call: contextvars.ContextVar[_Call | None] = contextvars.ContextVar("hippo_call", default=None)


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a thread and await its result, in any loop.

    Computing cannot be interrupted; but cancelling ends what the function waits for in `run`, now or later.
    """
    call = _Call()

    def work() -> T:
        _call.set(call)
        return function(*args, **kwargs)

    context = contextvars.copy_context()
    try:
        return await asyncio.get_running_loop().run_in_executor(_background().threads, lambda: context.run(work))
    except asyncio.CancelledError:
        call.call_off()
        raise


def iterate(items: AsyncIterator[T]) -> Iterator[T]:
    """Items of an asynchronous iterator, as they come. Leaving early ends it, without waiting for its end.

    Raises:
        RuntimeError: As `run`.
    """
    arrived: SimpleQueue[Any] = SimpleQueue()
    # Dropping this iterator must not block: that may happen in the loop's own thread, or as the process ends.
    pumping = begin(_pump(items, arrived.put))
    pumping.add_done_callback(lambda _: arrived.put(_END))
    try:
        while (item := arrived.get()) is not _END:
            yield item
        pumping.result()
    finally:
        pumping.cancel()


async def aiterate(items: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """The same for another loop: the items come from the background loop."""
    here = asyncio.get_running_loop()
    arrived: asyncio.Queue[Any] = asyncio.Queue()

    def put(item: object) -> None:
        with suppress(RuntimeError):  # The listener's loop is closed: nobody misses the item.
            here.call_soon_threadsafe(arrived.put_nowait, item)

    pumping = asyncio.run_coroutine_threadsafe(_pump(items, put), loop())
    pumping.add_done_callback(lambda _: put(_END))
    try:
        while (item := await arrived.get()) is not _END:
            yield item
        pumping.result()
    finally:
        pumping.cancel()


async def _pump(items: AsyncIterator[T], put: Callable[[T], None]) -> None:
    try:
        async for item in items:
            put(item)
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            await close()
