"""Systems against questions: profiles of an index and retrievers of any kind, measured on the same gold passages."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from time import perf_counter
from typing import TYPE_CHECKING, Any

from hippo.errors import (
    DocumentError,
    InputError,
    LLMBudgetError,
    LLMError,
    LLMRefusedError,
    LLMUnavailableError,
    QuestionError,
)
from hippo.evaluation.latency import measure_latency
from hippo.evaluation.measures import check_measures, ranked_measures
from hippo.evaluation.metrics import full_chain_recall_at, recall_at
from hippo.evaluation.outcome import Latency, Outcome
from hippo.evaluation.questions import Question, RawQuestion
from hippo.evaluation.rank import Failure, rank_documents
from hippo.evaluation.read import answer_scores, check_answers
from hippo.evaluation.results import Evaluation, Measured
from hippo.evaluation.systems import System, as_retrieve, named
from hippo.retrieval.profiles import Profile
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


def match_questions(memory: "Hippo", questions: Iterable[RawQuestion | Question]) -> list[Question]:
    """Find the gold passages of questions among the documents of an index.

    Args:
        memory: The index.
        questions: As a file names their gold passages, or with ids.

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
    for one in questions:
        if isinstance(one, RawQuestion):
            source, question = one.source, one.resolve(lambda title: titled.get(title, ()))
        else:
            source, question = "the questions", one
        if not question.gold:
            raise DocumentError(source, f"question {one.id!r} names no gold passage")
        if missing := sorted(question.gold - ids):
            raise DocumentError(
                source, f"question {one.id!r}: gold id {missing[0]!r} is not in the index; `hippo list` shows the ids"
            )
        matched.append(question)
    return matched


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is asked of every system, checked."""

    questions: Sequence[Question]
    cuts: Sequence[int]
    measures: Sequence[str]
    steps: int
    read: bool
    answer_k: int
    reasoning: bool | None

    @property
    def texts(self) -> list[str]:
        return [question.text for question in self.questions]


@dataclass(slots=True)
class _Given:
    """What a system gave for all questions."""

    rankings: list[list[str]]
    answers: list[str | None]
    problems: list[str | None]
    usage: Mapping[str, Usage]
    not_found: int | None = None
    latency: Latency | None = None


def evaluate(
    memory: "Hippo | None",
    questions: Sequence[Question],
    *,
    systems: Sequence[str | Profile] | Mapping[str, System] | None = None,
    ks: Sequence[int] | None = None,
    measures: Sequence[str] = (),
    confidence: float = 0.95,
    steps: int | None = None,
    read: bool = False,
    answer_k: int = 5,
    reasoning: bool | None = None,
    timed: int = 0,
) -> Evaluation:
    """Recall@k, the share of questions with all gold documents among the first k, and further measures of systems.

    With `read` also exact match and token F1 (`hippo.evaluation.read`) of what the language model of the index answers
    from the passages of each profile, or what another system answers. A question whose passages could not be
    retrieved, or which could not be answered from them, scores 0 and is counted with its reason, as is what all calls
    took.

    Args:
        memory: The index; None: no system is a profile.
        questions: Questions whose gold documents it holds, at least one.
        systems: Profiles, or from a name to a profile, a function of a question and a number of documents that gives
            ids or a `Found`, or a retriever of LangChain. The first is the baseline of differences; None:
            `default_profiles`.
        ks: Cut-offs in documents, each at least 1; None: 2, 5 and 10, of which with `read` only those up to `answer_k`:
            for more, passages are retrieved once more than they are read.
        measures: Names of further measures (`hippo.evaluation.measures`): "nDCG@10", "MRR". They see the rankings down
            to the largest cut-off.
        confidence: Of the intervals, in (0, 1).
        steps: Rounds of retrieving and reasoning; None: 1, or with `read` the configuration's.
        read: Whether passages are read.
        answer_k: Number of passages read for a question, at least 1.
        reasoning: Whether the model thinks before it answers; None: the configuration's.
        timed: How many questions are asked once more, one by one and by all profiles in turns, to measure how long one
            takes; profiles that ask language models are left out. Of systems that are no profile every question is
            timed, whatever this number.

    Raises:
        DocumentError: Passages are to be read, and a question has no accepted answer.
        InputError: There is no question, two have one id, no index for a profile, no such measure; or a system gives no
            ids of documents, or no answer where one is to be scored.
        QuestionError: A cut-off, `steps` or `answer_k` is below 1, or there is no cut-off.
        UnknownNameError: No such profile.
        ConfigError: A profile needs vectors, and the index has none; or a language model is needed, and none is
            configured.
        MissingExtraError: A measure needs a package that is not installed.
        LLMRefusedError: The language model refuses every request.
        LLMBudgetError: The limit on what may be spent was reached; running it again goes on from there.
        LLMUnavailableError: It did not answer for any of the questions.
    """
    if not questions:
        raise InputError("there is no question to evaluate")
    if repeated := next((id_ for id_, times in Counter(one.id for one in questions).items() if times > 1), None):
        raise InputError(
            f"question {repeated!r} is there twice: results are told apart by it. Give each an id of its own"
        )
    chosen = named(default_profiles(_needed(memory, "hippo")) if systems is None else systems)
    cuts = sorted(set(_cuts(answer_k if read else _CUTS[-1]) if ks is None else ks))
    if not cuts:
        raise QuestionError("ks must hold at least one cut-off", ks)
    if read and answer_k < 1:
        raise QuestionError("answer_k must be a whole number of at least 1", answer_k)
    default_steps = memory.config.reader.steps if read and memory is not None else 1
    check_measures(measures)
    if read:
        check_answers(questions)
    plan = _Plan(questions, cuts, measures, default_steps if steps is None else steps, read, answer_k, reasoning)
    profiles = {name: system for name, system in chosen.items() if isinstance(system, str | Profile)}
    for name, profile in profiles.items():  # what is wrong with any of them comes out before a call is paid
        _needed(memory, name).retrieve_many([], k=cuts[0], profile=profile, steps=plan.steps)
    given = {
        name: _ask_profile(_needed(memory, name), system, plan)
        if isinstance(system, str | Profile)
        else _ask_other(name, system, plan)
        for name, system in chosen.items()
    }
    if memory is not None and timed > 0 and plan.steps == 1:
        silent = {name: one for name, one in profiles.items() if not memory.filters_facts(one)}
        for name, latency in measure_latency(memory, plan.texts[:timed], silent, k=cuts[-1]).items():
            given[name].latency = latency
    measured = {name: _scored(one, plan) for name, one in given.items()}
    told = {name: one.outcome for name, one in measured.items() if one.outcome is not None and _worth_telling(one)}
    passages = memory.contents().n_chunks if memory is not None else None
    return Evaluation(tuple(questions), measured, confidence, passages, told)


def _cuts(most: int) -> list[int]:
    """The usual cut-offs, as far as a number of passages reaches."""
    return [k for k in _CUTS if k <= most] or [most]


def _needed(memory: "Hippo | None", name: str) -> "Hippo":
    """The index, which a profile needs."""
    if memory is None:
        raise InputError(f"system {name!r} is a profile, which needs an index")
    return memory


def _ask_profile(memory: "Hippo", profile: str | Profile, plan: _Plan) -> _Given:
    """All questions to a profile of the index."""
    before = memory.usage
    answers: Sequence[Answer | Failure] | None = None
    if plan.read:
        answers = memory.ask_many(
            plan.texts, k=plan.answer_k, profile=profile, steps=plan.steps, reasoning=plan.reasoning
        )
        _raise_what_is_common(answers)
    found = {row: one.retrieval for row, one in enumerate(answers or ()) if isinstance(one, Answer)}
    rankings = rank_documents(memory, plan.texts, k=plan.cuts[-1], profile=profile, steps=plan.steps, found=found)
    _raise_what_is_common(rankings)
    problems = []
    for pair in zip(answers or rankings, rankings, strict=True):
        problem = next((one for one in pair if isinstance(one, LLMError | QuestionError)), None)
        problems.append(None if problem is None else str(problem))
    return _Given(
        [one if isinstance(one, list) else [] for one in rankings],
        [one.text if isinstance(one, Answer) else None for one in answers or rankings],
        problems,
        _since(before, memory.usage),
        None if answers is None else sum(isinstance(one, Answer) and not one.answered for one in answers),
    )


def _ask_other(name: str, system: Any, plan: _Plan) -> _Given:
    """All questions to a system of another kind, one after the other."""
    retrieve = as_retrieve(name, system)
    given, seconds = _Given([], [], [], {}), []
    total = Usage()
    for question in plan.questions:
        began = perf_counter()
        try:
            found = retrieve(question.text, plan.cuts[-1])
        except (LLMError, QuestionError) as error:
            given.rankings.append([])
            given.answers.append(None)
            given.problems.append(str(error))
            continue
        seconds.append(perf_counter() - began)
        if plan.read and found.answer is None:
            remedy = "Let it give a hippo.evaluation.Found with an answer, or leave `read` out"
            raise InputError(f"system {name!r} gave no answer to {question.text!r}. {remedy}")
        given.rankings.append(list(dict.fromkeys(found.documents))[: plan.cuts[-1]])
        given.answers.append(found.answer)
        given.problems.append(None)
        total += found.usage
    given.usage = {"system": total} if total != Usage() else {}
    given.latency = Latency.of(seconds) if seconds else None
    return given


def _scored(given: _Given, plan: _Plan) -> Measured:
    """What a system gave, measured."""
    golds = [question.gold for question in plan.questions]
    scores: dict[str, NDArray[np.float64]] = {
        **{f"Recall@{k}": recall_at(k, given.rankings, golds) for k in plan.cuts},
        **{f"All@{k}": full_chain_recall_at(k, given.rankings, golds) for k in plan.cuts},
        **ranked_measures(plan.measures, given.rankings, golds),
    }
    if plan.read:
        scores |= answer_scores(given.answers, plan.questions)
    outcome = Outcome.of(given.problems, given.usage, given.not_found, given.latency)
    return Measured(tuple(map(tuple, given.rankings)), scores, tuple(given.answers), tuple(given.problems), outcome)


def _worth_telling(one: Measured) -> bool:
    outcome = one.outcome
    if outcome is None:
        return False
    return bool(outcome.usage or outcome.failed or outcome.latency) or outcome.not_found is not None


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
