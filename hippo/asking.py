"""The questioning side of a memory: retrieve passages, read answers from them."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from functools import partial
from numbers import Integral
from typing import TYPE_CHECKING

from hippo.answers import AnswerStream, answer_all, answer_each
from hippo.background import run
from hippo.config import Config
from hippo.errors import ConfigError, LLMError, QuestionError
from hippo.models import Models
from hippo.protocols import Encoder
from hippo.retrieval.profiles import Profile, resolve_profile
from hippo.types import Answer, Retrieval, TextKind, Usage

if TYPE_CHECKING:
    from hippo.protocols import Float32
    from hippo.reader import Reader
    from hippo.retrieval.retrieve import Recognize, Retriever

__all__ = ["Asking"]


class Asking(ABC):
    """Questions to a memory. `hippo.Hippo` adds opening, adding and closing."""

    config: Config
    _encoder: Encoder | None
    _models: Models

    @abstractmethod
    def _retriever_now(self) -> "Retriever":
        """The retriever of the open snapshot."""

    def retrieve(
        self,
        question: str,
        *,
        k: int = 5,
        profile: str | Profile | None = None,
        explain: bool = False,
        steps: int = 1,
    ) -> Retrieval:
        """Rank passages for a question.

        Args:
            question: The question.
            k: Number of passages; an index that holds fewer gives all.
            profile: "hippo" (the walk), "hipporag2", "hipporag1", "dense", "bm25", "hybrid", one of the configuration,
                or a `Profile`; None: the configuration's.
            explain: Whether hits say which facts and which path led to them.
            steps: Rounds of retrieving and reasoning (IRCoT, arXiv 2212.10509); more than one need a language model.

        Raises:
            QuestionError: The question is empty, or k or steps is less than 1.
            IndexEmptyError: Nothing has been added yet.
            UnknownNameError: No such profile.
            LLMError: A language model that is needed cannot be used.
        """
        return self.retrieve_many([question], k=k, profile=profile, explain=explain, steps=steps)[0]

    def retrieve_many(
        self,
        questions: Sequence[str],
        *,
        k: int = 5,
        profile: str | Profile | None = None,
        explain: bool = False,
        steps: int = 1,
    ) -> list[Retrieval]:
        """Rank passages for many questions at once: one call of the encoder, one walk for a block of them.

        Arguments and errors are those of `retrieve`; the results have the order of the questions.
        """
        _check(questions, k, steps)
        chosen = self._profile(profile)
        if steps > 1 and questions:
            return run(self._all_in_steps(questions, int(k), chosen, explain, int(steps)))
        return self._ranked(questions, int(k), chosen, explain)

    def ask(
        self,
        question: str,
        *,
        k: int = 5,
        profile: str | Profile | None = None,
        explain: bool = False,
        steps: int | None = None,
        reasoning: bool | None = None,
    ) -> Answer:
        """Answer a question from the best passages, with citations.

        Args:
            question: The question.
            k: Number of passages retrieved.
            profile: As for `retrieve`.
            explain: Whether the hits of `Answer.retrieval` say what led to them.
            steps: Rounds of retrieving and reasoning before the answer; None: the configuration's.
            reasoning: Whether the model thinks before it answers; None: the configuration's.

        Raises:
            ConfigError: No language model is configured.
            LLMError: It cannot be used, or gave no usable answer. The other errors are those of `retrieve`.
        """
        answer = self.ask_many([question], k=k, profile=profile, explain=explain, steps=steps, reasoning=reasoning)[0]
        if isinstance(answer, LLMError):
            raise answer
        return answer

    def ask_many(
        self,
        questions: Sequence[str],
        *,
        k: int = 5,
        profile: str | Profile | None = None,
        explain: bool = False,
        steps: int | None = None,
        reasoning: bool | None = None,
    ) -> list[Answer | LLMError]:
        """Answer many questions, as many at a time as `llm.concurrency` says.

        Arguments are those of `ask`. The results have the order of the questions; where one could not be answered, its
        place holds the error.
        """
        rounds = self.config.reader.steps if steps is None else steps
        _check(questions, k, rounds)
        reader, chosen = self._reader_with(reasoning), self._profile(profile)

        if rounds > 1:
            in_steps = partial(self._in_steps, k=int(k), profile=chosen, explain=explain, steps=int(rounds))
            return run(answer_each(list(questions), in_steps, reader))

        async def retrieve(part: Sequence[str]) -> list[Retrieval]:
            return await asyncio.to_thread(self._ranked, part, int(k), chosen, explain)

        return run(answer_all(list(questions), retrieve, reader))

    async def aask(
        self,
        question: str,
        *,
        k: int = 5,
        profile: str | Profile | None = None,
        explain: bool = False,
        steps: int | None = None,
        reasoning: bool | None = None,
    ) -> Answer:
        """`ask` without blocking the event loop."""
        ask = partial(self.ask, question, k=k, profile=profile, explain=explain, steps=steps, reasoning=reasoning)
        return await asyncio.to_thread(ask)

    def ask_stream(
        self,
        question: str,
        *,
        k: int = 5,
        profile: str | Profile | None = None,
        explain: bool = False,
        steps: int | None = None,
        reasoning: bool | None = None,
    ) -> AnswerStream:
        """Answer a question piece by piece, as the model writes; arguments and errors are those of `ask`.

        The result can be iterated with `for` and with `async for`; its `answer` is there once the pieces have ended.
        """
        rounds = self.config.reader.steps if steps is None else steps
        _check([question], k, rounds)
        reader, chosen = self._reader_with(reasoning), self._profile(profile)

        async def items() -> AsyncIterator[str | Answer]:
            found = await self._in_steps(question, int(k), chosen, explain, int(rounds))
            async for item in reader.stream(found):
                yield item

        return AnswerStream(items())

    @property
    def usage(self) -> dict[str, Usage]:
        """What language models have taken since the memory was opened, by use; answers that failed included."""
        return self._models.usage()

    def _profile(self, profile: str | Profile | None) -> Profile:
        return resolve_profile(profile or self.config.retrieval.profile, self.config.retrieval.profiles)

    def _reader_with(self, reasoning: bool | None) -> "Reader":
        from hippo.reader import Reader

        settings = self.config.reader
        if reasoning is not None:
            settings = replace(settings, reasoning=reasoning)
        return Reader(self._models.caller("reader"), settings)

    def _ranked(self, questions: Sequence[str], k: int, profile: Profile, explain: bool) -> list[Retrieval]:
        """Passages of one round."""
        retriever = self._retriever_now()
        if profile.ranking in ("dense", "hybrid") and self._encoder is None:
            problem = "needs vectors, and this index has none; use bm25 or hippo, or index with an encoder"
            raise ConfigError(f"profile {profile.name!r}", "ranking", problem)
        if not questions:
            return []
        vectors = None
        if self._encoder is not None and profile.ranking != "bm25":
            vectors = self._encode(self._encoder, questions)
        recognition = self._recognition(profile)
        return retriever.retrieve(list(questions), vectors, profile, k=k, explain=explain, recognition=recognition)

    def _recognition(self, profile: Profile) -> "Recognize | None":
        """How the facts that a question touches are filtered; None: they are not."""
        if profile.ranking != "walk" or profile.linking != "facts":
            return None
        settings = self.config.recognition
        fact_filter = self._models.filter(profile.recognition or settings.name)
        if fact_filter is None:
            return None
        from hippo.retrieval.recognize import recognize

        return partial(recognize, fact_filter, when_none=settings.when_none, when_failed=settings.when_failed)

    async def _all_in_steps(
        self, questions: Sequence[str], k: int, profile: Profile, explain: bool, steps: int
    ) -> list[Retrieval]:
        tasks = [asyncio.create_task(self._in_steps(question, k, profile, explain, steps)) for question in questions]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def _in_steps(self, question: str, k: int, profile: Profile, explain: bool, steps: int) -> Retrieval:
        """Passages of as many rounds, the first of which needs no language model."""

        async def retrieve(query: str) -> Retrieval:
            return (await asyncio.to_thread(self._ranked, [query], k, profile, explain))[0]

        if steps == 1:
            return await retrieve(question)
        from hippo.reader import retrieve_in_steps

        llm, settings = self._models.caller("reader"), self.config.reader
        return await retrieve_in_steps(question, retrieve=retrieve, llm=llm, steps=steps, k=k, settings=settings)

    @staticmethod
    def _encode(encoder: Encoder, texts: Sequence[str], kind: TextKind = "query_to_passage") -> "Float32":
        from hippo.encoding import checked

        return checked(encoder, encoder.encode(list(texts), kind=kind), len(texts))


def _check(questions: object, k: object, steps: object) -> None:
    """Refuse what cannot be asked.

    Raises:
        QuestionError: No list of texts, an empty text, or a k or steps that is no whole number of at least 1.
    """
    if isinstance(questions, str) or not isinstance(questions, Iterable):
        raise QuestionError("questions must be a list of texts", questions)
    for name, value in (("k", k), ("steps", steps)):
        if type(value) is bool or not isinstance(value, Integral) or int(value) < 1:
            raise QuestionError(f"{name} must be a whole number of at least 1", value)
    for question in questions:
        if not isinstance(question, str) or not question.strip():
            raise QuestionError("a question must be a text that is not empty", question)
