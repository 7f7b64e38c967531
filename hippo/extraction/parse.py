"""Replies of language models to lists of names and triples, whatever surrounds or breaks their JSON.

Plain JSON is read as it is; `json_repair` mends what is not, and its result is checked like everything else.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import json_repair

from hippo.types import Triple

__all__ = ["DEEPEST_MENDED", "LONGEST_PART", "MOST_MENDED", "NOTHING", "Reply", "names_of", "read_reply", "triples_of"]

LONGEST_PART = 300
"""Characters of a name or of a part of a triple; what is longer is no name."""
MOST_MENDED = 5_000
"""Characters of broken JSON that are mended, since time is quadratic at worst."""
DEEPEST_MENDED = 16
"""Brackets within one another up to which it is mended: lists in lists take most time, and no reply needs them."""
NOTHING = "it holds no JSON object"
"""The problem of a reply in which no answer has begun."""
_MOST_STARTS = 32
"""Places in the prose around an object that may look like the start of one, each of which costs a scan."""
_START = re.compile(r"\{\s*+\"")
_LIST = re.compile(r"\s*+\[\s*+[\[\"'\]]")
_FENCE = re.compile(r"\A\s*+```\w*+")
_END = re.compile(r"(?:\s|```)*+\Z")
_STRING = r'"(?:[^"\\]|\\.)*+'
# A tag within a string of JSON is the passage's. Such strings, unlike those of prose, follow a bracket, comma
# or colon.
_THOUGHT_OVER = re.compile(rf"(?<=[\[{{,:])\s*+{_STRING}\"?+|(</think>)", re.DOTALL)
_PIECE = re.compile(rf"{_STRING}(\"?+)|[\[\]{{}}]", re.DOTALL)
_CLOSES = {"}": "{", "]": "["}
_OPENS = frozenset(_CLOSES.values())
_BRACKET = re.compile(r"[\[\]{}]")
_ENDS = ('"', "'", "”", "]")
_DEEPEST = 4
"""Objects or lists around the object that holds a list."""
_FIELDS = ("subject", "predicate", "object")
_DECODER = json.JSONDecoder(strict=False, parse_int=str, parse_float=str, parse_constant=str)


@dataclass(frozen=True, slots=True)
class Reply:
    """What could be read of a reply.

    Attributes:
        lists: The lists that were asked for, by key, in the order of the reply; empty where there is a problem.
        problem: Why the reply cannot be used, in words for the model and for people; None: it can.
        whole: Whether the reply holds all of the JSON object, unbroken; otherwise its end may be missing.
        cut: Whether it was broken and its end is missing: it breaks off within an item, or is too long to be mended.
    """

    lists: Mapping[str, list[Any]] = field(default_factory=dict)
    problem: str | None = None
    whole: bool = False
    cut: bool = False


def read_reply(text: str, keys: Sequence[str]) -> Reply:
    r"""The lists in a reply: alone, in a code fence, in prose or after thoughts. Never raises.

    The lists may stand in an object together, in one each, or in an object within another. Of several objects with a
    list the last one counts, since models draft first, but one with all of the lists goes before those with some. Where
    one list is asked for, it may stand without its object. Numbers keep their spelling where the JSON is valid.

    Args:
        text: The reply.
        keys: Names of the lists, at least one.

    Examples:
        >>> read_reply('Sure! ```json\n{"entities": ["Ada", 1843]}\n```', ["entities"]).lists
        {'entities': ['Ada', '1843']}
        >>> reply = read_reply('{"entities": ["Ada", "Charles Babb', ["entities"])
        >>> reply.lists, reply.whole, reply.cut
        ({'entities': ['Ada', 'Charles Babb']}, False, True)
        >>> read_reply("I cannot do that.", ["entities"]).problem
        'it holds no JSON object'
    """
    value = _load(text)
    if value is not None:
        return _checked([value], keys, whole=True)
    body = _without_thoughts(text)
    found = list(_objects(body))
    reply = _checked([value for value, _ in found], keys, whole=True)
    end = max((after for value, after in found if _lists(value, keys)), default=0)
    begins = _opening(body, end, keys)
    if begins is None and reply.problem is None:
        return reply
    if begins is None:
        # No key in sight: the list alone, or an object that lacks what was asked for.
        body = _FENCE.sub("", body, count=1)
        begins = 0 if _LIST.match(body) else body.find("{")
    mended = _mend(body, begins, [value for value, _ in found], keys)
    return reply if mended.problem == NOTHING else mended


def names_of(items: Sequence[Any]) -> tuple[list[str], Counter[str]]:
    """The items that are names, in order, and how many of the others there were of each kind.

    Examples:
        >>> names_of(["Ada", " ", None, 7])
        (['Ada', '7'], Counter({'entity that is empty': 1, 'entity that is no text': 1}))
    """
    names: list[str] = []
    dropped: Counter[str] = Counter()
    for item in items:
        name = _text(item)
        if name is None:
            dropped["entity that is no text"] += 1
        elif not name.strip():
            dropped["entity that is empty"] += 1
        elif len(name) > LONGEST_PART:
            dropped[f"entity longer than {LONGEST_PART} characters"] += 1
        else:
            names.append(name)
    return names, dropped


def triples_of(items: Sequence[Any], *, longest: float = LONGEST_PART) -> tuple[list[Triple], Counter[str]]:
    """The items that are triples, as lists of three or objects, and how many of the others there were of each kind.

    Args:
        items: From a reply.
        longest: Characters that a part may have.

    Examples:
        >>> triples_of([["Ada", "met", "Bob"], ["Ada", "slept"], ["Ada", "", "Bob"], "Ada met Bob"])[1]
        Counter({'triple of 2 parts': 1, 'triple with an empty part': 1, 'triple that is no list': 1})
    """
    triples: list[Triple] = []
    dropped: Counter[str] = Counter()
    for item in items:
        parts = [item[name] for name in _FIELDS if name in item] if isinstance(item, dict) else item
        if not isinstance(parts, list):
            dropped["triple that is no list"] += 1
            continue
        texts = [text for text in map(_text, parts) if text is not None]
        if len(parts) != len(_FIELDS):
            dropped[f"triple of {len(parts)} part{'' if len(parts) == 1 else 's'}"] += 1
        elif len(texts) != len(parts):
            dropped["triple with a part that is no text"] += 1
        elif not all(text.strip() for text in texts):
            dropped["triple with an empty part"] += 1
        elif max(map(len, texts)) > longest:
            dropped[f"triple with a part longer than {longest} characters"] += 1
        else:
            triples.append(Triple(*texts))
    return triples, dropped


def _checked(values: Sequence[Any], keys: Sequence[str], *, whole: bool = False, cut: bool = False) -> Reply:
    """What several JSON values give together."""
    lists: dict[str, list[Any]] = {}
    together = False
    for found in (_lists(value, keys) for value in values):
        if len(found) == len(keys):
            lists, together = found, True
        elif not together:
            lists |= found
    if len(lists) == len(keys):
        return Reply(lists, None, whole, cut)
    if len(keys) == 1 and values and isinstance(values[-1], list):
        return Reply({keys[0]: values[-1]}, None, whole, cut)
    objects = [value for value in values if isinstance(value, dict)]
    if not objects:
        return Reply(problem=NOTHING)
    missing = next(key for key in keys if key not in lists)
    is_there = any(missing in value for value in objects)
    return Reply(problem=f'"{missing}" is no list' if is_there else f'its JSON object has no "{missing}"')


def _lists(value: Any, keys: Sequence[str], depth: int = 0) -> dict[str, list[Any]]:
    """The lists that were asked for in a JSON value, by key, in objects within others too."""
    found: dict[str, list[Any]] = {}
    inner: Iterable[Any] = value if isinstance(value, list) else ()
    if isinstance(value, dict):
        found = {key: item for key, item in value.items() if key in keys and isinstance(item, list)}
        inner = () if found else value.values()
    for item in inner if depth < _DEEPEST else ():
        found |= _lists(item, keys, depth + 1)
    return found


def _load(text: str) -> Any:
    """JSON that is nothing else; None for other text."""
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):  # no JSON, or nested thousands deep
        return None


def _objects(text: str) -> Iterator[tuple[Any, int]]:
    """Complete JSON objects in a text, none of them inside another, and where each ends."""
    place = failures = 0
    while failures < _MOST_STARTS and (match := _START.search(text, place)):
        try:
            value, place = _DECODER.raw_decode(text, match.start())
            yield value, place
        except (ValueError, RecursionError):  # prose, or a broken object: its inner ones are looked at
            place = match.start() + 1
            failures += 1


def _opening(text: str, start: int, keys: Sequence[str]) -> int | None:
    """Where an object with one of the keys seems to begin, valid or not."""
    match = re.compile(rf"\{{\s*+[\"'“]?(?:{'|'.join(map(re.escape, keys))})\b").search(text, start)
    return match.start() if match else None


def _mend(text: str, begins: int, whole: Sequence[Any], keys: Sequence[str]) -> Reply:
    """What broken JSON most likely meant, from where it begins (-1: nowhere), after what was whole before it."""
    if begins < 0:
        return Reply(problem=NOTHING)
    within = text[begins : begins + MOST_MENDED]
    piece = _shallow(within)
    try:
        value = json_repair.loads(piece, skip_json_loads=True)
    except Exception:  # a third-party parser on any text at all: where it gives up, there is nothing to read
        return Reply(problem=NOTHING)
    reply = _checked([*whole, value], keys, cut=begins + len(piece) < len(text) or _breaks_off(piece))
    if len(piece) < len(within) and not any(reply.lists.values()):
        return Reply(problem=NOTHING)  # brackets alone
    return reply


def _shallow(text: str) -> str:
    """The text up to where brackets are nested too deep, with or without those that strings seem to hold."""
    for pattern in (_BRACKET, _PIECE):
        depth = 0
        for match in pattern.finditer(text):
            depth += (match[0] in _OPENS) - (match[0] in _CLOSES and depth > 0)
            if depth > DEEPEST_MENDED:
                text = text[: match.start()]
                break
    return text


def _breaks_off(text: str) -> bool:
    """Whether broken JSON ends within an item of its list. Where only the last brackets lack, a model forgot them."""
    text = _END.sub("", text)
    if text.endswith("}"):
        return False
    opened = ""
    for match in _PIECE.finditer(text):
        piece = match[0]
        if piece in _CLOSES:
            # Brackets that were forgotten in between are closed with the one around them.
            opened = opened[: max(opened.rfind(_CLOSES[piece]), 0)]
            if not opened:
                return False
        elif not match[1]:
            opened += piece[0]
    _, _, within = opened.partition("[")
    return bool(within) or not text.endswith(_ENDS)


def _without_thoughts(text: str) -> str:
    """What follows the model's thoughts aloud; nothing where they have no end.

    The opening tag may be missing: the templates of some models write it, so that it is no part of the reply.
    """
    text = text.lstrip()
    if text.startswith("<think>"):
        return text.partition("</think>")[2]
    over = next((match for match in _THOUGHT_OVER.finditer(text) if match[1]), None)
    return text[over.end() :] if over else text


def _text(item: Any) -> str | None:
    if isinstance(item, str):
        return item
    return str(item) if isinstance(item, int | float) and not isinstance(item, bool) else None
