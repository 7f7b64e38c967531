"""Printing: results on standard output, everything else on standard error, errors as one line or one JSON object."""

import functools
import json
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

import typer

from hippo.errors import HippoError

if TYPE_CHECKING:
    from rich.console import Console

    from hippo.progress import ProgressBars

__all__ = ["INTERRUPTED", "console", "counted", "print_json", "printable", "progress_bars", "reported", "warn"]

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells have it."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_PIPED_WIDTH = 100_000
"""Wider than any line, so that what goes into a pipe or file is not wrapped."""


def console() -> "Console":
    """Standard output: styled and wrapped on a terminal, plain elsewhere."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    return Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False)


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number of things.

    Examples:
        >>> counted(1, "fact"), counted(0, "fact"), counted(2, "entity", "entities")
        ('1 fact', '0 facts', '2 entities')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


def printable(text: str) -> str:
    r"""Text without control characters, which could steer the terminal; line breaks and tabs stay.

    Examples:
        >>> printable("a\x1b[31mb")
        'a�[31mb'
    """
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def print_json(value: Any) -> None:
    """Print a value as one JSON document on standard output."""
    sys.stdout.write(_dump(value, sys.stdout, indent=2) + "\n")


def warn(text: str) -> None:
    """Print a message on standard error."""
    sys.stderr.write(printable(text) + "\n")


def progress_bars(*, quiet: bool, as_json: bool) -> "ProgressBars":
    """Progress on standard error; with `as_json` only on a terminal, so that lines do not mix with an error in JSON."""
    from hippo.progress import ProgressBars

    return ProgressBars(quiet=quiet or (as_json and not sys.stderr.isatty()))


def reported(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose errors become a message and an exit code.

    A `HippoError` or `OSError` exits with 1 and one line, or with one JSON object if the command was given `--json`;
    Ctrl-C exits with 130; a reader that has closed its end of the pipe is no news and exits with 1.
    """

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
            sys.stdout.flush()
        except BrokenPipeError:
            _leave_pipe()
            raise typer.Exit(1) from None
        except (HippoError, OSError) as error:
            _report(error, as_json=bool(options.get("json_")))
            raise typer.Exit(1) from error
        except KeyboardInterrupt:
            warn("interrupted; what was done is kept, and the same command goes on from there")
            raise typer.Exit(INTERRUPTED) from None

    return run


def _report(error: HippoError | OSError, *, as_json: bool) -> None:
    if as_json:
        data = (
            error.to_dict()
            if isinstance(error, HippoError)
            else {"error": type(error).__name__, "message": str(error), "values": [str(value) for value in error.args]}
        )
        sys.stderr.write(_dump(data, sys.stderr) + "\n")
    else:
        warn(f"error: {' '.join(str(error).split())}")


def _dump(value: Any, stream: TextIO, indent: int | None = None) -> str:
    utf8 = (stream.encoding or "").lower().replace("-", "") == "utf8"
    return json.dumps(value, ensure_ascii=not utf8, indent=indent)


def _leave_pipe() -> None:
    """Point standard output at nothing, so that flushing it at exit does not fail again."""
    import os

    with open(os.devnull, "w") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), sys.stdout.fileno())
