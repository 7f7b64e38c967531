"""Mending an index: what is damaged is made again from what is sound.

The store can make every snapshot again, and a snapshot holds all documents, so as long as one of the two is sound
nothing is lost but what was added and never published.
"""

import secrets
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from hippo.durable import sync_directory
from hippo.engine import Hippo
from hippo.identity import IDENTITY_FILE, Identity
from hippo.llm import REPLIES_FILE, Replies
from hippo.maintenance.doctor import check, sound_snapshots
from hippo.snapshot import Snapshot
from hippo.snapshot.current import TEMPORARY, announce, folder
from hippo.store import STORE_FILE, Store
from hippo.store.rebuild import rebuild
from hippo.types import Health

if TYPE_CHECKING:
    from hippo.protocols import Encoder, Extractor, ProgressCallback

__all__ = ["repair"]


def repair(
    path: str | Path,
    *,
    encoder: "str | Encoder | None" = None,
    extractor: "str | Extractor | None" = None,
    progress: "ProgressCallback | None" = None,
) -> Health:
    """Examine an index, make what is damaged again, and examine it once more.

    Damaged files that may hold something of worth are kept under other names. An index that is sound is left alone.

    Args:
        path: Folder of the index.
        encoder: As for `Hippo.open`, for what has to be embedded again.
        extractor: As for `Hippo.open`, for what has to be extracted again.
        progress: Is told of every step.

    Returns:
        The state afterwards; `Health.repaired` says what was done.

    Raises:
        IndexBusyError: A writer is at work.
        IndexCorruptError: Neither the store nor any snapshot is sound.
        IndexPathError: There is no index.
    """
    root = Path(path)
    before = check(root)
    if before.sound:
        return before
    damaged = {problem.part for problem in before.problems}
    done: list[str] = []
    sound, broken = sound_snapshots(root)
    if "store" in damaged:
        done += _repair_store(root, sound)
    if "identity" in damaged:
        with Store.open(root) as store:
            stored = Identity.from_meta(store.meta())
        (root / IDENTITY_FILE).unlink()
        if stored is not None:
            stored.write(root)
        done.append(f"{IDENTITY_FILE} was written again")
    for name in broken:
        _remove(folder(root) / name)
        done.append(f"snapshot {name} was removed")
    if broken or "current" in damaged:
        announce(root, sound[-1] if sound else None)
        done.append(f"readers open snapshot {sound[-1]}" if sound else "readers wait for a snapshot")
    if "replies" in damaged:
        done.append(_repair_replies(root / REPLIES_FILE))
    if broken or not sound or "store" in damaged:
        with Hippo.open(root, encoder=encoder, extractor=extractor) as memory:
            report = memory.add([], progress=progress)
        done.append(f"snapshot {report.snapshot} was published")
    return replace(check(root), repaired=tuple(done))


def _repair_store(root: Path, sound: list[str]) -> list[str]:
    if not sound:
        return rebuild(root / STORE_FILE, None, {})
    with Snapshot.open(root, sound[-1]) as snapshot:
        documents, chunks = snapshot.table("documents"), snapshot.table("chunks")
        meta = Identity.from_info(snapshot.info).to_meta()
        return rebuild(root / STORE_FILE, {"documents": _documents(documents), "chunks": _chunks(chunks)}, meta)


def _documents(table: pa.Table) -> pa.Table:
    """Documents of a snapshot as the store has them. The hash of their whole text is not known there."""
    times = table.column("timestamp").cast(pa.timestamp("us"))
    return (
        table.rename_columns({"document_id": "id"})
        .set_column(table.schema.get_field_index("timestamp"), "timestamp", times)
        .append_column("content_hash", pa.array([""] * table.num_rows, pa.string()))
    )


def _chunks(table: pa.Table) -> pa.Table:
    return table.drop_columns(["document"]).rename_columns({"chunk_id": "id"})


def _remove(path: Path) -> None:
    """Remove a damaged snapshot: renamed first, so that it is there whole or not at all."""
    gone = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    path.rename(gone)
    shutil.rmtree(gone)
    sync_directory(path.parent)


def _repair_replies(file: Path) -> str:
    """Keep the sound replies."""
    fresh = file.with_name(f".{file.name}-{secrets.token_hex(4)}")
    kept = file.with_name(f"{file.stem}-damaged-{secrets.token_hex(4)}{file.suffix}")
    with closing(Replies(file)) as old:
        saved = old.save(fresh)
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    file.rename(kept)
    if fresh.exists():
        fresh.rename(file)
    sync_directory(file.parent)
    return f"{saved} replies were saved; the damaged file is kept as {kept.name}"
