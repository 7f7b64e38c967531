"""Copies of an index, also while a writer is at work."""

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from hippo.errors import IndexCorruptError, IndexEmptyError, IndexMismatchError, IndexPathError, IndexStateError
from hippo.export.place import new_folder
from hippo.fresh.log import FOLDER
from hippo.identity import IDENTITY_FILE
from hippo.llm import REPLIES_FILE
from hippo.llm.replies import open_reading
from hippo.recalls import RECALLS_FILE
from hippo.snapshot import Snapshot
from hippo.snapshot.current import announce, check_root, folder
from hippo.store import STORE_FILE
from hippo.store.copy import copy_store
from hippo.tenants import NAMESPACES, namespace_names
from hippo.types import Backup

__all__ = ["BACKUP_FILE", "backup", "contents_of", "copy_index", "restore"]

BACKUP_FILE = "backup.json"
"""Sums of all files of a backup."""

_FORMAT = 1


def backup(path: str | Path, target: str | Path) -> Backup:
    """Copy an index into a new folder, which is itself an index and says what it holds in `backup.json`.

    Readers and a writer may be at work: the store is copied between two of the writer's transactions, so the copy
    holds all that was committed by then, and the next run on it goes on from there.

    Args:
        path: Folder of the index.
        target: Folder that does not exist or is empty; it appears when it is complete.

    Raises:
        IndexCorruptError: The newest snapshot is damaged; see `check`.
        IndexPathError: There is no index.
        IndexStateError: A file could not be read or written.
        InputError: The target is taken.
    """
    root, goal = Path(path), Path(target)
    with new_folder(goal) as made:
        snapshot = _copy_all(root, made)
        files = _sums(made)
        created = datetime.now(UTC).isoformat(timespec="seconds")
        body = {"format": _FORMAT, "created": created, "snapshot": snapshot, "files": files}
        (made / BACKUP_FILE).write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
    return replace(_report(goal, body), left_out=tuple(namespace_names(root)))


def copy_index(root: Path, goal: Path) -> Backup:
    """As `backup`, but what is made is no backup: it does not know the sums of its files, which may change."""
    with new_folder(goal) as made:
        body = {"snapshot": _copy_all(root, made), "files": _sums(made)}
    return _report(goal, body)


def restore(source: str | Path, path: str | Path) -> Backup:
    """Make an index from a backup, every file of which is compared with its sum.

    Args:
        source: Folder that `backup` made.
        path: Folder that does not exist or is empty; it appears when it is complete.

    Raises:
        IndexPathError: There is no backup.
        IndexCorruptError: The backup is damaged.
        IndexStateError: A file could not be read or written.
        InputError: There is something at `path`.
    """
    origin, goal = Path(source), Path(path)
    body = contents_of(origin)
    if goal.parent.name == NAMESPACES and goal.parent.parent.is_dir():
        goal.parent.mkdir(exist_ok=True)  # This is the first namespace.
    with new_folder(goal) as made:
        for name, known in body["files"].items():
            try:
                (made / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(origin / name, made / name)
            except OSError as error:
                raise IndexCorruptError(str(origin / name), f"it cannot be read: {error}") from error
            if _sum(made / name) != known["sha256"]:
                raise IndexCorruptError(str(origin / name), "its SHA-256 sum is not the one of the backup")
    return _report(goal, body)


def _copy_all(root: Path, made: Path) -> str | None:
    """Everything of an index into a folder; gives the name of its snapshot."""
    check_root(root)
    try:
        # What is merged meanwhile leaves the log, and what is remembered meanwhile comes into it.
        _copy_log(root, made)
        snapshot = _copy_snapshot(root, made)
        if (root / STORE_FILE).is_file():
            copy_store(root / STORE_FILE, made / STORE_FILE)
        if (root / IDENTITY_FILE).is_file():
            shutil.copyfile(root / IDENTITY_FILE, made / IDENTITY_FILE)
        for name in (REPLIES_FILE, RECALLS_FILE):
            if (root / name).is_file():
                _copy_replies(root / name, made / name)
        _copy_log(root, made)
    except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
        raise IndexStateError(str(root), f"it could not be copied: {error}") from error
    return snapshot


def _copy_snapshot(root: Path, made: Path) -> str | None:
    """The newest snapshot, which cannot be removed while it is held."""
    try:
        with Snapshot.open(root) as snapshot:
            goal = folder(made) / snapshot.name
            for file in sorted(snapshot.path.rglob("*")):
                if file.is_file():
                    copy = goal / file.relative_to(snapshot.path)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, copy)  # Without its mode: a copy may be written.
            name = snapshot.name
    except IndexEmptyError:
        announce(made, None)
        return None
    announce(made, name)
    Snapshot.open(made, name, verify=True).close()
    return name


def _copy_log(root: Path, made: Path) -> None:
    """What was remembered and is not merged; a line that is being written is passed over by readers."""
    for file in sorted((root / FOLDER).glob("*")):
        with suppress(FileNotFoundError):
            (made / FOLDER).mkdir(exist_ok=True)
            shutil.copyfile(file, made / FOLDER / file.name)


def _copy_replies(source: Path, target: Path) -> None:
    """A consistent copy of a SQLite file, whoever writes to it."""
    with closing(open_reading(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _sums(made: Path) -> dict[str, dict[str, int | str]]:
    files = sorted(file for file in made.rglob("*") if file.is_file())
    return {file.relative_to(made).as_posix(): {"bytes": file.stat().st_size, "sha256": _sum(file)} for file in files}


def _sum(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def contents_of(source: Path) -> dict[str, Any]:
    """What a backup says of itself.

    Raises:
        IndexPathError: There is no such folder.
        IndexCorruptError: It says nothing, or names files outside its folder.
    """
    file = source / BACKUP_FILE
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
        if body["format"] > _FORMAT:
            remedy = "Upgrade the package hippo-memory"
            raise IndexMismatchError(str(file), "format of backups", str(body["format"]), str(_FORMAT), remedy)
        for name, known in body["files"].items():
            if not (source / name).resolve().is_relative_to(source.resolve()) or not isinstance(known["sha256"], str):
                raise ValueError(f"it names the file {name!r}")
            if not isinstance(known["bytes"], int) or known["bytes"] < 0:
                raise ValueError(f"{name!r} would have {known['bytes']!r} bytes")
    except FileNotFoundError as error:
        if not source.is_dir():
            raise IndexPathError(str(source), "no such folder. `hippo backup` makes one") from error
        raise IndexCorruptError(str(source), f"it holds no {BACKUP_FILE}, so it is no complete backup") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise IndexCorruptError(str(file), f"it cannot be read: {error}") from error
    return cast("dict[str, Any]", body)


def _report(path: Path, body: Mapping[str, Any]) -> Backup:
    return Backup(str(path), body["snapshot"], len(body["files"]), sum(one["bytes"] for one in body["files"].values()))
