"""Snapshots in an object store: published from an index, opened anywhere through a cache on local disk.

```
s3://bucket/index/
  objects/SHA256          files of snapshots, by their sums: what two snapshots share is there once
  snapshots/000042.json   manifests
  identity.json           what the index was made with
  CURRENT                 name of the newest snapshot; written last
```

A cache is a folder like that of an index, without a store. Every file that is fetched is compared with its sum.
"""

import logging
import os
import platform
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hippo.durable import discard, replace_text, sync_directory, sync_file
from hippo.errors import IndexCorruptError, IndexEmptyError, InputError, StorageError
from hippo.ids import text_hash
from hippo.snapshot.current import TEMPORARY, announce, current, folder, names
from hippo.snapshot.lock import lock, unlock
from hippo.snapshot.manifest import MANIFEST, Manifest, check_name, digest
from hippo.snapshot.read import Snapshot
from hippo.snapshot.remove import remove_old
from hippo.storage import Folder, open_folder
from hippo.types.plain import Plain

__all__ = ["PublishedCopy", "cache_of", "publish_to", "pull"]

_CURRENT, _IDENTITY, _LOCK = "CURRENT", "identity.json", "PUBLISHING"
_ATTEMPTS = 5
_LEASE = timedelta(hours=1)
"""After which a publisher that still holds the lock counts as dead."""
_HOLDER = re.compile(r"process (\d+) on (.*), since \S+ until (\S+), token (\w+)")
_LOG = logging.getLogger("hippo.snapshot")


@dataclass(frozen=True, slots=True)
class PublishedCopy(Plain):
    """What `publish_to` did.

    Attributes:
        url: Where to.
        snapshot: Name of the snapshot.
        files: Number of its files.
        uploaded: Those of them that were not there yet.
        bytes: Size of those that were uploaded.
        removed: Names of older snapshots that were removed.
    """

    url: str
    snapshot: str
    files: int
    uploaded: int
    bytes: int
    removed: tuple[str, ...]


def publish_to(root: str | Path, address: str | Path, *, keep: int = 2) -> PublishedCopy:
    """Copy the newest snapshot of an index to where readers on other machines open it.

    Readers see the old snapshot or the new one. Files that an older snapshot has too are not copied again.

    Args:
        root: Folder of the index.
        address: URL such as "s3://bucket/index", or a folder on a shared file system.
        keep: Newest snapshots that stay there, at least 1; readers that are about to fetch an older one take a newer.

    Raises:
        IndexCorruptError: A file of the snapshot is damaged; nothing was published.
        IndexEmptyError: The index has no snapshot.
        InputError: `keep` is less than 1.
        StorageError: The address cannot be read or written, or another publisher is at work there.
    """
    if keep < 1:
        raise InputError(f"keep must be at least 1, got {keep}")
    target = open_folder(address)
    with Snapshot.open(Path(root), verify=True) as snapshot, _alone(target) as check_alone:
        _check_succession(target, snapshot)
        there = {name.rpartition("/")[2] for name in target.names("objects")}
        sizes = []
        for name, (size, sha256) in snapshot.sums.items():
            if sha256 not in there:
                target.upload(snapshot.path / name, f"objects/{sha256}")
                there.add(sha256)
                sizes.append(size)
        check_alone()
        target.write(_manifest(snapshot.name), (snapshot.path / MANIFEST).read_bytes())
        target.write(_IDENTITY, (Path(root) / _IDENTITY).read_bytes())
        target.write(_CURRENT, f"{snapshot.name}\n".encode())
        removed = _remove_old(target, snapshot.name, keep)
        return PublishedCopy(target.url, snapshot.name, len(snapshot.sums), len(sizes), sum(sizes), removed)


