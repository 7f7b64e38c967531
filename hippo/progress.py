"""Progress of long work on standard error: bars on a terminal, a line now and then elsewhere."""

import os
import sys
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from hippo.errors import InputError
from hippo.types import Progress

if TYPE_CHECKING:
    from rich.progress import TaskID

__all__ = ["ProgressBars"]


class _Display(Protocol):
    def show(self, progress: Progress) -> None: ...

    def close(self) -> None: ...


class ProgressBars:
    """Shows the progress of long work: one bar per stage on a terminal, else lines.

    A `hippo.protocols.ProgressCallback` while it is entered.

    Args:
        quiet: Show nothing.
        stream: Where to; None: standard error, as it is when entered.
        interval: Least seconds between two lines of a stage where there is no terminal; the end of a stage is always
            shown.

    Examples:
        >>> with ProgressBars(stream=sys.stdout) as progress:
        ...     progress(Progress("embed", 1024, 1024))
        embed: 1024 of 1024
    """

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None, interval: float = 5.0) -> None:
        self._quiet = quiet
        self._stream = stream
        self._interval = interval
        self._display: _Display | None = None

    def __enter__(self) -> Self:
        stream = self._stream or sys.stderr
        if self._quiet:
            self._display = _Nothing()
        elif stream.isatty() and os.environ.get("TERM") != "dumb":
            self._display = _Bars(stream)
        else:
            self._display = _Lines(stream, self._interval)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._display is not None:
            self._display.close()
        self._display = None

    def __call__(self, progress: Progress) -> None:
        """Show a step.

        Raises:
            InputError: Not entered.
        """
        if self._display is None:
            raise InputError(
                "ProgressBars shows progress inside a with statement: with ProgressBars() as progress: ..."
            )
        if progress.total != 0:  # nothing to do is nothing to show
            self._display.show(progress)


class _Nothing:
    def show(self, progress: Progress) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class _Lines:
    """A line when a stage ends, and every `interval` seconds while it lasts."""

    def __init__(self, stream: TextIO, interval: float) -> None:
        self._stream = stream
        self._interval = interval
        self._shown: dict[str, float] = {}

    def show(self, progress: Progress) -> None:
        now = monotonic()
        # A stage that ends before its first line is due is shown by its last one alone.
        due = now - self._shown.setdefault(progress.stage, now) >= self._interval
        if due or progress.done == progress.total:
            self._shown[progress.stage] = now
            of = "" if progress.total is None else f" of {progress.total}"
            self._stream.write(f"{progress.stage}: {progress.done}{of}\n")
            self._stream.flush()

    def close(self) -> None:
        """Every line is written already."""


class _Bars:
    """One bar per stage."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(file=stream),
        )
        self._tasks: dict[str, TaskID] = {}
        self._bars.start()

    def show(self, progress: Progress) -> None:
        if progress.stage not in self._tasks:
            self._tasks[progress.stage] = self._bars.add_task(progress.stage, total=progress.total)
        self._bars.update(self._tasks[progress.stage], completed=progress.done, total=progress.total)

    def close(self) -> None:
        self._bars.stop()
