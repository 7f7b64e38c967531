"""What a model's reply says, read from the reply alone, whole or while it arrives."""

import re
from dataclasses import dataclass

from hippo.reader.marks import ANSWER, NONE, THOUGHT, cites

__all__ = ["NOT_FOUND", "LiveAnswer", "Reply", "parse"]

NOT_FOUND = "The passages do not hold the answer."
"""The text of an answer where a model said `[none]` and nothing more."""

_OPENING = re.compile(rf"{NONE.pattern}[\s.,;:：。，—–-]*+", NONE.flags)
_SENTENCE_ENDS = "\n.!?。！？]］】"
_LONGEST = 32
"""Characters of the longest `[none]`, with all that may stand around it, and more than may follow a mark."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply taken apart.

    Attributes:
        text: The answer, without the `[none]` that it may begin with; "" where there is no answer.
        answered: Whether it is one, rather than the word that the passages hold none.
        reasoning: What was thought before; None where nothing was.
    """

    text: str
    answered: bool
    reasoning: str | None


def parse(reply: str) -> Reply:
    """Take a reply apart.

    The answer begins after the first `[answer]`; a reply without that mark is all answer, unless it begins with
    `[thought]`: then it is all thought. A text that says `[none]` first, or last in a sentence of its own, or that says
    it and cites nothing, is no answer. Markdown, quotation marks and colons around marks are left out with them.

    Args:
        reply: Any string.

    Examples:
        >>> parse("[answer] [none] The year is missing.")
        Reply(text='The year is missing.', answered=False, reasoning=None)
        >>> parse("**[thought]** Ulm is in Germany. **[answer]** Germany [2].")
        Reply(text='Germany [2].', answered=True, reasoning='Ulm is in Germany.')
    """
    thought, said = _parts(reply.strip())
    none, text = _begin(said.strip())
    if none:
        return Reply(text or NOT_FOUND, False, thought)
    return Reply(text, bool(text) and not _lacks(text), thought)


def _parts(reply: str) -> tuple[str | None, str]:
    """Thought and answer."""
    if NONE.match(reply):
        return None, reply
    answer, thought = ANSWER.search(reply), THOUGHT.match(reply)
    if not answer and not thought:
        return None, reply
    before = reply[: answer.start()] if answer else reply
    return before[thought.end() if thought else 0 :].strip() or None, reply[answer.end() :] if answer else ""


def _begin(said: str) -> tuple[bool, str]:
    """Whether it begins with `[none]`, and its text from the first word after that."""
    mark = _OPENING.match(said)
    return (True, said[mark.end() :]) if mark else (False, said)


def _lacks(text: str) -> bool:
    """Whether `[none]` is said of the whole, not of a part: last in a sentence of its own, or without any citation."""
    marks = list(NONE.finditer(text))
    if not marks or not cites(text):
        return bool(marks)
    before, after = text[: marks[-1].start()].rstrip(" \t"), text[marks[-1].end() :]
    return before[-1:] in _SENTENCE_ENDS and not after.strip(".。\n ")


class LiveAnswer:
    """Tells the text of an answer while its reply arrives, in pieces cut anywhere.

    What it tells is the beginning of the text that `parse` finds in the whole reply. It waits where that is not yet
    certain: before the mark of an answer, at an opening that may become `[none]`, and at white space that may be the
    end. Of a reply that begins with no mark it tells nothing: it may turn out to be a thought.

    Examples:
        >>> answer = LiveAnswer()
        >>> [answer.feed(piece) for piece in ("[thought] Well. [ans", "wer] Ul", "m ", "[2]. ")]
        ['', 'Ul', 'm', ' [2].']
    """

    def __init__(self) -> None:
        self._begun = False
        self._held = ""
        self._seen = 0

    def feed(self, piece: str) -> str:
        """What can be told after another piece of the reply; "" while nothing can."""
        self._held += piece
        if not self._begun and not self._begin():
            return ""
        told = self._held.rstrip()
        self._held = self._held[len(told) :]
        return told

    def _begin(self) -> bool:
        self._held = self._held.lstrip()
        none, text = _begin(self._held)
        if not none:
            thought = THOUGHT.match(self._held)
            mark = ANSWER.search(self._held, self._seen) if thought else ANSWER.match(self._held)
            if mark is None:
                # A long thought is not searched anew with every piece.
                self._seen = max(0, len(self._held) - _LONGEST)
                return False
            _, text = _begin(self._held[mark.end() :].lstrip())
        # What follows may still become part of the mark, or another one.
        if not text[:1].isalnum() and len(text) < _LONGEST:
            return False
        self._held, self._begun = text, True
        return True
