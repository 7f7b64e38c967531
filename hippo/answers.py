"""Answers of a reader: to many questions at a time, or piece by piece."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

from hippo.background import elsewhere, iterate
from hippo.errors import LLMError
from hippo.reader import Reader
from hippo.types import Answer, Retrieval

__all__ = ["AnswerStream", "answer_all", "answer_each"]

_BLOCK = 32
"""Questions retrieved at a time: their answers are under way while the next are retrieved."""

Retrieve = Callable[[Sequence[str]], Awaitable[list[Retrieval]]]


async def answer_all(questions: Sequence[str], retrieve: Retrieve, reader: Reader) -> list[Answer | LLMError]:
    """Answers, in the order of the questions; an error in place of an answer that could not be had.

    Args:
        questions: The questions.
        retrieve: Ranks passages for some of them at once.
        reader: Answers from passages.
    """
    tasks: list[asyncio.Task[Answer]] = []
    try:
        for start in range(0, len(questions), _BLOCK):
            found = await retrieve(questions[start : start + _BLOCK])
            tasks += [asyncio.create_task(reader.answer(one)) for one in found]
        return await _outcomes(tasks)
    finally:
        for task in tasks:
            task.cancel()


async def answer_each(
    questions: Sequence[str], retrieve: Callable[[str], Awaitable[Retrieval]], reader: Reader
) -> list[Answer | LLMError]:
    """The same where passages are ranked for each question on its own, with the help of a language model.

    Args:
        questions: The questions.
        retrieve: Ranks passages for one of them.
        reader: Answers from passages.
    """

    async def answer(question: str) -> Answer:
        return await reader.answer(await retrieve(question))

    tasks = [asyncio.create_task(answer(question)) for question in questions]
    try:
        return await _outcomes(tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _outcomes(tasks: Sequence[asyncio.Task[Answer]]) -> list[Answer | LLMError]:
    """What the tasks come to, all of them waited for; errors other than of a language model are raised."""
    answers: list[Answer | LLMError] = []
    for one in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(one, BaseException) and not isinstance(one, LLMError):
            raise one
        answers.append(one)
    return answers


class AnswerStream:
    """An answer as it is written: iterate over it, with `for` or `async for`, for pieces of its text.

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
        try:
            while (item := await elsewhere(self._next())) is not None:
                if isinstance(item, Answer):
                    self.answer = item
                else:
                    yield item
        finally:
            close = getattr(self._items, "aclose", None)
            if close is not None:
                await elsewhere(close())

    async def _next(self) -> str | Answer | None:
        return await anext(self._items, None)
