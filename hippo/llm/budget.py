"""A limit on what may be spent, which parallel requests cannot run past."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from hippo.errors import LLMBudgetError

__all__ = ["Budget"]

_ROUNDING = 1e-9


class Budget:
    """Dollars spent and dollars that requests under way may cost. Shared by event loops and threads.

    A forked process goes on with what its parent had left, for itself, without the requests that its parent awaits.
    """

    def __init__(self, use: str, limit: float | None) -> None:
        """Begin with nothing spent.

        Args:
            use: What the money is for, for the message.
            limit: Dollars that may be spent; None: no limit.
        """
        self._use = use
        self._limit = limit
        self._lock = threading.Lock()
        self._spent = 0.0
        self._reserved: dict[object, float] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._process = os.getpid()

    def spend(self, dollars: float) -> None:
        """Count what a request has cost."""
        with self._lock:
            self._spent += dollars

    @asynccontextmanager
    async def reserve(self, dollars: float) -> AsyncIterator[None]:
        """Hold back the most that a request may cost while it is under way; `spend` what it did cost meanwhile.

        Waits while others under way hold back what is needed: they seldom cost as much.

        Raises:
            LLMBudgetError: It might cost more than is left.
        """
        request = object()
        while waiting := self._begin(request, dollars):
            await waiting
        try:
            yield
        finally:
            self._end(request)

    def _begin(self, request: object, dollars: float) -> asyncio.Future[None] | None:
        """Hold back, or return what to wait for."""
        with self._lock:
            if self._process != os.getpid():
                self._process, self._reserved, self._waiting = os.getpid(), {}, []
            if self._limit is not None:
                most = self._limit * (1 + _ROUNDING)
                if self._spent + dollars > most:
                    raise LLMBudgetError(self._use, self._spent, self._limit)
                if self._spent + sum(self._reserved.values()) + dollars > most:
                    waiting = asyncio.get_running_loop().create_future()
                    self._waiting.append(waiting)
                    return waiting
            self._reserved[request] = dollars
            return None

    def _end(self, request: object) -> None:
        with self._lock:
            self._reserved.pop(request, None)  # not there: a parent's
            waiting, self._waiting = self._waiting, []
        for future in waiting:
            with suppress(RuntimeError):  # its loop was closed, and nobody waits there any more
                future.get_loop().call_soon_threadsafe(_wake, future)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
