"""The questioning side of a memory: retrieve passages, read answers from them."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hippo.checks import AsOf, Where, whole
from hippo.deferred import in_thread_of
from hippo.protocols import LLM
from hippo.retrieval.profiles import Profile
from hippo.searching import Choice, Search, Searching, check_question, listed, problem_of
from hippo.tracing import span
from hippo.types import Answer, Retrieval, Usage

if TYPE_CHECKING:
    from hippo.answers import AnswerStream, Outcome
    from hippo.reader import History, Reader

__all__ = ["Asking"]

_LEAST = 16
"""Tokens that an answer needs at least: it begins with a mark."""


@dataclass(frozen=True, slots=True)
class _How:
    """How an answer is wanted, as it was given: see `Asking.ask`."""

    reasoning: bool | None = None
    max_tokens: int | None = None
    history: Iterable[object] = ()


class Asking(Searching):
    """Questions to a memory. `hippo.Hippo` adds opening, adding and closing.

    Where no language model is needed, passages are ranked in the caller's thread. Everything else runs in the
    background event loop (`hippo.background`), which has the ranking done by threads.
    """

    def retrieve(
        self,
        question: str,
        *,
        k: int = 5,
        profile: str | Profile | None = None,
        explain: bool = False,
        steps: int = 1,
        where: Where = None,
        as_of: AsOf = None,
        recency_half_life: float | None = None,
        newest_wins: bool | None = None,
        derived: bool | None = None,
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
            as_of: Answer from what was known then: a datetime (UTC without a zone), a date (its first moment) or ISO
                8601 text. Ranks, scores and explanations are those of an index of the versions of documents that were
                in force at that time alone. None: from the present documents.
            recency_half_life: Days after which a passage counts half; see `Profile`. None: the profile's.
            newest_wins: Whether passages rank after newer ones that replace what they say; None: as the profile says.
            derived: Whether what consolidation made (gists, joined facts, contradictions) counts too; None: as the
                profile says.

        Raises:
            FilterError: The condition is wrong.
            IndexMismatchError: `as_of` was asked of a snapshot of an older version.
            QuestionError: The question is empty, k or steps is less than 1, or `as_of` is no time.
            IndexEmptyError: Nothing has been added yet.
            UnknownNameError: No such profile.
            LLMError: A language model that is needed cannot be used.
        """
        return self.retrieve_many(
            [question],
            k=k,
            profile=profile,
            explain=explain,
            steps=steps,
            where=where,
            as_of=as_of,
            recency_half_life=recency_half_life,
            newest_wins=newest_wins,
            derived=derived,
        )[0]

    def retrieve_many(
        self,
        questions: Sequence[str],
        *,
        k: int = 5,
        profile: str | Profile | None = None,
        explain: bool = False,
        steps: int = 1,
        where: Where = None,
        as_of: AsOf = None,
        recency_half_life: float | None = None,
        newest_wins: bool | None = None,
        derived: bool | None = None,
    ) -> list[Retrieval]:
        """Rank passages for many questions at once: few calls of the encoder, one walk for a block of them.

        Arguments and errors are those of `retrieve`, where an error with one question ends the call; the results have
        the order of the questions.
        """
        choice = Choice(as_of, recency_half_life, newest_wins, derived)
        search, asked = self._search(k, profile, explain, steps, where, choice), listed(questions)
        for question in asked:
            check_question(question)
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
        as_of: AsOf = None,
        recency_half_life: float | None = None,
        newest_wins: bool | None = None,
        derived: bool | None = None,
        reasoning: bool | None = None,
        history: Iterable[object] = (),
        max_tokens: int | None = None,
    ) -> Answer:
        """Answer a question from the best passages, with citations.

        Args:
            question: The question.
            k: Number of passages retrieved.
            profile: As for `retrieve`.
            explain: Whether the hits of `Answer.retrieval` say what led to them.
            steps: Rounds of retrieving and reasoning before the answer; None: the configuration's.
            where: Which documents count, as for `retrieve`.
            as_of: What was known then counts, as for `retrieve`.
            recency_half_life: As for `retrieve`.
            newest_wins: As for `retrieve`; the reader is then told when each passage is from.
            derived: As for `retrieve`.
            reasoning: Whether the model thinks before it answers; None: the configuration's.
            history: What was said before, oldest first: messages with a role and a content, or in any other form that
                `hippo.documents.conversation` reads. The question may go on it: "And where was she born?" is looked up
                with the last question and with its answer too, and the reader is told what was said. Messages of the
                system say how to answer.
            max_tokens: Most tokens of the answer, which gets 16 in any case; None: the configuration's.

        Raises:
            ConfigError: No language model is configured.
            DocumentError: A message of the history has no known shape.
            LLMError: It cannot be used, or gave no usable answer. The other errors are those of `retrieve`.
        """
        from hippo.background import run

        choice = Choice(as_of, recency_half_life, newest_wins, derived)
        how = _How(reasoning, max_tokens, history)
        search, reader = self._reading(k, profile, explain, steps, where, choice, how)
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
        as_of: AsOf = None,
        recency_half_life: float | None = None,
        newest_wins: bool | None = None,
        derived: bool | None = None,
        reasoning: bool | None = None,
        max_tokens: int | None = None,
    ) -> "list[Outcome]":
        """Answer many questions, as many at a time as `llm.concurrency` says.

        Arguments are those of `ask`, without a history. The results have the order of the questions; where one could
        not be answered, its place holds the error: a `QuestionError`, or the `LLMError` of its answer or of the
        retrieval before it.
        """
        from hippo.background import run

        choice = Choice(as_of, recency_half_life, newest_wins, derived)
        how = _How(reasoning, max_tokens)
        search, reader = self._reading(k, profile, explain, steps, where, choice, how)
        return run(self._outcomes(listed(questions), search, reader))

    async def aask(
        self,
        question: str,
        *,
        k: int = 5,
        profile: str | Profile | None = None,
        explain: bool = False,
        steps: int | None = None,
        where: Where = None,
        as_of: AsOf = None,
        recency_half_life: float | None = None,
        newest_wins: bool | None = None,
        derived: bool | None = None,
        reasoning: bool | None = None,
        history: Iterable[object] = (),
        max_tokens: int | None = None,
    ) -> Answer:
        """`ask` without blocking the event loop; cancelling it ends the retrieval or the model's reply."""
        from hippo.background import elsewhere, in_thread

        choice = Choice(as_of, recency_half_life, newest_wins, derived)
        # In a thread, because the model may have to be loaded.
        how = _How(reasoning, max_tokens, history)
        search, reader = await in_thread(self._reading, k, profile, explain, steps, where, choice, how)
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
        as_of: AsOf = None,
        recency_half_life: float | None = None,
        newest_wins: bool | None = None,
        derived: bool | None = None,
        reasoning: bool | None = None,
        history: Iterable[object] = (),
        max_tokens: int | None = None,
    ) -> "AnswerStream":
        """Answer a question piece by piece, as the model writes; arguments and errors are those of `ask`.

        The result can be iterated once, with `for` or with `async for`; its `answer` is there once the pieces have
        ended.
        """
        from hippo.answers import AnswerStream

        check_question(question)
        choice = Choice(as_of, recency_half_life, newest_wins, derived)
        how = _How(reasoning, max_tokens, history)
        search, reader = self._reading(k, profile, explain, steps, where, choice, how)

        async def items() -> AsyncIterator[str | Answer]:
            with span("hippo.ask", questions=1):
                async for item in reader.stream(await self._found(question, search, reader.history)):
                    yield item

        return AnswerStream(items())

    aask_stream = in_thread_of(ask_stream)
    """`ask_stream` without blocking the event loop while the model is loaded: `async for piece in await
    memory.aask_stream(...)`."""

    @property
    def usage(self) -> dict[str, Usage]:
        """What language models have taken since the memory was opened, by use; answers that failed included."""
        return self._models.usage()

    def language_model(self, use: str = "reader") -> LLM:
        """The language model of a use, with its cache of replies, limits, retries and prices; always the same one.

        Args:
            use: "extraction", "recognition" or "reader".

        Raises:
            ConfigError: No language model is configured.
        """
        return self._models.caller(use)

    def _reading(
        self,
        k: object,
        profile: str | Profile | None,
        explain: bool,
        steps: object | None,
        where: Where,
        choice: Choice,
        how: "_How",
    ) -> "tuple[Search, Reader]":
        """The options of an answer's retrieval, and who reads."""
        from hippo.reader import History, Reader

        settings = self.config.reader
        search = self._search(k, profile, explain, settings.steps if steps is None else steps, where, choice)
        if how.reasoning is not None:
            settings = replace(settings, reasoning=how.reasoning)
        if how.max_tokens is not None:
            settings = replace(settings, max_tokens=max(whole("max_tokens", how.max_tokens), _LEAST))
        history = History.of(how.history)
        return search, Reader(self._models.caller("reader"), settings, history)

    async def _outcomes(self, questions: Sequence[str], search: Search, reader: "Reader") -> "list[Outcome]":
        """Answers or errors, in the order of the questions; what cannot be asked is not."""
        from hippo.answers import answer_all, answer_each
        from hippo.background import in_thread

        problems = [problem_of(question) for question in questions]
        asked = [question for question, problem in zip(questions, problems, strict=True) if problem is None]
        policies = self.config.recognition
        with span("hippo.ask", questions=len(asked)):
            talk = reader.history
            if talk.turns or search.steps > 1 or "error" in (policies.when_none, policies.when_failed):
                outcomes = iter(await answer_each(asked, lambda question: self._found(question, search, talk), reader))
            else:
                outcomes = iter(await answer_all(asked, lambda block: in_thread(self._ranked, block, search), reader))
        return [next(outcomes) if problem is None else problem for problem in problems]

    async def _found(self, question: str, search: Search, history: "History | None" = None) -> Retrieval:
        """Passages for one question, of as many rounds as are asked for."""
        from hippo.background import in_thread
        from hippo.reader import History, retrieve_in_context, retrieve_in_steps

        talk, settings = history or History(), self.config.reader

        async def retrieve(query: str) -> Retrieval:
            if query is not question:  # a thought, written with all that was said before it
                return (await in_thread(self._ranked, [query], search))[0]
            shown = replace(search, counted=not talk.turns)
            found = await retrieve_in_context(
                question,
                talk,
                retrieve=lambda texts: in_thread(self._ranked, texts, shown),
                llm=await in_thread(self._models.caller, "reader") if settings.rewrite and talk.turns else None,
                k=search.k,
                settings=settings,
                linear=search.profile.ranking == "walk",
            )
            if not shown.counted:
                await in_thread(self._recalls.add, [hit.chunk_id for hit in found.hits])
            return found

        if search.steps == 1:
            return await retrieve(question)
        return await retrieve_in_steps(
            question,
            retrieve=retrieve,
            llm=await in_thread(self._models.caller, "reader"),
            steps=search.steps,
            k=search.k,
            settings=settings,
            history=talk,
        )


def _only(outcomes: "Sequence[Outcome]") -> Answer:
    """The answer to a single question, or its error raised."""
    [outcome] = outcomes
    if isinstance(outcome, Answer):
        return outcome
    raise outcome
