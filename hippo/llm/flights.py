"""Requests under way: identical ones are asked once, and end only when nobody waits for them any more."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from hippo.llm.loops import PerLoop
from hippo.types import Completion

__all__ = ["Flight", "Flights"]


class Flight:
    """A request under way in a task of its own, and the pieces of its reply that have come.

    Attributes:
        pieces: Pieces so far; none when the reply comes as a whole.
        waiting: How many wait for it.
        claimed: Whether someone was given the reply as the one who paid.
    """

    def __init__(self, work: "Callable[[Flight], Coroutine[Any, Any, Completion]]") -> None:
        self.pieces: list[str] = []
        self.waiting = 0
        self.claimed = False
        self._changed = asyncio.Event()
        self.task = asyncio.create_task(work(self))
        self.task.add_done_callback(self._ended)

    def push(self, piece: str) -> None:
        """Hand a piece to all who listen."""
        self.pieces.append(piece)
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _ended(self, task: asyncio.Task[Completion]) -> None:
        if not task.cancelled():
            task.exception()  # Marks it as seen: whoever waits raises it, and nobody may.
        self._notify()

    async def result(self) -> Completion:
        """The reply; cancelling the wait does not end the request."""
        await asyncio.wait([self.task])
        return self.task.result()

    async def listen(self) -> AsyncIterator[str]:
        """Pieces, from the first on, until the request has ended, well or not."""
        heard = 0
        while True:
            changed = self._changed
            while heard < len(self.pieces):
                yield self.pieces[heard]
                heard += 1
            if self.task.done():
                return
            if changed is self._changed:
                await changed.wait()


class Flights:
    """The requests under way by key, in each event loop on its own."""

    def __init__(self) -> None:
        self._loops: PerLoop[dict[str, Flight]] = PerLoop(dict)

    @contextmanager
    def join(self, key: str, work: Callable[[Flight], Coroutine[Any, Any, Completion]]) -> Iterator[Flight]:
        """Wait for a request that is under way, or begin it. When the last one leaves, it is cancelled.

        Args:
            key: Of the request.
            work: Asks it, where it is not under way.
        """
        flights = self._loops.here()
        if key not in flights:
            begun = flights[key] = Flight(work)
            begun.task.add_done_callback(lambda _: _forget(flights, key, begun))
        flight = flights[key]
        flight.waiting += 1
        try:
            yield flight
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                _forget(flights, key, flight)
                flight.task.cancel()


def _forget(flights: dict[str, Flight], key: str, flight: Flight) -> None:
    if flights.get(key) is flight:
        del flights[key]
