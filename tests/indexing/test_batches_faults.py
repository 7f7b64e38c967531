"""Batches that fail, end too early, are too large, or are handed over without an answer: never dearer, never twice."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from hippo import Hippo
from hippo.errors import LLMError, LLMRefusedError, LLMRequestError, LLMUnavailableError
from hippo.indexing import batches
from hippo.testing import ScriptedLLM, respond
from hippo.types import Completion, LLMRequest, Usage

Replies = dict[str, Completion | LLMError]


class Provider(ScriptedLLM):
    """Takes batches, all answered at once.

    Attributes:
        submits: Errors of the next calls of `submit`, None for none.
        heard: Whether a call that raises an error hands its requests over all the same.
        ends: What becomes of the next batches: an error to raise, or a function of the replies; None: all is well.
        sizes: Requests of each batch, in order.
    """

    price = (1.0, 1.0)

    def __init__(self) -> None:
        super().__init__()
        self.submits: list[Exception | None] = []
        self.heard = False
        self.ends: list[Exception | Callable[[Replies], Replies] | None] = []
        self._batches: dict[str, tuple[str, dict[str, LLMRequest]]] = {}

    @property
    def sizes(self) -> list[int]:
        return [len(requests) for _, requests in self._batches.values()]

    async def submit(self, requests: Mapping[str, LLMRequest], *, label: str) -> str:
        error = self.submits.pop(0) if self.submits else None
        name = f"b{len(self._batches) + 1}"
        if error is None or self.heard:
            self._batches[name] = (label, dict(requests))
        if error is not None:
            raise error
        return name

    async def find(self, label: str) -> str | None:
        return next((name for name, (known, _) in self._batches.items() if known == label), None)

    async def collect(self, batch: str) -> Replies | None:
        end = self.ends.pop(0) if self.ends else None
        if isinstance(end, Exception):
            raise end
        _, requests = self._batches[batch]
        replies: Replies = {
            key: Completion(respond(request), usage=Usage(requests=1, input_tokens=100, output_tokens=10))
            for key, request in requests.items()
        }
        return end(replies) if end else replies


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def memory_with(tmp_path: Path) -> Callable[..., Hippo]:
    """Opens the index, asking a provider in batches; keywords go into `[llm]`."""

    def make(provider: Provider, **llm: Any) -> Hippo:
        overrides = {"llm": {"batch": True, "concurrency": 2, **llm}}
        return Hippo.open(tmp_path / "index", encoder="hashing", extractor="llm", llm=provider, overrides=overrides)

    return make


def half(replies: Replies) -> Replies:
    return dict(list(replies.items())[: len(replies) // 2])


def unavailable(reason: str = "HTTP 503") -> LLMUnavailableError:
    return LLMUnavailableError("scripted", reason, None)


def overloaded(replies: Replies) -> Replies:
    return dict.fromkeys(replies, unavailable("HTTP 500"))


def test_a_batch_that_failed_stops_the_run_and_is_handed_over_anew(provider, memory_with, documents) -> None:
    provider.ends = [LLMRequestError("scripted", "its batch 'b1' failed: Enqueued token limit reached")]
    with memory_with(provider) as memory:
        with pytest.raises(LLMRequestError, match="Enqueued token limit reached"):
            memory.add(documents)
        assert (provider.sizes, provider.calls) == ([8], 1)
        report = memory.add([])
        assert (report.failed, report.pending) == ((), 0)
    # In each run the first question is asked live, and nothing else.
    assert (sum(provider.sizes[1:]), provider.calls) == (14, 2)


def test_what_other_batches_bring_is_kept_when_one_fails(
    provider, memory_with, documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_MOST_REQUESTS", 4)
    provider.ends = [LLMRequestError("scripted", "its batch 'b1' failed: no"), None]
    with memory_with(provider) as memory:
        with pytest.raises(LLMRequestError, match="failed: no"):
            memory.add(documents)
        assert provider.sizes == [4, 4]
        assert memory.add([]).failed == ()
        # One live and four by batch came in the first run; sixteen questions there are.
        assert sum(provider.sizes[2:]) == 16 - 1 - 4 - 1


def test_what_an_expired_batch_did_not_come_to_goes_into_the_next(provider, memory_with, documents) -> None:
    provider.ends = [half]
    with memory_with(provider) as memory:
        report = memory.add(documents)
    assert (report.failed, provider.calls) == ((), 1)
    assert provider.sizes[0] == 8
    assert sum(provider.sizes) == 15 + 4
    assert report.usage["extraction"].requests == 16


@pytest.mark.parametrize(("end", "reason"), [(overloaded, "HTTP 500"), (lambda _: {}, "ended before their turn came")])
def test_batches_that_bring_nothing_end_the_run(provider, memory_with, documents, end: Any, reason: str) -> None:
    provider.ends = [end] * 9
    with memory_with(provider) as memory, pytest.raises(LLMUnavailableError, match=rf"to 8 requests .*: .*{reason}"):
        memory.add(documents)
    assert (provider.sizes, provider.calls) == ([8, 8], 1)


def test_a_few_that_batches_keep_failing_at_are_asked_live(provider, memory_with, documents) -> None:
    provider.ends = [overloaded] * 9
    with memory_with(provider) as memory:
        report = memory.add(documents[:2])
    assert (report.failed, report.pending) == ((), 0)
    assert (provider.sizes, provider.calls) == ([2, 2], 4)


def test_a_request_that_is_refused_is_not_handed_over_again(provider, memory_with, documents) -> None:
    def refused(replies: Replies) -> Replies:
        return {**replies, next(iter(replies)): LLMRequestError("scripted", "too long")}

    provider.ends = [refused]
    with memory_with(provider) as memory:
        assert memory.add(documents).failed == ()
    assert (provider.sizes, provider.calls) == ([8, 7], 2)


def test_a_provider_that_is_silent_for_a_moment_is_asked_again(provider, memory_with, documents) -> None:
    provider.submits = [unavailable()]
    with memory_with(provider) as memory:
        assert memory.add(documents).failed == ()
    assert provider.sizes == [8, 7]


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_batch_whose_name_was_never_heard_is_found_again(provider, memory_with, documents, attempts: int) -> None:
    provider.submits, provider.heard = [unavailable()], True
    with memory_with(provider, attempts=attempts) as memory:
        if attempts == 1:
            with pytest.raises(LLMUnavailableError, match="HTTP 503"):
                memory.add(documents)
            assert provider.sizes == [8]
        report = memory.add(documents)
    assert (report.failed, report.pending) == ((), 0)
    # A run that begins anew asks its first question live: one less in the second batch.
    assert provider.sizes == [8, 7 if attempts == 2 else 6]


def test_a_batch_that_is_refused_leaves_nothing_behind(provider, memory_with, documents) -> None:
    provider.submits = [LLMRefusedError("scripted", "no permission", "Ask for it")]
    with memory_with(provider) as memory:
        with pytest.raises(LLMRefusedError, match="no permission"):
            memory.add(documents)
        assert memory.add([]).failed == ()
    assert provider.sizes == [7, 7]


@pytest.mark.parametrize("limit", [("_MOST_REQUESTS", 3), ("_MOST_BYTES", 6000)])
def test_no_batch_is_larger_than_it_may_be(
    provider, memory_with, documents, limit: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []

    def counting(*given: Any) -> tuple[LLMRequest | None, int]:
        begun.append(len(provider.sizes))
        return batches_first_question(*given)

    batches_first_question = batches.first_question
    monkeypatch.setattr(batches, *limit)
    monkeypatch.setattr(batches, "first_question", counting)
    with memory_with(provider) as memory:
        assert memory.add(documents).failed == ()
    assert max(provider.sizes) <= 4
    assert sum(provider.sizes) == 15
    # The first batch is handed over before the last chunk is looked at.
    assert begun[:9] != [0] * 9
