"""Advisory locks on manifests: readers share one, whoever builds or removes a snapshot holds it alone.

Locks are `flock` locks: they belong to the open file, so they end with the process however it ends. Where they do not
exist (Windows, some network file systems) readers go without and old snapshots are kept.
"""

import sys
from io import BufferedIOBase

__all__ = ["Held", "lock", "unlock"]

if sys.platform != "win32":
    import fcntl

Held = bool | None
"""True: the lock is ours. False: someone else holds it. None: no locks here."""


def lock(file: BufferedIOBase, *, exclusive: bool) -> Held:
    """Try to lock an open file, without waiting."""
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def unlock(file: BufferedIOBase) -> None:
    """Release a lock before its file is closed."""
    if sys.platform != "win32":
        fcntl.flock(file, fcntl.LOCK_UN)
