"""A thread that opens newer snapshots of a memory by itself."""

import threading
import weakref
from pathlib import Path
from typing import Protocol

from hippo.errors import IndexClosedError

__all__ = ["Watcher"]

_SECONDS = 0.25
"""Between two looks. A look reads the state of one small file, which takes some microseconds."""
_FAR_SECONDS = 5.0
"""Between two looks at an object store, each a request."""


class _Refreshable(Protocol):
    path: Path

    def refresh(self, *, prepare: bool = False) -> bool: ...


class Watcher:
    """Refreshes a memory soon after a newer snapshot was published, until it is stopped or nobody has the memory.

    Looking now and then works on every file system, also where a change made elsewhere is not announced.

    Args:
        memory: Whose newest snapshot is kept open. It is not kept from being closed and collected.
        file: Changes with every snapshot; None: only the memory can tell, which takes a request to where it is from.

    Attributes:
        error: Why the newest snapshot could not be opened; None: nothing is wrong.
    """

    def __init__(self, memory: _Refreshable, file: Path | None) -> None:
        self.error: Exception | None = None
        self._memory = weakref.ref(memory)
        self._file = file
        self._seconds = _SECONDS if file else _FAR_SECONDS
        self._seen: tuple[int, ...] | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="hippo-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and wait for that."""
        self._stopped.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def in_child(self) -> "Watcher | None":
        """Its successor in a forked process, which has none of its parent's threads; None: it was stopped."""
        memory = None if self._stopped.is_set() else self._memory()
        return None if memory is None else Watcher(memory, self._file)

    def _watch(self) -> None:
        while not self._stopped.wait(self._seconds):
            state = self._state()
            if self._file is not None and state == self._seen and self.error is None:
                continue
            memory = self._memory()
            if memory is None:
                return
            try:
                memory.refresh(prepare=True)
            except IndexClosedError:
                return
            except Exception as error:
                self.error = error
            else:
                # Only now: what was published meanwhile is seen at the next look.
                self.error, self._seen = None, state
            del memory  # Or this thread would keep it until the next look.

    def _state(self) -> tuple[int, ...] | None:
        """What changes with every snapshot; None: there is none."""
        if self._file is None:
            return None
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
