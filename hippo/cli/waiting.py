"""What a command says on standard error while a language model takes its time."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hippo.cli.evidence import taken
from hippo.cli.output import warn

if TYPE_CHECKING:
    from hippo import Hippo

__all__ = ["waiting"]


@contextmanager
def waiting(
    memory: "Hippo", *, as_json: bool, first: float = 5.0, each: float = 30.0
) -> "Iterator[Callable[[], None]]":
    """Say now and then what language models have done so far, if any was asked.

    Args:
        memory: Whose models are asked.
        as_json: Say it on a terminal only, so that lines do not mix with an error in JSON.
        first: Seconds before the first time.
        each: Seconds between two times.

    Yields:
        A function that ends it, for when something better can be shown.
    """
    done = threading.Event()

    def tell() -> None:
        seconds = first
        while not done.wait(seconds):
            seconds = each
            if usage := memory.usage:
                answered = any(one.requests or one.replayed for one in usage.values())
                so_far = f"so far {taken(usage)}" if answered else "no reply yet"
                warn(f"waiting for the language model: {so_far}; Ctrl-C ends it")

    teller = threading.Thread(target=tell, name="hippo-waiting", daemon=True)
    if not as_json or sys.stderr.isatty():
        teller.start()
    try:
        yield done.set
    finally:
        done.set()
        if teller.ident is not None:
            teller.join()
