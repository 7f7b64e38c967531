"""Trials: a copy of an index, an operation that goes wrong in some way, and what the judge says."""

import errno
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from hippo.errors import InputError
from pipelines.crash import disk, flips, points
from pipelines.crash.history import Operation, Place, history, perform, prepare
from pipelines.crash.judge import Verdict, after_flip, after_harm, read, stored
from pipelines.crash.processes import Ended, start

__all__ = ["HARMS", "Bench", "Outcome"]

HARMS = ("kill", "point", "fault", "full", "flip")
"""Kinds of trials."""

_LENGTH = 12
_STRIDE = 7
"""Between the points of two trials: few trials shall see all parts of the library. No divisor of their number."""
_AGAIN = 4
"""One in so many trials examines the whole index again after the operation is done again; prime to it, too."""
_LOGS = ("store.duckdb.wal", "replies.sqlite-wal")
_SPARE = 1 << 20
"""Bytes beyond what an operation leaves that a small disk may have: an operation needs more than it leaves."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial ended.

    Attributes:
        harm: Of `HARMS`.
        number: Of the trial, among those of its harm.
        operation: What was done.
        what: What exactly went wrong: the point, the call, the file.
        ended: "done" before it came to harm, "killed", "error"; for a flipped bit: who named it.
        wrong: What is wrong with the index; empty if nothing is.
        lost: As for `Verdict`.
    """

    harm: str
    number: int
    operation: str
    what: str
    ended: str
    wrong: list[str]
    lost: int = 0


@dataclass(slots=True)
class _State:
    """An index in the middle of a history, ready for its next operation.

    Attributes:
        folder: Where it is kept.
        operation: The next one.
        seconds: How long that takes.
        used: Bytes on disk before and after it.
        reached: How often it reaches each point.
        calls: How many of its calls change the disk.
        sums: What `stored` says of it, once that is known.
    """

    folder: Path
    operation: Operation
    seconds: float = 0.0
    used: tuple[int, int] = (0, 0)
    reached: Mapping[str, int] = field(default_factory=dict)
    calls: int = 0
    sums: str | None = None


