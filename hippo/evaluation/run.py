"""An index against a file of questions: gold passages found among its documents, profiles compared."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from hippo.errors import (
    DocumentError,
    LLMBudgetError,
    LLMRefusedError,
    LLMUnavailableError,
    QuestionError,
)
from hippo.evaluation.metrics import full_chain_recall_at, recall_at
from hippo.evaluation.outcome import Outcome
from hippo.evaluation.questions import Question, RawQuestion
from hippo.evaluation.rank import rank_documents
from hippo.evaluation.read import check_answers, read_scores
from hippo.evaluation.report import Table, comparison_table
from hippo.types import Answer, Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hippo.engine import Hippo

__all__ = ["default_profiles", "evaluate", "match_questions"]

_CUTS = (2, 5, 10)


def default_profiles(memory: "Hippo") -> list[str]:
    """Profiles worth comparing on an index: "hippo", "dense" if it has vectors, "bm25"."""
    return ["hippo", "dense", "bm25"] if memory.contents().vectors else ["hippo", "bm25"]


def match_questions(memory: "Hippo", questions: Iterable[RawQuestion]) -> list[Question]:
    """Find the gold passages of questions among the documents of an index.

    Raises:
        DocumentError: A gold passage is missing or ambiguous, or a question names none; the message says which.
        IndexEmptyError: Nothing has been added yet.
    """
    documents = memory.contents().documents
    known = documents.column("document_id").to_pylist()
    titled: Mapping[str, list[str]] = defaultdict(list)
    for title, identity in zip(documents.column("title").to_pylist(), known, strict=True):
        titled[title or ""].append(identity)
    ids = frozenset(known)
    matched = []
    for raw in questions:
        question = raw.resolve(lambda title: titled.get(title, ()))
        if not question.gold:
            raise DocumentError(raw.source, f"question {raw.id!r} names no gold passage")
        if missing := sorted(question.gold - ids):
            raise DocumentError(raw.source, f"question {raw.id!r}: gold id {missing[0]!r} is not in the index")
        matched.append(question)
    return matched


def evaluate(
    memory: "Hippo",
    questions: Sequence[Question],
    *,
    profiles: Sequence[str] | None = None,
    ks: Sequence[int] | None = None,
    confidence: float = 0.95,
    steps: int | None = None,
    read: bool = False,
    answer_k: int = 5,
    reasoning: bool | None = None,
) -> Table:
    """Recall@k, and the share of questions with all gold documents among the first k, of several profiles.

    With `read` also exact match and token F1 (`hippo.evaluation.read`) of what the language model of the index answers
    from the passages of each profile. A question whose passages could not be retrieved, or which could not be answered
    from them, scores 0 and is counted with its reason in the table's `outcomes`, as is what all calls took.

    Args:
        memory: The index.
        questions: Questions whose gold documents it holds, at least one.
        profiles: Names of profiles, the first the baseline of differences; None: `default_profiles`.
        ks: Cut-offs in documents, each at least 1; None: 2, 5 and 10, of which with `read` only those up to `answer_k`:
            for more, passages are retrieved once more than they are read.
        confidence: Of the intervals, in (0, 1).
        steps: Rounds of retrieving and reasoning; None: 1, or with `read` the configuration's.
        read: Whether passages are read.
        answer_k: Number of passages read for a question, at least 1.
        reasoning: Whether the model thinks before it answers; None: the configuration's.

    Raises:
        DocumentError: Passages are to be read, and a question has no accepted answer.
        QuestionError: A cut-off, `steps` or `answer_k` is below 1, or there is no cut-off.
        UnknownNameError: No such profile.
        ConfigError: A profile needs vectors, and the index has none; or a language model is needed, and none is
            configured.
        LLMRefusedError: The language model refuses every request.
        LLMBudgetError: The limit on what may be spent was reached; running it again goes on from there.
        LLMUnavailableError: It did not answer for any of the questions.
    """
    chosen = list(dict.fromkeys(default_profiles(memory) if profiles is None else profiles))
    cuts = sorted(set(_cuts(answer_k if read else _CUTS[-1]) if ks is None else ks))
    if not cuts:
        raise QuestionError("ks must hold at least one cut-off", ks)
    if read and answer_k < 1:
        raise QuestionError("answer_k must be a whole number of at least 1", answer_k)
    rounds = steps if steps is not None else memory.config.reader.steps if read else 1
    if read:
        check_answers(questions)
    for profile in chosen:  # what is wrong with any of them comes out before a call is paid
        memory.retrieve_many([], k=cuts[0], profile=profile, steps=rounds)
    texts, golds = [question.text for question in questions], [question.gold for question in questions]
    scores: dict[str, dict[str, NDArray[np.float64]]] = {}
    outcomes = {}
    for profile in chosen:
        before = memory.usage
        answers = None
        if read:
            answers = memory.ask_many(texts, k=answer_k, profile=profile, steps=rounds, reasoning=reasoning)
            _raise_what_is_common(answers)
        found = {row: one.retrieval for row, one in enumerate(answers or ()) if isinstance(one, Answer)}
        rankings = rank_documents(memory, texts, k=cuts[-1], profile=profile, steps=rounds, found=found)
        _raise_what_is_common(rankings)
        ranked = [one if isinstance(one, list) else [] for one in rankings]
        scores[profile] = {
            **{f"Recall@{k}": recall_at(k, ranked, golds) for k in cuts},
            **{f"All@{k}": full_chain_recall_at(k, ranked, golds) for k in cuts},
            **(read_scores(answers, questions) if answers is not None else {}),
        }
        outcome = Outcome.of(rankings, answers, _since(before, memory.usage))
        if read or outcome.usage or outcome.failed:
            outcomes[profile] = outcome
    return replace(comparison_table(scores, confidence=confidence), outcomes=outcomes)


def _cuts(most: int) -> list[int]:
    """The usual cut-offs, as far as a number of passages reaches."""
    return [k for k in _CUTS if k <= most] or [most]


def _raise_what_is_common(results: Sequence[object]) -> None:
    """Raise an error that any question would meet, which is no measurement of them."""
    for result in results:
        if isinstance(result, LLMRefusedError | LLMBudgetError):
            raise result
    silent = [result for result in results if isinstance(result, LLMUnavailableError)]
    if silent and len(silent) == len(results):
        raise silent[0]


def _since(before: Mapping[str, Usage], after: Mapping[str, Usage]) -> dict[str, Usage]:
    """What was taken in between, by use."""
    taken = {}
    for use, total in after.items():
        earlier = before.get(use, Usage())
        if total != earlier:
            taken[use] = Usage(*(getattr(total, item.name) - getattr(earlier, item.name) for item in fields(Usage)))
    return taken
