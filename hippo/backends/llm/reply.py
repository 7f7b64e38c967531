"""What every back-end does with a reply: leave hidden reasoning out, estimate tokens that were not counted."""

import math
import re
from collections.abc import Mapping
from typing import Any, Literal

from hippo.types import LLMRequest, Usage

__all__ = ["Finish", "Thinking", "estimated_tokens", "finish_of", "sendable", "usage_of", "without_thinking"]

Finish = Literal["stop", "length", "filtered"]
"""How a reply ended, as in `hippo.types.Completion`."""

_OPEN, _CLOSE = "<think>", "</think>"
# Some chat templates write the opening tag into the prompt, so that only the closing one comes, on a line of its own.
_HEADLESS = re.compile(r"(?:\A|\n)[ \t]*</think>[ \t]*(?:\n|\Z)")
_LENGTH = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "max_completion_tokens"})
_FILTERED = frozenset(
    {"content_filter", "content_filtered", "guardrail_intervened", "safety", "recitation", "prohibited_content"}
    | {"refusal", "blocklist", "spii"}
)


def without_thinking(text: str) -> str:
    r"""The reply without the reasoning that local models write in front of it.

    Examples:
        >>> without_thinking("<think>Paris or Lyon?</think>\n\nParis"), without_thinking("<think>cut off")
        ('Paris', '')
        >>> without_thinking("Well.\n</think>\nParis")
        'Paris'
    """
    thinking = Thinking()
    shown = thinking.feed(text) + thinking.end()
    if not thinking.found and (match := _HEADLESS.search(shown)):
        return shown[match.end() :].lstrip()
    return shown


class Thinking:
    """Leaves `<think>…</think>` at the beginning out of a text that comes in pieces.

    Where the closing tag comes without the opening one, pieces are shown before that is known; `without_thinking` on
    the whole text has the last word.

    Attributes:
        found: Whether there was such reasoning.
    """

    def __init__(self) -> None:
        self.found = False
        self._state: Literal["start", "inside", "after", "shown"] = "start"
        self._held = ""

    def feed(self, piece: str) -> str:
        """What is to be shown of the text so far and was not shown before."""
        if self._state == "shown":
            return piece
        self._held += piece
        if self._state == "start":
            begin = self._held.lstrip()
            if begin.startswith(_OPEN):
                self._state, self.found = "inside", True
                self._held = begin[len(_OPEN) :]
            elif _OPEN.startswith(begin):
                return ""  # too early to tell
            else:
                return self._show(self._held)
        if self._state == "inside":
            _, closed, rest = self._held.partition(_CLOSE)
            if not closed:
                self._held = self._held[-len(_CLOSE) :]
                return ""
            self._state, self._held = "after", rest
        rest = self._held.lstrip()
        return self._show(rest) if rest else ""

    def end(self) -> str:
        """What was held back when the text ended and belongs to it."""
        return self._held if self._state == "start" else ""

    def _show(self, text: str) -> str:
        self._state, self._held = "shown", ""
        return text


def finish_of(reason: object) -> Finish:
    """How a reply ended, from a provider's word for it; words that are not known stand for a complete one.

    Examples:
        >>> finish_of("MAX_TOKENS"), finish_of("content_filter"), finish_of("end_turn"), finish_of(None)
        ('length', 'filtered', 'stop', 'stop')
    """
    word = reason.lower() if isinstance(reason, str) else ""
    if word in _LENGTH:
        return "length"
    return "filtered" if word in _FILTERED else "stop"


def estimated_tokens(text: str) -> int:
    """Tokens of a text at four bytes each, 0 or more: for endpoints that do not count.

    Examples:
        >>> estimated_tokens("Where was Marie Curie born?")
        7
    """
    return math.ceil(len(text.encode("utf-8", "replace")) / 4)


def usage_of(counts: object, request: LLMRequest, text: str, *, names: tuple[str, str]) -> Usage:
    """The usage of one request; a count that a provider does not give is estimated.

    Args:
        counts: The provider's counts, a mapping where there are any.
        request: What was asked.
        text: What came back, hidden reasoning included.
        names: Keys of input and output tokens.
    """
    given: Mapping[str, Any] = counts if isinstance(counts, Mapping) else {}
    sent, received = (given.get(name) for name in names)
    if not _is_count(sent):
        sent = sum(estimated_tokens(message.content) + 4 for message in request.messages)
    if not _is_count(received):
        received = estimated_tokens(text)
    return Usage(requests=1, input_tokens=int(sent or 0), output_tokens=int(received or 0))


def sendable(text: str) -> str:
    r"""The text with lone surrogates, which UTF-8 cannot hold, replaced by "?".

    Examples:
        >>> sendable("a\ud800b")
        'a?b'
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
