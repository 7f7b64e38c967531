"""Functions that put work off: to a thread, to the first who needs it. Importing this loads no event loop."""

import functools
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

__all__ = ["in_thread_of", "once"]

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


def in_thread_of(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """The asynchronous variant of a method: the same call, made by `in_thread`. A subclass's own method counts."""

    @functools.wraps(method)
    async def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        bound: Callable[..., T] = getattr(self, method.__name__)
        from hippo.background import in_thread

        return await in_thread(bound, *args, **kwargs)

    call.__name__, call.__qualname__ = f"a{method.__name__}", method.__qualname__.replace(".", ".a")
    call.__doc__ = f"`{method.__name__}` without blocking the event loop; arguments and errors are the same."
    return call


def once(make: Callable[[], T]) -> Callable[[], T]:
    """A function that makes its value when it is first called, and gives the same one from then on, in every thread."""
    made: list[T] = []
    making = threading.Lock()

    def get() -> T:
        with making:
            if not made:
                made.append(make())
            return made[0]

    return get
