"""A second writer is refused at once, or waits its turn if it was asked to."""

import asyncio
import json
import math
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from hippo import Hippo
from hippo.cli.app import app
from hippo.errors import ConfigError, IndexBusyError, InputError
from hippo.indexing.turn import open_in_turn
from hippo.maintenance import prune, repair
from hippo.store import Store

HOLD = """
import sys, pathlib
from hippo.store import Store
with Store.open(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        memory.add({"id": "a", "text": "Ada Lovelace met Charles Babbage."})
    return tmp_path / "index"


@pytest.fixture
def holder(root: Path):
    """Another process, which has the store open until it is told to let go."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        if process.poll() is None:
            process.communicate("\n")


def let_go(process: "subprocess.Popen[str]", seconds: float) -> None:
    def release() -> None:
        time.sleep(seconds)
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()

    threading.Thread(target=release).start()


def test_it_waits_and_says_for_whom(root: Path, holder: "subprocess.Popen[str]") -> None:
    with Hippo.open(root) as memory, pytest.raises(IndexBusyError, match=f"process {holder.pid}"):
        memory.add("Rome lies on the Tiber.")
    told = []
    with Hippo.open(root, wait=60) as memory:
        let_go(holder, 1.0)
        report = memory.add("Rome lies on the Tiber.", progress=told.append)
    assert report.added == 1
    assert report.seconds["wait"] > 0.5
    waits = [step for step in told if step.stage == f"wait for process {holder.pid}"]
    assert waits[0].total is None
    assert waits[-1].done == waits[-1].total


def test_a_selection_waits_like_the_deletion_it_foretells(root: Path, holder: "subprocess.Popen[str]") -> None:
    with Hippo.open(root) as memory, pytest.raises(IndexBusyError, match=f"process {holder.pid}"):
        memory.select("a")
    with Hippo.open(root, wait=60) as memory:
        let_go(holder, 0.5)
        assert memory.select("a") == ["a"]


def test_it_gives_up_in_time(root: Path, holder: "subprocess.Popen[str]") -> None:
    with Hippo.open(root, wait=0.5) as memory:
        began = time.monotonic()
        with pytest.raises(IndexBusyError, match=f"process {holder.pid}"):
            memory.delete("a")
        assert time.monotonic() - began >= 0.5
        assert memory.status().documents == 1
    with pytest.raises(IndexBusyError):
        prune(root, wait=0.2)


@pytest.mark.parametrize(
    "command",
    [["doctor", "--repair"], ["synonyms", "--accept", "Ada Lovelace", "Charles Babbage"]],
    ids=lambda one: one[0],
)
def test_commands_wait_that_change_no_documents(
    root: Path, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, *options = command
    begun, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with Store.open(root):
            begun.set()
            enough.wait(60)

    holding = threading.Thread(target=hold)
    holding.start()
    begun.wait(60)
    refused = CliRunner().invoke(app, [name, str(root), *options, "--json"])
    assert (refused.exit_code, json.loads(refused.stderr)["error"]) == (1, "IndexBusyError")
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        enough.set()
        await asyncio.sleep(seconds)

    # The store is let go because somebody waits for it, and not before.
    monkeypatch.setattr("hippo.indexing.turn.asyncio", SimpleNamespace(sleep=pause))
    done = CliRunner().invoke(app, [name, str(root), *options, "--json", "--wait", "60"])
    enough.set()
    holding.join()
    assert done.exit_code == 0, done.output
    assert pauses
    assert json.loads(done.stdout).get("sound", True)


def test_who_asks_later_does_not_come_first(root: Path) -> None:
    order: list[str] = []

    def wait() -> None:
        with open_in_turn(root, wait=60):
            order.append("waited")

    thread = threading.Thread(target=wait)
    with Store.open(root):
        thread.start()
        time.sleep(0.5)
    # It has begun to wait long ago and looks at most four times a second.
    with pytest.raises(IndexBusyError, match=r"which came first|has it open already"):
        open_in_turn(root)
    thread.join()
    assert order == ["waited"]
    open_in_turn(root).close()


def test_several_wait_and_all_get_their_turn(root: Path) -> None:
    failures: list[BaseException] = []

    def add(number: int) -> None:
        try:
            with Hippo.open(root, wait=120) as memory:
                memory.add({"id": f"{number}", "text": f"Person{number} lives in Town{number}."})
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=add, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Hippo.open(root) as memory:
        assert memory.status().documents == 7


def test_a_cancelled_task_does_not_change_anything_later(root: Path) -> None:
    async def main(memory: Hippo) -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(memory.aadd("Rome lies on the Tiber."), 0.5)

    with Hippo.open(root, wait=math.inf) as memory:
        with Store.open(root):
            asyncio.run(main(memory))
        time.sleep(1.0)
        assert not memory.refresh()
        assert memory.status().documents == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals to processes are another thing on Windows")
def test_ctrl_c_ends_the_wait_of_the_command(root: Path, holder: "subprocess.Popen[str]", tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Rome lies on the Tiber.")
    # Whoever runs these tests in the background has it ignore the signal, and so would the command.
    start = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from hippo.cli.app import run; run()"
    )
    command = [sys.executable, "-c", start, "index", str(root), str(tmp_path / "notes.txt"), "--wait", "600"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None
    line = ""
    while "wait for" not in line:
        line = process.stderr.readline()
        assert line, "it ended before it waited"
    assert f"wait for process {holder.pid}: " in line
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in said


def test_what_cannot_be_waited_for(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"indexing\.wait_seconds.*must be 0 or more, got -1"):
        Hippo.open(root, wait=-1)
    for change in (prune, repair):
        with pytest.raises(InputError, match="wait must be 0 seconds or more, got nan"):
            change(root, wait=math.nan)
    with Hippo.open(root, config={"indexing": {"wait_seconds": 2.5}}) as memory:
        assert memory.config.indexing.wait_seconds == 2.5
