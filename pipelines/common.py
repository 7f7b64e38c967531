"""What the jobs share: their arguments, results for people and for programs, a test server in a process of its own."""

import argparse
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["fetch", "markdown", "new_parser", "publish", "read", "server", "server_process", "table", "write"]


def new_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser that shows a module's description, and knows where results go."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a table")
    parser.add_argument("--out", type=Path, help="JSON file for the results")
    return parser


def publish(arguments: argparse.Namespace, result: Any, text: str) -> None:
    """Print a result, as text or as JSON, and write it to a file if one is wanted.

    Args:
        arguments: Of `new_parser`.
        result: Plain data.
        text: The same for people.
    """
    print(json.dumps(result, indent=1, ensure_ascii=False) if arguments.json else text)
    if arguments.out:
        write(arguments.out, result)


def write(path: Path, result: Any) -> None:
    """Write plain data as JSON; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(path: Path) -> Any:
    """What `write` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Aligned columns, the first to the left, the others to the right.

    Examples:
        >>> print(table(["run", "seconds"], [["clean", 1.5], ["killed", 12.25]]))
        run     seconds
        clean       1.5
        killed    12.25
    """
    lines = [list(header), *([str(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in lines
    )


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """A table in Markdown, whose first columns stand to the left, the others to the right.

    Examples:
        >>> print(markdown(["run", "seconds"], [["clean", "1.5"]]))
        | run | seconds |
        |---|---:|
        | clean | 1.5 |
    """
    marks = "|".join("---" if place < left else "---:" for place in range(len(header)))
    return "\n".join([f"| {' | '.join(header)} |", f"|{marks}|", *(f"| {' | '.join(row)} |" for row in rows)])


@contextmanager
def server(latency: float, *options: str) -> Iterator[str]:
    """A test server in a process of its own; its address, without "/v1". Arguments are those of `server_process`."""
    with server_process(latency, *options) as (url, _):
        yield url


@contextmanager
def server_process(latency: float, *options: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A test server in a process of its own: its address, without "/v1", and the process.

    Args:
        latency: Seconds that it takes to answer.
        options: Further ones of `python -m hippo.testing.server`.
    """
    command = [sys.executable, "-m", "hippo.testing.server", "--port", "0", "--latency", str(latency), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603  (our own module)
    try:
        assert process.stdout is not None  # noqa: S101  (it is a pipe)
        yield process.stdout.readline().strip().removesuffix("/v1"), process
    finally:
        process.terminate()
        process.communicate()


def fetch(url: str) -> Any:
    """JSON at an address on this machine."""
    with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310  (our own server)
        return json.load(reply)
