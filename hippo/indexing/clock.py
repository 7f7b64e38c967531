"""Wall time by stage, and progress for whoever wants to see it."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from hippo.protocols import ProgressCallback
from hippo.types import Progress

__all__ = ["Clock"]


class Clock:
    """Measures stages and reports progress.

    Args:
        callback: Is told of every step; None: nobody is.
    """

    def __init__(self, callback: ProgressCallback | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self._callback = callback

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside to a stage."""
        began = perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - began

    def tell(self, stage: str, done: int, total: int | None) -> None:
        """Report that `done` of `total` steps of a stage are done."""
        if self._callback:
            self._callback(Progress(stage, done, total))
