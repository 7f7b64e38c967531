"""Answers of a reader: to many questions at a time, or piece by piece."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from itertools import chain

from hippo.background import aiterate, gather, iterate
from hippo.errors import LLMError, QuestionError
from hippo.reader import Reader
from hippo.types import Answer, Retrieval

__all__ = ["AnswerStream", "Outcome", "answer_all", "answer_each"]

Outcome = Answer | LLMError | QuestionError
"""An answer, or why there is none."""

_BLOCK = 32
"""Questions retrieved at a time: their answers are under way while the next are retrieved."""


async def answer_all(
    questions: Sequence[str], retrieve: Callable[[Sequence[str]], Awaitable[list[Retrieval]]], reader: Reader
) -> list[Outcome]:
    """Outcomes, in the order of the questions, where passages are ranked for many of them at once.

    An error of a language model in ranking is the outcome of all of these.

    Args:
        questions: The questions.
        retrieve: Ranks passages for some of them.
        reader: Answers from passages.
    """
    turn = asyncio.Lock()  # One block at a time fills the processor, and as much memory as is to be taken.

    async def answer(block: Sequence[str]) -> list[Outcome]:
        try:
            async with turn:
                found = await retrieve(block)
        except (LLMError, QuestionError) as error:
            return [error] * len(block)
        return await gather(_outcome(reader.answer(one)) for one in found)

    blocks = [questions[start : start + _BLOCK] for start in range(0, len(questions), _BLOCK)]
    return list(chain.from_iterable(await gather(answer(block) for block in blocks)))


async def answer_each(
    questions: Sequence[str], retrieve: Callable[[str], Awaitable[Retrieval]], reader: Reader
) -> list[Outcome]:
    """The same where passages are ranked for each question on its own, so that each may fail on its own.

    Args:
        questions: The questions.
        retrieve: Ranks passages for one of them.
        reader: Answers from passages.
    """

    async def answer(question: str) -> Answer:
        return await reader.answer(await retrieve(question))

    return await gather(_outcome(answer(question)) for question in questions)


async def _outcome(answer: Awaitable[Answer]) -> Outcome:
    """What an answer comes to; other errors are no outcome of a question and pass."""
    try:
        return await answer
    except (LLMError, QuestionError) as error:
        return error


class AnswerStream:
    """An answer as it is written: iterate over it once, with `for` or `async for`, for pieces of its text.

    Leaving early, or an interrupt, ends the retrieval or the model's reply.

    Attributes:
        answer: The whole answer with its citations, once the pieces have ended; None before.
    """

    def __init__(self, items: AsyncIterator[str | Answer]) -> None:
        self._items = items
        self.answer: Answer | None = None

    def __iter__(self) -> Iterator[str]:
        for item in iterate(self._items):
            if isinstance(item, Answer):
                self.answer = item
            else:
                yield item

    async def __aiter__(self) -> AsyncIterator[str]:
        async with aclosing(aiterate(self._items)) as items:
            async for item in items:
                if isinstance(item, Answer):
                    self.answer = item
                else:
                    yield item
