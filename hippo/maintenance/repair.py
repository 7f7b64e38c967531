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

from hippo.config import load_config
from hippo.durable import discard, keep_beside, sync_directory, sync_file, writing
from hippo.engine import Hippo
from hippo.errors import (
    ConfigError,
    ExtractionError,
    HippoError,
    IndexBusyError,
    IndexCorruptError,
    LLMError,
    MissingExtraError,
    ModelNotFoundError,
)
from hippo.fresh.log import FRESH, Log
from hippo.identity import IDENTITY_FILE, Identity
from hippo.indexing.clock import Clock
from hippo.indexing.publish import manifest_info, publish
from hippo.indexing.runs import set_aside
from hippo.indexing.turn import in_turn, open_in_turn
from hippo.llm import REPLIES_FILE, Replies
from hippo.maintenance.doctor import Snapshots, check, examine_snapshots
from hippo.maintenance.past import past_tables
from hippo.parts import by_section, make_encoder
from hippo.recalls import RECALLS_FILE
from hippo.snapshot import Snapshot, current
from hippo.snapshot.contents import read_contents
from hippo.snapshot.current import TEMPORARY, announce, check_root, folder
from hippo.snapshot.history import History, as_times, read_history
from hippo.store import STORE_FILE, Store
from hippo.store.connection import Connection
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
    wait: float = 0.0,
) -> Health:
    """Examine an index, make what is damaged again, and examine it once more.

    Damaged files that may hold something of worth are kept under other names. An index that is sound is left alone.

    Args:
        path: Folder of the index.
        encoder: As for `Hippo.open`, for what has to be embedded again.
        extractor: As for `Hippo.open`, for what has to be extracted again. Where it cannot work, for want of a language
            model for example, chunks whose extraction was lost wait for it.
        progress: Is told of every step.
        wait: Seconds to wait for a writer.

    Returns:
        The state afterwards; `Health.repaired` says what was done.

    Raises:
        IndexBusyError: A writer is at work.
        IndexCorruptError: Neither the store nor any snapshot is sound.
        IndexPathError: There is no index.
        IndexStateError: The disk refused.
        InputError: `wait` is negative or no number.
    """
    root = Path(path)
    check_root(root)
    in_turn(root, lambda: _check_free(root / STORE_FILE), wait=wait)
    before = check(root)
    if before.sound:
        return before
    damaged = {problem.part for problem in before.problems}
    with writing(root):
        done = _repair_log(root) if "fresh" in damaged else []
        done += _repair_store(root) if "store" in damaged else []
        with open_in_turn(root, wait=wait) as store:  # From here on no other writer is at work.
            if "identity" in damaged or not (root / IDENTITY_FILE).is_file():
                done += _repair_identity(root, store)
        if "store" in damaged:
            done.append(_extract(root, encoder, extractor, progress, wait))
        with open_in_turn(root, wait=wait) as store:
            done += _repair_snapshots(root, store, encoder, Clock(progress))
            if "replies" in damaged:
                done.append(_repair_replies(root / REPLIES_FILE))
            if "recalls" in damaged:
                done.append(_repair_recalls(root / RECALLS_FILE))
            if "runs" in damaged:
                done.append(f"damaged manifests of runs are kept as {', '.join(set_aside(root))}")
    return replace(check(root), repaired=tuple(done))


def _check_free(file: Path) -> None:
    """Raise an `IndexBusyError` while a writer is at work; what else is wrong with a store `check` says."""
    try:
        if file.is_file():
            Connection(file, read_only=True).close()
    except IndexBusyError:
        raise
    except HippoError:
        pass


def _repair_log(root: Path) -> list[str]:
    kept = Log(root).mend()
    return [f"sound records of what was remembered were kept; damaged files are kept as {', '.join(kept)}"]


def _repair_store(root: Path) -> list[str]:
    sound = examine_snapshots(root).sound
    if not sound:
        return rebuild(root / STORE_FILE, None, {})
    with Snapshot.open(root, sound[-1]) as snapshot:
        history = read_history(snapshot)
        documents, chunks = _documents(snapshot.table("documents"), history), _chunks(snapshot.table("chunks"))
        past = past_tables(history.past) if history and history.past else {}
        meta = {**Identity.from_info(snapshot.info).to_meta(), FRESH: str(snapshot.info.get(FRESH, 0))}
        contents = read_contents(snapshot)
        tables = {
            "documents": documents,
            "chunks": chunks,
            "synonyms": contents.decisions,
            "links": contents.links,
            **past,
        }
        return rebuild(root / STORE_FILE, tables, meta)


