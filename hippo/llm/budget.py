"""A limit on what may be spent, which parallel requests cannot run past."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hippo.errors import LLMBudgetError

__all__ = ["Budget"]

_ROUNDING = 1e-9


class Budget:
    """Dollars spent and dollars that requests under way may cost. Shared by event loops and threads."""

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
        self._reserved: list[float] = []
        self._waiting: list[asyncio.Future[None]] = []

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
        while waiting := self._begin(dollars):
            await waiting
        try:
            yield
        finally:
            self._end(dollars)

    def _begin(self, dollars: float) -> asyncio.Future[None] | None:
        """Hold back, or return what to wait for."""
        with self._lock:
            if self._limit is not None:
                most = self._limit * (1 + _ROUNDING)
                if self._spent + dollars > most:
                    raise LLMBudgetError(self._use, self._spent, self._limit)
                if self._spent + sum(self._reserved) + dollars > most:
                    waiting = asyncio.get_running_loop().create_future()
                    self._waiting.append(waiting)
                    return waiting
            self._reserved.append(dollars)
            return None

    def _end(self, dollars: float) -> None:
        with self._lock:
            self._reserved.remove(dollars)
            waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.get_loop().is_closed():
                future.get_loop().call_soon_threadsafe(_wake, future)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