@contextmanager
def _alone(target: Folder) -> Iterator[Callable[[], None]]:
    """Keep other publishers out: what one of them removes as unused may be what another is about to name.

    Returns:
        Raises StorageError if the lock was lost: another publisher took this one for dead.

    Raises:
        StorageError: Another one is at work.
    """
    token, now = secrets.token_hex(8), datetime.now(UTC)
    since, until = (time.isoformat(timespec="seconds") for time in (now, now + _LEASE))
    who = f"process {os.getpid()} on {platform.node()}, since {since} until {until}, token {token}"
    if not _acquired(target, who):
        known = _holder(target) or "one that has just ended"
        problem = f"another publisher is at work: {known}. Publish again later; if it died, remove the file {_LOCK}"
        raise StorageError(target.url, problem)

    def check() -> None:
        if _holder(target) != who:
            raise StorageError(target.url, "another publisher took the place of this one. Publish again")

    try:
        yield check
    finally:
        try:
            if _holder(target) == who:
                target.remove(_LOCK)
        except StorageError as error:
            _LOG.warning("the file %s of %s could not be removed: %s", _LOCK, target.url, error)


def _acquired(target: Folder, who: str) -> bool:
    """Take the lock, also from a publisher that died; whether it is held."""
    for _ in range(2):
        if target.create(_LOCK, who.encode()):
            return True
        known = _holder(target)
        if known == who:  # It was written, and the reply was lost.
            return True
        if not _is_dead(known):
            return False
        _LOG.warning("the publisher of %s died and is passed over: %s", target.url, known)
        target.remove(_LOCK)
    return False


def _holder(target: Folder) -> str:
    """Who publishes there, in its own words; empty: nobody."""
    return target.read(_LOCK).decode("utf-8", "replace") if target.exists(_LOCK) else ""