def _repair_identity(root: Path, store: Store) -> list[str]:
    stored = Identity.from_meta(store.meta())
    if stored is None:
        (root / IDENTITY_FILE).unlink(missing_ok=True)
        return []
    stored.write(root)
    return [f"{IDENTITY_FILE} was written again"]


def _extract(
    root: Path,
    encoder: "str | Encoder | None",
    extractor: "str | Extractor | None",
    progress: "ProgressCallback | None",
    wait: float,
) -> str:
    """Extract what waits in a new store, and publish it."""
    try:
        with Hippo.open(root, encoder=encoder, extractor=extractor, wait=wait) as memory:
            report = memory.add([], progress=progress)
    except (ConfigError, ExtractionError, LLMError, MissingExtraError, ModelNotFoundError) as error:
        return f"what was lost waits for the next `hippo index`: {error}"
    return f"snapshot {report.snapshot} was published"


def _repair_snapshots(root: Path, store: Store, encoder: "str | Encoder | None", clock: Clock) -> list[str]:
    """Have readers open a sound snapshot, and only then remove the damaged ones."""
    seen = examine_snapshots(root, alone=True)
    done: list[str] = []
    if not seen.sound or any(int(name) > int(seen.sound[-1]) for name in seen.damaged):
        done.append(_publish(root, store, encoder, seen, clock))
    elif _misleads(root, seen):
        announce(root, seen.sound[-1])
        done.append(f"readers open snapshot {seen.sound[-1]}")
    for name in seen.damaged:
        _remove(folder(root) / name)
        done.append(f"snapshot {name} was removed")
    return done


def _misleads(root: Path, seen: Snapshots) -> bool:
    """Whether readers are told of a snapshot that is not there, or is damaged."""
    try:
        return current(root) in seen.damaged
    except IndexCorruptError:
        return True


def _publish(root: Path, store: Store, encoder: "str | Encoder | None", seen: Snapshots, clock: Clock) -> str:
    """Publish what the store holds, which needs neither an extractor nor its language model.

    The next run of indexing publishes once more, since only it can say that the store is complete.
    """
    identity = Identity.from_meta(store.meta())
    if identity is None:
        if seen.damaged:
            problem = "neither it nor a sound snapshot says what the index was made with. Restore it from a backup"
            raise IndexCorruptError(str(root / STORE_FILE), problem)
        announce(root, None)
        return "readers wait for a snapshot"
    config = load_config(None, by_section(None, encoder=encoder), stored=identity.settings)
    made = make_encoder(config) if encoder is None or isinstance(encoder, str) else encoder
    identity.check(str(root), Identity.of(config, made.fingerprint if made else None))
    info = manifest_info(store, identity, next(iter(store.extractors()), None))
    name, _ = publish(
        store,
        root,
        made,
        graph=config.graph,
        batch=config.indexing.batch_texts,
        previous=seen.sound[-1] if seen.sound else None,
        info=info,
        clock=clock,
        memory=config.indexing.memory,
        storage=config.encoder.storage,
    )
    return f"snapshot {name} was published"


def _documents(table: pa.Table, history: History | None) -> pa.Table:
    """Documents of a snapshot as the store has them. The hash of their whole text is not known there."""
    times = table.column("timestamp").cast(pa.timestamp("us"))
    starts = pa.nulls(table.num_rows, pa.timestamp("us")) if history is None else as_times(history.starts)
    return (
        table.rename_columns({"document_id": "id"})
        .set_column(table.schema.get_field_index("timestamp"), "timestamp", times)
        .append_column("content_hash", pa.array([""] * table.num_rows, pa.string()))
        .append_column("started", starts)
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
    try:
        with closing(Replies(file)) as old:
            saved = old.save(fresh)
        keep_beside(file, kept)
        file.with_name(f"{file.name}-shm").unlink(missing_ok=True)
        log = file.with_name(f"{file.name}-wal")
        if log.exists():
            # It would be taken for the log of the new file.
            log.rename(kept.with_name(f"{kept.name}-wal"))
        if fresh.exists():
            sync_file(fresh)
            fresh.replace(file)
        else:
            file.unlink()
        sync_directory(file.parent)
    finally:
        discard(fresh)
    return f"{saved} replies were saved; the damaged file is kept as {kept.name}"


def _repair_recalls(file: Path) -> str:
    """Counts are hints: who wants those of a damaged file finds it beside the new one."""
    kept = file.with_name(f"{file.stem}-damaged-{secrets.token_hex(4)}{file.suffix}")
    file.rename(kept)
    file.with_name(f"{file.name}-journal").unlink(missing_ok=True)
    sync_directory(file.parent)
    return f"recalls are counted anew; the damaged file is kept as {kept.name}"
