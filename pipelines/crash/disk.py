"""Disks that fail: a library that lets one call to the disk fail, and a small file system that runs full."""

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["arm", "build_shim", "calls", "can_mount", "grow", "small_disk", "with_shim"]

_SHIM = "faulty_disk.so"


def build_shim(folder: Path) -> Path:
    """Compile the library.

    Raises:
        FileNotFoundError: There is no C compiler.
    """
    source, target = Path(__file__).with_name("faulty_disk.c"), folder / _SHIM
    command = ["cc", "-O2", "-shared", "-fPIC", "-o", str(target), str(source), "-ldl"]
    subprocess.run(command, check=True)  # noqa: S603
    return target


def with_shim(shim: Path, arguments: Sequence[str]) -> None:
    """Run this program anew with the library loaded, in place of this process. Does not return."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")  # it forks, often
    environment = {**os.environ, **one, "LD_PRELOAD": str(shim)}
    os.execve(sys.executable, [sys.executable, *arguments], environment)  # noqa: S606


def arm(root: Path, number: int, error: int = 0, *, sticky: bool = False) -> None:
    """Let a call of this process that changes a disk fail.

    Args:
        root: Calls on files below this folder are counted, from now on.
        number: Which of them fails; 0: none.
        error: The error number that it fails with.
        sticky: Whether all calls after it fail as well.
    """
    _library().faulty_arm(os.fsencode(root), ctypes.c_long(number), error, int(sticky))


def calls() -> int:
    """How many calls have been counted."""
    counted = _library().faulty_calls
    counted.restype = ctypes.c_long
    return int(counted())


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(os.environ["LD_PRELOAD"])


def can_mount(folder: Path) -> bool:
    """Whether file systems may be mounted here: that takes Linux, and the rights of an administrator."""
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.which("mount") is None or _mount("-t", "tmpfs", "-o", "size=64k", "hippo-crash", str(folder)):
        return False
    _unmount(folder)
    return True


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """A file system of its own at a folder, in memory, so many bytes large; `grown` gives it room."""
    folder.mkdir(parents=True, exist_ok=True)
    if status := _mount("-t", "tmpfs", "-o", f"size={size}", "hippo-crash", str(folder)):
        raise OSError(status, f"no file system could be mounted at {folder}")
    try:
        yield
    finally:
        _unmount(folder)


def grow(folder: Path) -> None:
    """Give a small disk all the room that it may want."""
    _mount("-o", "remount,size=512m", str(folder))


def _mount(*options: str) -> int:
    command = ["mount", *options]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode  # noqa: S603


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", str(folder)], check=True)  # noqa: S603, S607
