"""Copying a store that may be in use."""

import shutil
import subprocess
import sys
from pathlib import Path

from hippo.durable import sync_file
from hippo.errors import IndexStateError
from hippo.store.connection import Connection, is_open_here
from hippo.store.turns import copying

__all__ = ["copy_store"]

_COPY = "import shutil, sys; shutil.copyfile(*sys.argv[1:])"


def copy_store(source: Path, target: Path) -> None:
    """Copy the file of a store between two transactions of its writer, if it has one.

    Raises:
        IndexBusyError: It is in use on a file system that knows no locks.
        IndexStateError: It could not be read or written.
    """
    with copying(source.parent) as undisturbed:
        if is_open_here(source):
            # Closing a file ends all locks that the process holds on it, DuckDB's among them.
            _copy_elsewhere(source, target)
        elif undisturbed:
            _copy(source, target)
        else:
            connection = Connection(source)
            try:
                _copy(source, target)
            finally:
                connection.close()
    sync_file(target)


def _copy(source: Path, target: Path) -> None:
    """The main file, and the log that a crash left beside it."""
    log = source.with_name(f"{source.name}.wal")
    shutil.copyfile(source, target)
    if log.exists():
        shutil.copyfile(log, target.with_name(f"{target.name}.wal"))


def _copy_elsewhere(source: Path, target: Path) -> None:
    """By another process."""
    command = [sys.executable, "-I", "-c", _COPY, str(source), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2]
        raise IndexStateError(str(source), f"it could not be copied: {reason}")
