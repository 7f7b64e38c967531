"""Listening to a model while it writes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hippo import background
from hippo.errors import LLMBudgetError, LLMReplyLostError, LLMUnavailableError
from hippo.llm import Caller, Replies
from hippo.types import Completion, LLMRequest, Usage

PAID = Usage(requests=1, input_tokens=100, output_tokens=10, cost=0.00012)
REPLAYED = Usage(replayed=1)


async def heard(caller: Caller, request: LLMRequest) -> list[str | Completion]:
    return [item async for item in caller.stream(request)]


def test_pieces_are_passed_on_and_the_whole_is_kept(streaming, caller_of, request_of, tmp_path: Path) -> None:
    replies = Replies(tmp_path / "r.sqlite")
    caller = caller_of(streaming, replies)
    whole = Completion("reply to a", usage=PAID)
    assert list(background.iterate(caller.stream(request_of()))) == ["reply", " to", " a", whole]
    again = Completion("reply to a", usage=REPLAYED)
    assert list(background.iterate(caller.stream(request_of()))) == ["reply to a", again]
    assert background.run(caller.complete(request_of())) == again
    assert streaming.asked == ["a"]
    assert caller.usage == PAID + REPLAYED + REPLAYED
    replies.close()


def test_a_piece_comes_before_the_reply_is_complete(streaming, caller_of, request_of) -> None:
    async def listen() -> None:
        pieces = caller.stream(request_of())
        assert await anext(pieces) == "reply"
        assert caller.usage.requests == 0
        await pieces.aclose()

    streaming.seconds = 0.05
    caller = caller_of(streaming)
    background.run(listen())


def test_a_model_without_a_stream_gives_one_piece(model, caller_of, request_of) -> None:
    caller = caller_of(model)
    assert background.run(heard(caller, request_of())) == ["reply to a", Completion("reply to a", usage=PAID)]


def test_before_the_first_piece_it_is_tried_again(streaming, caller_of, request_of) -> None:
    streaming.errors = [LLMUnavailableError("small", "down", None)]
    caller = caller_of(streaming)
    assert background.run(heard(caller, request_of()))[:-1] == ["reply", " to", " a"]
    assert streaming.asked == ["a", "a"]


def test_after_the_first_piece_it_is_not(streaming, caller_of, request_of) -> None:
    pieces: list[object] = []

    async def listen() -> None:
        async for piece in caller.stream(request_of()):
            pieces.append(piece)  # noqa: PERF401 - a comprehension would lose them to the error

    streaming.errors = [LLMUnavailableError("small", "down", None)]
    streaming.breaks_after = 2
    caller = caller_of(streaming)
    with pytest.raises(LLMUnavailableError, match=r"down \(1 attempt\)"):
        background.run(listen())
    assert pieces == ["reply", " to"]
    assert streaming.asked == ["a"]
    assert (caller.usage.requests, caller.usage.output_tokens) == (1, 2)
    assert caller.usage.cost > 0


def test_a_stream_without_an_end_is_no_answer(caller_of, request_of) -> None:
    class Endless:
        fingerprint, model, price = "e", "e", (1.0, 1.0)

        async def complete(self, request: LLMRequest) -> Completion:
            return Completion("x")

        async def stream(self, request: LLMRequest) -> AsyncIterator[str | Completion]:
            for piece in pieces:
                yield piece

    pieces: list[str] = []
    caller = caller_of(Endless(), attempts=2)
    with pytest.raises(LLMUnavailableError, match=r"stopped in the middle of the reply \(2 attempts\)"):
        background.run(heard(caller, request_of()))
    assert (caller.usage.requests, caller.usage.output_tokens) == (2, 20)  # as much as a reply may have
    pieces.append("half")
    with pytest.raises(LLMUnavailableError, match=r"stopped in the middle of the reply \(1 attempt\)"):
        background.run(heard(caller, request_of()))
    assert (caller.usage.requests, caller.usage.output_tokens) == (3, 21)


def test_leaving_early_ends_the_request_and_counts_it(streaming, caller_of, request_of) -> None:
    caller = caller_of(streaming, concurrency=1)
    streaming.seconds = 0.02
    for piece in background.iterate(caller.stream(request_of())):
        assert piece == "reply"
        break
    background.run(asyncio.sleep(0.01))
    assert streaming.closed == 1
    assert (caller.usage.requests, caller.usage.output_tokens) == (1, 1)
    assert background.run(caller.complete(request_of())).text == "reply to a"  # the place is free again


def test_listeners_share_a_request_and_may_leave(streaming, caller_of, request_of) -> None:
    async def listen() -> list[object]:
        leaver = caller.stream(request_of())
        assert await anext(leaver) == "reply"
        others = asyncio.gather(heard(caller, request_of()), caller.complete(request_of()))
        await asyncio.sleep(0.01)
        await leaver.aclose()
        return await others

    streaming.seconds = 0.03
    caller = caller_of(streaming)
    pieces, completion = background.run(listen())
    assert pieces[:-1] == ["reply", " to", " a"]
    assert {pieces[-1].usage, completion.usage} == {PAID, REPLAYED}
    assert streaming.asked == ["a"]


def test_a_slow_listener_keeps_nobody_waiting(streaming, caller_of, request_of) -> None:
    async def listen() -> None:
        pieces = caller.stream(request_of("slow"))
        await anext(pieces)
        await asyncio.sleep(0.3)
        await caller.complete(request_of("other"))
        assert [item async for item in pieces][:-1] == [" to", " slow"]

    caller = caller_of(streaming, concurrency=1, timeout=0.2)
    background.run(listen())


def test_a_stream_that_stops_for_too_long_is_a_time_out(streaming, caller_of, request_of) -> None:
    streaming.seconds = 0.5
    with pytest.raises(LLMReplyLostError, match=r"no more of the reply within 0.05 seconds \(1 attempt\)"):
        background.run(heard(caller_of(streaming, timeout=0.05), request_of()))
    assert streaming.closed == 1


def test_a_long_reply_may_take_its_time(streaming, caller_of, request_of) -> None:
    streaming.seconds = 0.1
    words = " ".join("abcdefgh")
    assert len(background.run(heard(caller_of(streaming, timeout=0.4), request_of(words)))) == 11


def test_the_budget_holds_for_streams(streaming, caller_of, request_of) -> None:
    with pytest.raises(LLMBudgetError):
        background.run(heard(caller_of(streaming, max_cost=0.0), request_of()))
    assert streaming.asked == []
