"""Questions that wait at the same time are ranked as one block, which costs less than each alone.

While a block is being ranked, what arrives waits, and is the next block. So nobody waits for company: a question that
comes alone is ranked at once and alone.
"""

import asyncio
import contextvars
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from hippo.types import Retrieval

__all__ = ["Batcher", "Rank"]

Rank = Callable[[list[str], Mapping[str, Any]], list[Retrieval]]
"""Ranks passages for questions, with the options of `Hippo.retrieve_many`."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    questions: list[str]
    options: Mapping[str, Any]
    key: str
    found: "asyncio.Future[list[Retrieval]]"
    context: contextvars.Context


class Batcher:
    """Ranks passages in threads of its own, questions with equal options together.

    Args:
        rank: Does the work; ranks do not depend on which questions share a block.
        most: Questions of a block.
        threads: Blocks at work at a time.
        tell: Is told the size of every block.
    """

    def __init__(self, rank: Rank, *, most: int, threads: int, tell: Callable[[int], None]) -> None:
        self._rank, self._most, self._tell = rank, most, tell
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="hippo-rank")
        self._idle = threads
        self._waiting: deque[_Waiting] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    async def retrieve(self, questions: Sequence[str], options: Mapping[str, Any]) -> list[Retrieval]:
        """Retrievals in the order of the questions. One who stops waiting costs no more than the block at work.

        Many questions take their turns with those of others. Errors are those of the work; none is that of another
        request.
        """
        found: list[Retrieval] = []
        for start in range(0, len(questions), self._most):
            found += await self._one_block(list(questions[start : start + self._most]), options)
        return found

    async def _one_block(self, questions: list[str], options: Mapping[str, Any]) -> list[Retrieval]:
        found: asyncio.Future[list[Retrieval]] = asyncio.get_running_loop().create_future()
        key = json.dumps(options, sort_keys=True, default=str)
        self._waiting.append(_Waiting(questions, options, key, found, contextvars.copy_context()))
        self._start()
        return await found

    def _start(self) -> None:
        while self._idle and (block := self._next()):
            self._idle -= 1
            task = asyncio.ensure_future(self._work(block))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._idle += 1
        if not task.cancelled():
            self._start()

    def _next(self) -> list[_Waiting]:
        """Those who have waited longest, with others who asked in the same way."""
        block: list[_Waiting] = []
        left: deque[_Waiting] = deque()
        size = 0
        for one in self._waiting:
            if one.found.done():  # cancelled
                continue
            fits = not block or (one.key == block[0].key and size + len(one.questions) <= self._most)
            if fits:
                size += len(one.questions)
            (block if fits else left).append(one)
        self._waiting = left
        return block

    async def _work(self, block: list[_Waiting]) -> None:
        """Rank a block; where it fails as a whole, each alone, so that an error finds the one whose it is."""
        try:
            found = await self._call(block)
        except Exception as error:
            if len(block) > 1:
                for one in block:
                    await self._work([one])
            elif not block[0].found.done():
                block[0].found.set_exception(error)
            return
        start = 0
        for one in block:
            end = start + len(one.questions)
            if not one.found.done():
                one.found.set_result(found[start:end])
            start = end

    async def _call(self, block: list[_Waiting]) -> list[Retrieval]:
        questions = [question for one in block for question in one.questions]
        self._tell(len(questions))
        # Spans of a shared block belong to the trace of its first request.
        run = block[0].context.run
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, run, self._rank, questions, block[0].options)

    def close(self) -> None:
        """Wait for blocks at work; what waits is not begun."""
        for one in self._waiting:
            one.found.cancel()
        self._waiting.clear()
        self._threads.shutdown(wait=True, cancel_futures=True)
