"""The questioning side of a memory: retrieve passages, read answers from them."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from hippo.background import in_thread_of, once
from hippo.checks import Where
from hippo.checks import condition as _condition
from hippo.checks import whole as _whole
from hippo.config import Config
from hippo.errors import ConfigError, QuestionError
from hippo.models import Models
from hippo.protocols import Encoder
from hippo.retrieval.profiles import Profile, resolve_profile
from hippo.tracing import annotate, traced
from hippo.types import Answer, Retrieval, TextKind, Usage

if TYPE_CHECKING:
    from hippo.answers import AnswerStream, Outcome
    from hippo.filters import Condition
    from hippo.protocols import Float32
    from hippo.reader import Reader
    from hippo.retrieval.retrieve import Recognize, Retriever

__all__ = ["Asking", "Where"]


@dataclass(frozen=True, slots=True)
class _Search:
    """How passages are looked for: the options of one call, checked, and where: in one snapshot from end to end."""

    k: int
    profile: Profile
    explain: bool
    steps: int
    where: "Condition | None"
    retriever: "Callable[[], Retriever]"


class Asking(ABC):
    """Questions to a memory. `hippo.Hippo` adds opening, adding and closing.

    Where no language model is needed, passages are ranked in the caller's thread. Everything else runs in the
    background event loop (`hippo.background`), which has the ranking done by threads.
    """

    config: Config
    _encoder: Encoder | None
    _models: Models

    @abstractmethod
    def _retriever_now(self, where: "Condition | None") -> "Retriever":
        """The retriever of the documents of the open snapshot that satisfy a condition."""

    def retrieve(
        self,
        question: str,
        *,
        k: int = 5,
        profile: str | Profile | None = None,
        explain: bool = False,
        steps: int = 1,
        where: Where = None,
    ) -> Retrieval:
        """Rank passages for a question.

        Args:
            question: The question.
            k: Number of passages; an index that holds fewer gives all.
            profile: "hippo" (the walk), "hipporag2", "hipporag1", "dense", "bm25", "hybrid", one of the configuration,
                or a `Profile`; None: the configuration's.
            explain: Whether hits say which facts and which path led to them.
            steps: Rounds of retrieving and reasoning (IRCoT, arXiv 2212.10509); more than one need a language model.
            where: Which documents count, by a condition on their metadata: "year >= 2020 and lang = 'en'", or a
                mapping (`hippo.filters`). Ranks, scores and explanations are those of an index of these documents
                alone.

        Raises:
            FilterError: The condition is wrong.
            QuestionError: The question is empty, or k or steps is less than 1.
            IndexEmptyError: Nothing has been added yet.
            UnknownNameError: No such profile.
            LLMError: A language model that is needed cannot be used.
        """
        return self.retrieve_many([question], k=k, profile=profile, explain=explain, steps=steps, where=where)[0]

    def retrieve_many(
        self,
        questions: Sequence[str],
        *,
        k: int = 5,
        profile: str | Profile | None = None,
        explain: bool = False,
        steps: int = 1,
        where: Where = None,
    ) -> list[Retrieval]:
        """Rank passages for many questions at once: few calls of the encoder, one walk for a block of them.

        Arguments and errors are those of `retrieve`, where an error with one question ends the call; the results have
        the order of the questions.
        """
        search, asked = self._search(k, profile, explain, steps, where), _listed(questions)
        for question in asked:
            _raise(_problem(question))
        if search.steps == 1 or not asked:
            return self._ranked(asked, search)
        from hippo.background import gather, run

        return run(gather(self._found(question, search) for question in asked))

    aretrieve = in_thread_of(retrieve)
    """`retrieve` without blocking the event loop."""
    aretrieve_many = in_thread_of(retrieve_many)
    """`retrieve_many` without blocking the event loop."""

    def ask(
        self,
        question: str,
        *,
        k: int = 5,
        profile: str | Profile | None = None,
        explain: bool = False,
        steps: int | None = None,
        where: Where = None,
        reasoning: bool | None = None,
    ) -> Answer:
        """Answer a question from the best passages, with citations.

        Args:
            question: The question.
            k: Number of passages retrieved.
            profile: As for `retrieve`.
            explain: Whether the hits of `Answer.retrieval` say what led to them.
            steps: Rounds of retrieving and reasoning before the answer; None: the configuration's.
            where: Which documents count, as for `retrieve`.
            reasoning: Whether the model thinks before it answers; None: the configuration's.

        Raises:
            ConfigError: No language model is configured.
            LLMError: It cannot be used, or gave no usable answer. The other errors are those of `retrieve`.
        """
        from hippo.background import run

        search, reader = self._reading(k, profile, explain, steps, where, reasoning)
        return _only(run(self._outcomes([question], search, reader)))

    def ask_many(
        self,
        questions: Sequence[str],
        *,
        k: int = 5,
        profile: str | Profile | None = None,
        explain: bool = False,
        steps: int | None = None,
        where: Where = None,
        reasoning: bool | None = None,
    ) -> "list[Outcome]":
        """Answer many questions, as many at a time as `llm.concurrency` says.

        Arguments are those of `ask`. The results have the order of the questions; where one could not be answered, its
        place holds the error: a `QuestionError`, or the `LLMError` of its answer or of the retrieval before it.
        """
        from hippo.background import run

        search, reader = self._reading(k, profile, explain, steps, where, reasoning)
        return run(self._outcomes(_listed(questions), search, reader))

    async def aask(
        self,
        question: str,
        *,
        k: int = 5,
        profile: str | Profile | None = None,
        explain: bool = False,
        steps: int | None = None,
        where: Where = None,
        reasoning: bool | None = None,
    ) -> Answer:
        """`ask` without blocking the event loop; cancelling it ends the retrieval or the model's reply."""
        from hippo.background import elsewhere, in_thread

        # In a thread, because the model may have to be loaded.
        search, reader = await in_thread(self._reading, k, profile, explain, steps, where, reasoning)
        return _only(await elsewhere(self._outcomes([question], search, reader)))

    aask_many = in_thread_of(ask_many)
    """`ask_many` without blocking the event loop; cancelling it ends the retrieval and the model's replies."""

    def ask_stream(
        self,
        question: str,
        *,
        k: int = 5,
        profile: str | Profile | None = None,
        explain: bool = False,
        steps: int | None = None,
        where: Where = None,
        reasoning: bool | None = None,
    ) -> "AnswerStream":
        """Answer a question piece by piece, as the model writes; arguments and errors are those of `ask`.

        The result can be iterated once, with `for` or with `async for`; its `answer` is there once the pieces have
        ended.
        """
        from hippo.answers import AnswerStream

        _raise(_problem(question))
        search, reader = self._reading(k, profile, explain, steps, where, reasoning)

        async def items() -> AsyncIterator[str | Answer]:
            async for item in reader.stream(await self._found(question, search)):
                yield item

        return AnswerStream(items())

    aask_stream = in_thread_of(ask_stream)
    """`ask_stream` without blocking the event loop while the model is loaded: `async for piece in await
    memory.aask_stream(...)`."""

    def filters_facts(self, profile: str | Profile | None = None) -> bool:
        """Whether retrieval with a profile asks a fact filter: it may then wait for a language model.

        Raises:
            UnknownNameError: No such profile.
        """
        settings = self.config.retrieval
        chosen = resolve_profile(profile or settings.profile, settings.profiles)
        walks = chosen.ranking == "walk" and chosen.linking == "facts"
        return walks and self._models.has_filter(chosen.recognition)

    @property
    def usage(self) -> dict[str, Usage]:
        """What language models have taken since the memory was opened, by use; answers that failed included."""
        return self._models.usage()

    def _search(self, k: object, profile: str | Profile | None, explain: bool, steps: object, where: Where) -> _Search:
        """The options of a retrieval.

        Raises:
            FilterError: The condition is wrong.
            QuestionError: `k` or `steps` is no whole number of at least 1.
            UnknownNameError: No such profile.
        """
        settings = self.config.retrieval
        chosen = resolve_profile(profile or settings.profile, settings.profiles)
        condition = _condition(where)
        retriever = once(partial(self._retriever_now, condition))
        return _Search(_whole("k", k), chosen, explain, _whole("steps", steps), condition, retriever)

    def _reading(
        self,
        k: object,
        profile: str | Profile | None,
        explain: bool,
        steps: object | None,
        where: Where,
        reasoning: bool | None,
    ) -> "tuple[_Search, Reader]":
        """The options of an answer's retrieval, and who reads."""
        from hippo.reader import Reader

        settings = self.config.reader
        search = self._search(k, profile, explain, settings.steps if steps is None else steps, where)
        if reasoning is not None:
            settings = replace(settings, reasoning=reasoning)
        return search, Reader(self._models.caller("reader"), settings)

    async def _outcomes(self, questions: Sequence[str], search: _Search, reader: "Reader") -> "list[Outcome]":
        """Answers or errors, in the order of the questions; what cannot be asked is not."""
        from hippo.answers import answer_all, answer_each
        from hippo.background import in_thread

        problems = [_problem(question) for question in questions]
        asked = [question for question, problem in zip(questions, problems, strict=True) if problem is None]
        policies = self.config.recognition
        if search.steps > 1 or "error" in (policies.when_none, policies.when_failed):
            outcomes = iter(await answer_each(asked, lambda question: self._found(question, search), reader))
        else:
            outcomes = iter(await answer_all(asked, lambda block: in_thread(self._ranked, block, search), reader))
        return [next(outcomes) if problem is None else problem for problem in problems]

    async def _found(self, question: str, search: _Search) -> Retrieval:
        """Passages for one question, of as many rounds as are asked for."""
        from hippo.background import in_thread

        async def retrieve(query: str) -> Retrieval:
            return (await in_thread(self._ranked, [query], search))[0]

        if search.steps == 1:
            return await retrieve(question)
        from hippo.reader import retrieve_in_steps

        return await retrieve_in_steps(
            question,
            retrieve=retrieve,
            llm=await in_thread(self._models.caller, "reader"),
            steps=search.steps,
            k=search.k,
            settings=self.config.reader,
        )

    @traced("hippo.retrieve")
    def _ranked(self, questions: Sequence[str], search: _Search) -> list[Retrieval]:
        """Passages of one round. It computes, and waits for fact filters: not for an event loop."""
        retriever, profile = search.retriever(), search.profile
        annotate(questions=len(questions), profile=profile.name, k=search.k)
        if profile.ranking in ("dense", "hybrid") and self._encoder is None:
            problem = "needs vectors, and this index has none; use bm25 or hippo, or index with an encoder"
            raise ConfigError(f"profile {profile.name!r}", "ranking", problem)
        recognition = self._recognition(profile)
        if not questions:
            return []
        vectors = fact_vectors = None
        if self._encoder is not None and profile.ranking != "bm25":
            vectors = self._encode(self._encoder, questions)
            if profile.ranking == "walk" and profile.linking == "facts":
                fact_vectors = self._encode_for_facts(self._encoder, questions, vectors)
        found = retriever.retrieve(
            list(questions),
            vectors,
            profile,
            k=search.k,
            explain=search.explain,
            recognition=recognition,
            fact_queries=fact_vectors,
        )
        if search.where is None:
            return found
        return [replace(one, parameters={**one.parameters, "where": str(search.where)}) for one in found]

    def _recognition(self, profile: Profile) -> "Recognize | None":
        """How the facts that a question touched are filtered; None: they are not."""
        if profile.ranking != "walk" or profile.linking != "facts":
            return None
        settings = self.config.recognition
        fact_filter = self._models.filter(profile.recognition)
        if fact_filter is None:
            return None
        from hippo.retrieval.recognize import recognize

        return partial(recognize, fact_filter, when_none=settings.when_none, when_failed=settings.when_failed)

    def _encode_for_facts(self, encoder: Encoder, questions: Sequence[str], vectors: "Float32") -> "Float32":
        """Vectors of questions that are looked up among facts, given those for passages."""
        from hippo.encoding import alike

        if alike(encoder, "query_to_passage", "query_to_fact"):
            return vectors
        return self._encode(encoder, questions, "query_to_fact")

    @staticmethod
    @traced("hippo.retrieve.encode")
    def _encode(encoder: Encoder, texts: Sequence[str], kind: TextKind = "query_to_passage") -> "Float32":
        from hippo.encoding import checked

        return checked(encoder, encoder.encode(list(texts), kind=kind), len(texts))


def _only(outcomes: "Sequence[Outcome]") -> Answer:
    """The answer to a single question, or its error raised."""
    [outcome] = outcomes
    if isinstance(outcome, Answer):
        return outcome
    raise outcome


def _raise(problem: QuestionError | None) -> None:
    if problem is not None:
        raise problem


def _problem(question: object) -> QuestionError | None:
    """Why a question cannot be asked."""
    if isinstance(question, str) and question.strip():
        return None
    return QuestionError("a question must be a text that is not empty", question)


def _listed(questions: object) -> list[str]:
    if isinstance(questions, str) or not isinstance(questions, Iterable):
        raise QuestionError("questions must be a list of texts", questions)
    return list(questions)
