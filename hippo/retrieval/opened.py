"""What a question leaves open: the question without the names that the index knows, which have seeds of their own.

"Who is the mother of the director of Dancing Pirate?" leaves open who is the mother of the director: what the passages
beyond that film's have to speak of.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hippo.retrieval.link import Linked, Linker
from hippo.retrieval.names import NameLinker, without_names
from hippo.retrieval.profiles import Profile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Opened", "open_texts", "preferred"]


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


def preferred(
    linker: Linker, questions: Sequence[str], passages: Sequence[Linked], opened: Opened | None, lexical_weight: float
) -> list[Linked]:
    """Scores by which the walk prefers passages: those of what each question leaves open.

    Args:
        linker: Of passages.
        questions: The questions.
        passages: Their scores; they are those of a question of which all is open.
        opened: What is open; None: all.
        lexical_weight: β.
    """
    scores = list(passages)
    if opened is not None:
        pairs = enumerate(zip(opened.texts, questions, strict=True))
        places = [place for place, (text, question) in pairs if text != question]
        vectors = None if opened.vectors is None else opened.vectors[places]
        linked = linker.link([opened.texts[place] for place in places], vectors, lexical_weight)
        for place, one in zip(places, linked, strict=True):
            scores[place] = one
    return scores
