"""Days, months and years as people write them, and the stretch of time that each names."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

__all__ = ["MONTHS", "Span", "day_name", "named_span"]

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_MONTH = "|".join(rf"{name[:3]}(?:{name[3:]})?" for name in MONTHS)
_NAMED = re.compile(
    rf"(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? )?(?P<month>{_MONTH})\.?,? (?P<year>\d{{4}})"
    rf"|(?P<month2>{_MONTH})\.? (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year2>\d{{4}})"
    r"|(?P<iso>\d{4}-\d{2}(?:-\d{2})?)|(?P<year3>(?:1[0-9]|20)\d{2})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of time, from its first moment up to that after its last. Both are UTC, without a zone.

    Examples:
        >>> Span.of_days(date(2024, 2, 28), 2).end
        datetime.datetime(2024, 3, 1, 0, 0)
    """

    start: datetime
    end: datetime

    @classmethod
    def of_days(cls, first: date, days: int = 1) -> "Span":
        """Some days from a first one on; what lies beyond the last year that there is, is cut off."""
        start = datetime(first.year, first.month, first.day)  # noqa: DTZ001  (UTC by convention)
        try:
            return cls(start, start + timedelta(days=days))
        except OverflowError:
            return cls(start, datetime.max)  # noqa: DTZ901

    @classmethod
    def of_month(cls, year: int, month: int, months: int = 1) -> "Span":
        """Some months from a first one on."""
        last = year * 12 + month - 1 + months
        end = datetime.max if last // 12 > 9999 else datetime(last // 12, last % 12 + 1, 1)  # noqa: DTZ001, DTZ901
        return cls(datetime(year, month, 1), end)  # noqa: DTZ001

    @property
    def days(self) -> float:
        """Its length in days."""
        return (self.end - self.start) / timedelta(days=1)

    @property
    def name(self) -> str:
        """The day, the month or the year that it is, else its first and its last day."""
        first, last = self.start, self.end - timedelta(microseconds=1)
        if first.date() == last.date():
            return day_name(first)
        if self == Span.of_month(first.year, first.month):
            return f"{MONTHS[first.month - 1]} {first.year}"
        if self == Span.of_month(first.year, 1, 12):
            return str(first.year)
        return f"{day_name(first)} to {day_name(last)}"


def day_name(day: date) -> str:
    """A day as text, the same in every locale; of a moment with a zone, its day in UTC.

    Examples:
        >>> day_name(date(2023, 5, 8))
        '8 May 2023'
    """
    if isinstance(day, datetime) and day.tzinfo:
        day = day.astimezone(UTC)
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def named_span(text: str) -> Span | None:
    """The day, month or year that a whole text names; None: it names none.

    Examples:
        >>> named_span("8 may 2023") == Span.of_days(date(2023, 5, 8))
        True
        >>> named_span("May 2023").days
        31.0
        >>> named_span("may") is None
        True
    """
    match = _NAMED.fullmatch(" ".join(text.split()))
    if match is None:
        return None
    try:
        if iso := match["iso"]:
            parts = [int(part) for part in iso.split("-")]
            return Span.of_month(*parts) if len(parts) == 2 else Span.of_days(date(*parts))
        if year := match["year3"]:
            return Span.of_month(int(year), 1, 12)
        year, month = int(match["year"] or match["year2"]), _number(match["month"] or match["month2"])
        day = match["day"] or match["day2"]
        return Span.of_days(date(year, month, int(day))) if day else Span.of_month(year, month)
    except ValueError:  # The 31st of June, month 13.
        return None


def _number(month: str) -> int:
    return next(number for number, name in enumerate(MONTHS, 1) if name[:3].lower() == month[:3].lower())
