"""Concurrency, rates, time-outs, retries."""

import asyncio
import time

import pytest
from tenacity import RetryCallState

from hippo import background
from hippo.errors import LLMRefusedError, LLMRequestError, LLMUnavailableError
from hippo.llm.limits import Bucket
from hippo.llm.retries import LONGEST_ASKED, Retries
from hippo.types import Completion


def busy(seconds: float | None = None) -> LLMUnavailableError:
    return LLMUnavailableError("small", "overloaded", seconds)


def test_concurrency_is_never_exceeded(model, caller_of, request_of) -> None:
    async def ask() -> list[Completion]:
        return await asyncio.gather(*(caller.complete(request_of(str(number))) for number in range(200)))

    model.seconds = 0.002
    model.errors = [busy() for _ in range(20)]
    caller = caller_of(model, concurrency=8)
    found = background.run(ask())
    assert [completion.text for completion in found] == [f"reply to {number}" for number in range(200)]
    assert model.peak == 8
    assert len(model.asked) == 220


def test_who_waits_to_try_again_holds_no_place(model, caller_of, request_of) -> None:
    async def ask() -> None:
        waiting = asyncio.create_task(caller.complete(request_of("waits")))
        await asyncio.sleep(0.02)
        begun = time.monotonic()
        for number in range(5):
            await caller.complete(request_of(str(number)))
        assert time.monotonic() - begun < 0.5
        assert not waiting.done()
        assert (await waiting).text == "reply to waits"

    model.errors = [busy(0.6)]
    caller = caller_of(model, concurrency=1)
    background.run(ask())
    assert model.asked == ["waits", "0", "1", "2", "3", "4", "waits"]


def test_requests_per_minute(model, caller_of, request_of) -> None:
    async def ask() -> None:
        await asyncio.gather(*(caller.complete(request_of(str(number))) for number in range(80)))

    caller = caller_of(model, requests_per_minute=1200, concurrency=200)
    begun = time.monotonic()
    background.run(ask())
    # 60 at once, then 19 a second.
    assert 0.95 < time.monotonic() - begun < 5
    assert len(model.asked) == 80


