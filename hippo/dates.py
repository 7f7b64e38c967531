"""Dates in English text, relative ones too: "yesterday", "last May", "two weeks ago", "in 2021"."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dateutil.relativedelta import relativedelta

from hippo.calendar import MONTHS, Span, named_span

__all__ = ["DateInText", "find_dates"]

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_NUMBERS = "one two three four five six seven eight nine ten eleven twelve".split()
_COUNTS = {word: count for count, word in enumerate(_NUMBERS, 1)} | {
    "a": 1,
    "an": 1,
    "a couple of": 2,
    "a few": 3,
    "several": 4,
}

_WORDS = sorted(_COUNTS, key=len, reverse=True)
_COUNT = "|".join(word.replace(" ", r"\s") for word in _WORDS) + r"|\d{1,4}"
_UNIT = "day|week|month|year"
_MONTH = "|".join(MONTHS)
_ORDINAL = r"\d{1,2}(?:st|nd|rd|th)?"
_YEAR = r"(?:19|20)\d{2}"
_NAMED = (
    rf"(?:{_ORDINAL}(?:\sof)?\s(?:{_MONTH}),?\s{_YEAR}|(?:{_MONTH})\s{_ORDINAL},?\s{_YEAR}|(?:{_MONTH}),?\s{_YEAR}"
    r"|\d{4}-\d{2}-\d{2})"
)
_BEFORE_YEAR = "in|since|before|after|until|till|by|during|from|of|to|and|between|early|late|around"

_VERB = re.compile(r"\b(?:may|march)\b")
"""In lower case after a number it is no month: "which of the 2 may enter"."""
_PATTERN = re.compile(
    rf"""\b(?:
    (?P<named>{_NAMED})
    |(?P<ago>{_COUNT})\s(?P<ago_unit>{_UNIT})s?\s(?:ago|back)
    |in\s(?P<ahead>{_COUNT})\s(?P<ahead_unit>{_UNIT})s?(?:['’]s?)?(?:\stime)?
    |(?P<ahead2>{_COUNT})\s(?P<ahead2_unit>{_UNIT})s?\sfrom\s(?:now|today)
    |(?P<word>the\sday\sbefore\syesterday|the\sday\safter\stomorrow|yesterday|today|tonight|tomorrow|last\snight
        |this\s(?:morning|afternoon|evening))
    |(?:the\s)?(?P<over>last|past|next|coming)\s(?P<over_count>{_COUNT})\s(?P<over_unit>{_UNIT})s
    |(?P<which>last|past|previous|this|next|coming)\s
        (?P<what>week(?:end)?|month|year|{"|".join(_SEASONS)}|{"|".join(_WEEKDAYS)}|{_MONTH})
    |(?:{_BEFORE_YEAR})\s(?P<year>{_YEAR})(?!-)
    |(?P<day_month>{_ORDINAL}(?:\sof)?\s(?:{_MONTH})|(?:{_MONTH})\s{_ORDINAL})
    |(?:in|since|during|until|till|before|after|by|of|early|late|between|from|and|to)\s(?P<month>{_MONTH})(?!,?\s\d)
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class DateInText:
    """A place of a text that names a time.

    Attributes:
        start: Where it begins.
        end: Where it ends.
        span: The day, week, month … that it names.
        relative: Whether another reference would give another span.
    """

    start: int
    end: int
    span: Span
    relative: bool


def find_dates(text: str, reference: date | None) -> list[DateInText]:
    """Dates that a text names, in order.

    Days of a week, month or year are whole ones of the calendar: "last week" is Monday to Sunday, "two months ago" a
    month. "Last May" is the last one that has begun before the month of the reference, "in May" that which is nearest.
    Seasons are those of the north.

    Args:
        text: Any text; English is understood.
        reference: When it was said; None: relative dates are passed over.

    Examples:
        >>> said = date(2023, 5, 8)
        >>> [one.span.name for one in find_dates("I met her yesterday, and two weeks ago.", said)]
        ['7 May 2023', '24 April 2023 to 30 April 2023']
        >>> [one.span.name for one in find_dates("What happened last May, what in 2021?", said)]
        ['May 2022', '2021']
    """
    return list(_found(text, reference))


def _found(text: str, reference: date | None) -> Iterator[DateInText]:
    for match in _PATTERN.finditer(text):
        kind = match.lastgroup or ""
        relative = kind not in ("named", "year")
        if relative and reference is None:
            continue
        name = match[kind]
        # "may" is a verb, and "march" another.
        if kind in ("month", "what") and name.capitalize() in MONTHS and not name[0].isupper():
            continue
        if kind == "day_month" and _VERB.search(name):
            continue
        day = reference.date() if isinstance(reference, datetime) else reference
        try:
            span = _span(match, kind, day or date.min)
        except (ValueError, OverflowError):  # Before the first year that there is, or after the last.
            continue
        if span is not None:
            start = match.start(kind) if kind in ("named", "year", "month", "day_month") else match.start()
            yield DateInText(start, match.end(), span, relative)


def _span(match: "re.Match[str]", kind: str, today: date) -> Span | None:
    if kind in ("named", "year"):
        return named_span(match[kind])
    return _HANDLERS[kind](match, today)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else _COUNTS[" ".join(text.lower().split())]


def _whole(day: date, unit: str) -> Span:
    """The calendar's day, week, month or year that a day is in."""
    if unit == "day":
        return Span.of_days(day)
    if unit == "week":
        return Span.of_days(day - timedelta(days=day.weekday()), 7)
    return Span.of_month(day.year, day.month) if unit == "month" else Span.of_month(day.year, 1, 12)


def _moved(today: date, count: int, unit: str) -> Span:
    moved = today + relativedelta(**{f"{unit}s": count})
    return _whole(moved, unit)


def _ago(match: "re.Match[str]", today: date) -> Span:
    return _moved(today, -_number(match["ago"]), match["ago_unit"].lower())


def _ahead(match: "re.Match[str]", today: date) -> Span:
    if match["ahead"]:
        return _moved(today, _number(match["ahead"]), match["ahead_unit"].lower())
    return _moved(today, _number(match["ahead2"]), match["ahead2_unit"].lower())


_DAYS = {"the day before yesterday": -2, "yesterday": -1, "last night": -1, "tomorrow": 1, "the day after tomorrow": 2}


def _word(match: "re.Match[str]", today: date) -> Span:
    return Span.of_days(today + timedelta(days=_DAYS.get(" ".join(match["word"].lower().split()), 0)))


def _over(match: "re.Match[str]", today: date) -> Span:
    """The last two weeks, today included; the next ones without it."""
    step = relativedelta(**{f"{match['over_unit'].lower()}s": _number(match["over_count"])})
    tomorrow = today + timedelta(days=1)
    first, last = (today - step, tomorrow) if match["over"].lower() in ("last", "past") else (tomorrow, tomorrow + step)
    return Span(Span.of_days(first).start, Span.of_days(last).start)


def _which(match: "re.Match[str]", today: date) -> Span:
    which, what = match["which"].lower(), match["what"].lower()
    way = {"this": 0, "next": 1, "coming": 1}.get(which, -1)
    if what in ("week", "month", "year"):
        return _moved(today, way, what)
    if what in _WEEKDAYS or what == "weekend":
        number = 5 if what == "weekend" else _WEEKDAYS.index(what)
        ahead = (number - today.weekday()) % 7
        # The one before: seven days earlier, and a weekend that is not over yet is none.
        behind = ahead - 14 if what == "weekend" and today.weekday() == 6 else ahead - 7
        moved = behind if way < 0 else (ahead or 7) if way else ahead
        return Span.of_days(today + timedelta(days=moved), 2 if what == "weekend" else 1)
    months, first = (3, _SEASONS[what]) if what in _SEASONS else (1, _month_number(what))
    now = today.year * 12 + today.month - 1
    begins = today.year * 12 + first - 1
    if way == 0 and begins - 12 <= now < begins - 12 + months:
        begins -= 12  # In January, "this winter" has begun last year.
    while way < 0 and begins + months > now:
        begins -= 12
    while way > 0 and begins <= now:
        begins += 12
    return Span.of_month(begins // 12, begins % 12 + 1, months)


def _day_month(match: "re.Match[str]", today: date) -> Span | None:
    spans = (named_span(f"{match['day_month']} {year}") for year in range(today.year - 1, today.year + 2))
    return _nearest([span for span in spans if span is not None], today)


def _month(match: "re.Match[str]", today: date) -> Span | None:
    number = _month_number(match["month"])
    return _nearest([Span.of_month(year, number) for year in range(today.year - 1, today.year + 2)], today)


def _nearest(spans: list[Span], today: date) -> Span | None:
    """The one that is nearest to a day, the earlier one of two."""
    now = Span.of_days(today).start
    return min(spans, key=lambda span: (max(span.start - now, now - span.end), span), default=None)


def _month_number(name: str) -> int:
    return next(number for number, month in enumerate(MONTHS, 1) if month.lower() == name.lower())


_HANDLERS: dict[str, Callable[["re.Match[str]", date], Span | None]] = {
    "ago_unit": _ago,
    "ahead_unit": _ahead,
    "ahead2_unit": _ahead,
    "word": _word,
    "over_unit": _over,
    "what": _which,
    "day_month": _day_month,
    "month": _month,
}
