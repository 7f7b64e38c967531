"""Answers that fit into a number of tokens, and say what they leave out."""

from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel

from hippo.documents import WordCounter
from hippo.errors import InputError

__all__ = ["LEAST_TOKENS", "fit", "tokens_of", "within"]

Item = TypeVar("Item", bound=BaseModel)

LEAST_TOKENS = 50
"""Less than this holds nothing worth reading."""
_counter = WordCounter()


def tokens_of(item: BaseModel) -> int:
    """Tokens that an item takes as JSON, about: they are counted from its words."""
    return _counter.count([item.model_dump_json()])[0]


def within(asked: int | None, most: int) -> int:
    """Tokens of an answer: those that a call asks for, else `most`, and never more.

    Raises:
        InputError: It asks for too few.
    """
    if asked is None:
        return most
    if asked < LEAST_TOKENS:
        raise InputError(f"max_tokens must be at least {LEAST_TOKENS}, got {asked}")
    return min(asked, most)


def fit(
    items: Sequence[Item], tokens: int, *, what: str, most: int, text: str | None = None
) -> tuple[list[Item], str | None]:
    """The first items that fit, and what is to be said of the others; None: all of them fit.

    The first one that does not fit is shortened where enough room is left; if that is not enough, its metadata are left
    out. One that still does not fit hides no other: where nothing is kept yet, the next one has its turn.

    Args:
        items: The most important first.
        tokens: How many there may be.
        what: What they are called.
        most: Largest number of tokens that can be asked for.
        text: Field that may be shortened; None: items are whole or left out.
    """
    kept: list[Item] = []
    left, cut = tokens, ""
    for item in items:
        size = tokens_of(item)
        if size <= left:
            kept.append(item)
            left -= size
            continue
        if text is not None and (left >= LEAST_TOKENS or not kept):
            shorter, cut = _reduced(item, text, left)
            kept += [] if shorter is None else [shorter]
        if kept:
            break
    if len(kept) == len(items) and not cut:
        return kept, None
    last = f", the last of them {cut}" if cut else ""
    more = f"ask again with max_tokens above {tokens}" if tokens < most else "ask for fewer, or for one by its id"
    return kept, f"{len(kept)} of {len(items)} {what} are shown{last}: they are limited to {tokens} tokens; {more}"


def _reduced(item: Item, text: str, tokens: int) -> tuple[Item | None, str]:
    """As much of an item as fits, and what was done to it; None: nothing of it fits."""
    shorter = _shortened(item, text, tokens)
    if shorter is not None or not getattr(item, "metadata", None):
        return shorter, "cut" if shorter is not None else ""
    bare = item.model_copy(update={"metadata": {}})
    if tokens_of(bare) <= tokens:
        return bare, "without its metadata"
    shorter = _shortened(bare, text, tokens)
    return shorter, "cut and without its metadata" if shorter is not None else ""


def _shortened(item: Item, text: str, tokens: int) -> Item | None:
    """The item with as much of its text as fits; None: not even a word does."""
    whole = getattr(item, text)
    if not isinstance(whole, str):
        return None

    def cut(length: int) -> Item:
        return item.model_copy(update={text: f"{whole[:length].rstrip()} …"})

    low, high = 0, len(whole)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if tokens_of(cut(middle)) <= tokens else (low, middle - 1)
    # Between words, where there are any.
    space = whole.rfind(" ", 0, low)
    return cut(space if space > low // 2 else low) if low else None
