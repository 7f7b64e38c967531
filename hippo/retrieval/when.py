"""What a question says of time, found by rules: "in 2021", "last May", "before she moved", "now".

Each gives a stretch of time, open at one end for "before" and "after", or an event: words that some passage is to be
found by, whose time then counts. They only raise the scores of passages of that time: what is asked may have been said
at any other.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime

from hippo.calendar import Span
from hippo.dates import DateInText, find_dates

__all__ = ["AskedTime", "asked_times"]

_PRESENT = re.compile(
    r"\b(?:now|nowadays|currently|at\sthe\smoment|at\spresent|these\sdays|latest|newest|current|most\srecent(?:ly)?)\b",
    re.IGNORECASE,
)
_RANGE = re.compile(r"\b(?:between|from)\W*$", re.IGNORECASE)
_TO = re.compile(r"^\W*(?:and|to|until|till)\W*$", re.IGNORECASE)
_BOUND = re.compile(r"\b(before|after|since|until|till|by)\s(?:the\s)?$", re.IGNORECASE)
_EVENT = re.compile(
    r"\b(?P<order>before|after|since|until|when|while|during)\s+(?P<event>[^,;?!.]{5,120})", re.IGNORECASE
)
_AUXILIARY = re.compile(r"(?:did|does|do|is|was|were|are|am|will|would|has|have|had|can|could|should)\b", re.IGNORECASE)
_PRESENT_TENSE = re.compile(
    r"(?!.*\bdid\b)(?:(?:\S+\s){0,4}?(?:(?:does|do|is|are|has|have)\s|am\si\b|i\sam\b)"
    r"|(?:\w+\s)?(?:who(?:m|se)?|what|where|when|which|how|why|is|are|does|do|will)\s(?:\S+\s){0,3}?will\s|will\s"
    r"|(?:who|what|which\s\S+)\s(?!was\b)[a-z]+s\s(?!(?:was|were|had)\b))",
    re.IGNORECASE | re.DOTALL,
)
"""English alone: in German "am" is no verb, and "will" wants. "Did" asks for the past whatever stands before it."""
_BEFORE_SIGN = re.compile(r"\s+([?!.,;])")
_LEAST_WORDS = 3
_LOOKED_BACK = 20
"""Characters before a date that may say how it is meant."""
_ORDERS = {"until": "before", "since": "after", "while": "when", "during": "when"}


@dataclass(frozen=True, slots=True)
class AskedTime:
    """A time that a question asks about.

    Attributes:
        text: The words that say so.
        order: "in" a stretch of time, "before" or "after" it or an event, "when" an event happened, "now", or
            "present": the present tense alone says so, which counts for turns of conversations.
        start: First moment, UTC without a zone; None: open, or an event's.
        end: First moment after it; None: open, or an event's.
        event: What to find the event by; None: it is no event.
    """

    text: str
    order: str
    start: datetime | None = None
    end: datetime | None = None
    event: str | None = None


def asked_times(question: str, reference: datetime) -> tuple[list[AskedTime], str]:
    """The times that a question asks about, in the order of its words, and what it asks besides.

    In the rest, events are left out, and so is "now": passages about them answer nothing. A relative date is written
    out, so that facts of that day are found by it.

    Args:
        question: The question, in English.
        reference: When it is asked, UTC: what "last May" is counted from.

    Examples:
        >>> now = datetime(2024, 5, 1)
        >>> times, rest = asked_times("Where did Ann live before she moved to Rome?", now)
        >>> times[0].order, rest
        ('before', 'Where did Ann live?')
        >>> asked_times("What did Ann do last March?", now)[1]
        'What did Ann do March 2024?'
        >>> asked_times("When did Ann move?", now)
        ([], 'When did Ann move?')
    """
    dates = find_dates(question, reference)
    found = [(dates[place].start, one) for place, one in _stretches(question, dates)]
    changes = [
        (one.start, one.end, one.span.name if " to " not in one.span.name else "") for one in dates if one.relative
    ]
    for match in _EVENT.finditer(question):
        first = bisect_left(dates, match.start(), key=_start_of)
        if first < len(dates) and dates[first].start < match.end():
            continue
        words, order = match["event"].strip(), match["order"].lower()
        if len(words.split()) < 2 or (order == "when" and _AUXILIARY.match(words)):
            continue
        found.append((match.start(), AskedTime(match.group().strip(), _ORDERS.get(order, order), event=words)))
        changes.append((match.start(), match.end(), ""))
    if not found and (cue := _PRESENT.search(question)):
        found.append((cue.start(), AskedTime(cue.group(), "now")))
        changes.append((cue.start(), cue.end(), ""))
    elif not found and _PRESENT_TENSE.match(question):
        found.append((0, AskedTime("the present tense", "present")))
    return [one for _, one in sorted(found, key=lambda item: item[0])], _changed(question, changes)


def _start_of(one: DateInText) -> int:
    return one.start


def _changed(question: str, changes: list[tuple[int, int, str]]) -> str:
    """A question with parts exchanged; itself, if there are none or next to nothing would be left."""
    if not changes:
        return question
    parts, place = [], 0
    for start, end, text in sorted(changes):
        parts += [question[place:start], text]
        place = max(place, end)
    rest = "".join([*parts, question[place:]])
    rest = _BEFORE_SIGN.sub(r"\1", " ".join(rest.split())).strip(" ,")
    return rest if len(rest.split()) >= _LEAST_WORDS else question


def _stretches(question: str, dates: list[DateInText]) -> list[tuple[int, AskedTime]]:
    """Stretches of time, with the place among the dates of that which each begins with."""
    found = []
    place = 0
    while place < len(dates):
        one = dates[place]
        before = question[max(0, one.start - _LOOKED_BACK) : one.start]
        bound, span, text = _BOUND.search(before), one.span, question[one.start : one.end]
        after = dates[place + 1] if place + 1 < len(dates) else None
        if after and _RANGE.search(before) and _TO.match(question[one.end : after.start]):
            begin = one.span
            if one.relative and not after.relative:
                # "Between March and May 2021": the year of the second counts for the first.
                again = find_dates(before + question[one.start : one.end], after.span.start)
                begin = again[-1].span if again else begin
            span = Span(min(begin.start, after.span.start), max(begin.end, after.span.end))
            text = question[one.start : after.end]
            found.append((place, AskedTime(text, "in", span.start, span.end)))
            place += 2
            continue
        found.append((place, _bounded(bound[1].lower() if bound else "in", span, text)))
        place += 1
    return found


def _bounded(word: str, span: Span, text: str) -> AskedTime:
    if word == "in":
        return AskedTime(text, "in", span.start, span.end)
    if word in ("after", "since"):
        return AskedTime(f"{word} {text}", "after", span.end if word == "after" else span.start, None)
    return AskedTime(f"{word} {text}", "before", None, span.start if word == "before" else span.end)
