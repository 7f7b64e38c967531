"""What a question leaves open: the question without the names that the index knows, which have seeds of their own.

"Who is the mother of the director of Dancing Pirate?" leaves open who is the mother of the director: what the passages
beyond that film's have to speak of.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hippo.retrieval.link import Linked, Linker
from hippo.retrieval.names import NameLinker, without_names
from hippo.retrieval.profiles import Profile

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Opened", "link_passages", "open_texts"]


@dataclass(frozen=True, slots=True)
class Opened:
    """What m questions leave open.

    Attributes:
        texts: m texts.
        vectors: Their unit vectors, to be compared with passages, float32 `(m, d)`; None: by words alone.
    """

    texts: Sequence[str]
    vectors: "NDArray[np.float32] | None"

    def part(self, rows: slice) -> "Opened":
        """Of some of the questions."""
        return Opened(self.texts[rows], None if self.vectors is None else self.vectors[rows])


def open_texts(
    questions: Sequence[str], profile: Profile, names: Callable[[str], Sequence[str]], linker: NameLinker
) -> list[str] | None:
    """What each question leaves open; None: a profile does not ask for it.

    Args:
        questions: The questions.
        profile: How to retrieve.
        names: Finds the names in a question.
        linker: Knows the names of the index.
    """
    walks = profile.ranking == "walk" and profile.linking == "facts"
    if not (walks and profile.query_gain and profile.open_question):
        return None
    return [without_names(question, linker.known(names(question))) for question in questions]


def link_passages(
    linker: Linker,
    questions: Sequence[str],
    queries: "NDArray[np.float32] | None",
    opened: Opened | None,
    lexical_weight: float,
) -> tuple[list[Linked], list[Linked]]:
    """Scores of passages for the questions, and those by which the walk prefers passages: for what each leaves open.

    Both are found together, so that the vectors of passages come from memory once.

    Args:
        linker: Of passages.
        questions: m questions.
        queries: Their unit vectors, float32 `(m, d)`; None: by words alone.
        opened: What is open; None: all. The scores of a question of which all is open are the same twice.
        lexical_weight: β.
    """
    pairs = [] if opened is None else enumerate(zip(opened.texts, questions, strict=True))
    places = [place for place, (text, question) in pairs if text != question]
    if opened is None or not places:
        linked = linker.link(questions, queries, lexical_weight)
        return linked, linked
    vectors = None
    if queries is not None and opened.vectors is not None:
        vectors = np.concatenate([queries, opened.vectors[places]])
    linked = linker.link([*questions, *(opened.texts[place] for place in places)], vectors, lexical_weight)
    passages = linked[: len(questions)]
    favoured = list(passages)
    for place, one in zip(places, linked[len(questions) :], strict=True):
        favoured[place] = one
    return passages, favoured
