"""A language model that can be relied on: any `LLM`, with a cache, limits, retries and a budget around it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from hippo.config import LLMConfig
from hippo.errors import ConfigError, LLMReplyLostError
from hippo.llm import estimate
from hippo.llm.account import Account
from hippo.llm.budget import Budget
from hippo.llm.flights import Flight, Flights
from hippo.llm.limits import Limits
from hippo.llm.prices import Prices
from hippo.llm.replies import Replies
from hippo.llm.retries import Retries
from hippo.protocols import LLM, StreamingLLM
from hippo.tracing import span
from hippo.types import Completion, LLMRequest, Usage

__all__ = ["Caller"]

T = TypeVar("T")

_PERHAPS_CHARGED = (LLMReplyLostError, TimeoutError, asyncio.CancelledError)
"""How an attempt ends whose request was sent and whose reply nobody heard."""


@dataclass(frozen=True, slots=True)
class _Call:
    """A request to be sent, and its input tokens as estimated."""

    key: str
    request: LLMRequest
    sent: int

    @property
    def tokens(self) -> int:
        """The most that it may take, in both directions."""
        return self.sent + self.request.max_tokens


class Caller:
    """Asks a language model on behalf of one use; an `LLM` and a `StreamingLLM` itself.

    A reply goes into the cache the moment it arrives, a truncated one too: it was paid for. Identical requests under
    way at once are asked once, and one who stops waiting does not take the reply from the others. The usages of what
    `complete`, `stream` and `remember` hand out add up to `usage`, where replies from the cache, or from another's
    request, are `replayed` and cost nothing.

    An attempt that may be charged for though its reply never came, after a time-out, a broken connection or because
    nobody waits for it any more, is added by estimate: a stream with what came of it, all else with the longest reply
    that was allowed. So `max_cost` holds for what a provider can bill, not only for what was heard.

    It may be used from several event loops and threads; limits on concurrency and rates hold for each loop on its own.

    Attributes:
        llm: The model.
        settings: Those of the use.
    """

    def __init__(
        self,
        llm: LLM,
        settings: LLMConfig,
        *,
        use: str,
        replies: Replies | None = None,
        limits: Limits | None = None,
        first_wait: float = 0.5,
    ) -> None:
        """Put the settings of one use around a model.

        Args:
            llm: The model. An attribute `price`, dollars for a million input and output tokens, comes before published
                prices: `(0.0, 0.0)` for a model that costs nothing. An attribute `in_process` that is true says that
                it computes in this process: see `waits`.
            settings: Limits and prices; the values of `settings.uses[use]` count.
            use: What the model is asked for, such as "extraction".
            replies: The cache; None, or `settings.cache` off: nothing is read or kept.
            limits: Limits that it shares with others; None: those of the settings, for itself.
            first_wait: Seconds before the second attempt; later ones wait longer.

        Raises:
            ConfigError: There is a `max_cost`, but no price is known.
        """
        self._made_of = llm, settings, use, first_wait
        settings = settings.of(use)
        self.llm = llm
        self.settings = settings
        self._timeout = settings.timeout
        self._prices = Prices(llm, settings)
        self._budget = Budget(use, settings.max_cost)
        self._account = Account(self._prices, self._budget, replies if settings.cache else None)
        self._limits = Limits(settings) if limits is None else limits
        self._retries = Retries(settings.attempts, first_wait)
        self._flights = Flights()
        if settings.max_cost is not None and self.price(1, 1) is None:
            problem = f"the price of model {llm.model!r} is not known. Set llm.input_price and llm.output_price"
            raise ConfigError("config", "llm.max_cost", problem)

    def __getstate__(self) -> tuple[Any, ...]:
        """What travels to another process: neither replies that are kept nor limits that are shared do."""
        return self._made_of

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Begin anew, with nothing spent."""
        llm, settings, use, first_wait = state
        self.__init__(llm, settings, use=use, first_wait=first_wait)  # type: ignore[misc]

    @property
    def fingerprint(self) -> str:
        """That of the model: how it is asked does not change its replies."""
        return self.llm.fingerprint

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.llm.model

    @property
    def waits(self) -> bool:
        """Whether the model answers elsewhere, so that the processor is free while it is waited for."""
        return not getattr(self.llm, "in_process", False)

    @property
    def usage(self) -> Usage:
        """What was asked for and spent so far."""
        return self._account.usage

    def estimate(self, request: LLMRequest) -> int:
        """Tokens that a request sends, estimated without the model's tokenizer and on the high side."""
        return estimate.input_tokens(request)

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        """Dollars for so many tokens of one request; None: not known."""
        return self._prices.cost(input_tokens, output_tokens)

    def tokens(self, text: str) -> int:
        """Tokens of a text, estimated likewise."""
        return estimate.text_tokens(text)

    def key(self, request: LLMRequest) -> str:
        """Under which its reply is kept: 64 hex digits."""
        return Replies.key(self.llm.fingerprint, request)

    def cached(self, request: LLMRequest) -> Completion | None:
        """The reply to a request when it is in the cache, None otherwise; looking counts as no use of it.

        Errors are those of `Replies.get`.
        """
        return self._account.peek(self.key(request))

    def forget(self, request: LLMRequest) -> None:
        """Remove a reply that could not be used from the cache, so that the request is asked anew."""
        self._account.forget(self.key(request))

    def remember(self, key: str, completion: Completion, *, factor: float = 1.0) -> None:
        """Keep and count a reply that came another way, from a provider's batch for example.

        One that is in the cache already was counted when it came. Errors are those of `Replies.put`.

        Args:
            key: That of the request.
            completion: The reply; its usage holds one request and its tokens.
            factor: What it cost, relative to the usual price.
        """
        if self._account.peek(key) is None:
            self._account.keep(key, completion, factor)

    async def retried(self, errand: Callable[[], Awaitable[T]]) -> T:
        """The result of anything that is asked of the provider, tried again as often as a request.

        Raises:
            LLMUnavailableError: No attempt brought an answer; says how many were made.
        """
        return await self._retries.run(errand, again=lambda: True)

    async def complete(self, request: LLMRequest) -> Completion:
        """The reply to a request.

        Raises:
            LLMUnavailableError: No attempt brought an answer; says how many were made.
            LLMRequestError: This request is refused.
            LLMRefusedError: Every request is refused.
            LLMBudgetError: The request might cost more than is left; it was not sent, or not once more.
            IndexStateError: The cache is damaged or could not be written.
        """
        key = self.key(request)
        if known := self._account.cached(key):
            return known
        with self._flights.join(key, lambda flight: self._ask(key, request, flight, listen=False)) as flight:
            await flight.result()
            return self._claim(flight)

    async def stream(self, request: LLMRequest) -> AsyncIterator[str | Completion]:
        """Pieces of the reply as they come, then the whole of it.

        A reply from the cache, or of a model that cannot be listened to, is one piece. The time-out begins anew with
        each piece. After the first one nothing is tried again. Leaving early ends the request, unless others wait for
        it. Errors are those of `complete`.
        """
        key = self.key(request)
        if known := self._account.cached(key):
            yield known.text
            yield known
            return
        with self._flights.join(key, lambda flight: self._ask(key, request, flight, listen=True)) as flight:
            async for piece in flight.listen():
                yield piece
            await flight.result()
            completion = self._claim(flight)
            if not flight.pieces:
                yield completion.text
            yield completion

    def _claim(self, flight: Flight) -> Completion:
        """The reply of a request that has ended: the first to come has paid for it."""
        completion = flight.task.result()
        if flight.claimed:
            return self._account.replayed(completion)
        flight.claimed = True
        return completion

    async def _ask(self, key: str, request: LLMRequest, flight: Flight, *, listen: bool) -> Completion:
        """What a flight does: attempts, and pauses in which it holds no place."""
        call = _Call(key, request, self.estimate(request))
        most = self.price(call.sent, request.max_tokens) or 0.0

        async def attempt() -> Completion:
            async with self._limits.place(), self._budget.reserve(most):
                await self._limits.pace(call.tokens)
                return await self._send(call, flight, listen=listen)

        with span("hippo.llm", model=self.model, prompt=request.prompt):
            return await self._retries.run(attempt, again=lambda: not flight.pieces)

    async def _send(self, call: _Call, flight: Flight, *, listen: bool) -> Completion:
        """One attempt, to whose time-out no waiting belongs."""
        arrived = False
        try:
            async with (
                aclosing(self._reply(call.request, listen=listen)) as reply,
                asyncio.timeout(self._timeout) as silence,
            ):
                async for item in reply:
                    if isinstance(item, Completion):
                        arrived = True
                        return self._arrived(call, item)
                    flight.push(item)
                    silence.reschedule(asyncio.get_running_loop().time() + self._timeout)
            raise LLMReplyLostError(self.model, "it stopped in the middle of the reply", None)
        except BaseException as error:
            if not arrived and (flight.pieces or isinstance(error, _PERHAPS_CHARGED)):
                self._account.lose(call.request, flight.pieces)
            if isinstance(error, TimeoutError):
                problem = f"no {'more of the ' if flight.pieces else ''}reply within {self._timeout:g} seconds"
                raise LLMReplyLostError(self.model, problem, None) from error
            raise

    async def _reply(self, request: LLMRequest, *, listen: bool) -> AsyncGenerator[str | Completion, None]:
        """Pieces of a reply if it is to be listened to and the model can be, then the whole of it."""
        if not (listen and isinstance(self.llm, StreamingLLM)):
            yield await self.llm.complete(request)
            return
        items = self.llm.stream(request)
        try:
            async for item in items:
                yield item
        finally:
            if isinstance(items, AsyncGenerator):
                await items.aclose()

    def _arrived(self, call: _Call, completion: Completion) -> Completion:
        """Keep a reply before anything else can happen, then settle what was reserved for it."""
        kept = self._account.keep(call.key, _counted(call, completion))
        self._limits.correct(kept.usage.input_tokens + kept.usage.output_tokens - call.tokens)
        return kept


def _counted(call: _Call, completion: Completion) -> Completion:
    """A reply with its tokens, estimated where the model does not count them."""
    if completion.usage.input_tokens or completion.usage.output_tokens:
        return completion
    received = estimate.text_tokens(completion.text)
    return replace(completion, usage=Usage(requests=1, input_tokens=call.sent, output_tokens=received))