@pytest.mark.parametrize(("per_minute", "amount"), [(1, 1), (3, 1), (60, 1), (1000, 1), (90_000, 700), (90_000, 9000)])
def test_no_minute_has_more_than_its_limit(per_minute: int, amount: int) -> None:
    """In simulated time: the loop's clock leaps to just after whatever is due next."""

    class Leaping(asyncio.SelectorEventLoop):
        now = 1000.0

        def time(self) -> float:
            return self.now

        def _run_once(self) -> None:
            due = [timer.when() for timer in self._scheduled if not timer.cancelled()]
            if due and not self._ready:
                self.now = max(self.now, min(due)) + 1e-6
            super()._run_once()

    async def take() -> list[float]:
        bucket, times = Bucket(per_minute), []
        for _ in range(3 * per_minute // amount + 2):
            await bucket.take(amount)
            times.append(loop.time())
        return times

    loop = Leaping()
    try:
        times = loop.run_until_complete(take())
    finally:
        loop.close()
    allowed = per_minute + max(0, amount - per_minute // 20)  # one that is larger than a burst may begin early
    for begin in range(0, len(times), 5):
        within = sum(1 for moment in times[begin:] if moment < times[begin] + 59.999)
        assert within * amount <= allowed
    minutes = (times[-1] - times[0]) / 60
    assert minutes < (len(times) - 1) * amount / per_minute / 0.95 + 0.001


def test_tokens_per_minute_are_reserved_and_then_corrected(model, caller_of, request_of) -> None:
    async def ask(*names: str) -> float:
        begun = time.monotonic()
        for name in names:
            await caller.complete(request_of(name, max_tokens=20_000))
        return time.monotonic() - begun

    # A burst of 30,000 and 9,500 a second: what is reserved for four would take five seconds, what they take nothing.
    caller = caller_of(model, tokens_per_minute=600_000)
    assert background.run(ask("a", "b", "c", "d")) < 2
    # What two take needs two seconds, what is reserved for them only one.
    model.tokens = (15_000, 15_000)
    assert background.run(ask("e", "f")) > 1.6


def test_a_large_request_goes_first_and_pays_later() -> None:
    async def take() -> list[float]:
        bucket, begun = Bucket(60_000), time.monotonic()
        await bucket.take(3700)
        alone = time.monotonic() - begun
        await bucket.take(1)
        return [alone, time.monotonic() - begun]

    alone, after = asyncio.run(take())
    assert alone < 0.3
    assert after > 0.7


def test_a_cancelled_wait_gives_back_what_it_did_not_take() -> None:
    async def take() -> float:
        bucket = Bucket(60_000)
        await bucket.take(3000)
        waiting = asyncio.create_task(bucket.take(3000))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.wait([waiting])
        begun = time.monotonic()
        await bucket.take(100)
        return time.monotonic() - begun

    assert asyncio.run(take()) < 1


def test_what_was_reserved_too_much_does_not_add_up_while_idle() -> None:
    async def take() -> float:
        bucket = Bucket(60_000)
        bucket.correct(-50_000)
        begun = time.monotonic()
        for _ in range(4):
            await bucket.take(1000)
        return time.monotonic() - begun

    assert asyncio.run(take()) > 0.8


def test_an_attempt_that_takes_too_long_is_tried_again(model, caller_of, request_of) -> None:
    model.seconds = 30
    caller = caller_of(model, timeout=0.05, attempts=2)
    with pytest.raises(
        LLMUnavailableError, match=r"'small' did not answer: no reply within 0.05 seconds \(2 attempts\)"
    ):
        background.run(caller.complete(request_of()))
    assert model.asked == ["a", "a"]
    assert (model.under_way, caller.usage.requests) == (0, 2)  # they may be charged for


def test_waiting_for_a_place_is_no_time_out(model, caller_of, request_of) -> None:
    async def ask() -> None:
        await asyncio.gather(*(caller.complete(request_of(str(number))) for number in range(6)))

    model.seconds = 0.1
    caller = caller_of(model, timeout=0.4, concurrency=1, attempts=1)
    background.run(ask())
    assert len(model.asked) == 6


def test_no_answer_is_tried_again_up_to_the_limit(model, caller_of, request_of) -> None:
    caller = caller_of(model, attempts=3)
    model.errors = [busy(), busy(0.01)]
    assert background.run(caller.complete(request_of("x"))).text == "reply to x"
    assert caller.usage.requests == 1
    model.errors = [busy(), busy(), busy(0.02), busy()]
    with pytest.raises(LLMUnavailableError, match=r"overloaded \(3 attempts\)$") as caught:
        background.run(caller.complete(request_of("y")))
    assert caught.value.args == ("small", "overloaded (3 attempts)", 0.02)
    assert model.asked == ["x"] * 3 + ["y"] * 3


@pytest.mark.parametrize("error", [LLMRequestError("small", "too long"), LLMRefusedError("small", "no key", "Set one")])
def test_a_refusal_is_final(model, caller_of, request_of, error: Exception) -> None:
    model.errors = [error]
    with pytest.raises(type(error)):
        background.run(caller_of(model).complete(request_of()))
    assert model.asked == ["a"]


def test_the_wait_is_at_least_what_was_asked_for(model, caller_of, request_of) -> None:
    model.errors = [busy(0.3)]
    begun = time.monotonic()
    background.run(caller_of(model).complete(request_of()))
    assert 0.3 <= time.monotonic() - begun < 2


@pytest.mark.parametrize(
    ("attempt", "asked", "least", "most"),
    [
        (1, None, 0.25, 0.5),
        (2, None, 0.5, 1.0),
        (5, None, 4.0, 8.0),
        (30, None, 30.0, 60.0),
        (1, 20.0, 20.0, 20.5),
        (1, 1e9, LONGEST_ASKED, LONGEST_ASKED + 0.5),
        (1, -3.0, 0.25, 0.5),
        (1, 0.0, 0.25, 0.5),
    ],
)
def test_waits_double_with_jitter_and_are_capped(attempt: int, asked: float | None, least: float, most: float) -> None:
    retries = Retries(8)
    waits = []
    for _ in range(50):
        state = RetryCallState(None, None, (), {})
        state.attempt_number = attempt
        state.set_exception((LLMUnavailableError, busy(asked), None))
        waits.append(retries._wait(state))
    assert least <= min(waits) < max(waits) <= most
