"""Files that third-party packages parse are parsed in a process of their own, within limits of memory and time.

A file that crashes its parser, blows up in memory or never ends is skipped with the reason, and the others go on.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from hippo.documents.limits import Limits
from hippo.documents.source import FileInput
from hippo.documents.wire import OUT_OF_MEMORY, dump, item_of, load, longest_reply, raise_error, request_for
from hippo.errors import DocumentError, HippoError
from hippo.types import Document, Skipped

__all__ = ["ParserProcess"]

_MODULE = "hippo.documents.worker"
_READERS = "hippo.documents.formats"
_MOST_FILES = 1000
"""Files that one process reads, as libraries may leak; then a fresh one takes over."""
_START_SECONDS = 60.0
_BUFFER = 2**16
_CONVERT = "split it, or convert it to text"
_KEPT = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PYTHONHOME")
"""Variables that a process needs to start; the others may hold keys and passwords."""
_SPARING = {
    # Memory that is only reserved would count: one heap, one thread.
    "MALLOC_ARENA_MAX": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


class _LostError(Exception):
    """The process ended, or had to be ended, before it had replied."""


class ParserProcess:
    """A process that parses one file after the other. It is started when first needed, and again after it has died.

    Not to be used by two threads at once, nor for two files in turns.

    Args:
        limits: What one file may take.
        readers: Module whose `READERS` it offers, by suffix.

    Attributes:
        limits: See there.
    """

    def __init__(self, limits: Limits = Limits(), readers: str = _READERS) -> None:  # noqa: B008  (frozen)
        self.limits, self._readers = limits, readers
        self._running: _Running | None = None
        self._files = 0

    def __enter__(self) -> "ParserProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> int:
        """End the process, whatever it is doing; its exit status, 0 where there is none."""
        running, self._running, self._files = self._running, None, 0
        return running.end() if running else 0

    def read(self, file: FileInput) -> Iterator[Document | Skipped]:
        """Documents of a file, and what of it had to be left out.

        Time counts while this process waits for the other, not while the caller works on what it got.

        Raises:
            DocumentError: A column asked for is missing, or no process can be started.
            MissingExtraError: A package is not installed.
            OSError: The file cannot be read.
        """
        with file.path.open("rb") as stream:
            size = min(os.fstat(stream.fileno()).st_size, file.max_bytes)
        memory, seconds = self.limits.memory_for(size), self.limits.seconds_for(size)
        request, left, more = request_for(file, memory, seconds), seconds, True
        running = self._ready()
        while more:
            began = time.monotonic()
            try:
                reply = running.ask(request, left, longest_reply(file.max_bytes))
                raise_error(reply)
                items = [item_of(values, file.source) for values in reply["items"]]
                more = reply["more"] is True
            except _LostError:
                late = time.monotonic() - began >= left
                yield file.skip(_why(self.close(), late, memory, seconds))
                return
            except (ValueError, TypeError, KeyError) as error:
                self.close()
                yield file.skip(f"its parser gave no valid reply: {type(error).__name__}: {error}; {_CONVERT}")
                return
            except BaseException as error:
                if not isinstance(error, HippoError):
                    # Interrupted: the reply that is still to come would be taken for that to the next request.
                    self.close()
                raise
            left -= time.monotonic() - began
            request = {}
            yield from items

    def _ready(self) -> "_Running":
        if self._files >= _MOST_FILES or (self._running and not self._running.is_alive()):
            self.close()
        self._files += 1
        if self._running is None:
            self._running = _start(self._readers)
        return self._running


class _Running:
    """A process that runs, and its two pipes."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._requests = cast("BinaryIO", process.stdin)
        self._replies = cast("BinaryIO", process.stdout)

    def ask(self, request: Mapping[str, Any] | None, seconds: float, longest: int) -> Mapping[str, Any]:
        """The reply to a request; None only waits for one.

        Raises:
            _LostError: The process has ended, or was ended since the time was over.
            ValueError: The reply is none.
        """
        alarm = threading.Timer(min(max(seconds, 0.0), threading.TIMEOUT_MAX), self._process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            if request is not None:
                self._requests.write(dump(request) + b"\n")
                self._requests.flush()
            line = self._replies.readline(longest)
        except OSError as error:
            raise _LostError from error
        finally:
            alarm.cancel()
        if not line.endswith(b"\n"):
            if len(line) < longest:
                raise _LostError
            raise ValueError(f"more than {longest} bytes")
        reply = load(line)
        if not isinstance(reply, dict):
            raise ValueError("no object")
        return reply

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> int:
        self._process.kill()
        with suppress(OSError):
            self._requests.close()
        self._replies.close()
        return self._process.wait()


def _start(readers: str) -> _Running:
    """A process that has said that it is ready.

    Raises:
        DocumentError: There is none.
    """
    # -P: no module is imported from the working folder, which may be that of the documents.
    command = [sys.executable, "-P", "-B", "-m", _MODULE, readers]
    try:
        process = subprocess.Popen(  # noqa: S603  (our own module)
            command,
            bufsize=_BUFFER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        raise DocumentError(sys.executable, f"cannot be started to parse files: {error.strerror or error}") from error
    running = _Running(process)
    try:
        running.ask(None, _START_SECONDS, _BUFFER)
    except (_LostError, ValueError) as error:
        problem = f"ended with status {running.end()} when started to parse files"
        raise DocumentError(sys.executable, f"{problem}; `python -m {_MODULE} {readers}` may say why") from error
    except BaseException:
        running.end()
        raise
    return running


def _environment() -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[2])
    kept = {name: value for name, value in os.environ.items() if name.upper() in _KEPT}
    return kept | _SPARING | {"PYTHONPATH": os.pathsep.join([*filter(None, sys.path), root])}


def _why(status: int, late: bool, memory: int, seconds: float) -> str:
    """Why a process was lost, and what to do."""
    name = _name(status)
    if late or name == "SIGXCPU":
        return f"takes more than {seconds:.0f} s to read; {_CONVERT}, or raise documents.seconds"
    if status == OUT_OF_MEMORY:
        return f"takes more than {memory / 2**20:.0f} MiB of memory to read; {_CONVERT}, or raise documents.memory"
    return f"crashed its parser ({name}); {_CONVERT}"


def _name(status: int) -> str:
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"status {status}"
