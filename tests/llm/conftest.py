"""A small language model that does as it is told, and counts."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from hippo.config import LLMConfig
from hippo.llm import Caller, Replies
from hippo.types import Completion, LLMRequest, Message, Usage


class Model:
    """Answers "reply to TEXT" after `seconds`; raises the errors in `errors` first.

    Attributes:
        asked: Texts in the order in which they were asked.
        under_way: Requests now being answered; `peak` is the most there ever were.
    """

    fingerprint = "model/1"
    model = "small"

    def __init__(self) -> None:
        self.price: tuple[float, float] | None = (1.0, 2.0)
        self.errors: list[Exception] = []
        self.seconds = 0.0
        self.finish = "stop"
        self.tokens = (100, 10)
        self.asked: list[str] = []
        self.under_way = self.peak = 0
        self.gate: asyncio.Event | None = None

    async def complete(self, request: LLMRequest) -> Completion:
        text = request.messages[-1].content
        self.asked.append(text)
        self.under_way += 1
        self.peak = max(self.peak, self.under_way)
        try:
            await asyncio.sleep(self.seconds)
            if self.gate:
                await self.gate.wait()
            if self.errors:
                raise self.errors.pop(0)
        finally:
            self.under_way -= 1
        sent, received = self.tokens
        usage = Usage(requests=1, input_tokens=sent, output_tokens=received)
        return Completion(f"reply to {text}", self.finish, usage)


class StreamingModel(Model):
    """The same, a word at a time; after `breaks_after` words it raises the next of `errors`."""

    def __init__(self) -> None:
        super().__init__()
        self.breaks_after = 0
        self.closed = 0

    async def stream(self, request: LLMRequest) -> AsyncIterator[str | Completion]:
        text = request.messages[-1].content
        self.asked.append(text)
        try:
            for number, word in enumerate(f"reply to {text}".split(" ")):
                if self.errors and number == self.breaks_after:
                    raise self.errors.pop(0)
                yield word if not number else f" {word}"
                await asyncio.sleep(self.seconds)
            sent, received = self.tokens
            usage = Usage(requests=1, input_tokens=sent, output_tokens=received)
            yield Completion(f"reply to {text}", "stop", usage)
        finally:
            self.closed += 1


def a_request(text: str = "a", max_tokens: int = 10) -> LLMRequest:
    return LLMRequest((Message("user", text),), max_tokens, "test/1")


@pytest.fixture
def request_of() -> Callable[..., LLMRequest]:
    """Makes a request from its text and `max_tokens`."""
    return a_request


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def streaming() -> StreamingModel:
    return StreamingModel()


@pytest.fixture
def caller_of() -> Callable[..., Caller]:
    """Makes a caller with settings given as keywords, whose second attempts come soon."""

    def make(model: Model, replies: Replies | None = None, **settings: object) -> Caller:
        return Caller(model, LLMConfig(**settings), use="extraction", replies=replies, first_wait=0.01)

    return make
