"""Paths in the graph that a question can be made of: the answer of one step is what the next one is about."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from hippo.evaluation.statements import Gap, Statement

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["Chain", "Chains"]

_TRIES = 200
"""Ways onward that are looked at from one beginning."""
_COMMON = 8
"""Documents that may mention a name on the way: of a country or a year nearly anything can be said."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Statements in which each begins with the name at which the one before it ends.

    Attributes:
        steps: The statements, each of another document, at least one.
        gap: A sentence of yet another document that tells the first name to whoever knows it; None: the question names
            it.
    """

    steps: tuple[Statement, ...]
    gap: Gap | None = None

    @property
    def question(self) -> str:
        """The question by template: it is plain rather than fine English, and adds nothing to what the passages say."""
        first, *others = self.steps
        if self.gap is None:
            begin = f"{first.names[0]} {first.words} what"
        else:
            begin = f"“{self.gap.shown}” What … stands for {first.words} what"
        return f"{', '.join([begin, *(f'which {step.words} what' for step in others)])}?"

    @property
    def answer(self) -> str:
        """The last name."""
        return self.steps[-1].names[1]

    @property
    def hidden(self) -> tuple[str, ...]:
        """Names on the way, which the question must not tell."""
        first = () if self.gap is None else (self.gap.name, self.steps[0].names[0])
        between = (name for before, after in pairwise(self.steps) for name in (before.names[1], after.names[0]))
        return tuple(dict.fromkeys((*first, *between)))

    @property
    def begins(self) -> str:
        """What the question tells: a name, or a sentence with a gap."""
        return self.steps[0].names[0] if self.gap is None else self.gap.shown

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the passages say, from the beginning to the answer."""
        first = () if self.gap is None else (self.gap.sentence,)
        return (*first, *(step.sentence for step in self.steps))

    @property
    def gold(self) -> frozenset[str]:
        """Ids of the documents that are needed."""
        return frozenset(self.documents)

    @property
    def documents(self) -> tuple[str, ...]:
        """The same in order."""
        first = () if self.gap is None else (self.gap.document,)
        return (*first, *(step.document for step in self.steps))


class Chains:
    """Draws chains whose question has one answer, as far as the index can tell.

    Only statements count whose first name and words lead to a single other name, in a single document. Each further
    passage mentions nothing that was named before but what leads to it, and no passage before the last mentions the
    answer: so each of them is needed, and none but the first can be found by the names in the question.

    Args:
        found: Statements of the index.
        gapped: Sentences with gaps.
        mentioned: For each document, rows of the entities that it mentions.
    """

    def __init__(
        self, found: Sequence[Statement], gapped: Sequence[Gap], mentioned: Mapping[str, frozenset[int]]
    ) -> None:
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
        self._common = Counter(row for rows in mentioned.values() for row in rows)
        self._gaps = [gap for gap in gapped if gap.entity in self._from and self._common[gap.entity] <= _COMMON]

    def draw(self, hops: int, random: "Generator") -> Iterator[Chain]:
        """Chains over so many documents, in an order that chance decides, at most one from each beginning.

        Those that begin with a name come first; where they do not suffice, and there is more than one document, those
        follow that begin with a gap.

        Args:
            hops: Number of documents, at least 1.
            random: The chance.
        """
        for place in random.permutation(len(self._usable)):
            chain = self._onward(Chain((self._usable[int(place)],)), hops, random, [_TRIES])
            if chain is not None:
                yield chain
        for place in random.permutation(len(self._gaps)) if hops > 1 else ():
            gap, tries = self._gaps[int(place)], [_TRIES]
            onward = self._from[gap.entity]
            for other in random.permutation(len(onward)):
                step = onward[int(other)]
                known = gap.others | {gap.entity}
                if not self._leads({gap.document}, known, gap.others, step):
                    continue
                chain = self._onward(Chain((step,), gap), hops, random, tries)
                if chain is not None:
                    yield chain
                    break

    def _onward(self, chain: Chain, hops: int, random: "Generator", tries: list[int]) -> Chain | None:
        """Some extension of a chain to its length; None: there is none within the tries."""
        if len(chain.documents) == hops:
            return chain if self._is_secret(chain) else None
        others = frozenset() if chain.gap is None else chain.gap.others
        named = others | {step.subject for step in chain.steps}
        onward = self._from.get(chain.steps[-1].object, [])
        for place in random.permutation(len(onward)):
            if tries[0] == 0:
                return None
            tries[0] -= 1
            step = onward[int(place)]
            if self._leads(set(chain.documents), named | {step.subject}, named, step):
                found = self._onward(Chain((*chain.steps, step), chain.gap), hops, random, tries)
                if found is not None:
                    return found
        return None

    def _leads(self, documents: set[str], known: frozenset[int], named: frozenset[int], step: Statement) -> bool:
        """Whether a statement goes on with a chain, in a passage that its first name alone leads to."""
        return (
            step.document not in documents
            and self._common[step.subject] <= _COMMON
            and step.object not in known
            and not named & self._mentioned[step.document]
            and all(step.object not in self._mentioned[document] for document in documents)
        )

    @staticmethod
    def _is_secret(chain: Chain) -> bool:
        """Whether the question tells neither the answer nor a name on the way."""
        asked = chain.question.casefold()
        return all(name.casefold() not in asked for name in (*chain.hidden, chain.answer))
