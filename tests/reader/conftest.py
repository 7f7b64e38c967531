"""A language model that is a function of its request, and retrievals to read."""

from collections.abc import AsyncIterator, Callable
from itertools import pairwise

import pytest

from hippo.types import Completion, Hit, LLMRequest, Retrieval, Usage

Answers = Callable[[LLMRequest], str | Completion]


class FunctionModel:
    """Replies with what a function makes of the request, and remembers the requests."""

    fingerprint = "function/1"
    model = "function"

    def __init__(self, reply: Answers) -> None:
        self._reply = reply
        self.requests: list[LLMRequest] = []

    async def complete(self, request: LLMRequest) -> Completion:
        self.requests.append(request)
        reply = self._reply(request)
        return reply if isinstance(reply, Completion) else Completion(reply, usage=Usage(1, 0, 100, 10, 0.5))


class StreamingModel(FunctionModel):
    """The same in pieces: the reply cut at the given places."""

    def __init__(self, reply: Answers, cuts: list[int]) -> None:
        super().__init__(reply)
        self._cuts = cuts
        self.closed = False

    async def stream(self, request: LLMRequest) -> AsyncIterator[str | Completion]:
        completion = await self.complete(request)
        borders = sorted({0, *self._cuts, len(completion.text)})
        try:
            for start, end in pairwise(borders):
                yield completion.text[start:end]
            yield completion
        finally:
            self.closed = True


def make_hit(rank: int, text: str, title: str | None = None, chunk_id: str | None = None) -> Hit:
    chunk_id = chunk_id or f"c{rank}"
    return Hit(rank, 1.0 / rank, text, title, f"doc-{chunk_id}", chunk_id, {})


def make_retrieval(question: str, *texts: str | tuple[str, str], usage: dict[str, Usage] | None = None) -> Retrieval:
    """Passages, each a text or a title with a text; their chunks are c1, c2 and so on."""
    hits = tuple(
        make_hit(rank, text) if isinstance(text, str) else make_hit(rank, text[1], text[0])
        for rank, text in enumerate(texts, start=1)
    )
    return Retrieval(question, "hippo", hits, {"damping": 0.5}, (), {"walk": 1.0}, usage=usage or {})


@pytest.fixture(scope="session")
def model() -> type[FunctionModel]:
    return FunctionModel


@pytest.fixture(scope="session")
def streaming() -> type[StreamingModel]:
    return StreamingModel


@pytest.fixture(scope="session")
def retrieval() -> Callable[..., Retrieval]:
    return make_retrieval


@pytest.fixture(scope="session")
def hit() -> Callable[..., Hit]:
    return make_hit
