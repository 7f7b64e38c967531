"""What runs: stages, which are functions of one small row, and what every worker needs to know.

Rows say where shards are and carry no texts, so that they are cheap to send about. A stage reads the shards that a row
names, writes its own, and yields rows for the next one. It may be called twice with one row, on two machines at once:
what is there already is found by its key, and what is written is the same.
"""

import os
import platform
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time
from types import TracebackType
from typing import Any, Protocol, Self

from hippo.config import Config
from hippo.documents import Columns
from hippo.storage import Folder, LocalFolder

__all__ = ["Executor", "Plan", "Row", "Stage", "Work", "Worker", "peak_memory"]

Row = dict[str, Any]
"""Plain data, as JSON has it. Its `log` lists what stages have done: `stage`, `made`, `seconds`, `processor`, `peak`,
`worker`."""

Work = Callable[[Row], Iterable[Row]]
"""One stage at work. It may set `made` in a row: False where everything was there already."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What all workers know. It can be pickled.

    Attributes:
        work: Folder of the shards, which all workers can reach.
        config: The configuration.
        columns: Names of columns of tables.
        options: What a stage of your own needs besides, as plain data.
        trace: Whether a small file tells of every shard that is made, so that work done twice can be counted.
    """

    work: Folder
    config: Config = field(default_factory=Config)
    columns: Columns = field(default_factory=Columns)
    options: dict[str, Any] = field(default_factory=dict)
    trace: bool = False

    def __post_init__(self) -> None:
        # Workers of a cluster have a working folder of their own.
        if isinstance(self.work, LocalFolder):
            object.__setattr__(self, "work", LocalFolder(self.work.path.absolute()))

    def count(self, stage: str, key: str) -> None:
        """Leave a trace of a shard that was made, if traces are wanted."""
        if self.trace:
            self.work.write(f"trace/{stage}/{key}-{secrets.token_hex(8)}", b"")


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of a job, and what each of its workers holds.

    Attributes:
        name: Its name.
        work: Makes what does the work, once in each worker; a class or function at the top of a module.
        cpus: Processors that a worker takes; None: an equal share of what there is. On Ray alone.
        gpus: GPUs that a worker takes. On Ray alone.
    """

    name: str
    work: Callable[[Plan], Work]
    cpus: float | None = None
    gpus: float = 0.0


class Executor(Protocol):
    """Where stages run. A context: what was started for them is ended when it is left."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    @property
    def name(self) -> str:
        """Its name, such as "local"."""

    @property
    def workers(self) -> int:
        """Number of workers of each stage."""

    def run(self, plan: Plan, stages: Sequence[Stage], rows: Iterable[Row]) -> Iterator[Row]:
        """Send rows through stages, one after the other; what comes out of the last, in any order.

        Errors of a stage are raised as they are.
        """


class Worker:
    """One worker of one stage: makes what does the work when the first row comes, and keeps a log in the rows."""

    def __init__(self, plan: Plan, stage: Stage) -> None:
        self._plan, self._stage = plan, stage
        self._work: Work | None = None

    def __call__(self, row: Row) -> Iterator[Row]:
        """Rows that the stage makes of a row."""
        if self._work is None:
            self._work = self._stage.work(self._plan)
        began, worked = perf_counter(), process_time()
        for made in self._work(row):
            entry = {
                "stage": self._stage.name,
                "made": made.pop("made", True),
                "seconds": perf_counter() - began,
                "processor": process_time() - worked,
                "peak": peak_memory(),
                "worker": f"{platform.node()}:{os.getpid()}",
            }
            yield {**made, "log": [*made.get("log", []), entry]}
            began, worked = perf_counter(), process_time()


def peak_memory() -> int:
    """Most bytes of memory that this process has held so far; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    # Of a process that was just started, `getrusage` tells what its parent held. Not every Linux has this line.
    lines = status.read_text().splitlines() if status.exists() else []
    for line in lines:
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return 0
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
