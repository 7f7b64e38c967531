"""Paths in the graph that a question can be made of: the answer of one step is what the next one is about."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hippo.evaluation.statements import Statement

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["Chain", "Chains"]

_TRIES = 200
"""Ways onward that are looked at from one beginning."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Statements in which each begins with the name at which the one before it ends.

    Attributes:
        steps: The statements, each of another document.
    """

    steps: tuple[Statement, ...]

    @property
    def question(self) -> str:
        """The question by template: only the first name is named.

        It is plain rather than fine English, so that nothing is added to what the passages say.
        """
        first, *others = self.steps
        parts = [f"{first.names[0]} {first.words} what", *(f"which {step.words} what" for step in others)]
        return f"{', '.join(parts)}?"

    @property
    def answer(self) -> str:
        """The last name."""
        return self.steps[-1].names[1]

    @property
    def hidden(self) -> tuple[str, ...]:
        """Names between the first and the last, which the question must not tell."""
        return tuple(
            name
            for before, after in zip(self.steps, self.steps[1:], strict=False)
            for name in dict.fromkeys((before.names[1], after.names[0]))
        )

    @property
    def gold(self) -> frozenset[str]:
        """Ids of the documents that are needed."""
        return frozenset(step.document for step in self.steps)


class Chains:
    """Draws chains whose question has one answer, as far as the index can tell.

    Only statements count whose first name and words lead to a single other name, in a single document. Each further
    passage mentions no earlier name but the one that leads to it, and no passage before the last mentions the answer:
    so each of them is needed, and none but the first can be found by the name in the question.

    Args:
        found: Statements of the index.
        mentioned: For each document, rows of the entities that it mentions.
    """

    def __init__(self, found: Sequence[Statement], mentioned: dict[str, frozenset[int]]) -> None:
        said: dict[tuple[int, str], list[Statement]] = defaultdict(list)
        for statement in found:
            said[statement.subject, statement.words.casefold()].append(statement)
        self._usable = [
            ones[0]
            for ones in said.values()
            if len({one.object for one in ones}) == len({one.document for one in ones}) == 1
        ]
        self._from: dict[int, list[Statement]] = defaultdict(list)
        for statement in self._usable:
            self._from[statement.subject].append(statement)
        self._mentioned = mentioned

    def draw(self, hops: int, random: "Generator") -> Iterator[Chain]:
        """Chains of so many statements, in an order that chance decides, at most one from each beginning.

        Args:
            hops: Number of statements, at least 1.
            random: The chance.
        """
        for place in random.permutation(len(self._usable)):
            chain = self._onward((self._usable[int(place)],), hops, random, [_TRIES])
            if chain is not None:
                yield Chain(chain)

    def _onward(
        self, steps: tuple[Statement, ...], hops: int, random: "Generator", tries: list[int]
    ) -> tuple[Statement, ...] | None:
        """Some extension of a chain to its length; None: there is none within the tries."""
        if len(steps) == hops:
            return steps if self._plain(steps) else None
        onward = self._from.get(steps[-1].object, [])
        for place in random.permutation(len(onward)):
            if tries[0] == 0:
                return None
            tries[0] -= 1
            if self._follows(steps, step := onward[int(place)]):
                found = self._onward((*steps, step), hops, random, tries)
                if found is not None:
                    return found
        return None

    def _follows(self, steps: tuple[Statement, ...], step: Statement) -> bool:
        """Whether a statement goes on with a chain, in a passage that it alone leads to."""
        earlier = {one.subject for one in steps}
        if step.document in {one.document for one in steps} or step.object in earlier | {steps[-1].object}:
            return False
        if earlier & self._mentioned[step.document]:
            return False
        return all(step.object not in self._mentioned[one.document] for one in steps)

    @staticmethod
    def _plain(steps: tuple[Statement, ...]) -> bool:
        """Whether the question tells neither the answer nor a name on the way."""
        chain = Chain(steps)
        asked = chain.question.casefold()
        return all(name.casefold() not in asked for name in (*chain.hidden, chain.answer))
