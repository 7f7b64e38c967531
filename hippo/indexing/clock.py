"""Wall and processor time by stage, and progress for whoever wants to see it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter, process_time

from hippo.protocols import ProgressCallback
from hippo.tracing import span
from hippo.types import Progress

__all__ = ["Clock"]


class Clock:
    """Measures stages and reports progress.

    Args:
        callback: Is told of every step; None: nobody is.

    Attributes:
        seconds: Wall time by stage; they follow each other, so it adds up to the whole.
        processor: Processor time of this process by stage, that of what went on beside it included.
        beside: Wall time of what another thread did of a stage while an earlier one went on, whose `seconds` hold it.
        ahead: Steps of a stage that were done so.
    """

    def __init__(self, callback: ProgressCallback | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self.processor: dict[str, float] = {}
        self.beside: dict[str, float] = {}
        self.ahead: dict[str, int] = {}
        self._callback = callback

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside to a stage, which is a span too."""
        began, worked = perf_counter(), process_time()
        try:
            with span(f"hippo.index.{name.replace(' ', '_')}"):
                yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - began
            self.processor[name] = self.processor.get(name, 0.0) + process_time() - worked

    @contextmanager
    def waiting(self) -> Iterator[Callable[[str, float], None]]:
        """Time spent waiting for another writer, if any; the yielded function reports for whom and how many seconds."""
        stage, seconds = "", 0

        def tell(who: str, waited: float) -> None:
            nonlocal stage, seconds
            stage, seconds = f"wait for {who}", int(waited)
            self.tell(stage, seconds, None)

        began = perf_counter()
        try:
            yield tell
        finally:
            if stage:
                self.seconds["wait"] = perf_counter() - began
                self.tell(stage, seconds, seconds)

    def tell(self, stage: str, done: int, total: int | None) -> None:
        """Report that `done` of `total` steps of a stage are done, besides those that were done ahead."""
        ahead = self.ahead.get(stage, 0)
        if self._callback:
            self._callback(Progress(stage, done + ahead, None if total is None else total + ahead))

    def tell_ahead(self, stage: str, steps: int) -> None:
        """Report that so many more steps of a stage that has not begun are done."""
        self.ahead[stage] = self.ahead.get(stage, 0) + steps
        self.tell(stage, 0, None)
