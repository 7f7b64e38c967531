"""Named points of the library at which a process is killed: the beginning or the end of a function.

The library knows nothing of them. In a process that is watched the code of these functions is replaced, whoever has
imported them, by one that tells of the call and goes on with the old one; nothing else becomes slower. A function that
is renamed or moved makes `resolve` fail, so no point is missed in silence.
"""

import importlib
import inspect
import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

__all__ = ["POINTS", "count", "kill_at", "resolve"]

_BEGIN, _END = "begin", "end"
POINTS: Mapping[str, tuple[str, str]] = {
    "identity: written": ("hippo.identity:Identity.write", _END),
    "store: being made": ("hippo.store.store:_create", _BEGIN),
    "store: tables made": ("hippo.store.schema:migrate", _END),
    "store: about to be brought up to date": ("hippo.store.schema:migrate", _BEGIN),
    "store: named": ("hippo.store.store:_rename_new", _END),
    "store: rows inserted": ("hippo.store.journal:insert", _END),
    "store: rows deleted": ("hippo.store.journal:delete", _END),
    "store: committed, in the log": ("hippo.store.connection:Connection._checkpointed", _BEGIN),
    "store: checkpointed": ("hippo.store.connection:Connection._checkpointed", _END),
    "store: settings written": ("hippo.store.store:Store.set_meta", _END),
    "store: documents written": ("hippo.store.documents:Documents.put_documents", _END),
    "store: extractions written": ("hippo.store.extractions:Extractions.put_extractions", _END),
    "store: vectors written": ("hippo.store.embeddings:Embeddings.put_embeddings", _END),
    "store: old vectors removed": ("hippo.store.embeddings:Embeddings.keep_embeddings", _END),
    "store: closed": ("hippo.store.connection:Connection.close", _END),
    "store: about to be compacted": ("hippo.store.compact:compact", _BEGIN),
    "store: copied": ("hippo.store.rebuild:copy_tables", _END),
    "store: compacted": ("hippo.store.compact:compact", _END),
    "replies: about to be kept": ("hippo.llm.replies:Replies.put", _BEGIN),
    "replies: kept": ("hippo.llm.replies:Replies.put", _END),
    "file: about to be synced": ("hippo.durable:sync_file", _BEGIN),
    "file: synced": ("hippo.durable:sync_file", _END),
    "folder: about to be synced": ("hippo.durable:sync_directory", _BEGIN),
    "folder: synced": ("hippo.durable:sync_directory", _END),
    "file: about to be replaced": ("hippo.durable:replace_text", _BEGIN),
    "file: replaced": ("hippo.durable:replace_text", _END),
    "change: documents ingested": ("hippo.indexing.ingest:ingest", _END),
    "change: about to publish": ("hippo.indexing.publish:publish", _BEGIN),
    "change: published": ("hippo.indexing.publish:publish", _END),
    "change: done": ("hippo.indexing.add:add_documents", _END),
    "log: about to be written": ("hippo.fresh.log:Log._write", _BEGIN),
    "log: written": ("hippo.fresh.log:Log._write", _END),
    "log: next file begun": ("hippo.fresh.log:Log._begin", _END),
    "log: merged into the store": ("hippo.indexing.absorb:absorb", _END),
    "log: about to be dropped": ("hippo.fresh.log:Log.drop", _BEGIN),
    "log: dropped": ("hippo.fresh.log:Log.drop", _END),
    "snapshot: begun": ("hippo.snapshot.write:SnapshotWriter.__init__", _END),
    "snapshot: array written": ("hippo.snapshot.write:SnapshotWriter.array", _END),
    "snapshot: table written": ("hippo.snapshot.write:SnapshotWriter.table", _END),
    "snapshot: about to be completed": ("hippo.snapshot.write:SnapshotWriter._complete", _BEGIN),
    "snapshot: completed": ("hippo.snapshot.write:SnapshotWriter._complete", _END),
    "snapshot: about to be announced": ("hippo.snapshot.current:announce", _BEGIN),
    "snapshot: announced": ("hippo.snapshot.current:announce", _END),
    "snapshots: about to be removed": ("hippo.snapshot.remove:remove_old", _BEGIN),
    "snapshots: one removed": ("hippo.snapshot.remove:_remove", _END),
}
"""Function and end of it, by the name of the point."""


def count() -> Counter[str]:
    """Begin to count, in this process, how often each point is reached."""
    reached: Counter[str] = Counter()
    for name in POINTS:
        _watch(name, lambda name=name: reached.update((name,)))  # type: ignore[misc]
    return reached


def kill_at(point: str, times: int) -> None:
    """Have this process killed with SIGKILL when a point is reached for the so-and-so-many-th time."""
    left = times

    def passed() -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    _watch(point, passed)


def resolve(point: str) -> FunctionType:
    """The function of a point, without what decorates it.

    Raises:
        AttributeError: There is none.
    """
    module, _, path = POINTS[point][0].partition(":")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    function = inspect.unwrap(found)
    if not isinstance(function, FunctionType):
        raise AttributeError(f"{point}: {path} of {module} is no function")
    return function


def _watch(point: str, passed: Callable[[], None]) -> None:
    function, (_, end) = resolve(point), POINTS[point]
    inner = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    inner.__kwdefaults__ = function.__kwdefaults__

    def outer(*args: Any, **kwargs: Any) -> Any:
        if end == _BEGIN:
            passed()
        try:
            return inner(*args, **kwargs)
        finally:
            if end == _END:
                passed()

    # A function keeps its globals, so that is where the new code finds what it calls.
    name = f"watched {point}"
    function.__globals__[name] = outer
    function.__code__ = _stub.__code__.replace(co_names=(name,))
    function.__defaults__ = function.__kwdefaults__ = None


def _stub(*args: Any, **kwargs: Any) -> Any:
    return _outer(*args, **kwargs)


def _outer(*args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError
