"""Functions that put work off: to a thread, to the first who needs it. Importing this loads no event loop."""

import functools
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

__all__ = ["in_thread_of", "kept", "once"]

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


class kept(Generic[S, T]):  # noqa: N801  (used as `cached_property` is)
    """A property that is made when it is first asked for: once, however many threads ask.

    From Python 3.12 on `functools.cached_property` makes it for each of them.

    Args:
        make: Makes it of the object.
    """

    def __init__(self, make: Callable[[S], T]) -> None:
        self._make, self._name = make, make.__name__
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: S, owner: type) -> T: ...
    def __get__(self, instance: S | None, owner: type) -> Self | T:
        """The property; from the second time on the object has it and this is not called."""
        if instance is None:
            return self
        values = vars(instance)
        with values.setdefault("_kept_lock", threading.RLock()):
            if self._name not in values:
                values[self._name] = self._make(instance)
            found: T = values[self._name]
            return found
