"""Asynchronous variants leave the event loop free, whatever they do."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from hippo import Hippo
from hippo.testing import HashingEncoder, ScriptedLLM

PAUSE = 1.0
LONGEST_GAP = 0.7
"""Seconds between two turns of the loop: on a busy machine a few tenths pass without anybody's fault."""


class SlowEncoder(HashingEncoder):
    """Takes its time, as a model does."""

    def encode(self, texts, *, kind="passage"):
        time.sleep(PAUSE)
        return super().encode(texts, kind=kind)


async def longest_gap(awaited: Awaitable[object]) -> tuple[float, float]:
    """The longest time that the loop did not come round while something was awaited, and how long that took."""
    gaps, done = [0.0], False

    async def tick() -> None:
        last = time.monotonic()
        while not done:
            await asyncio.sleep(0.005)
            now = time.monotonic()
            gaps.append(now - last)
            last = now

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.02)
    began = time.monotonic()
    await awaited
    taken = time.monotonic() - began
    done = True
    await ticking
    return max(gaps), taken


CALLS: dict[str, Callable[[Hippo, Path], Awaitable[object]]] = {
    "aadd": lambda memory, _: memory.aadd({"id": "c", "text": "Delft lies in Holland."}),
    "aadd_files": lambda memory, folder: memory.aadd_files(folder),
    "aupdate": lambda memory, _: memory.aupdate("a", text="Ada Lovelace met Mary Somerville."),
    "async_": lambda memory, folder: memory.async_(folder),
    "aretrieve": lambda memory, _: memory.aretrieve("Whom did Ada Lovelace meet?"),
    "aretrieve_many": lambda memory, _: memory.aretrieve_many(["Whom did Ada Lovelace meet?", "Who?"]),
    "aask": lambda memory, _: memory.aask("Whom did Ada Lovelace meet?"),
    "aask_many": lambda memory, _: memory.aask_many(["Whom did Ada Lovelace meet?", "Who?"]),
}


_FEW = ("aadd", "aretrieve", "aask")


@pytest.mark.parametrize(
    "name", [name if name in _FEW else pytest.param(name, marks=pytest.mark.slow) for name in CALLS]
)
def test_the_loop_comes_round_while_it_works(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "rome.txt").write_text("Rome lies on the Tiber.")

    async def main() -> tuple[float, float]:
        async with await Hippo.aopen(tmp_path / "index", encoder=SlowEncoder(), llm=ScriptedLLM()) as memory:
            await memory.aadd({"id": "a", "text": "Ada Lovelace met Charles Babbage."})
            await memory.aretrieve("What?")  # Imports are over.
            return await longest_gap(CALLS[name](memory, tmp_path / "notes"))

    gap, taken = asyncio.run(main())
    assert taken >= PAUSE, "it did nothing that could have blocked the loop"
    assert gap < LONGEST_GAP


def test_the_measure_sees_a_blocked_loop() -> None:
    async def blocks() -> None:
        time.sleep(PAUSE)

    gap, _ = asyncio.run(longest_gap(blocks()))
    assert gap >= PAUSE


def test_results_are_those_of_the_synchronous_calls(tmp_path: Path) -> None:
    async def main() -> None:
        async with await Hippo.aopen(tmp_path, encoder="hashing", llm=ScriptedLLM()) as memory:
            assert (
                await memory.aadd([{"id": "a", "text": "Ada met Bob."}, {"id": "b", "text": "Bob met Cy."}])
            ).added == 2
            question = "Whom did Ada meet?"
            assert (await memory.aretrieve(question)).hits == memory.retrieve(question).hits
            [many] = await memory.aretrieve_many([question], k=1)
            assert len(many.hits) == 1
            assert (await memory.aask_many([question]))[0].text == (await memory.aask(question)).text
            pieces = [piece async for piece in await memory.aask_stream(question)]
            assert "".join(pieces)
            assert (await memory.aupdate("a", metadata={"year": 1})).changed == 1
            assert (await memory.adelete("b")).deleted == 1
            assert memory.status().documents == 1

    asyncio.run(main())


@pytest.mark.parametrize(
    "name", ["add", "add_files", "update", "delete", "retrieve", "retrieve_many", "ask_many", "close"]
)
def test_they_take_what_the_synchronous_ones_take(name: str) -> None:
    ours, its = getattr(Hippo, f"a{name}"), getattr(Hippo, name)
    assert inspect.iscoroutinefunction(ours)
    assert inspect.signature(ours) == inspect.signature(its)
    assert ours.__name__ == f"a{name}"


def test_a_method_of_a_subclass_counts(tmp_path: Path) -> None:
    class Loud(Hippo):
        def delete(self, *ids, **options):
            raise ZeroDivisionError

    async def main() -> None:
        async with await Loud.aopen(tmp_path, encoder="hashing") as memory:
            await memory.adelete("a")

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())
