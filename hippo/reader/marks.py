"""The marks in square brackets by which a model tells a reader what its words are.

`[1]`, `[1, 3]` and `[1-3]` cite passages; `[none]`, `[thought]`, `[answer]` and `[enough]` are agreed with the model in
the prompts. Whoever writes a passage must not be able to make such a mark: `disarm` turns its brackets round, so that
not even a model that copies the passage word for word says one.
"""

import re

__all__ = ["ANSWER", "ENOUGH", "NONE", "OPENERS", "THOUGHT", "cited", "cites", "disarm", "without_citations"]

OPENERS = "[［【"
"""What a mark can begin with: models that write Chinese or Japanese use wide brackets."""

_OPEN, _CLOSE = rf"[\{OPENERS}]", r"[\]］】]"
_PART = r"\d++(?:\s*+[-–—]\s*+\d++)?+"
_NUMBERS = rf"{_PART}(?:\s*+[,;、，；]\s*+{_PART}|\s++{_PART})*+"
_CITATION = re.compile(rf"{_OPEN}\s*+({_NUMBERS})\s*+{_CLOSE}")
_RANGE = re.compile(r"(\d++)(?:\s*+[-–—]\s*+(\d++))?+")
_ANY = re.compile(rf"{_OPEN}(\s*+(?:{_NUMBERS}|none|thought|answer|enough)\s*+){_CLOSE}", re.IGNORECASE)


def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"{_OPEN} ?{name} ?{_CLOSE}", re.IGNORECASE)


NONE = _word("none")
"""The passages do not hold the answer. At most 8 characters."""
THOUGHT = _word("thought")
ANSWER = _word("answer")
ENOUGH = _word("enough")


def disarm(text: str) -> str:
    """The text with round brackets around everything that would be a mark.

    Examples:
        >>> disarm("Proven [7]. [None] [answer] x[i]")
        'Proven (7). (None) (answer) x[i]'
    """
    return _ANY.sub(r"(\1)", text)


def cites(text: str) -> bool:
    """Whether the text holds a citation, of whatever passage."""
    return _CITATION.search(text) is not None


def cited(text: str, shown: int) -> tuple[tuple[int, ...], int]:
    """Passages that a text cites.

    Args:
        text: What a model wrote.
        shown: Number of passages that it was shown, numbered from 1.

    Returns:
        Their numbers in order of first mention, without repeats; and how many citations, a range counted once, name
        a passage that was not shown.

    Examples:
        >>> cited("Born in Ulm [3], moved twice [1-2][9].", 4)
        ((3, 1, 2), 1)
    """
    numbers: dict[int, None] = {}
    unknown = 0
    for mark in _CITATION.finditer(text):
        for first, last in _RANGE.findall(mark[1]):
            low, high = sorted((_number(first, shown), _number(last or first, shown)))
            unknown += low < 1 or high > shown
            numbers |= dict.fromkeys(range(max(low, 1), min(high, shown) + 1))
    return tuple(numbers), unknown


def _number(digits: str, shown: int) -> int:
    # Python refuses to read numbers of thousands of digits; nine are more than any prompt has passages.
    return int(digits) if len(digits) <= 9 else shown + 1


def without_citations(text: str) -> str:
    """The text without its citations and the blanks before them.

    Examples:
        >>> without_citations("In Ulm [1, 2], as they say [3].")
        'In Ulm, as they say.'
    """
    kept, start = [], 0
    for mark in _CITATION.finditer(text):  # blanks in the pattern would take quadratic time
        kept.append(text[start : mark.start()].rstrip())
        start = mark.end()
    return "".join(kept) + text[start:]
