"""Reading the numbers in a model's reply. Numbers only: no words of the reply are ever matched with a fact."""

import json
import re
from dataclasses import dataclass
from typing import Any

from hippo.recognition.prompt import KEY

__all__ = ["Selection", "read_reply"]

# More than JSON: other quotes or none, or an outer bracket that was never closed, leave no doubt.
_KEY = re.compile(rf"""(?:["'“”]|[{{,]\s*+){KEY}["'“”]?\s*+:\s*+""", re.IGNORECASE)
_BROKEN_LIST = re.compile(r"\[([^\[\]]*+)\]")
_FENCE = re.compile(r"\A\s*+```\w*+|```\s*+\Z")
_NUMBER = r"\+?([0-9]{1,9})(?:\.0+)?"
_ENTRY = re.compile(rf"\s*+{_NUMBER}\s*+(?::.*)?", re.DOTALL)
_BROKEN_ENTRY = re.compile(rf"""\s*+(["']?){_NUMBER}\1\s*+""")
_SEVERAL = re.compile(r"[0-9]++(?:[\s,;]++[0-9]++)*+")
_DECODER = json.JSONDecoder(strict=False, parse_int=str, parse_float=str, parse_constant=str)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a reply chose.

    Attributes:
        kept: Positions of the facts, from 0, ascending, without repeats.
        ignored: Entries of the list that are the number of no fact.
        problem: Why the reply cannot be used, in words that the model can be told; None: it can. Without a problem
            `kept` is empty only if the list itself is.
    """

    kept: tuple[int, ...] = ()
    ignored: int = 0
    problem: str | None = None


def read_reply(text: str, count: int) -> Selection:
    """The selection in a reply, wherever its list stands; of several lists the last, which was thought over.

    A number may be a string, alone or before a colon and the fact. The list may lack its object, or be a single number
    or a string of numbers.

    Args:
        text: The reply: any text.
        count: Number of facts shown.

    Examples:
        >>> read_reply('Facts 1 and 3 help: {"keep": [3, 1, 9]}', count=4)
        Selection(kept=(0, 2), ignored=1, problem=None)
        >>> read_reply('{"keep": []}', count=4)
        Selection(kept=(), ignored=0, problem=None)
        >>> read_reply('{"keep": [7]}', count=4).problem
        'none of the 1 entries of its list is the number of a fact'
    """
    lists = [entries for match in _KEY.finditer(text) if (entries := _entries(text, match.end())) is not None]
    if not lists:
        entries = _loaded(_FENCE.sub("", text))
        if not isinstance(entries, list) or not entries:
            return Selection(problem=f'it holds no JSON object with a list "{KEY}"')
        lists = [entries]
    numbers = [_number(entry) for entry in lists[-1]]
    valid = {number - 1 for number in numbers if 1 <= number <= count}
    if numbers and not valid:
        return Selection((), len(numbers), f"none of the {len(numbers)} entries of its list is the number of a fact")
    return Selection(tuple(sorted(valid)), sum(not 1 <= number <= count for number in numbers))


def _entries(text: str, start: int) -> list[Any] | None:
    """What is listed at a place of a text; None where that is no list."""
    try:
        value, _ = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):  # no JSON, or nested thousands deep
        broken = _BROKEN_LIST.match(text, start)
        inner = broken[1].strip().removesuffix(",") if broken else ""
        found = [_BROKEN_ENTRY.fullmatch(entry) for entry in inner.split(",")] if inner else []
        return [entry and entry[2] for entry in found] or None
    if isinstance(value, str):
        return re.findall("[0-9]+", value) if _SEVERAL.fullmatch(value.strip()) else [value]
    return value if isinstance(value, list) else None


def _loaded(text: str) -> Any:
    """JSON that is nothing else; None for other text."""
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None


def _number(entry: Any) -> int:
    """The number that an entry is, or begins with as facts are shown; 0: none."""
    found = _ENTRY.fullmatch(entry) if isinstance(entry, str) else None
    return int(found[1]) if found else 0
