"""Work in forked children of a process that has imported everything and opened nothing.

A child begins in a millisecond, where a new interpreter takes a second, and may be killed, fail or crash without harm
to the parent. DuckDB is opened in children alone: it must not be open when a process forks.
"""

import atexit
import gc
import importlib.util
import json
import os
import select
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hippo import registry
from hippo.errors import HippoError

__all__ = ["Child", "Ended", "preload", "start"]

_PATIENCE = 300.0
_LAZY = ("hippo.retrieval.retrieve", "hippo.maintenance", "duckdb", "pyarrow.compute", "scipy.sparse.csgraph")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended.

    Attributes:
        how: "done", "error" (one of hippo's), "raised" (any other), "signal" (with its number as the value) or
            "patience", where it had to be killed because it took too long.
        value: What the task returned; else the message.
        seconds: How long it took.
    """

    how: str
    value: Any
    seconds: float


class Child:
    """A task that runs in a forked process. Made by `start`."""

    def __init__(self, process: int, pipe: int) -> None:
        self.process, self._pipe, self._began = process, pipe, time.perf_counter()

    def wait(self, patience: float = _PATIENCE) -> Ended:
        """Wait for the end."""
        told = bytearray()
        end = self._began + patience
        while select.select([self._pipe], [], [], max(end - time.perf_counter(), 0.0))[0]:
            part = os.read(self._pipe, 1 << 16)
            if not part:
                break
            told += part
        else:
            self.kill()
        os.close(self._pipe)
        _, status = os.waitpid(self.process, 0)
        seconds = time.perf_counter() - self._began
        if seconds > patience and os.WIFSIGNALED(status):
            return Ended("patience", f"not done after {patience:g} seconds", seconds)
        if os.WIFSIGNALED(status):
            return Ended("signal", os.WTERMSIG(status), seconds)
        how, value = json.loads(told)
        return Ended(how, value, seconds)

    def kill(self) -> None:
        """SIGKILL."""
        os.kill(self.process, signal.SIGKILL)


def start(task: Callable[[], Any]) -> Child:
    """Run a task in a child.

    Args:
        task: Returns what JSON can hold.
    """
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return Child(process, reading)
    os.close(reading)
    answer: list[Any]
    try:
        answer = ["done", task()]
    except HippoError as error:
        answer = ["error", f"{type(error).__name__}: {error}"]
    except BaseException:
        answer = ["raised", traceback.format_exc()]
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(json.dumps(answer).encode())
    os._exit(0)


def preload(first: Callable[[Path], object], again: Callable[[Path], object]) -> None:
    """Import, load and compile what tasks use, so that no child has to.

    Args:
        first: A task that uses everything, given an empty folder. It runs in a child, which tells what it imported.
        again: Given what `first` left, does here what neither opens DuckDB nor begins threads: a process that forks
            must have no such thing.

    Raises:
        RuntimeError: The first task failed, or the second has begun threads.
    """
    for name in _LAZY:
        importlib.import_module(name)
    registry.names("encoder")  # Entry points are read once, for all kinds.
    with tempfile.TemporaryDirectory(prefix="hippo-crash-") as folder:

        def names() -> list[str]:
            first(Path(folder))
            return list(sys.modules)

        ended = start(names).wait()
        if ended.how != "done":
            raise RuntimeError(f"without any harm: {ended.value}")
        for name in ended.value:
            # Modules that compiled code registers under names of its own cannot be imported by them.
            if name not in sys.modules and importlib.util.find_spec(name.partition(".")[0]):
                importlib.import_module(name)
        again(Path(folder))
    if threading.active_count() > 1:
        raise RuntimeError(f"threads in a process that forks: {threading.enumerate()}")
    # What is there from now on is not looked at by any child, and so not copied.
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # DuckDB complains of what is never looked at.
