"""What a model's reply says, read from the reply alone, whole or while it arrives."""

import re
from dataclasses import dataclass

from hippo.reader.marks import ANSWER, NONE, OPENERS, THOUGHT, cites

__all__ = ["NOT_FOUND", "LiveAnswer", "Reply", "parse"]

NOT_FOUND = "The passages do not hold the answer."
"""The text of an answer where a model said `[none]` and nothing more."""

_OPENING = re.compile(rf"{NONE.pattern}[.:\s]*+", re.IGNORECASE)
_LONGEST = 8
"""Characters of the longest `[none]`."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply taken apart.

    Attributes:
        text: The answer, without the `[none]` that it may begin with; "" where there is no answer.
        answered: Whether it is one, rather than the word that the passages hold none.
        reasoning: What was thought before; None where that was not asked for, or not done.
    """

    text: str
    answered: bool
    reasoning: str | None


def parse(reply: str, *, reasoning: bool) -> Reply:
    """Take a reply apart.

    With reasoning the answer begins after the first `[answer]`; a reply without that mark is all answer, unless it
    begins with `[thought]`: then it is all thought. A text that says `[none]` first, or that says it and cites nothing,
    is no answer.

    Args:
        reply: Any string.
        reasoning: Whether a thought was asked for.

    Examples:
        >>> parse("[none] The year is missing.", reasoning=False)
        Reply(text='The year is missing.', answered=False, reasoning=None)
        >>> parse("[thought] Ulm is in Germany. [answer] Germany [2].", reasoning=True)
        Reply(text='Germany [2].', answered=True, reasoning='Ulm is in Germany.')
    """
    thought, said = _parts(reply) if reasoning else (None, reply)
    none, text = _begin(said.rstrip())
    if none:
        return Reply(text or NOT_FOUND, False, thought)
    answered = bool(text) and (NONE.search(text) is None or cites(text))
    return Reply(text, answered, thought)


def _parts(reply: str) -> tuple[str | None, str]:
    """Thought and answer."""
    mark = ANSWER.search(reply)
    before = reply[: mark.start()] if mark else reply
    named = THOUGHT.match(before.lstrip())
    if mark is None and named is None:
        return None, reply
    thought = before.lstrip()[named.end() if named else 0 :].strip()
    return thought or None, reply[mark.end() :] if mark else ""


def _begin(said: str) -> tuple[bool, str]:
    """Whether it begins with `[none]`, and its text from the first word after that."""
    said = said.lstrip()
    mark = _OPENING.match(said)
    return (True, said[mark.end() :]) if mark else (False, said)


class LiveAnswer:
    """Tells the text of an answer while its reply arrives, in pieces cut anywhere.

    What it tells is the beginning of the text that `parse` finds in the whole reply. It waits where that is not yet
    certain: in a thought, at an opening that may become `[none]`, and at white space that may be the end.

    Args:
        reasoning: Whether a thought was asked for.

    Examples:
        >>> answer = LiveAnswer(reasoning=True)
        >>> [answer.feed(piece) for piece in ("[thought] Well. [ans", "wer] Ul", "m ", "[2]. ")]
        ['', 'Ul', 'm', ' [2].']
    """

    def __init__(self, *, reasoning: bool) -> None:
        self._hidden = reasoning
        self._begun = False
        self._held = ""

    def feed(self, piece: str) -> str:
        """What can be told after another piece of the reply; "" while nothing can."""
        self._held += piece
        if self._hidden and not self._leave_thought():
            return ""
        if not self._begun and not self._begin():
            return ""
        told = self._held.rstrip()
        self._held = self._held[len(told) :]
        return told

    def _leave_thought(self) -> bool:
        mark = ANSWER.search(self._held)
        if mark:
            self._held, self._hidden = self._held[mark.end() :], False
        return mark is not None

    def _begin(self) -> bool:
        _, text = _begin(self._held)
        may_become_mark = text[:1] in OPENERS and len(text) < _LONGEST
        if not text or may_become_mark:
            return False
        self._held, self._begun = text, True
        return True
