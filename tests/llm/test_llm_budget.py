"""Prices, and the limit on what may be spent."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterable

import pytest

from hippo import background
from hippo.errors import ConfigError, LLMBudgetError, LLMReplyLostError, LLMUnavailableError
from hippo.llm import Replies
from hippo.types import Completion, Usage


def test_a_price_in_the_settings_comes_first(model, caller_of) -> None:
    model.model = "gpt-4o-mini"
    assert caller_of(model, input_price=3.0, output_price=4.0).price(1_000_000, 500_000) == pytest.approx(5.0)
    assert caller_of(model, input_price=3.0).price(1_000_000, 500_000) == pytest.approx(4.0)
    assert caller_of(model, input_price=0.0, output_price=0.0).price(10, 10) == 0.0
    assert caller_of(model).price(1_000_000, 500_000) == pytest.approx(2.0)
    model.price = None
    published = caller_of(model).price(1000, 1000)
    assert published is not None
    assert 0 < published < 0.1
    mixed = caller_of(model, output_price=1e6).price(1000, 1)
    assert mixed == pytest.approx(1.0, rel=0.01)


def test_an_unknown_price_is_counted_as_such(model, caller_of, request_of) -> None:
    model.price, model.model = None, "nobody-knows-me"
    caller = caller_of(model)
    assert caller.price(1, 1) is None
    assert caller_of(model, input_price=1.0).price(1, 1) is None
    usage = background.run(caller.complete(request_of())).usage
    assert usage == Usage(requests=1, input_tokens=100, output_tokens=10, unpriced=1)
    with pytest.raises(ConfigError, match=r"max_cost: the price of model 'nobody-knows-me' is not known\. Set llm\.in"):
        caller_of(model, max_cost=1.0)
    caller_of(model, max_cost=1.0, input_price=0.1, output_price=0.1)


def test_a_model_that_costs_nothing_needs_no_budget(model, caller_of, request_of) -> None:
    model.price = (0.0, 0.0)
    caller = caller_of(model, max_cost=0.0)
    assert background.run(caller.complete(request_of())).usage == Usage(requests=1, input_tokens=100, output_tokens=10)


def test_no_more_is_spent_than_the_limit(model, caller_of, request_of, tmp_path) -> None:
    async def ask(names: Iterable[object]) -> list[Completion | BaseException]:
        calls = (caller.complete(request_of(str(name), max_tokens=1000)) for name in names)
        return await asyncio.gather(*calls, return_exceptions=True)

    # One costs $1.10 and might cost $2.01: the eighth and last leaves $1.20.
    model.price, model.tokens, model.seconds = (1000.0, 2000.0), (100, 500), 0.001
    replies = Replies(tmp_path / "r.sqlite")
    caller = caller_of(model, replies, max_cost=10.0)
    found = background.run(ask(range(100)))
    failed = [error for error in found if isinstance(error, BaseException)]
    assert {type(error) for error in failed} == {LLMBudgetError}
    assert len(model.asked) == 8
    assert caller.usage.requests == 100 - len(failed) == 8
    assert caller.usage.cost == pytest.approx(8.8)
    assert str(failed[0]).startswith("extraction: spent $8.8000 of at most $10.0000.")

    replayed = [
        completion for completion in background.run(ask(list(model.asked))) if isinstance(completion, Completion)
    ]
    assert sum(completion.usage.replayed for completion in replayed) == 8
    replies.close()


def test_what_comes_another_way_is_spent_too(model, caller_of, request_of) -> None:
    caller = caller_of(model, max_cost=0.001)
    caller.remember(caller.key(request_of("batch")), Completion("x", usage=Usage(requests=1, input_tokens=1000)))
    with pytest.raises(LLMBudgetError):
        background.run(caller.complete(request_of()))
    assert model.asked == []


def test_a_failed_request_holds_nothing_back(model, caller_of, request_of) -> None:
    model.price = (0.0, 1000.0)
    caller = caller_of(model, max_cost=0.015, attempts=2)
    model.errors = [LLMUnavailableError("small", "down", None) for _ in range(3)]
    with pytest.raises(LLMUnavailableError):
        background.run(caller.complete(request_of("x")))
    assert background.run(caller.complete(request_of("y"))).usage.cost == pytest.approx(0.01)


@pytest.mark.parametrize("reason", ["time-out", "lost"])
def test_what_may_have_been_charged_is_spent(model, caller_of, request_of, reason: str) -> None:
    """A reply that never came counts as the longest one: here $0.01, with an input that costs nothing."""
    model.price = (0.0, 1000.0)
    if reason == "time-out":
        model.seconds = 0.2
    else:
        model.errors = [LLMReplyLostError("small", "cut off", None) for _ in range(5)]
    caller = caller_of(model, max_cost=0.025, timeout=0.02, attempts=5)
    with pytest.raises(LLMBudgetError, match=r"spent \$0.0200 of at most \$0.0250"):
        background.run(caller.complete(request_of()))
    assert len(model.asked) == caller.usage.requests == 2
    assert caller.usage.output_tokens == 20


def test_what_was_left_is_spent_only_if_it_was_sent(model, caller_of, request_of) -> None:
    async def leave() -> None:
        model.gate = asyncio.Event()
        sent, waiting = (asyncio.create_task(caller.complete(request_of(name))) for name in "ab")
        await asyncio.sleep(0.01)
        assert model.asked == ["a"]
        for task in (waiting, sent):
            task.cancel()
        await asyncio.wait([sent, waiting])
        await asyncio.sleep(0.01)
        model.gate = None
        assert (await caller.complete(request_of("c"))).text == "reply to c"

    model.price = (0.0, 1000.0)
    caller = caller_of(model, max_cost=0.025, concurrency=1)
    background.run(leave())
    assert (caller.usage.requests, caller.usage.cost) == (2, pytest.approx(0.02))


def test_one_who_stops_waiting_for_money_leaves_no_trace(model, caller_of, request_of) -> None:
    async def leave() -> None:
        model.gate = asyncio.Event()
        first, second, third = (asyncio.create_task(caller.complete(request_of(name))) for name in "abc")
        await asyncio.sleep(0.01)
        assert model.asked == ["a"]  # the others wait: all three might cost too much
        second.cancel()
        await asyncio.sleep(0.01)
        model.gate.set()
        assert {(await task).text for task in (first, third)} == {"reply to a", "reply to c"}

    model.price, model.tokens = (0.0, 1000.0), (0, 1)
    caller = caller_of(model, max_cost=0.012)
    background.run(leave())
    assert model.asked == ["a", "c"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_does_not_wait_for_requests_of_its_parent() -> None:
    program = (
        "import asyncio, os, warnings\n"
        "from hippo.llm.budget import Budget\n"
        "warnings.simplefilter('ignore')\n"
        "async def hold():\n"
        "    async with budget.reserve(0.8):\n"
        "        child = os.fork()\n"
        "        if not child:\n"
        "            os._exit(asyncio.run(take()))\n"
        "        return os.waitpid(child, 0)[1]\n"
        "async def take():\n"
        "    async with asyncio.timeout(5), budget.reserve(0.8):\n"
        "        return 7\n"
        "budget = Budget('extraction', 1.0)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(asyncio.run(hold())))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 7, done.stderr


def test_loops_share_one_budget(model, caller_of, request_of) -> None:
    async def ask(name: str) -> list[object]:
        calls = (caller.complete(request_of(f"{name}{number}")) for number in range(20))
        return await asyncio.gather(*calls, return_exceptions=True)

    model.price, model.seconds = (0.0, 1000.0), 0.002
    caller = caller_of(model, max_cost=0.1)
    threads = [threading.Thread(target=lambda name=name: asyncio.run(ask(name))) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert not any(thread.is_alive() for thread in threads)
    assert caller.usage.requests == 10
    assert caller.usage.cost == pytest.approx(0.1)
