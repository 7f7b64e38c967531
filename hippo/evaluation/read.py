"""Answers of a reader against accepted answers."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hippo.errors import DocumentError, InputError, LLMError, QuestionError
from hippo.evaluation.metrics import exact_match, f1
from hippo.evaluation.questions import Question
from hippo.reader import without_citations
from hippo.types import Answer

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["answer_scores", "check_answers", "read_scores"]

_MEASURES: dict[str, Callable[[str, Sequence[str]], float]] = {"EM": exact_match, "F1": f1}


def check_answers(questions: Iterable[Question]) -> None:
    """Refuse questions whose answers cannot be scored.

    Raises:
        DocumentError: A question has no accepted answer.
    """
    for question in questions:
        if not question.answers:
            raise DocumentError(f"question {question.id!r}", "has no accepted answer, so its answer cannot be scored")


def read_scores(
    answers: Sequence[Answer | LLMError | QuestionError], questions: Sequence[Question]
) -> "dict[str, NDArray[np.float64]]":
    """Exact match and token F1 of answers, as `hippo.evaluation.metrics` defines them.

    Citations are taken out of the text first. What a reader says where it found no answer is scored like any answer;
    an error in the place of an answer scores 0.

    Args:
        answers: One answer per question, or the error in its place: what `Hippo.ask_many` gives.
        questions: The questions with their accepted answers.

    Returns:
        "EM" and "F1": float64 `(len(questions),)` each, in [0, 1], higher is better.

    Raises:
        DocumentError: A question has no accepted answer.
        InputError: The answers are not those of the questions, one each, in their order.
    """
    if len(answers) != len(questions):
        raise InputError(f"answers and questions must be as many, got {len(answers)} and {len(questions)}")
    check_answers(questions)
    for answer, question in zip(answers, questions, strict=True):
        if isinstance(answer, Answer) and answer.question != question.text:
            raise InputError(f"the answer to {answer.question!r} stands where that to {question.text!r} should")
    return answer_scores([one.text if isinstance(one, Answer) else None for one in answers], questions)


def answer_scores(answers: Sequence[str | None], questions: Sequence[Question]) -> "dict[str, NDArray[np.float64]]":
    """What `read_scores` gives, of the texts of answers.

    Args:
        answers: One answer per question, in their order; None: there is none, which scores 0.
        questions: The questions with their accepted answers.

    Raises:
        InputError: There are more or fewer answers than questions.
    """
    if len(answers) != len(questions):
        raise InputError(f"answers and questions must be as many, got {len(answers)} and {len(questions)}")
    pairs = list(zip(answers, questions, strict=True))
    return {
        name: np.array(
            [0.0 if text is None else measure(without_citations(text), question.answers) for text, question in pairs],
            dtype=np.float64,
        )
        for name, measure in _MEASURES.items()
    }
