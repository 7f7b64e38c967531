"""Words as tokens: what the scripted model and the test server count and cut by."""

import re
from typing import Literal

from hippo.types import LLMRequest

__all__ = ["count", "count_request", "half", "limit", "pieces"]

_PIECE = re.compile(r"\s*\S+(?:\s+\Z)?|\s+\Z")


def count(text: str) -> int:
    """Words of a text.

    Examples:
        >>> count(" the  Loire ")
        2
    """
    return len(text.split())


def count_request(request: LLMRequest) -> int:
    """Words of all messages of a request."""
    return sum(count(message.content) for message in request.messages)


def pieces(text: str) -> list[str]:
    """A text cut before the space in front of each word; joined they are the text.

    Examples:
        >>> pieces("the  Loire ")
        ['the', '  Loire ']
    """
    return _PIECE.findall(text)


def limit(text: str, most: int) -> tuple[str, Literal["stop", "length"]]:
    """The first `most` words, and whether that is all of it.

    Examples:
        >>> limit("a river in France", 2)
        ('a river', 'length')
    """
    if count(text) <= most:
        return text, "stop"
    return "".join(pieces(text)[:most]), "length"


def half(text: str) -> str:
    """The first half of a text, by words if it has several; JSON is broken by it."""
    words = pieces(text)
    return "".join(words[: len(words) // 2]) if len(words) > 1 else text[: len(text) // 2]
