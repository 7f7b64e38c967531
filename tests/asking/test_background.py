"""The background event loop: who waits for it, who may not, and what becomes of those who stop waiting."""

import asyncio
import contextvars
import gc
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from typing import Any

import pytest

from hippo import background


def in_the_loop(function: Callable[[], Any]) -> Any:
    """Call a function on the loop's own thread, from outside."""

    async def call() -> Any:
        return function()

    return asyncio.run_coroutine_threadsafe(call(), background.loop()).result(timeout=10)


class Source:
    """Counts up, slowly; knows when it was left."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.left = threading.Event()

    async def __call__(self) -> AsyncIterator[int]:
        try:
            for number in range(1000):
                await asyncio.sleep(self.seconds)
                yield number
        finally:
            self.left.set()


class TestOnItsOwnThread:
    def test_waiting_for_itself_is_an_error(self) -> None:
        async def answer() -> int:
            return 42

        with pytest.raises(RuntimeError, match=r"in hippo's own event loop.*await Hippo\.aask there"):
            in_the_loop(lambda: background.run(answer()))
        assert background.run(answer()) == 42

    def test_iterating_is_one_too(self) -> None:
        with pytest.raises(RuntimeError, match="in hippo's own event loop"):
            in_the_loop(lambda: next(background.iterate(Source()())))

    def test_an_iterator_that_is_collected_there_does_not_block(self) -> None:
        class Holder:
            pass

        source, holder = Source(0.001), Holder()
        holder.items = background.iterate(source())  # type: ignore[attr-defined]
        holder.me = holder  # type: ignore[attr-defined]
        assert next(holder.items) == 0  # type: ignore[attr-defined]
        del holder
        in_the_loop(gc.collect)
        assert source.left.wait(10)


class TestIterators:
    def test_leaving_early_ends_the_source(self) -> None:
        source = Source(0.001)
        for number in background.iterate(source()):
            if number == 2:
                break
        assert source.left.wait(10)

    def test_errors_come_after_the_items(self) -> None:
        async def failing() -> AsyncIterator[int]:
            yield 1
            raise ValueError("that was all")

        items = background.iterate(failing())
        assert next(items) == 1
        with pytest.raises(ValueError, match="that was all"):
            next(items)

    def test_another_loop_hears_the_same(self) -> None:
        async def few() -> AsyncIterator[int]:
            for number in range(3):
                yield number

        async def listen() -> list[int]:
            return [item async for item in background.aiterate(few())]

        assert asyncio.run(listen()) == list(background.iterate(few())) == [0, 1, 2]

    def test_cancelling_the_listener_ends_the_source(self) -> None:
        async def listen() -> None:
            async with asyncio.timeout(0.05):
                async for _ in background.aiterate(source()):
                    pass

        source = Source(30)
        with pytest.raises(TimeoutError):
            asyncio.run(listen())
        assert source.left.wait(10)


class TestThreads:
    def test_they_may_wait_for_the_loop_which_looks_up_addresses_meanwhile(self) -> None:
        """More of them than the loop's own pool has, where a request's address is looked up."""

        async def request() -> int:
            await asyncio.to_thread(time.sleep, 0.001)
            return 1

        async def ask() -> list[int]:
            return await background.gather(background.in_thread(background.run, request()) for _ in range(100))

        assert sum(background.run(ask())) == 100

    def test_cancelling_ends_what_a_function_waits_for(self) -> None:
        asked, ended = threading.Event(), threading.Event()

        async def reply() -> None:
            asked.set()
            try:
                await asyncio.sleep(60)
            finally:
                ended.set()

        async def work() -> None:
            await background.in_thread(background.run, reply())

        working: Future[None] = asyncio.run_coroutine_threadsafe(work(), background.loop())
        assert asked.wait(10)
        working.cancel()
        assert ended.wait(10)

    def test_and_whatever_it_waits_for_later(self) -> None:
        begun, go_on = threading.Event(), threading.Event()
        outcome: Future[object] = Future()

        def work() -> None:
            begun.set()
            go_on.wait(10)
            try:
                outcome.set_result(background.run(asyncio.sleep(60)))
            except BaseException as error:
                outcome.set_result(error)

        working = asyncio.run_coroutine_threadsafe(background.in_thread(work), background.loop())
        assert begun.wait(10)
        working.cancel()
        background.run(asyncio.sleep(0.05))
        go_on.set()
        assert type(outcome.result(timeout=10)).__name__ == "CancelledError"

    def test_context_is_carried_over(self) -> None:
        who = contextvars.ContextVar("who", default="nobody")

        async def ask() -> str:
            who.set("Ada")
            return await background.in_thread(who.get)

        assert background.run(ask()) == "Ada"


def test_what_is_gathered_ends_with_the_first_error() -> None:
    ended = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("slow")

    async def failing() -> None:
        await asyncio.sleep(0.01)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        background.run(background.gather([slow(), failing()]))
    background.run(asyncio.sleep(0.01))
    assert ended == ["slow"]


def test_a_forked_process_has_a_loop_and_threads_of_its_own() -> None:
    program = (
        "import asyncio, os\n"
        "from hippo.background import in_thread, run\n"
        "assert run(in_thread(int)) == 0\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(7 + run(in_thread(int)))\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), run(in_thread(int)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("7 0\n", "")
