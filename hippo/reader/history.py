"""The conversation that a question goes on: whoever asks "And where was she born?" has named her before."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from hippo.documents.messages import spoken
from hippo.reader.marks import without_citations

__all__ = ["History"]

_NEAR = 2
"""Messages that a question is looked up with."""
_LONGEST = 300
"""Characters of such a message."""

_ORDERS = frozenset({"system", "developer"})
"""Roles of messages that say how to answer."""
_UNHEARD = frozenset({"tool", "function"})
"""Roles of what no person or model said."""


@dataclass(frozen=True, slots=True)
class History:
    """What was said before a question.

    Attributes:
        turns: Who spoke and what was said, oldest first; without citations, whose numbers are those of other passages.
        orders: What messages of the system ask of answers; "" where there are none.
        dropped: Messages that are none of these, by reason.
    """

    turns: tuple[tuple[str, str], ...] = ()
    orders: str = ""
    dropped: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, messages: Iterable[object]) -> Self:
        """The history that messages are, in any form that `hippo.documents.conversation` reads.

        Args:
            messages: Oldest first, without the question itself.

        Raises:
            DocumentError: A message has no known shape.

        Examples:
            >>> History.of([{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Ada [1]."}]).turns
            (('user', 'Who?'), ('assistant', 'Ada.'))
        """
        turns, orders, dropped = [], [], Counter[str]()
        for speaker, text in spoken(messages):
            said = without_citations(text).strip()
            if not said:
                dropped["earlier message without text"] += 1
            elif speaker in _ORDERS:
                orders.append(text.strip())
            elif speaker in _UNHEARD:
                dropped[f"earlier message of the role {speaker}"] += 1
            else:
                turns.append((" ".join((speaker or "user").split()), said))
        return cls(tuple(turns), "\n\n".join(orders), dict(dropped))

    def queries(self, question: str) -> dict[str, float]:
        """What is looked up for a question, and how much each text counts; the sum is 1.

        The question alone, and with each of the last two messages, most often the last question and its answer: what
        "she" or "it" means is in one of them, and in the newest most often. A question that means neither is itself in
        all of the texts.
        """
        texts, left = dict[str, float](), 1.0
        for _, said in reversed(self.turns[-_NEAR:]):
            left /= 2
            text = f"{question} {_beginning(said)}"
            texts[text] = texts.get(text, 0.0) + left
        return {question: left, **texts}


def _beginning(said: str) -> str:
    """As much of a message as leaves the question its weight, and room where an encoder reads few tokens."""
    if len(said) <= _LONGEST:
        return said
    return said[: said.rfind(" ", 1, _LONGEST) if " " in said[1:_LONGEST] else _LONGEST]
