"""Quality of rankings and of answers, one number per question, from 0 to 1, higher is better.

A ranking lists document ids, best first. Several chunks of one document count once, at the best of their ranks:
k counts documents. Measures that weigh ranks, such as nDCG and MRR, are in `hippo.evaluation.measures`.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hippo.errors import InputError, QuestionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float64 = NDArray[np.float64]

__all__ = [
    "exact_match",
    "f1",
    "full_chain_recall_at",
    "normalise_answer",
    "recall_at",
]

Rankings = Sequence[Sequence[str]]
Golds = Sequence[Collection[str]]


def recall_at(k: int, rankings: Rankings, golds: Golds) -> "Float64":
    """Recall@k: the share of the gold documents that is among the first k.

    Args:
        k: At least 1.
        rankings: One ranking per question.
        golds: Gold document ids of each question, at least one.

    Returns:
        float64 `(len(rankings),)`, in [0, 1].

    Raises:
        QuestionError: `k` is below 1.
        InputError: There are more or fewer rankings than golds, or a question has no gold document.

    Examples:
        >>> recall_at(2, [["a", "a", "b", "c"]], [{"b", "c"}])
        array([0.5])
    """
    return _each(rankings, golds, lambda ranking, gold: len(gold.intersection(ranking[:k])) / len(gold), k)


def full_chain_recall_at(k: int, rankings: Rankings, golds: Golds) -> "Float64":
    """1 where all gold documents are among the first k, else 0: whether a chain of hops is complete.

    Arguments, result and errors are those of `recall_at`.

    Examples:
        >>> full_chain_recall_at(2, [["a", "b"], ["a", "c"]], [{"a", "b"}, {"a", "b"}])
        array([1., 0.])
    """
    return _each(rankings, golds, lambda ranking, gold: float(gold <= set(ranking[:k])), k)


def normalise_answer(text: str) -> str:
    """An answer as SQuAD's evaluation compares it: lower case, no ASCII punctuation, no articles, single spaces.

    Rajpurkar et al., EMNLP 2016, section 6.1.

    Examples:
        >>> normalise_answer(" The  U.S. (a country)")
        'us country'
    """
    bare = text.lower().translate(_NO_PUNCTUATION)
    return " ".join(_ARTICLE.sub(" ", bare).split())


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """1 if the prediction equals any of the accepted answers after `normalise_answer`, else 0.

    Raises:
        InputError: `answers` is empty.
    """
    predicted = normalise_answer(prediction)
    return max(float(predicted == normalise_answer(answer)) for answer in _accepted(answers))


def f1(prediction: str, answers: Sequence[str]) -> float:
    """Token F1 with the nearest accepted answer: harmonic mean of precision and recall of the multisets of words.

    Words are those of `normalise_answer`; 0 without a common word.

    Raises:
        InputError: `answers` is empty.

    Examples:
        >>> f1("the red big dog", ["a dog", "red dog"])
        0.8
    """
    predicted = Counter(normalise_answer(prediction).split())
    return max(_overlap(predicted, Counter(normalise_answer(answer).split())) for answer in _accepted(answers))


_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLE = re.compile(r"\b(a|an|the)\b")


def _overlap(first: Counter[str], second: Counter[str]) -> float:
    common = (first & second).total()
    return 2.0 * common / (first.total() + second.total()) if common else 0.0


def _accepted(answers: Sequence[str]) -> Sequence[str]:
    if not answers:
        raise InputError("answers must hold at least one accepted answer")
    return answers


def _each(rankings: Rankings, golds: Golds, score: Callable[[list[str], frozenset[str]], float], k: int) -> "Float64":
    if k < 1:
        raise QuestionError("k must be at least 1", k)
    if len(rankings) != len(golds):
        raise InputError(f"rankings and golds must be as many, got {len(rankings)} and {len(golds)}")
    scores = np.empty(len(rankings), dtype=np.float64)
    for row, (ranking, gold) in enumerate(zip(rankings, golds, strict=True)):
        if not gold:
            raise InputError(f"question {row} has no gold document")
        scores[row] = score(list(dict.fromkeys(ranking)), frozenset(gold))
    return scores
