import numpy as np
import pytest

from hippo.errors import DocumentError, InputError, LLMReplyError
from hippo.evaluation.questions import Question
from hippo.evaluation.read import read_scores
from hippo.reader import NOT_FOUND
from hippo.types import Answer, Retrieval


def question(text: str, *answers: str) -> Question:
    return Question(f"id of {text}", text, answers, frozenset({"gold"}))


def answer(text: str, said: str, *, answered: bool = True) -> Answer:
    retrieval = Retrieval(text, "hippo", (), {}, (), {})
    return Answer(text, said, answered, (), None, retrieval, (), "stop", {}, {}, {})


def test_scores_of_answers_without_their_citations() -> None:
    questions = [
        question("a", "Ulm"),
        question("b", "1879", "in 1879"),
        question("c", "the red dog"),
        question("d", "x"),
    ]
    answers = [
        answer("a", "Ulm [1][2]."),
        answer("b", "In 1879 [1, 3]."),
        answer("c", "A big red dog [4]"),
        answer("d", NOT_FOUND, answered=False),
    ]
    scores = read_scores(answers, questions)
    assert list(scores) == ["EM", "F1"]
    assert scores["EM"].tolist() == [1, 1, 0, 0]
    assert scores["F1"].tolist() == pytest.approx([1, 1, 0.8, 0])
    assert all(values.dtype == np.float64 for values in scores.values())


def test_what_says_that_nothing_was_found_is_scored_as_it_stands() -> None:
    scores = read_scores([answer("a", NOT_FOUND, answered=False)], [question("a", NOT_FOUND)])
    assert scores["EM"].tolist() == [1]


def test_no_answers_give_no_scores() -> None:
    assert {name: values.shape for name, values in read_scores([], []).items()} == {"EM": (0,), "F1": (0,)}


def test_what_cannot_be_scored() -> None:
    with pytest.raises(DocumentError, match="question 'id of b': has no accepted answer"):
        read_scores([answer("a", "x"), answer("b", "x")], [question("a", "x"), question("b")])
    with pytest.raises(InputError, match="as many, got 1 and 2"):
        read_scores([answer("a", "x")], [question("a", "x"), question("b", "x")])
    with pytest.raises(InputError, match="the answer to 'b' stands where that to 'a' should"):
        read_scores([answer("b", "x")], [question("a", "x")])


def test_an_error_in_the_place_of_an_answer_scores_0() -> None:
    scores = read_scores(
        [LLMReplyError("m", "answer", "it was empty"), answer("b", "Ulm")], [question("a", ""), question("b", "Ulm")]
    )
    assert (scores["EM"].tolist(), scores["F1"].tolist()) == ([0, 1], [0, 1])
