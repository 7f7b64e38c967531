"""Runs a command for as long as the process that started this lives: `python -I keeper.py COMMAND…`.

Standard input has to be a pipe from that process, which is closed however it ends, by SIGKILL too. The command, and all
that it starts, is then ended. Standard output is a pipe as well: it is closed once they are gone. What the command
prints goes to standard error. This file is run as it is, and imports nothing of hippo.
"""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

__all__ = ["main"]

_GRACE = 10.0
"""Seconds between asking a command to end and ending it."""
_STEP = 0.1


def main() -> None:
    """Start the command, wait for its end or that of whoever started this, end what is left."""
    # A Ray worker that ends kills its children first, whose own ones would then be left.
    if os.fork():
        os._exit(0)
    # What is sent to the group of whoever asked, as when a terminal closes, must not end this before the command.
    os.setsid()
    child = subprocess.Popen(  # noqa: S603  (what hippo asked for, as a list)
        sys.argv[1:], stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno(), start_new_session=True
    )
    left = threading.Event()

    def watch() -> None:
        sys.stdin.buffer.read()
        left.set()

    threading.Thread(target=watch, daemon=True).start()
    while child.poll() is None and not left.wait(_STEP):
        pass
    if child.returncode is None:
        _signal(child.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE)
    _signal(child.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        child.wait(_GRACE)
    # Not `sys.exit`: the thread may hold the lock of standard input.
    os._exit(0)


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # gone, or of a dead process, as macOS says it
        os.killpg(group, number)


if __name__ == "__main__":
    main()
