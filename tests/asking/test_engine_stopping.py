"""Whoever stops waiting for an answer stops what was asked for it; a process ends, forks and starts without waiting."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hippo import Hippo
from hippo.testing import ScriptedLLM
from hippo.types import Completion, LLMRequest

BORN = "Where was Ada Smith born?"


class Silent(ScriptedLLM):
    """Never replies; knows when nobody waits any more."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.left = threading.Event(), threading.Event()

    async def complete(self, request: LLMRequest) -> Completion:
        self.asked.set()
        try:
            await asyncio.sleep(60)
        finally:
            self.left.set()
        raise AssertionError("nobody waits a minute")


@pytest.mark.parametrize("recognition", ["none", "llm"])
@pytest.mark.parametrize("steps", [1, 2])
def test_a_cancelled_question_ends_its_request(index: Path, recognition: str, steps: int) -> None:
    async def ask() -> None:
        asking = asyncio.create_task(memory.aask(BORN, steps=steps))
        await asyncio.to_thread(llm.asked.wait, 30)
        async with asyncio.timeout(0.1):
            await asking

    llm = Silent()
    with Hippo.open(index, llm=llm, overrides={"recognition": {"name": recognition}}) as memory:
        with pytest.raises(TimeoutError):
            asyncio.run(ask())
        assert llm.asked.is_set()
        assert llm.left.wait(10)


def test_so_does_a_cancelled_listener(index: Path) -> None:
    async def listen() -> None:
        async for _ in memory.ask_stream(BORN):
            pass

    async def leave() -> None:
        listening = asyncio.create_task(listen())
        await asyncio.to_thread(llm.asked.wait, 30)
        async with asyncio.timeout(0.1):
            await listening

    llm = Silent()
    with Hippo.open(index, llm=llm, overrides={"recognition": {"name": "llm"}}) as memory:
        with pytest.raises(TimeoutError):
            asyncio.run(leave())
        assert llm.left.wait(10)


def test_asking_from_the_model_itself_is_an_error_or_awaited(index: Path) -> None:
    """In the event loop that asks the model, where a synchronous question would wait for itself."""

    class Curious(ScriptedLLM):
        async def complete(self, request: LLMRequest) -> Completion:
            if "Ada" in request.messages[-1].content.rsplit("question", 1)[-1]:
                with pytest.raises(RuntimeError, match=r"in hippo's own event loop"):
                    memory.ask("Where is Riga?")
                return Completion((await memory.aask("Where is Riga?")).text)
            return await super().complete(request)

    llm = Curious(replies=lambda request: "In Latvia. [1]")
    with Hippo.open(index, llm=llm) as memory:
        assert memory.ask(BORN).text == "In Latvia. [1]"


_OPEN = """
import os, signal, sys, threading
from hippo import Hippo
from hippo.testing import ScriptedLLM

asked = threading.Event()

class Priced(ScriptedLLM):
    price = (1.0, 1.0)

    async def complete(self, request):
        asked.set()
        return await super().complete(request)

def opened(recognition="none", **options):
    settings = {"llm": {"cache": False, "max_cost": 0.0015}, "recognition": {"name": recognition}}
    return Hippo.open(sys.argv[1], llm=Priced(**options), overrides=settings)

"""

_HALF_READ = """
pieces = iter(opened(replies=lambda request: "[answer] one two three").ask_stream("Where is Riga?"))
print(next(pieces))
"""

_INTERRUPTED = """
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored in the background
memory = opened(latency=60, recognition="llm")
threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    memory.ask("Where is Riga?")
except KeyboardInterrupt:
    print("interrupted")
"""

_FORKED = """
memory = opened(replies=lambda request: "In Latvia.", latency=1)
asking = threading.Thread(target=memory.ask, args=("Where is Riga?",))
asking.start()
asked.wait()  # All that may be spent is held back now, and everything is imported.
child = os.fork()
if child == 0:
    print(memory.ask("Where is Berlin?").text, memory.usage["reader"].requests, flush=True)
    os._exit(0)
os.waitpid(child, 0)
asking.join()
"""

_NO_MODEL = """
import sys
from hippo import Hippo
with Hippo.open(sys.argv[1]) as memory:
    memory.retrieve("Where is Riga?")
names = "asyncio", "sqlite3", "tenacity", "hippo.llm", "hippo.reader"
print([name for name in names if name in sys.modules])
"""


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        pytest.param(_OPEN + _HALF_READ, "one\n", id="ends with a stream half read"),
        pytest.param(_OPEN + _INTERRUPTED, "interrupted\n", id="ends after an interrupt"),
        pytest.param(_OPEN + _FORKED, "In Latvia. 1\n", id="asks after a fork"),
        pytest.param(_NO_MODEL, "[]\n", id="loads no more than it needs"),
    ],
)
def test_a_process(index: Path, program: str, expected: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(index)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.stdout, done.stderr) == (expected, "")
