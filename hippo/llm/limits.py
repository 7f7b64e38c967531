"""How many requests are under way, and how many requests and tokens a minute there are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiolimiter import AsyncLimiter

from hippo.config import LLMConfig
from hippo.llm.loops import PerLoop

__all__ = ["Bucket", "Limits"]


class Bucket:
    """A leaky bucket that holds every minute to its limit.

    At most a twentieth of the limit may go at once, and what is left of it flows evenly: a full burst and a minute's
    flow together are the limit. Those who wait go in order of arrival, so that large amounts are not overtaken for
    ever. Belongs to one event loop.
    """

    def __init__(self, per_minute: int) -> None:
        self._burst = max(1, per_minute // 20)
        per_second = (per_minute - self._burst + 1) / 60
        self._limiter = AsyncLimiter(self._burst, self._burst / per_second)
        self._turn = asyncio.Lock()
        self._owed = 0.0

    async def take(self, amount: float) -> None:
        """Wait until an amount may go. One larger than a burst goes with the burst; those who follow wait for the rest.

        Args:
            amount: Requests or tokens, 0 or more.
        """
        async with self._turn:
            if self._limiter.has_capacity(self._burst):
                self._owed = max(0.0, self._owed)  # What was taken too much has flowed off by itself.
            while self._owed > 0:
                await self._acquire(min(self._owed, self._burst))
            self._owed += amount
            try:
                await self._acquire(min(max(self._owed, 0.0), self._burst))
            except BaseException:
                self._owed -= amount
                raise

    async def _acquire(self, amount: float) -> None:
        await self._limiter.acquire(amount)
        self._owed -= amount

    def correct(self, difference: float) -> None:
        """Settle what was taken too little (above 0) or too much (below 0): the next to come pays or gains."""
        self._owed += difference


class _Here:
    """The limits of one event loop."""

    def __init__(self, settings: LLMConfig) -> None:
        self.places = asyncio.Semaphore(settings.concurrency)
        self.requests = Bucket(settings.requests_per_minute) if settings.requests_per_minute else None
        self.tokens = Bucket(settings.tokens_per_minute) if settings.tokens_per_minute else None


class Limits:
    """Concurrency, requests a minute and tokens a minute, in each event loop on its own."""

    def __init__(self, settings: LLMConfig) -> None:
        self._loops = PerLoop(lambda: _Here(settings))

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for one of the places for requests under way, and hold it."""
        async with self._loops.here().places:
            yield

    async def pace(self, tokens: int) -> None:
        """Wait until a request of so many tokens may begin. Called with a place in hand, so that no turn grows old."""
        here = self._loops.here()
        if here.tokens:
            await here.tokens.take(tokens)
        if here.requests:
            await here.requests.take(1)

    def correct(self, difference: int) -> None:
        """Say how many more tokens than `pace` was told a request took. Failed requests keep what they reserved."""
        here = self._loops.here()
        if here.tokens:
            here.tokens.correct(difference)
