"""What the server does: questions in blocks, changes one after another, newer snapshots as they come."""

import asyncio
import contextvars
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any, TypeVar

from hippo.background import in_thread
from hippo.config import ServeConfig
from hippo.engine import Hippo
from hippo.errors import IndexEmptyError
from hippo.serving.batcher import Batcher
from hippo.serving.measures import Measures
from hippo.types import Answer, Retrieval, Status

__all__ = ["BusyError", "NotRunningError", "Service"]

T = TypeVar("T")

_LOG = logging.getLogger("hippo.serving")
_WARM_UP = "Who is there?"


class BusyError(Exception):
    """More changes wait than the server lets wait."""


class NotRunningError(Exception):
    """The service was not started, or is stopping."""


class Service:
    """A memory in use by a server.

    Questions never wait for changes: these run in one thread, in the order in which they came, and questions see the
    snapshot before or after them. It can be started again after it was stopped.

    Args:
        memory: The memory; whoever made it closes it.
        settings: Limits.
        measures: What is counted.
    """

    def __init__(self, memory: Hippo, settings: ServeConfig, measures: Measures) -> None:
        self.memory = memory
        self.settings = settings
        self.measures = measures
        self.ready = False
        self._batcher: Batcher | None = None
        self._writer: ThreadPoolExecutor | None = None
        self._changes = 0
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Read what questions need, then be ready, and look for newer snapshots."""
        async with AsyncExitStack() as stack:
            self._changes = 0
            self._writer = ThreadPoolExecutor(1, thread_name_prefix="hippo-change")
            stack.push_async_callback(asyncio.to_thread, self._writer.shutdown, wait=True, cancel_futures=True)
            self._batcher = Batcher(self._rank, most=self.settings.block, threads=1, tell=self.measures.blocks.observe)
            stack.push_async_callback(asyncio.to_thread, self._batcher.close)
            await self._warm_up()
            if self.settings.refresh:
                following = asyncio.ensure_future(self._follow())
                stack.push_async_callback(asyncio.wait, [following])
                stack.callback(following.cancel)
            self._stack = stack.pop_all()
        self.ready = True

    async def stop(self) -> None:
        """Wait for the change and the questions at work; what comes now finds nothing running."""
        self.ready = False
        self._batcher = self._writer = None
        await self._stack.aclose()

    async def retrieve(self, questions: Sequence[str], options: Mapping[str, Any]) -> list[Retrieval]:
        """Retrievals in the order of the questions; arguments and errors are those of `Hippo.retrieve_many`.

        Raises:
            NotRunningError: The service does not run.
        """
        if self._batcher is None:
            raise NotRunningError
        if options["steps"] > 1 or self.memory.filters_facts(options["profile"]):
            # It waits for a model, which must not keep others waiting.
            found = await in_thread(self._rank, list(questions), options)
        else:
            found = await self._batcher.retrieve(questions, options)
        for one in found:
            self.measures.took(one.seconds)
        return found

    def _rank(self, questions: list[str], options: Mapping[str, Any]) -> list[Retrieval]:
        return self.memory.retrieve_many(questions, **options)

    def tokens(self, asked: int | None) -> int | None:
        """Most tokens of an answer of which a client asks for so many: never more than the server is set to."""
        most = self.memory.config.reader.max_tokens
        return None if asked is None else min(asked, most)

    async def ask(self, question: str, options: Mapping[str, Any]) -> Answer:
        """An answer; arguments and errors are those of `Hippo.aask`."""
        answer = await self.memory.aask(question, **options)
        self.measures.took(answer.seconds)
        return answer

    async def change(self, work: Callable[[], T]) -> T:
        """What a change gives, once those before it are done. One who stops waiting before its turn calls it off.

        Raises:
            BusyError: Too many wait.
            NotRunningError: The service does not run.
        """
        if self._writer is None:
            raise NotRunningError
        if self._changes >= self.settings.max_changes:
            raise BusyError
        self._changes += 1
        context = contextvars.copy_context()
        future = self._writer.submit(context.run, work)
        future.add_done_callback(partial(self._changed, asyncio.get_running_loop()))
        return await asyncio.wrap_future(future)

    def _changed(self, loop: asyncio.AbstractEventLoop, _: object) -> None:
        def count() -> None:
            self._changes -= 1

        with suppress(RuntimeError):  # The loop has ended: nobody counts any more.
            loop.call_soon_threadsafe(count)

    async def status(self) -> Status:
        """What the index holds."""
        return await in_thread(self.memory.status)

    async def _follow(self) -> None:
        """Open newer snapshots; one that cannot be opened is told, and the older one goes on answering."""
        failed = None
        while True:
            await asyncio.sleep(self.settings.refresh)
            try:
                newer = await in_thread(self.memory.refresh, prepare=True)
            except Exception as error:
                self.measures.refresh_failures.inc()
                if str(error) != failed:
                    failed = str(error)
                    _LOG.exception("the newest snapshot cannot be opened; the older one goes on answering")
                continue
            failed = None
            if newer:
                _LOG.info("a newer snapshot is open")
                await self._warm_up()

    async def _warm_up(self) -> None:
        """Ask once, so that the first question of a user does not wait for what is read at need."""
        options: dict[str, Any] = {"k": 1, "profile": None, "explain": False, "steps": 1, "where": None}
        try:
            if self.memory.filters_facts(None):
                options["profile"] = "bm25"
            if self._batcher is not None:
                await self._batcher.retrieve([_WARM_UP], options)
        except IndexEmptyError:
            _LOG.warning("the index holds nothing yet")
        except Exception:
            _LOG.exception("no question can be answered")
