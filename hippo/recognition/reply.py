"""Reading the numbers in a model's reply. Numbers only: no words of the reply are ever matched with a fact."""

import re
from dataclasses import dataclass

from hippo.recognition.prompt import KEY

__all__ = ["Selection", "read_reply"]

# More than JSON: single quotes, a trailing comma or an outer bracket that was never closed leave no doubt.
_LIST = re.compile(rf"""["']{KEY}["']\s*:\s*\[([^\[\]]*)\]""")
_NUMBER = re.compile(r"""\s*(["']?)\+?([0-9]{1,9})(?:\.0+)?\1\s*""")


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
    lists = _LIST.findall(text)
    if not lists:
        return Selection(problem=f'it holds no JSON object with a list "{KEY}"')
    entries = lists[-1].rstrip().removesuffix(",").split(",") if lists[-1].strip() else []
    numbers = [int(match[2]) for match in map(_NUMBER.fullmatch, entries) if match]
    valid = [number for number in numbers if 1 <= number <= count]
    if entries and not valid:
        return Selection((), len(entries), f"none of the {len(entries)} entries of its list is the number of a fact")
    return Selection(tuple(sorted({number - 1 for number in valid})), len(entries) - len(valid))
