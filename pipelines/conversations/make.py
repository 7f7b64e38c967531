"""Conversations made up by a seed: persons, events, plans, changes of mind, relative dates, chatter, and questions."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hippo.calendar import MONTHS, day_name
from hippo.documents.turns import turn
from hippo.evaluation.conversations import Conversations, TurnQuestion
from hippo.types import Document
from pipelines.conversations.words import (
    CHATTER,
    CITIES,
    DOGS,
    ELLIPTIC,
    EVENTS,
    FRIENDS,
    JOBS,
    ONCE,
    PEOPLE,
    PLACES,
    REACTIONS,
    STATES,
    Event,
    State,
)

__all__ = ["CATEGORIES", "make_conversations"]

CATEGORIES = (
    "one turn",
    "answer without the question's words",
    "two turns",
    "when",
    "in a month",
    "before an event",
    "present",
    "past (as of)",
    "no answer",
)
_BEGIN = datetime(2022, 1, 9, 18, 0, tzinfo=UTC)
_CLASSES = ("pottery class", "choir", "book club", "night school", "dance course", "allotment", "chess evening")
_RELATIVE: tuple[tuple[str, Callable[[datetime], tuple[datetime, str]]], ...] = (
    ("yesterday", lambda now: _day(now - timedelta(days=1))),
    ("the day before yesterday", lambda now: _day(now - timedelta(days=2))),
    ("three days ago", lambda now: _day(now - timedelta(days=3))),
    ("last Saturday", lambda now: _day(now - timedelta(days=(now.weekday() - 5) % 7 or 7))),
    ("last month", lambda now: _month(now)),
    ("on {day}", lambda now: _day(now - timedelta(days=9))),
)


def _day(day: datetime) -> tuple[datetime, str]:
    return day, day_name(day)


def _month(now: datetime) -> tuple[datetime, str]:
    last = now.replace(day=1) - timedelta(days=1)
    return last, f"{MONTHS[last.month - 1]} {last.year}"


def make_conversations(conversations: int, sessions: int, turns: int, questions: int, seed: int) -> Conversations:
    """A set of conversations of two persons each; the same numbers give the same set.

    Args:
        conversations: How many, at most 25: every person is in one alone.
        sessions: Of each conversation, at least 10.
        turns: Of each session, at least 10.
        questions: In all, about: each conversation gets as many, spread over the categories.
        seed: Seed.
    """
    rng = random.Random(seed)  # noqa: S311  (made up, not secret)
    people = rng.sample(PEOPLE, 2 * conversations)
    friends, dogs = rng.sample(FRIENDS, len(FRIENDS)), rng.sample(DOGS, len(DOGS))
    documents: list[Document] = []
    asked: list[TurnQuestion] = []
    for number in range(conversations):
        pair = people[2 * number], people[2 * number + 1]
        made = _Maker(random.Random(rng.random()), number, pair, friends, dogs, sessions, turns)  # noqa: S311
        documents += made.documents()
        asked += made.questions(questions // conversations + (number < questions % conversations))
    return Conversations("made", tuple(documents), tuple(asked))


@dataclass(slots=True)
class _Line:
    speaker: str
    text: str
    key: str = ""


@dataclass(slots=True)
class _Candidate:
    category: str
    text: str
    gold: tuple[_Line, ...]
    answers: tuple[str, ...] = ()
    asked: datetime | None = None
    older: tuple[_Line, ...] = ()


@dataclass(slots=True)
class _Maker:
    rng: random.Random
    number: int
    people: tuple[str, str]
    friends: Sequence[str]
    dogs: Sequence[str]
    sessions: int
    turns: int
    times: list[datetime] = field(default_factory=list)
    script: list[list[list[_Line]]] = field(default_factory=list)
    candidates: list[_Candidate] = field(default_factory=list)

    def __post_init__(self) -> None:
        time = _BEGIN + timedelta(days=self.rng.randrange(60))
        for _ in range(self.sessions):
            self.times.append(time)
            time += timedelta(days=self.rng.randrange(9, 45), minutes=self.rng.randrange(300))
        self.script = [[] for _ in range(self.sessions)]
        for person, other in (self.people, self.people[::-1]):
            self._states(person)
            self._events(person)
            self._elliptic(person, other)
            self._once(person)
            self._friend(person)
        self._unanswerable()

    # What is said

    def _place(self, *lines: _Line, session: int) -> None:
        self.script[session].append(list(lines))

    def _states(self, person: str) -> None:
        rng = self.rng
        told = rng.sample(STATES, 4)
        for state in told:
            values = rng.sample(state.values, rng.choice((2, 2, 3)))
            width = self.sessions // len(values)
            when = [place * width + rng.randrange(max(1, width - 1)) for place in range(len(values))]
            lines = []
            for place, (value, session) in enumerate(zip(values, when, strict=True)):
                lines.append(_Line(person, rng.choice(state.says if not place else state.changes).format(v=value)))
                self._place(lines[-1], session=session)
            self._ask_state(person, state, values, lines, when)

    def _ask_state(
        self, person: str, state: State, values: Sequence[str], lines: Sequence[_Line], when: Sequence[int]
    ) -> None:
        rng, question = self.rng, self.rng.choice(state.questions).format(p=person)
        now = question.replace("?", rng.choice((" now?", " these days?", " at the moment?", "?")))
        self.candidates.append(_Candidate("present", now, (lines[-1],), (values[-1],), older=tuple(lines[:-1])))
        place = rng.randrange(len(lines) - 1)
        between = self.times[when[place]] + (self.times[when[place + 1]] - self.times[when[place]]) / 2
        past = rng.choice(state.questions).format(p=person)
        older = tuple(lines[:place])
        self.candidates.append(_Candidate("past (as of)", past, (lines[place],), (values[place],), between, older))
        # An event of the person's between two changes.
        session = rng.randrange(when[place] + 1, when[place + 1]) if when[place + 1] - when[place] > 1 else None
        if session is not None and state.name in ("home", "work", "sport", "car"):
            dog = self.dogs[(self.number * 7 + len(self.candidates)) % len(self.dogs)]
            self._place(_Line(person, f"We adopted a dog, she is called {dog}."), session=session)
            verb = {"home": "Where did {p} live", "work": "Where did {p} work", "sport": "Which sport did {p} do",
                    "car": "Which car did {p} drive"}[state.name]  # fmt: skip
            text = f"{verb} before the family adopted {dog}?".format(p=person)
            self.candidates.append(_Candidate("before an event", text, (lines[place],), (values[place],)))

    def _events(self, person: str) -> None:
        rng = self.rng
        for event in rng.sample(EVENTS, 3):
            values = rng.sample(event.values, 4)
            sessions = sorted(rng.sample(range(2, self.sessions), 4))
            months: dict[str, list[tuple[_Line, str]]] = {}
            for value, session in zip(values, sessions, strict=True):
                self._event(person, event, value, session, months)
            for month, found in months.items():
                if len(found) == 1:
                    text = event.which.format(p=person, t=f"in {month}")
                    self.candidates.append(_Candidate("in a month", text, (found[0][0],), (found[0][1],)))

    def _event(
        self, person: str, event: Event, value: str, session: int, months: dict[str, list[tuple[_Line, str]]]
    ) -> None:
        rng, now = self.rng, self.times[session]
        words, resolve = rng.choice(_RELATIVE)
        day, answer = resolve(now)
        words = words.format(day=f"{day.day} {MONTHS[day.month - 1]}")
        text = rng.choice(event.says).format(t=words, v=value)
        line = _Line(person, text[0].upper() + text[1:])
        self._place(line, session=session)
        self.candidates.append(_Candidate("when", event.when.format(p=person, v=value), (line,), (answer,)))
        months.setdefault(f"{MONTHS[day.month - 1]} {day.year}", []).append((line, value))

    def _elliptic(self, person: str, other: str) -> None:
        rng = self.rng
        for one in rng.sample(ELLIPTIC, 4):
            value = rng.choice(one.values)
            ask = _Line(other, rng.choice(one.asks).format(p=person))
            said = rng.choice(one.answers).format(v=value)
            answer = _Line(person, said[0].upper() + said[1:])
            self._place(ask, answer, session=rng.randrange(self.sessions))
            category = "answer without the question's words"
            self.candidates.append(_Candidate(category, one.question.format(p=person), (answer,), (value,)))

    def _once(self, person: str) -> None:
        rng = self.rng
        for one in rng.sample(ONCE, 4):
            value = rng.choice(one.values)
            line = _Line(person, rng.choice(one.says).format(v=value))
            self._place(line, session=rng.randrange(self.sessions))
            self.candidates.append(_Candidate("one turn", one.question.format(p=person), (line,), (value,)))

    def _friend(self, person: str) -> None:
        rng = self.rng
        own = self.people.index(person)
        for place, course in enumerate(rng.sample(_CLASSES, 2)):
            friend = self.friends[(self.number * 4 + own * 2 + place) % len(self.friends)]
            surname = rng.choice(("Moser", "Lund", "Okoro", "Varga", "Castle", "Ferro", "Haas", "Nilsen"))
            first, second = sorted(rng.sample(range(self.sessions), 2))
            met = _Line(person, f"At the {course} I met somebody nice, {friend} {surname}.")
            job = rng.choice(JOBS)
            works = _Line(person, f"{friend} {surname} works for {job}, I just learned.")
            self._place(met, session=first)
            self._place(works, session=second)
            text = f"Where does the person whom {person} met at the {course} work?"
            self.candidates.append(_Candidate("two turns", text, (met, works), (job,)))

    def _unanswerable(self) -> None:
        rng = self.rng
        for person in self.people:
            said = " ".join(candidate.text for candidate in self.candidates)
            for one in (*ONCE, *ELLIPTIC):
                if (text := one.question.format(p=person)) not in said:
                    self.candidates.append(_Candidate("no answer", text, ()))
            for event in rng.sample(EVENTS, 2):
                value = rng.choice(event.values)
                if (text := event.when.format(p=person, v=value)) not in said:
                    self.candidates.append(_Candidate("no answer", text, ()))

    # What comes of it

    def documents(self) -> list[Document]:
        """The turns: what is said, among chatter, by both in turn."""
        rng, name = self.rng, f"made-{self.number:02d}"
        found = []
        for session, (time, groups) in enumerate(zip(self.times, self.script, strict=True)):
            rng.shuffle(groups)
            lines = [line for group in groups for line in group]
            free = max(0, self.turns - len(lines))
            gaps = sorted(rng.randrange(len(groups) + 1) for _ in range(free))
            whole: list[_Line] = []
            for place in range(len(groups) + 1):
                whole += [self._chatter(whole) for _ in range(gaps.count(place))]
                whole += groups[place] if place < len(groups) else []
            for place, line in enumerate(whole):
                line.key = f"{name}/{session}/{place}"
                found.append(
                    turn(
                        line.text,
                        session=f"{name}/{session}",
                        position=place,
                        speaker=line.speaker,
                        timestamp=time + timedelta(minutes=place),
                        key=line.key,
                        metadata={"conversation": name},
                    )
                )
        return found

    def _chatter(self, before: Sequence[_Line]) -> _Line:
        rng = self.rng
        speaker = self.people[0] if not before or before[-1].speaker == self.people[1] else self.people[1]
        if before and rng.random() < 0.4:
            return _Line(speaker, rng.choice(REACTIONS))
        state = {one.name: one for one in STATES}
        text = rng.choice(CHATTER).format(
            city=rng.choice(CITIES),
            place=rng.choice(PLACES),
            friend=rng.choice(self.friends),
            thing=rng.choice((*EVENTS[0].values, *EVENTS[3].values)),
            sport=rng.choice(state["sport"].values),
            instrument=rng.choice(state["instrument"].values),
        )
        return _Line(speaker, text)

    def questions(self, count: int) -> list[TurnQuestion]:
        """So many questions, of every category in turn, once there are documents."""
        rng, own = self.rng, f"made-{self.number:02d}"
        by_category = {
            category: [one for one in self.candidates if one.category == category] for category in CATEGORIES
        }
        for found in by_category.values():
            rng.shuffle(found)
        chosen: list[_Candidate] = []
        while len(chosen) < count and any(by_category.values()):
            chosen += [found.pop() for found in by_category.values() if found][: count - len(chosen)]
        return [
            TurnQuestion(
                f"{own}/q{place}",
                one.text,
                one.category,
                frozenset(line.key for line in one.gold),
                one.answers,
                one.asked,
                frozenset(line.key for line in one.older),
                own,
            )
            for place, one in enumerate(chosen)
        ]
