"""An index against a file of questions: gold passages found among its documents, profiles compared."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from hippo.errors import DocumentError, LLMBudgetError, LLMError, LLMRefusedError, QuestionError
from hippo.evaluation.metrics import full_chain_recall_at, recall_at
from hippo.evaluation.outcome import Outcome
from hippo.evaluation.questions import Question, RawQuestion
from hippo.evaluation.read import check_answers, read_scores
from hippo.evaluation.report import Table, comparison_table
from hippo.types import Answer, Hit, Retrieval, Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hippo.engine import Hippo

__all__ = ["default_profiles", "evaluate", "match_questions", "rank_documents"]

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


def rank_documents(
    memory: "Hippo",
    questions: Sequence[str],
    *,
    k: int,
    profile: str,
    steps: int = 1,
    found: Mapping[int, Retrieval] | None = None,
) -> list[list[str]]:
    """Ids of the k best documents of each question, best first, each at the rank of its best passage.

    Where documents have several passages, as many passages are retrieved as it takes.

    Args:
        memory: The index.
        questions: The questions.
        k: Number of documents; an index that holds fewer gives all.
        profile: Name of the profile.
        steps: Rounds of retrieving and reasoning.
        found: Retrievals of this profile that are there already, by position of their question: nothing is retrieved
            again for those that hold k documents.
    """
    contents = memory.contents()
    enough = min(k, contents.documents.num_rows)
    hits = {row: retrieval.hits for row, retrieval in (found or {}).items()}
    wanted = k
    while short := [row for row in range(len(questions)) if len(_documents(hits.get(row, ()))) < enough]:
        rows = [row for row in short if len(hits.get(row, ())) < wanted]
        more = memory.retrieve_many([questions[row] for row in rows], k=wanted, profile=profile, steps=steps)
        hits |= {row: retrieval.hits for row, retrieval in zip(rows, more, strict=True)}
        if wanted >= contents.n_chunks:
            break
        wanted *= 2
    return [_documents(hits.get(row, ()))[:k] for row in range(len(questions))]


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
    from the passages of each profile. A question that it could not answer scores 0 and is counted in the table's
    `outcomes`, as is what all calls took.

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
        LLMError: It could not be asked for a step of retrieval.
    """
    chosen = list(dict.fromkeys(default_profiles(memory) if profiles is None else profiles))
    cuts = sorted(set(_cuts(answer_k if read else _CUTS[-1]) if ks is None else ks))
    if not cuts:
        raise QuestionError("ks must hold at least one cut-off", ks)
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
        answers = _read(memory, texts, answer_k, profile, rounds, reasoning) if read else None
        found = {row: one.retrieval for row, one in enumerate(answers or ()) if isinstance(one, Answer)}
        ranked = rank_documents(memory, texts, k=cuts[-1], profile=profile, steps=rounds, found=found)
        scores[profile] = {
            **{f"Recall@{k}": recall_at(k, ranked, golds) for k in cuts},
            **{f"All@{k}": full_chain_recall_at(k, ranked, golds) for k in cuts},
            **(read_scores(answers, questions) if answers is not None else {}),
        }
        usage = _since(before, memory.usage)
        if read or usage:
            outcomes[profile] = Outcome.of(answers, usage)
    return replace(comparison_table(scores, confidence=confidence), outcomes=outcomes)


def _cuts(most: int) -> list[int]:
    """The usual cut-offs, as far as a number of passages reaches."""
    return [k for k in _CUTS if k <= most] or [most]


def _documents(hits: Sequence[Hit]) -> list[str]:
    return list(dict.fromkeys(hit.document_id for hit in hits))


def _read(
    memory: "Hippo", questions: Sequence[str], k: int, profile: str, steps: int, reasoning: bool | None
) -> list[Answer | LLMError]:
    """Answers, or errors that are a question's own: one that any question would meet is raised."""
    answers = memory.ask_many(questions, k=k, profile=profile, steps=steps, reasoning=reasoning)
    for answer in answers:
        if isinstance(answer, LLMRefusedError | LLMBudgetError):
            raise answer
    return answers


def _since(before: Mapping[str, Usage], after: Mapping[str, Usage]) -> dict[str, Usage]:
    """What was taken in between, by use."""
    taken = {}
    for use, total in after.items():
        earlier = before.get(use, Usage())
        if total != earlier:
            taken[use] = Usage(*(getattr(total, item.name) - getattr(earlier, item.name) for item in fields(Usage)))
    return taken
