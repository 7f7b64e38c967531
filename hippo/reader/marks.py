"""The marks in square brackets by which a model tells a reader what its words are.

`[1]`, `[1, 3]`, `[1 and 3]`, `[1-3]` and `[Passage 1]` cite passages; `[none]`, `[thought]`, `[answer]` and `[enough]`
are agreed with the model in the prompts. Whoever writes a passage must not be able to make such a mark: `disarm` turns
its brackets round, so that not even a model that copies the passage word for word says one.
"""

import re
from collections.abc import Iterator

__all__ = ["ANSWER", "ENOUGH", "NONE", "THOUGHT", "cited", "cites", "disarm", "without_citations"]

_FEW = 999
"""Numbers up to this one cite a passage, shown or not. Numbers above are years and the like, unless so many were shown.
"""

# Models that write Chinese or Japanese use wide brackets.
_OPEN, _CLOSE = r"[\[［【]", r"[\]］】]"
_DASH = r"[-\u2010-\u2015\u2212]"
_PART = rf"(?:passages?\s++)?+\d++(?:\s*+{_DASH}\s*+\d++)?+"
_NUMBERS = rf"{_PART}(?:\s*+[,;、，；&]?+\s*+(?:and\b)?+\s*+{_PART})*+"
# What is closed code is not read.
_CITATION = re.compile(rf"```.*?```|`[^`\n]++`|{_OPEN}\s*+({_NUMBERS})\s*+{_CLOSE}", re.IGNORECASE | re.DOTALL)
_RANGE = re.compile(rf"(\d++)(?:\s*+{_DASH}\s*+(\d++))?+")
_ANY = re.compile(rf"{_OPEN}(\s*+(?:{_NUMBERS}|none|thought|answer|enough)\s*+){_CLOSE}", re.IGNORECASE)


def _word(name: str) -> re.Pattern[str]:
    """The mark of a name, with what Markdown puts around it, and a colon."""
    line = r"(?:^[ \t]*+(?:#{1,6}|>|[-*+•])[ \t]{1,3}+)?+"
    around = r"((?:\*{1,3}|_{1,3}|`|[\"'])?+)"
    colon = r"(?:[ \t]*+[:：])?+"
    return re.compile(rf"{line}{around}{_OPEN} ?{name} ?{_CLOSE}{colon}(?:\1)?+{colon}", re.IGNORECASE | re.MULTILINE)


NONE = _word("none")
"""The passages do not hold the answer."""
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
    return any(_citations(text, _FEW))


def cited(text: str, shown: int) -> tuple[tuple[int, ...], int]:
    """Passages that a text cites, outside of code.

    Args:
        text: What a model wrote.
        shown: Number of passages that it was shown, numbered from 1.

    Returns:
        Their numbers in order of first mention, without repeats; and how many citations, a range counted once, name
        a passage that was not shown.

    Examples:
        >>> cited("Born in Ulm [3] in [1879], moved twice [1-2][9].", 4)
        ((3, 1, 2), 1)
    """
    numbers: dict[int, None] = {}
    unknown = 0
    for mark in _citations(text, shown):
        for low, high in _ranges(mark, shown):
            unknown += low < 1 or high > shown
            numbers |= dict.fromkeys(range(max(low, 1), min(high, shown) + 1))
    return tuple(numbers), unknown


def without_citations(text: str) -> str:
    """The text without its citations and the blanks before them.

    Examples:
        >>> without_citations("In Ulm [1, 2] in [1879], as they say [3].")
        'In Ulm in [1879], as they say.'
    """
    kept, start = [], 0
    for mark in _citations(text, _FEW):  # blanks in the pattern would take quadratic time
        kept.append(text[start : mark.start()].rstrip())
        start = mark.end()
    return "".join(kept) + text[start:]


def _citations(text: str, shown: int) -> Iterator[re.Match[str]]:
    """Marks that name at least one passage that might be there."""
    most = max(shown, _FEW)
    for mark in _CITATION.finditer(text):
        if mark[1] and any(low <= most for low, _ in _ranges(mark, most)):
            yield mark


def _ranges(mark: re.Match[str], shown: int) -> Iterator[tuple[int, int]]:
    """First and last number of each part of a citation; numbers of more than nine digits are one more than shown."""
    for first, last in _RANGE.findall(mark[1]):
        # Python refuses to read numbers of thousands of digits; nine are more than any prompt has passages.
        low, high = sorted(int(digits) if len(digits) <= 9 else shown + 1 for digits in (first, last or first))
        yield low, high
