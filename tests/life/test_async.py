"""Asynchronous variants leave the event loop free, whatever they do."""

import asyncio
import inspect
import shutil
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from hippo import Document, Hippo
from hippo.durable import locked
from hippo.fresh.log import FOLDER
from hippo.testing import HashingEncoder, ScriptedLLM

PATIENCE = 60.0
"""Seconds that work waits for the loop to come round; it does so at once, however busy the machine, unless blocked."""


class Gate:
    """Work that calls it waits until the event loop has come round.

    Attributes:
        loop: The loop; None: it is not waited for.
        passed: How often the loop came round in the midst of work.
        blocked: How often it did not.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self.passed = self.blocked = 0
        self._patience = patience

    def __call__(self, *_: object) -> None:
        if self.loop is None:
            return
        turned = threading.Event()
        self.loop.call_soon_threadsafe(turned.set)
        if turned.wait(self._patience):
            self.passed += 1
        else:
            self.blocked += 1


class GatedEncoder(HashingEncoder):
    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate

    def encode(self, texts, *, kind="passage"):
        self.gate()
        return super().encode(texts, kind=kind)


async def streamed(memory: Hippo) -> None:
    async for _ in await memory.aask_stream("Whom did Ada Lovelace meet?"):
        pass


async def forgotten(memory: Hippo, gate: Gate) -> None:
    """The log is held until the loop has come round, which it could not if it waited for the log."""
    begun, held = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(memory.path / FOLDER, exclusive=True):
            begun.set()
            held.wait(PATIENCE)
            gate()

    holding = threading.Thread(target=hold)
    holding.start()
    begun.wait(PATIENCE)
    forgetting = asyncio.ensure_future(memory.aforget("b"))
    await asyncio.sleep(0)
    held.set()
    await forgetting
    holding.join()


CALLS: dict[str, Callable[[Hippo, Path, Gate], Awaitable[Any]]] = {
    "aadd": lambda memory, *_: memory.aadd({"id": "c", "text": "Delft lies in Holland."}),
    "aadd_files": lambda memory, folder, _: memory.aadd_files(folder),
    "aupdate": lambda memory, *_: memory.aupdate("a", text="Ada Lovelace met Mary Somerville."),
    "adelete": lambda memory, _, gate: memory.adelete("a", progress=gate),
    "async_": lambda memory, folder, _: memory.async_(folder),
    "aremember": lambda memory, *_: memory.aremember("Delft lies in Holland."),
    "amerge": lambda memory, _, gate: memory.amerge(progress=gate),
    "aforget": lambda memory, _, gate: forgotten(memory, gate),
    "aretrieve": lambda memory, *_: memory.aretrieve("Whom did Ada Lovelace meet?"),
    "aretrieve_many": lambda memory, *_: memory.aretrieve_many(["Whom did Ada Lovelace meet?", "Who?"]),
    "aask": lambda memory, *_: memory.aask("Whom did Ada Lovelace meet?"),
    "aask_many": lambda memory, *_: memory.aask_many(["Whom did Ada Lovelace meet?", "Who?"]),
    "aask_stream": lambda memory, *_: streamed(memory),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with a document, and another that was remembered since."""
    root = tmp_path_factory.mktemp("async") / "index"
    with Hippo.open(root, encoder="hashing") as memory:
        memory.add({"id": "a", "text": "Ada Lovelace met Charles Babbage."})
        memory.remember(Document("Charles Babbage lived in London.", id="b"))
    return root


@pytest.mark.parametrize("name", CALLS)
def test_the_loop_comes_round_while_it_works(tmp_path: Path, made: Path, name: str) -> None:
    shutil.copytree(made, tmp_path / "index")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "rome.txt").write_text("Rome lies on the Tiber.")
    gate = Gate()

    async def main() -> None:
        async with await Hippo.aopen(tmp_path / "index", encoder=GatedEncoder(gate), llm=ScriptedLLM()) as memory:
            gate.loop = asyncio.get_running_loop()
            await CALLS[name](memory, tmp_path / "notes", gate)
            gate.loop = None

    asyncio.run(main())
    assert gate.passed, "it did nothing that could have blocked the loop"
    assert not gate.blocked


def test_the_measure_sees_a_blocked_loop() -> None:
    gate = Gate(patience=0.1)

    async def blocks() -> None:
        gate.loop = asyncio.get_running_loop()
        gate()

    asyncio.run(blocks())
    assert (gate.passed, gate.blocked) == (0, 1)


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
