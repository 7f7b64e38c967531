"""A caller as a whole: the cache, identical requests, cancellation, what is counted."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from hippo import background
from hippo.config import LLMConfig
from hippo.errors import LLMRequestError
from hippo.llm import Caller, Replies
from hippo.protocols import StreamingLLM
from hippo.types import Completion, LLMRequest, Message, Usage

PAID = Usage(requests=1, input_tokens=100, output_tokens=10, cost=0.00012)
REPLAYED = Usage(replayed=1)


@pytest.fixture
def replies(tmp_path: Path) -> Iterator[Replies]:
    opened = Replies(tmp_path / "replies.sqlite")
    yield opened
    opened.close()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_caller_is_a_model_itself(model, caller_of) -> None:
    caller = caller_of(model)
    assert isinstance(caller, StreamingLLM)
    assert (caller.fingerprint, caller.model, caller.usage) == ("model/1", "small", Usage())


def test_cached_replies_cost_nothing(model, caller_of, request_of, replies: Replies) -> None:
    first = caller_of(model, replies)
    assert first.cached(request_of()) is None
    assert background.run(first.complete(request_of())) == Completion("reply to a", usage=PAID)
    assert background.run(first.complete(request_of())) == Completion("reply to a", usage=REPLAYED)
    assert first.usage == PAID + REPLAYED
    second = caller_of(model, Replies(replies.path))
    assert second.cached(request_of()) == Completion("reply to a", usage=REPLAYED)
    assert asyncio.run(second.complete(request_of())).usage == REPLAYED
    assert second.usage == REPLAYED  # looking into the cache is no use of it
    assert model.asked == ["a"]


def test_a_truncated_reply_is_kept_too(model, caller_of, request_of, replies: Replies) -> None:
    model.finish = "length"
    caller = caller_of(model, replies)
    for _ in range(2):
        assert background.run(caller.complete(request_of())).finish == "length"
    assert model.asked == ["a"]


def test_a_forgotten_reply_is_asked_anew(model, caller_of, request_of, replies: Replies) -> None:
    for caller, asked in ((caller_of(model, replies), 2), (caller_of(model), 4)):
        for _ in range(2):
            background.run(caller.complete(request_of()))
            caller.forget(request_of())
            assert caller.cached(request_of()) is None
        assert len(model.asked) == asked


def test_without_the_cache_nothing_is_read_or_written(model, caller_of, request_of, replies: Replies) -> None:
    replies.put(Replies.key("model/1", request_of("known")), Completion("from the cache"))
    for caller in (caller_of(model, replies, cache=False), caller_of(model)):
        assert background.run(caller.complete(request_of("known"))).text == "reply to known"
        assert background.run(caller.complete(request_of("new"))).text == "reply to new"
        caller.remember(caller.key(request_of("new")), Completion("x"))
        assert caller.cached(request_of("known")) is None
    assert model.asked == ["known", "new"] * 2
    assert replies.get(Replies.key("model/1", request_of("new"))) is None


def test_the_settings_of_the_use_count(model, request_of, replies: Replies) -> None:
    settings = LLMConfig(uses={"reader": {"cache": False}})
    for use, asked in (("reader", 2), ("extraction", 1)):
        model.asked.clear()
        caller = Caller(model, settings, use=use, replies=replies)
        for _ in range(2):
            background.run(caller.complete(request_of()))
        assert len(model.asked) == asked


def test_a_reply_that_came_another_way_is_kept_and_counted(model, caller_of, request_of, replies: Replies) -> None:
    caller = caller_of(model, replies)
    came = Completion("by batch", usage=Usage(requests=1, input_tokens=100, output_tokens=10))
    for _ in range(2):
        caller.remember(caller.key(request_of()), came, factor=0.5)
        assert caller.usage == Usage(1, 0, 100, 10, 0.00006)
    assert background.run(caller.complete(request_of())).text == "by batch"
    assert model.asked == []


def test_identical_requests_under_way_are_asked_once(model, caller_of, request_of) -> None:
    async def ask() -> list[Completion]:
        return await asyncio.gather(*(caller.complete(request_of("ab"[number % 2])) for number in range(20)))

    caller = caller_of(model)
    found = background.run(ask())
    assert [completion.text for completion in found] == ["reply to a", "reply to b"] * 10
    assert sorted(model.asked) == ["a", "b"]
    assert sum((completion.usage for completion in found), Usage()) == caller.usage
    assert (caller.usage.requests, caller.usage.replayed) == (2, 18)
    background.run(caller.complete(request_of("a")))
    assert model.asked[2:] == ["a"]  # no cache: what has ended is asked again


def test_an_error_reaches_all_who_wait_and_is_not_kept(model, caller_of, request_of, replies: Replies) -> None:
    async def ask() -> list[object]:
        return await asyncio.gather(*(caller.complete(request_of()) for _ in range(3)), return_exceptions=True)

    model.errors = [LLMRequestError("small", "too long")]
    caller = caller_of(model, replies)
    assert [type(error) for error in background.run(ask())] == [LLMRequestError] * 3
    assert background.run(caller.complete(request_of())).text == "reply to a"
    assert model.asked == ["a", "a"]


def test_one_who_leaves_takes_nothing_from_the_others(model, caller_of, request_of, replies: Replies) -> None:
    async def ask() -> Completion:
        model.gate = asyncio.Event()
        first, second = (asyncio.create_task(caller.complete(request_of())) for _ in range(2))
        await settle()
        first.cancel()
        await settle()
        assert first.cancelled()
        model.gate.set()
        return await second

    caller = caller_of(model, replies)
    assert asyncio.run(ask()) == Completion("reply to a", usage=PAID)
    assert model.asked == ["a"]
    assert caller.usage == PAID


def test_when_all_have_left_the_request_ends(model, caller_of, request_of) -> None:
    async def ask() -> Completion:
        model.gate = asyncio.Event()
        tasks = [asyncio.create_task(caller.complete(request_of())) for _ in range(2)]
        await settle()
        for task in tasks:
            task.cancel()
        await settle()
        assert model.under_way == 0
        model.gate.set()
        return await caller.complete(request_of())

    caller = caller_of(model)
    assert asyncio.run(ask()).text == "reply to a"
    assert model.asked == ["a", "a"]
    sent = caller.estimate(request_of())
    assert caller.usage == PAID + Usage(1, 0, sent, 10, caller.price(sent, 10) or 0.0)  # what was left may be charged


def test_a_reply_is_kept_before_its_waiter_can_be_cancelled(model, caller_of, request_of, replies: Replies) -> None:
    class Cancelling:
        """Cancels whoever waits at the moment when its reply arrives."""

        fingerprint, model, price = "c", "c", (1.0, 2.0)

        async def complete(self, request: LLMRequest) -> Completion:
            await asyncio.sleep(0.01)
            waiter.cancel()
            return Completion("paid for", usage=Usage(requests=1, input_tokens=100, output_tokens=10))

    async def ask() -> None:
        nonlocal waiter
        waiter = asyncio.create_task(caller.complete(request_of()))
        await asyncio.wait([waiter])
        assert waiter.cancelled()

    waiter: asyncio.Task[Completion]
    caller = caller_of(Cancelling(), replies)
    asyncio.run(ask())
    assert caller.usage == PAID
    assert replies.get(Replies.key("c", request_of())).text == "paid for"


def test_what_cannot_be_kept_is_counted_all_the_same(model, caller_of, request_of, replies: Replies) -> None:
    replies.put("0a", Completion("x"))
    with sqlite3.connect(replies.path) as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON replies BEGIN SELECT RAISE(ABORT, 'no'); END")
    other.close()
    caller = caller_of(model, replies)
    with pytest.raises(Exception, match="could not be read or written: no"):
        background.run(caller.complete(request_of()))
    assert caller.usage == PAID


def test_it_works_in_several_loops_one_after_the_other(model, caller_of, request_of) -> None:
    async def ask(name: str) -> None:
        await asyncio.gather(*(caller.complete(request_of(f"{name}{number}")) for number in range(6)))

    caller = caller_of(model, concurrency=2, requests_per_minute=100_000, tokens_per_minute=10_000_000)
    model.seconds = 0.001
    for name in "abc":
        asyncio.run(ask(name))
    background.run(ask("d"))
    background.run(ask("e"))
    assert len(model.asked) == 30
    assert model.peak == 2


def test_tokens_are_estimated_where_the_model_does_not_count(model, caller_of) -> None:
    model.tokens = (0, 0)
    caller = caller_of(model)
    request = LLMRequest((Message("user", "слово " * 100),), 10, "p/1")
    usage = background.run(caller.complete(request)).usage
    assert usage.input_tokens == caller.estimate(request) >= 500
    assert usage.cost == pytest.approx(caller.price(usage.input_tokens, usage.output_tokens))


def test_estimates_grow_with_everything_that_is_sent(model, caller_of, request_of) -> None:
    estimate = caller_of(model).estimate
    plain = estimate(request_of("The quick brown fox jumps over the lazy dog. "))
    assert 10 <= plain <= 25
    assert estimate(LLMRequest((Message("user", "x"), Message("user", "x")), 1, "p")) > estimate(request_of("x"))
    assert estimate(LLMRequest((Message("user", "x"),), 1, "p", {"title": "y"})) > estimate(request_of("x"))
    for text in ("北京市" * 20, "สวัสดี" * 20, "привет" * 20, "😀" * 20, "\ud800" * 20):
        assert estimate(request_of(text)) >= len(text)
