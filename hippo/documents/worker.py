"""The process that parses files for another: `python -m hippo.documents.worker READERS`, started by `ParserProcess`.

READERS is the module whose readers it offers. Requests come on standard input, replies go to standard output, as
`hippo.documents.wire` has them. It ends with its input. Where the system has the means (Linux), it takes no more memory
than its requests say; where it has `resource` (not Windows), it also takes no more time of the processor, writes no
files and leaves no core dumps.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from hippo.documents.source import FileInput
from hippo.documents.wire import BATCH_BYTES, OUT_OF_MEMORY, dump, file_of, line_of, load
from hippo.errors import DocumentError, MissingExtraError
from hippo.types import Document, Skipped

resource: Any = None
with suppress(ImportError):  # Windows has none
    resource = import_module("resource")

__all__ = ["main"]

_MOST_ITEMS = 256
"""Items of a reply."""
_STATM = Path("/proc/self/statm")
_Item = Document | Skipped


def main() -> None:
    """Answer requests until there are no more."""
    readers = import_module(sys.argv[1]).READERS
    # Whoever presses Ctrl+C means the process that asks, which ends this one if it has to.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = _private_output()
    _forbid_files()
    _answer(replies, b'{"items":[],"more":false}')
    items: Iterator[_Item] = iter(())
    max_bytes = 0
    for line in sys.stdin.buffer:
        try:
            request = load(line)
            if request:
                file = file_of(request)
                items, max_bytes = _read(file, readers), file.max_bytes
                _limit(request["memory"], request["seconds"])
            reply = _batch(items, max_bytes)
        except MemoryError:
            # No memory may be left to say so.
            os._exit(OUT_OF_MEMORY)
        _answer(replies, reply)


def _private_output() -> BinaryIO:
    """Standard output for replies alone: what libraries print goes nowhere."""
    replies = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return replies


def _answer(replies: BinaryIO, reply: bytes) -> None:
    try:
        replies.write(reply + b"\n")
        replies.flush()
    except BrokenPipeError:
        # Whoever asked is gone.
        os._exit(1)


def _read(file: FileInput, readers: Mapping[str, Callable[[FileInput], Iterator[_Item]]]) -> Iterator[_Item]:
    """Items of a file; the parsers raise almost anything about a damaged one, and then it is skipped."""
    suffix = file.path.suffix.lower()
    try:
        yield from readers[suffix](file)
    except (DocumentError, MissingExtraError, MemoryError):
        raise
    except Exception as error:
        yield file.skip(f"no readable {suffix[1:].upper()}: {type(error).__name__}: {error}")


def _batch(items: Iterator[_Item], max_bytes: int) -> bytes:
    """The next reply."""
    lines: list[bytes] = []
    size = 0
    try:
        for item in items:
            lines.append(line_of(item, max_bytes))
            size += len(lines[-1])
            if size >= BATCH_BYTES or len(lines) == _MOST_ITEMS:
                return _reply(lines, more=True)
    except (DocumentError, MissingExtraError) as error:
        return dump({"error": type(error).__name__, "args": list(error.args)})
    return _reply(lines, more=False)


def _reply(lines: list[bytes], *, more: bool) -> bytes:
    return b'{"items":[' + b",".join(lines) + b'],"more":' + dump(more) + b"}"


def _forbid_files() -> None:
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _limit(memory: int, seconds: float) -> None:
    """Limit what the next file may take, besides what was taken before."""
    if resource is None:
        return
    # Twice the seconds, since more than one thread may count: the clock of the process that asks comes first.
    _set(resource.RLIMIT_CPU, int(time.process_time() + 2 * seconds) + 1)
    if _STATM.exists():
        pages = int(_STATM.read_text(encoding="ascii").split()[0])
        _set(resource.RLIMIT_AS, pages * resource.getpagesize() + memory)


def _set(kind: int, limit: int) -> None:
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


if __name__ == "__main__":
    main()
