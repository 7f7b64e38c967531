"""What a target of `pipelines.fuzz` is."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

__all__ = ["Target", "must", "of_text", "written"]


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to try.

    Attributes:
        name: What it is called.
        share: Its share of the inputs, beside those of the others.
        batch: Inputs tried in one go, about a second's worth.
        make: An input: a text or bytes.
        check: Reads an input, within a folder of its own; gives the outcome in a word. Raises what it must not.
        allowed: Errors that it may raise besides those of `hippo.errors`.
    """

    name: str
    share: float
    batch: int
    make: Callable[[random.Random], str | bytes]
    check: Callable[[str | bytes, Path], str]
    allowed: tuple[type[Exception], ...] = ()


def of_text(
    name: str,
    share: float,
    batch: int,
    make: Callable[[random.Random], str],
    function: Callable[[str], str],
    allowed: tuple[type[Exception], ...] = (),
) -> Target:
    """A target that reads a text and needs no folder."""
    return Target(name, share, batch, make, partial(_call, function), allowed)


def _call(function: Callable[[str], str], value: str | bytes, _: Path) -> str:
    return function(value if isinstance(value, str) else value.decode("utf-8", "surrogatepass"))


def must(holds: bool, what: str) -> None:
    """Raise an AssertionError where something does not hold."""
    if not holds:
        raise AssertionError(what)


def written(path: Path, value: str | bytes) -> Path:
    """A file that holds an input; its folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value)
    return path