class Bench:
    """Where trials are made. Every trial depends on the seed, the number of histories and its own number alone.

    Args:
        folder: For indexes; emptied by nobody.
        seed: Of histories and of the moments of harm.
        histories: Of how many histories the states are that trials begin with.
    """

    def __init__(self, folder: Path, seed: int, histories: int) -> None:
        self._folder, self._seed, self._histories = folder, seed, histories
        self._place = Place(folder / "place")
        self._states: dict[int, list[_State]] = {}
        self._fresh_known: dict[str, str] = {}
        self._mounts = disk.can_mount(folder / "mounted")

    def trial(self, harm: str, number: int) -> Outcome:
        """Make a trial.

        Args:
            harm: Of `HARMS`.
            number: Of the trial: another one, another moment.
        """
        chance = random.Random(f"{self._seed} {harm} {number}")  # noqa: S311
        self._place.empty()
        outcome: Outcome = getattr(self, f"_{harm}")(number, chance)
        if outcome.wrong:
            kept = self._folder / f"finding-{harm}-{number}"
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(self._place.folder, kept)
            outcome.wrong.append(f"kept in {kept}")
        return outcome

    def _kill(self, number: int, chance: random.Random) -> Outcome:
        """SIGKILL at a random moment."""
        state = self._put(chance.choice(self._all(chance)))
        child = start(partial(perform, self._place, state.operation))
        moment = chance.random() * state.seconds
        time.sleep(moment)
        child.kill()
        ended = child.wait()
        return self._judged("kill", number, state, f"after {moment:.3f} s", ended)

    def _point(self, number: int, chance: random.Random) -> Outcome:
        """SIGKILL at a named point, each name in turn."""
        names = list(points.POINTS)
        name = names[number * _STRIDE % len(names)]
        states = [state for one in range(self._histories) for state in self._history(one)]
        chance.shuffle(states)
        state = self._reaching(states, name)
        self._put(state)
        times = chance.randint(1, state.reached[name])

        def task() -> None:
            points.kill_at(name, times)
            perform(self._place, state.operation)

        return self._judged("point", number, state, name, start(task).wait())

    def _fault(self, number: int, chance: random.Random) -> Outcome:
        """One call to the disk fails."""
        state = chance.choice(self._all(chance))
        at = chance.randint(1, max(state.calls, 1))
        self._put(state)

        def task() -> None:
            disk.arm(self._place.root, at, errno.EIO)
            perform(self._place, state.operation)

        return self._judged("fault", number, state, f"call {at} of {state.calls}", start(task).wait())

    def _full(self, number: int, chance: random.Random) -> Outcome:
        """The disk is full from some moment on."""
        state = chance.choice(self._all(chance))
        if not self._mounts:
            at = chance.randint(1, max(state.calls, 1))
            self._put(state)

            def failing() -> None:
                disk.arm(self._place.root, at, errno.ENOSPC, sticky=True)
                perform(self._place, state.operation)

            return self._judged("full", number, state, f"from call {at} of {state.calls}", start(failing).wait())
        before, after = state.used
        size = before + chance.randrange(max(after - before, 0) + _SPARE)
        with disk.small_disk(self._place.root, max(size, 1 << 12)):
            self._put(state)
            ended = start(partial(perform, self._place, state.operation)).wait()
            disk.grow(self._place.root)
            return self._judged("full", number, state, f"{size} bytes large", ended)

    def _flip(self, number: int, chance: random.Random) -> Outcome:
        """One bit is flipped: in turn in the files of a snapshot, in the others, and in logs that a crash has left."""
        states = [state for one in range(self._histories) for state in self._history(one)[1:]]
        chance.shuffle(states)
        part = ("snapshot", "other", "log")[number % 3]
        state = self._put(states[0])
        if part == "log":
            state = self._put(self._reaching(states, *_LEAVE_LOGS))
            name = chance.choice([one for one in _LEAVE_LOGS if state.reached.get(one)])
            times = chance.randint(1, state.reached[name])

            def killed() -> None:
                points.kill_at(name, times)
                perform(self._place, state.operation)

            start(killed).wait()
        found = flips.files(self._place.root)
        logs = [one for one in found if one in _LOGS]
        inside = [one for one in found if one.startswith("snapshots/")]
        chosen = {"snapshot": inside, "other": [one for one in found if one not in inside], "log": logs}[part]
        file = chance.choice(chosen or found)
        sums = "" if logs else self._sums(state)
        bit = flips.flip(self._place.root / file, chance)
        repairing = chance.random() < 0.5
        what = f"bit {bit} of {file}"
        task = partial(after_flip, self._place, state.operation, self._fresh, sums, repairing=repairing)
        return self._verdict("flip", number, state, what, "", start(lambda: asdict(task())).wait())

    def _reaching(self, states: list[_State], *names: str) -> _State:
        """The first state whose operation reaches one of some points.

        Raises:
            InputError: None does.
        """
        state = next((one for one in states if any(one.reached.get(name) for name in names)), None)
        if state is None:
            told = f"no operation of seed {self._seed} reaches {' or '.join(map(repr, names))}"
            raise InputError(f"{told}: raise --histories above {self._histories}")
        return state

    def _judged(self, harm: str, number: int, state: _State, what: str, ended: Ended) -> Outcome:
        how = "killed" if ended.how == "signal" else ended.how
        task = partial(after_harm, self._place, state.operation, self._fresh, again=number % _AGAIN == 0)
        outcome = self._verdict(harm, number, state, what, how, start(lambda: asdict(task())).wait())
        if ended.how == "error" and harm in ("fault", "full"):
            outcome = Outcome(**{**asdict(outcome), "what": f"{what}: {ended.value}"})
        if how not in ("done", "error", "killed") or (how == "error" and harm in ("kill", "point")):
            outcome.wrong.append(f"the process {ended.how}: {ended.value}")
        return outcome

    def _verdict(self, harm: str, number: int, state: _State, what: str, how: str, judged: Ended) -> Outcome:
        kind = f"{state.operation.kind} ({state.operation.extractor})"
        if judged.how != "done":
            return Outcome(harm, number, kind, what, how or "not judged", [f"the judge {judged.how}: {judged.value}"])
        verdict = Verdict(**judged.value)
        return Outcome(
            harm, number, kind, what, how or verdict.named or "no difference to be seen", verdict.wrong, verdict.lost
        )

    def _fresh(self, documents: dict[str, str], extractor: str) -> str:
        """Fingerprint of an index made of documents at once. For a child of this process: makes it if it has to."""
        key = _key(documents, extractor)
        if key not in self._fresh_known:
            place = Place(self._folder / "fresh")
            place.empty()
            perform(place, Operation("add", extractor, documents=documents))
            self._fresh_known[key] = read(place.root).fingerprint
        return self._fresh_known[key]

    def _all(self, chance: random.Random) -> list[_State]:
        """The states of a random history."""
        return self._history(chance.randrange(self._histories))

    def _history(self, seed: int) -> list[_State]:
        """All states of a history, each made by the operations before it; the first asks a language model."""
        if seed not in self._states:
            states: list[_State] = []
            place = self._place
            place.empty()
            for number, operation in enumerate(history(999 * self._seed + seed, _LENGTH)):
                _done(partial(prepare, place, operation))
                state = _State(self._folder / f"state-{seed}-{number}", operation)
                shutil.rmtree(state.folder, ignore_errors=True)
                shutil.copytree(place.folder, state.folder)
                before = _size(place.root)
                done = _done(partial(self._watched, operation))
                state.seconds, (state.reached, state.calls) = done.seconds, done.value
                state.used = before, _size(place.root)
                states.append(state)
            self._states[seed] = states
            place.empty()
        return self._states[seed]

    def _watched(self, operation: Operation) -> tuple[dict[str, int], int]:
        """Perform an operation: how often it reaches each point, and how many of its calls change the disk."""
        reached = points.count()
        disk.arm(self._place.root, 0)
        perform(self._place, operation)
        return dict(reached), disk.calls()

    def _put(self, state: _State) -> _State:
        """Copy a state to where trials happen, and know what fresh builds of what it may become give."""
        operation = state.operation
        for documents in (operation.published, operation.before, operation.after):
            key = _key(documents, operation.extractor)
            if documents and key not in self._fresh_known:
                self._fresh_known[key] = _done(partial(self._fresh, documents, operation.extractor)).value
        for source in state.folder.iterdir():
            target = self._place.folder / source.name
            if source.is_dir():
                if target.exists() and not target.is_mount():
                    shutil.rmtree(target)
                shutil.copytree(source, target, dirs_exist_ok=True)
            else:
                shutil.copy(source, target)
        return state

    def _sums(self, state: _State) -> str:
        if state.sums is None:
            state.sums = str(_done(partial(stored, state.folder / "index")).value)
        return state.sums


_LEAVE_LOGS = ("store: committed, in the log", "replies: kept")


def _key(documents: dict[str, str], extractor: str) -> str:
    return repr((sorted(documents.items()), extractor))


def _done(task: Callable[[], Any]) -> Ended:
    ended = start(task).wait()
    if ended.how != "done":
        raise RuntimeError(f"without any harm: {ended.how}: {ended.value}")
    return ended


def _size(root: Path) -> int:
    """Bytes that files take, in pages of 4 KiB."""
    files = [path.stat().st_size for path in root.rglob("*") if path.is_file()] if root.exists() else []
    return sum(-(-size // 4096) * 4096 + 4096 for size in files)


def counts(outcomes: list[Outcome]) -> dict[str, dict[str, int]]:
    """Number of trials by harm, and by how they ended."""
    found: dict[str, Counter[str]] = {}
    for one in outcomes:
        found.setdefault(one.harm, Counter())[one.ended] += 1
    return {harm: dict(sorted(ended.items())) for harm, ended in found.items()}