def _is_dead(holder: str) -> bool:
    """Whether a publisher is a process of this machine that has ended, or its time is over."""
    found = _HOLDER.fullmatch(holder)
    if found is None:
        return False
    with suppress(ValueError):
        if datetime.fromisoformat(found[3]) < datetime.now(UTC):
            return True
    if found[2] != platform.node() or os.name == "nt":  # where signal 0 ends a process
        return False
    try:
        os.kill(int(found[1]), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _check_succession(target: Folder, snapshot: Snapshot) -> None:
    """Readers know snapshots by name: one of another index, or an older one, must not take the place of what is there.

    Raises:
        StorageError: It would.
    """
    if not target.exists(_CURRENT):
        return
    there, manifest = _newest(target), (snapshot.path / MANIFEST).read_bytes()
    same = there == snapshot.name
    if int(there) > int(snapshot.name) or (same and target.read(_manifest(there)) != manifest):
        problem = f"it holds snapshot {there} of another or a newer index. Publish elsewhere, or empty this address"
        raise StorageError(target.url, problem)


def cache_of(address: str) -> Path:
    """Folder in which snapshots of an address are kept on this machine, unless the caller names another."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "hippo" / "indexes" / text_hash(address.rstrip("/"))


def pull(address: str, cache: Path) -> bool:
    """Fetch the newest snapshot of an address, unless the cache holds it; older ones go once nobody has them open.

    Several processes may share a cache.

    Args:
        address: Where `publish_to` has put it.
        cache: Folder of the cache; made if it does not exist.

    Returns:
        Whether there was a newer one.

    Raises:
        IndexCorruptError: What was fetched is not what was published.
        IndexEmptyError: Nothing has been published there.
        StorageError: The address cannot be read, or the cache not be written.
    """
    source = open_folder(address)
    for attempt in range(_ATTEMPTS):
        name = _newest(source)
        if current(cache) == name:
            return False
        try:
            _fetch(source, name, cache)
        except StorageError:
            if attempt == _ATTEMPTS - 1 or _newest(source) == name:
                raise
            continue  # a newer one was published, and this one removed meanwhile
        announce(cache, name)
        remove_old(cache)
        return True
    raise StorageError(address, "snapshots are replaced faster than they can be fetched; publish less often")


def _newest(source: Folder) -> str:
    if not source.exists(_CURRENT):
        raise IndexEmptyError(source.url)
    name = source.read(_CURRENT).decode("ascii", "replace").strip()
    if not name.isdecimal():
        raise StorageError(source.url, f"its file {_CURRENT} names no snapshot: {name[:40]!r}")
    return name


def _manifest(name: str) -> str:
    return f"snapshots/{name}.json"


def _fetch(source: Folder, name: str, cache: Path) -> None:
    """Lay a snapshot down in a cache, under a temporary name until it is complete."""
    where = Path(f"{source.url}/{_manifest(check_name(name))}")
    text = source.read(_manifest(name)).decode("utf-8", "replace")
    manifest = Manifest.from_json(where, text)
    if manifest.name != name:
        raise IndexCorruptError(str(where), f"it is that of snapshot {manifest.name!r}")
    known = _known_files(cache)
    path = folder(cache) / f"{TEMPORARY}{secrets.token_hex(8)}"
    try:
        path.mkdir(parents=True)
        with (path / MANIFEST).open("wb") as held:
            locked = lock(held, exclusive=True)  # says that the folder is in use
            for file, (size, sha256) in manifest.files.items():
                for part in file.split("/"):
                    check_name(part)
                (path / file).parent.mkdir(parents=True, exist_ok=True)
                _bring(source, sha256, size, known.get(sha256), path / file)
            held.write(text.encode())
            held.flush()
            sync_file(path / MANIFEST)
            sync_directory(path)
            if not (cache / _IDENTITY).exists():
                replace_text(cache / _IDENTITY, source.read(_IDENTITY).decode())
            if not (folder(cache) / name).exists():
                with suppress(FileExistsError):
                    path.rename(folder(cache) / name)
            if locked:
                unlock(held)
        sync_directory(folder(cache))
    except OSError as error:
        if not (folder(cache) / name).is_dir():  # else another process has fetched it
            raise StorageError(str(cache), f"the cache cannot be written: {error}") from error
    finally:
        discard(path)


def _known_files(cache: Path) -> dict[str, Path]:
    """Files of the snapshots in a cache, by their sums."""
    found: dict[str, Path] = {}
    for name in names(cache):
        with suppress(OSError, IndexCorruptError):
            path = folder(cache) / name
            manifest = Manifest.from_json(path / MANIFEST, (path / MANIFEST).read_text("utf-8"))
            found |= {sha256: path / file for file, (_, sha256) in manifest.files.items()}
    return found


def _bring(source: Folder, sha256: str, size: int, known: Path | None, target: Path) -> None:
    """A file, from an older snapshot that has it too or from the store, compared with its sum."""
    if known is not None:
        with suppress(OSError):
            os.link(known, target)
            if target.stat().st_size == size:
                return
            target.unlink()
    source.download(f"objects/{sha256}", target)
    if target.stat().st_size != size or digest(target) != sha256:
        problem = "what was fetched is not what was published. Publish the index there again"
        raise IndexCorruptError(f"{source.url}/objects/{sha256}", problem)
    sync_file(target)


def _remove_old(target: Folder, newest: str, keep: int) -> tuple[str, ...]:
    """Remove manifests of older snapshots, and the files that no manifest names any more."""
    found = [name.removeprefix("snapshots/").removesuffix(".json") for name in target.names("snapshots")]
    known = sorted((name for name in found if name.isdecimal()), key=int)
    kept = {*known[-keep:], newest}
    old = tuple(name for name in known if name not in kept)
    if not old:
        return ()
    for name in old:
        target.remove(_manifest(name))
    used: set[str] = set()
    for name in kept:
        manifest = Manifest.from_json(Path(_manifest(name)), target.read(_manifest(name)).decode())
        used |= {sha256 for _, sha256 in manifest.files.values()}
    for name in target.names("objects"):
        if name.rpartition("/")[2] not in used:
            target.remove(name)
    return old
