"""Named points of the library at which a process is killed: the beginning or the end of a function.

The library knows nothing of them: Python tells a profiling hook of every call and return, and the hook compares code
objects. A function that is renamed or moved makes `resolve` fail, so no point is missed in silence.
"""

import importlib
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from types import CodeType, FrameType
from typing import Any

__all__ = ["POINTS", "count", "kill_at"]

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
    """Begin to count, in all threads that start from now on and in this one, how often each point is reached."""
    reached: Counter[str] = Counter()
    _watch(lambda name: reached.update((name,)))
    return reached


def kill_at(point: str, times: int) -> None:
    """Have this process killed with SIGKILL when a point is reached for the so-and-so-many-th time."""
    left = times

    def passed(name: str) -> None:
        nonlocal left
        if name == point:
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    _watch(passed)


def _watch(reached: Callable[[str], None]) -> None:
    names: dict[tuple[CodeType, str], str] = {}
    for name, (function, end) in POINTS.items():
        names[_resolve(function), "call" if end == _BEGIN else "return"] = name

    def hook(frame: FrameType, event: str, _: Any) -> None:
        name = names.get((frame.f_code, event))
        if name is not None:
            reached(name)

    threading.setprofile(hook)
    sys.setprofile(hook)


def _resolve(function: str) -> CodeType:
    module, _, path = function.partition(":")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    code: CodeType = found.__code__
    return code
