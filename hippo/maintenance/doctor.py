"""Examining an index as a whole: sums, counts, and what must be true of its tables and arrays."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from hippo.errors import IndexBusyError, IndexCorruptError, IndexMismatchError, IndexPathError, IndexStateError
from hippo.fresh.log import FOLDER, Log
from hippo.identity import IDENTITY_FILE, Identity
from hippo.indexing.runs import RUNS_FOLDER, damaged_runs
from hippo.llm import REPLIES_FILE, Replies
from hippo.maintenance.invariants import violations, violations_of_past
from hippo.recalls import RECALLS_FILE, Recalls
from hippo.snapshot import Snapshot, current
from hippo.snapshot.contents import read_contents
from hippo.snapshot.current import TEMPORARY, check_root, folder, names
from hippo.snapshot.history import read_history
from hippo.snapshot.lock import lock
from hippo.snapshot.manifest import MANIFEST
from hippo.store import STORE_FILE
from hippo.store.rebuild import examine
from hippo.store.versions import PAST_TABLES
from hippo.tenants import namespace_names
from hippo.types import Health, Problem

__all__ = ["Snapshots", "check", "examine_snapshots"]

_REPAIRS = {
    "current": "names the newest sound snapshot",
    "identity": "writes it again from the store",
    "snapshot": "publishes again from the store, then removes it",
    "fresh": "keeps the sound records, and the damaged file beside them",
    "replies": "keeps the sound replies in a new file, and the damaged file beside it",
    "runs": "keeps the damaged manifest under another name",
    "recalls": "begins to count anew; the damaged file is kept beside the new one",
    "table": "makes a new store without the damaged rows; what they held is extracted or embedded again, and replies "
    "that were paid for are taken from the cache",
    "past": "makes a new store with older versions of documents as the newest sound snapshot has them",
    "store": "makes a new store from the newest sound snapshot; what was added and never published is lost",
}
_LOSABLE = ("mentions", "facts", "ledger", "embeddings")
_DECISIONS = "takes decisions about synonyms from the newest sound snapshot"


def _remedy(table: str | None, whole: str | None) -> str | None:
    """What a repair does about a damaged table; `whole`: about documents and the file."""
    if table == "synonyms":
        return _DECISIONS
    if table in PAST_TABLES:
        return _REPAIRS["past"]
    return _REPAIRS["table"] if table in _LOSABLE else whole


@dataclass
class _Findings:
    checked: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check(path: str | Path, *, quick: bool = False) -> Health:
    """Examine every part of an index.

    Nothing is changed. A writer may be at work: then the store is left out, and `Health.notes` says so. A writer that
    begins while the store is examined gets an `IndexBusyError`.

    Args:
        path: Folder of the index.
        quick: Compare sizes of files instead of SHA-256 sums.

    Raises:
        IndexPathError: There is no index.
    """
    root = Path(path)
    check_root(root)
    found = _Findings()
    snapshots = _check_snapshots(root, found, quick=quick)
    _check_current(root, found)
    meta = _check_store(root, found, has_snapshot=bool(snapshots.sound))
    _check_identity(root, found, meta)
    _check_replies(root, found)
    _check_recalls(root, found)
    _check_log(root, found)
    _check_runs(root, found)
    leftovers = list(folder(root).glob(f"{TEMPORARY}*"))
    for pattern in (".store-*", ".CURRENT-*", f".{REPLIES_FILE}-*"):
        leftovers += root.glob(pattern)
    if leftovers:
        found.notes.append(f"{len(leftovers)} unfinished files of a writer that is at work or has died")
    if names := namespace_names(root):
        found.notes.append(
            f"{len(names)} namespaces were not examined; each is an index of its own: {', '.join(names)}"
        )
    return Health(str(root), tuple(found.checked), tuple(found.problems), tuple(found.notes))


def _check_recalls(root: Path, found: _Findings) -> None:
    if not (root / RECALLS_FILE).is_file():
        return
    found.checked.append("recalls")
    try:
        damaged = Recalls(root, counting=False).damage()
    except IndexStateError as error:
        found.notes.append(f"the recalls were not examined: {error}")
        return
    if damaged:
        found.problems.append(Problem("recalls", damaged, _REPAIRS["recalls"]))


def _check_runs(root: Path, found: _Findings) -> None:
    if not (root / RUNS_FOLDER).is_dir():
        return
    found.checked.append("runs")
    for name, problem in damaged_runs(root).items():
        found.problems.append(Problem("runs", f"{RUNS_FOLDER}/{name}: {problem}", _REPAIRS["runs"]))


def _check_log(root: Path, found: _Findings) -> None:
    if not (root / FOLDER).is_dir():
        return
    found.checked.append("fresh")
    log = Log(root)
    try:
        wrong, cut = log.damaged(), log.cut()
        if cut:
            told = f"a crash cut off the last line of {FOLDER}/{cut} before it was acknowledged, or it is damaged"
            found.notes.append(f"{told}; it counts for nothing")
    except OSError as error:
        wrong = [f"it cannot be read: {error}"]
    found.problems += [Problem("fresh", problem, _REPAIRS["fresh"]) for problem in wrong]


@dataclass(frozen=True)
class Snapshots:
    """The snapshots of an index.

    Attributes:
        sound: Names, oldest first.
        damaged: What is wrong with each of the others, oldest first.
        notes: What is neither: snapshots in the hands of a writer, or of a newer hippo.
    """

    sound: list[str] = field(default_factory=list)
    damaged: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def examine_snapshots(root: Path, *, quick: bool = False, alone: bool = False) -> Snapshots:
    """Look at every snapshot. Those that a writer removes meanwhile are passed over.

    Args:
        root: Folder of the index.
        quick: Compare sizes of files instead of SHA-256 sums.
        alone: The caller holds the store, so no writer is publishing.
    """
    seen = Snapshots()
    for name in names(root):
        try:
            with Snapshot.open(root, name, verify=not quick) as snapshot:
                contents = read_contents(snapshot)
                wrong = [*violations(contents), *violations_of_past(contents, read_history(snapshot))]
        except IndexPathError:
            continue
        except IndexMismatchError as error:
            seen.notes.append(f"snapshot {name} was not examined: {error}")
            continue
        except IndexCorruptError as error:
            wrong = [str(error)]
        place = folder(root) / name
        if not wrong:
            seen.sound.append(name)
        elif _is_held(place):
            seen.notes.append(f"snapshot {name} was not examined: a writer is publishing or removing it")
        elif not place.is_dir():
            continue
        elif alone or _is_announced(root, name):
            seen.damaged[name] = "; ".join(wrong)
        else:
            seen.notes.append(f"snapshot {name} was never announced to readers, and is damaged: {'; '.join(wrong)}")
    return seen


def _is_held(snapshot: Path) -> bool:
    """Whether a writer holds a snapshot alone."""
    try:
        with (snapshot / MANIFEST).open("rb") as manifest:
            return lock(manifest, exclusive=False) is False
    except OSError:
        return False


def _is_announced(root: Path, name: str) -> bool:
    """Whether readers may have been told of a snapshot; where `CURRENT` is damaged, of any."""
    try:
        newest = current(root)
    except IndexCorruptError:
        return True
    return newest is not None and int(name) <= int(newest)


def _check_snapshots(root: Path, found: _Findings, *, quick: bool) -> Snapshots:
    seen = examine_snapshots(root, quick=quick)
    found.checked += [f"snapshot {name}" for name in sorted([*seen.sound, *seen.damaged], key=int)]
    found.notes += seen.notes
    for name, problem in seen.damaged.items():
        found.problems.append(Problem(f"snapshot {name}", problem, _REPAIRS["snapshot"]))
    return seen


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


def _check_store(root: Path, found: _Findings, *, has_snapshot: bool) -> Mapping[str, str]:
    """What the store knows about the index, as far as it can be read."""
    file = root / STORE_FILE
    repair = _REPAIRS["store"] if has_snapshot else None
    found.checked.append("store")
    if not file.is_file():
        found.problems.append(Problem("store", f"{file}: it is missing", repair))
        return {}
    try:
        seen = examine(file)
    except (IndexBusyError, IndexMismatchError) as error:
        found.checked.remove("store")
        found.notes.append(f"the store was not examined: {error}")
        return {}
    for table, problem in seen.damage:
        found.problems.append(Problem("store", problem, _remedy(table, repair)))
    if seen.note:
        found.notes.append(seen.note)
    for state, what in (("pending", "wait for extraction"), ("failed", "could not be extracted")):
        if count := seen.states.get(state):
            found.notes.append(f"{count} chunks {what}; `hippo index` tries again")
    return seen.meta


def _check_identity(root: Path, found: _Findings, meta: Mapping[str, str]) -> None:
    file = root / IDENTITY_FILE
    if file.is_file():
        found.checked.append("identity")
        try:
            written = Identity.read(root)
        except IndexCorruptError as error:
            found.problems.append(Problem("identity", str(error), _REPAIRS["identity"]))
            return
        known = Identity.from_meta(meta)
        if known is not None and written != known:
            found.problems.append(Problem("identity", f"{file}: the store says otherwise", _REPAIRS["identity"]))
    elif Identity.from_meta(meta) is not None:
        found.problems.append(Problem("identity", f"{file}: it is missing", _REPAIRS["identity"]))


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
