"""Decisions about synonyms as people write them: names in any spelling, one by one or in a file of JSON lines."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from hippo.durable import replace_text
from hippo.errors import InputError
from hippo.ids import ascii_key, entity_key
from hippo.types import SynonymDecision

__all__ = ["Pairs", "key_of", "pair_of", "pairs_of", "parse_decisions", "read_decisions", "write_decisions"]

Pairs = dict[tuple[str, str], str | None]
"""A decision, or None for none any more, by pair of keys, the lesser key first."""

_FIELDS = ("first", "second", "decision")
_WORDS = ("accepted", "rejected")
_SHOWN = 60
_LONGEST = 2**16
"""Characters of a line."""


def key_of(rules: str) -> Callable[[str], str]:
    """How an index of these `GraphConfig.rules` makes keys of names."""
    return ascii_key if rules == "hipporag" else entity_key


def pair_of(first: object, second: object, key: Callable[[str], str]) -> tuple[str, str]:
    """Keys of two names, in order.

    Raises:
        InputError: They are no two different names.
    """
    keys = []
    for name in (first, second):
        if not isinstance(name, str) or not key(name):
            raise InputError(f"a name is a text with a letter or digit, got {_shown(name)}")
        keys.append(key(name))
    if keys[0] == keys[1]:
        raise InputError(f"{_shown(first)} and {_shown(second)} are one name already: both have the key {keys[0]!r}")
    return min(keys), max(keys)


def pairs_of(decisions: Iterable[SynonymDecision], key: Callable[[str], str]) -> Pairs:
    """Decisions by pair of keys.

    Raises:
        InputError: One of them is none, or two of them contradict each other.
    """
    found: Pairs = {}
    for number, one in enumerate(decisions, 1):
        if not isinstance(one, SynonymDecision):
            raise InputError(f"decision {number} must be a SynonymDecision, got {type(one).__name__}")
        _put(found, {name: getattr(one, name) for name in _FIELDS}, key, f"decision {number}")
    return found


def parse_decisions(lines: Iterable[str], key: Callable[[str], str], source: str) -> Pairs:
    """Decisions of JSON lines, each an object with `first`, `second` and `decision`; empty lines are passed over.

    Raises:
        InputError: A line is something else, or contradicts one before it; nothing of the file is taken.
    """
    found: Pairs = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{source}, line {number}"
        if len(line) > _LONGEST:
            raise InputError(f"{place}: {len(line)} characters, more than {_LONGEST}")
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{place}: not JSON: {str(error)[:_SHOWN]}") from error
        if not isinstance(record, dict) or sorted(record) != sorted(_FIELDS):
            raise InputError(f"{place}: must be an object with first, second and decision, got {_shown(record)}")
        _put(found, record, key, place)
    return found


def read_decisions(path: Path, key: Callable[[str], str]) -> Pairs:
    """Decisions of a file: see `parse_decisions`.

    Raises:
        InputError: It cannot be read as UTF-8, or a line of it is no decision.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            return parse_decisions(iter(lambda: stream.readline(_LONGEST + 1), ""), key, str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: it cannot be read as UTF-8 text: {error}") from error


def write_decisions(path: Path, decisions: Iterable[SynonymDecision]) -> int:
    """Write decisions as `read_decisions` reads them; an older file is replaced in one step. Their number."""
    lines = [json.dumps(one.to_dict(), ensure_ascii=False) + "\n" for one in decisions]
    replace_text(path, "".join(lines))
    return len(lines)


def _put(found: Pairs, record: Mapping[str, Any], key: Callable[[str], str], place: str) -> None:
    word = record["decision"]
    if word not in _WORDS:
        raise InputError(f"{place}: a decision is 'accepted' or 'rejected', got {_shown(word)}")
    try:
        pair = pair_of(record["first"], record["second"], key)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
    if found.setdefault(pair, word) != word:
        raise InputError(f"{place}: {pair[0]!r} and {pair[1]!r} are {word} here, and {found[pair]} before")


def _shown(value: object) -> str:
    try:
        return repr(value)[:_SHOWN]
    except ValueError:
        # Numbers of thousands of digits, which Python does not write out.
        return "(too long)"
