"""Examining an index as a whole: sums, counts, and what must be true of its tables and arrays."""

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from hippo.errors import IndexBusyError, IndexCorruptError, IndexMismatchError, IndexStateError
from hippo.identity import IDENTITY_FILE, Identity
from hippo.llm import REPLIES_FILE, Replies
from hippo.maintenance.invariants import violations
from hippo.snapshot import Snapshot, current
from hippo.snapshot.contents import read_contents
from hippo.snapshot.current import TEMPORARY, check_root, folder, names
from hippo.store import STORE_FILE
from hippo.store.rebuild import examine
from hippo.types import Health, Problem

__all__ = ["check", "sound_snapshots"]

_REPAIRS = {
    "current": "names the newest sound snapshot",
    "identity": "writes it again from the store",
    "snapshot": "removes it and publishes again from the store",
    "replies": "keeps the sound replies in a new file, and the damaged file beside it",
    "table": "makes a new store without the damaged rows; what they held is extracted or embedded again, and replies "
    "that were paid for are taken from the cache",
    "store": "makes a new store from the newest sound snapshot; what was added and never published is lost",
}
_LOSABLE = ("mentions", "facts", "ledger", "embeddings")


@dataclass
class _Findings:
    checked: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check(path: str | Path, *, quick: bool = False) -> Health:
    """Examine every part of an index.

    Nothing is changed. A writer may be at work: then the store is left out, and `Health.notes` says so.

    Args:
        path: Folder of the index.
        quick: Compare sizes of files instead of SHA-256 sums.

    Raises:
        IndexPathError: There is no index.
    """
    root = Path(path)
    check_root(root)
    found = _Findings()
    sound = _check_snapshots(root, found, quick=quick)
    _check_current(root, found)
    _check_store(root, found, has_snapshot=bool(sound))
    _check_identity(root, found)
    _check_replies(root, found)
    leftovers = [*folder(root).glob(f"{TEMPORARY}*"), *root.glob(".store-*"), *root.glob(".CURRENT-*")]
    if leftovers:
        found.notes.append(f"{len(leftovers)} unfinished files of a writer that is at work or has died")
    return Health(str(root), tuple(found.checked), tuple(found.problems), tuple(found.notes))


def sound_snapshots(root: Path, *, quick: bool = False) -> tuple[list[str], dict[str, str]]:
    """Names of the sound snapshots, oldest first, and what is wrong with each of the others."""
    sound, damaged = [], {}
    for name in names(root):
        try:
            with Snapshot.open(root, name, verify=not quick) as snapshot:
                wrong = list(violations(read_contents(snapshot)))
        except IndexCorruptError as error:
            wrong = [str(error)]
        if wrong:
            damaged[name] = "; ".join(wrong)
        else:
            sound.append(name)
    return sound, damaged


def _check_snapshots(root: Path, found: _Findings, *, quick: bool) -> list[str]:
    sound, damaged = sound_snapshots(root, quick=quick)
    found.checked += [f"snapshot {name}" for name in names(root)]
    for name, problem in damaged.items():
        found.problems.append(Problem(f"snapshot {name}", problem, _REPAIRS["snapshot"]))
    return sound


def _check_current(root: Path, found: _Findings) -> None:
    found.checked.append("current")
    try:
        named = current(root)
    except IndexCorruptError as error:
        found.problems.append(Problem("current", str(error), _REPAIRS["current"]))
        return
    known = names(root)
    if known and named != known[-1]:
        found.notes.append(f"snapshot {known[-1]} was being published when its writer died; readers open {named}")
    if named is None:
        found.notes.append("nothing has been published yet; `hippo index` does so")


def _check_store(root: Path, found: _Findings, *, has_snapshot: bool) -> None:
    file = root / STORE_FILE
    repair = _REPAIRS["store"] if has_snapshot else None
    found.checked.append("store")
    if not file.is_file():
        found.problems.append(Problem("store", f"{file}: it is missing", repair))
        return
    try:
        seen = examine(file)
    except (IndexBusyError, IndexMismatchError) as error:
        found.checked.remove("store")
        found.notes.append(f"the store was not examined: {error}")
        return
    for table, problem in seen.damage:
        found.problems.append(Problem("store", problem, _REPAIRS["table"] if table in _LOSABLE else repair))
    if seen.note:
        found.notes.append(seen.note)
    for state, what in (("pending", "wait for extraction"), ("failed", "could not be extracted")):
        if count := seen.states.get(state):
            found.notes.append(f"{count} chunks {what}; `hippo index` tries again")


def _check_identity(root: Path, found: _Findings) -> None:
    if (root / IDENTITY_FILE).is_file():
        found.checked.append("identity")
        try:
            Identity.read(root)
        except IndexCorruptError as error:
            found.problems.append(Problem("identity", str(error), _REPAIRS["identity"]))


def _check_replies(root: Path, found: _Findings) -> None:
    file = root / REPLIES_FILE
    if not file.is_file():
        return
    found.checked.append("replies")
    with closing(Replies(file)) as replies:
        try:
            damaged = replies.damage()
        except IndexCorruptError as error:
            damaged = str(error)
        except (IndexStateError, IndexMismatchError) as error:
            found.notes.append(f"the replies were not examined: {error}")
            return
    if damaged:
        found.problems.append(Problem("replies", damaged, _REPAIRS["replies"]))
