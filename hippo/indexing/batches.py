"""Replies through a provider's batches: half the price, within a day.

Batches only fill the cache of replies; the conversations that follow find them there. What is under way is kept in the
store, so a run that was interrupted collects what it has paid for.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from time import sleep
from uuid import uuid4

from hippo.background import run
from hippo.errors import (
    ConfigError,
    LLMBudgetError,
    LLMError,
    LLMRefusedError,
    LLMRequestError,
    LLMUnavailableError,
)
from hippo.indexing.clock import Clock
from hippo.indexing.handed import Batch, Handed
from hippo.llm import Caller
from hippo.protocols import BatchLLM, Dialogue, DialogueExtractor
from hippo.store import Store
from hippo.types import Completion, LLMRequest, to_dict

__all__ = ["PRICE", "fill_cache", "first_question"]

PRICE = 0.5
"""What a reply costs through a batch, as a share of its usual price."""

_MOST_REQUESTS, _MOST_BYTES = 20_000, 50_000_000
"""Requests of one batch and their bytes, which are held in memory; providers take 50,000 and 200 MB."""
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 30.0
"""Seconds until the second look at a batch, and most seconds between two: each wait is half as long again."""
_FRUITLESS = 2
"""Rounds of batches without a single reply after which no more are handed over."""


class _BrokenError(Exception):
    """What works beside has failed: nothing more is to be asked."""


def fill_cache(
    store: Store,
    extractor: DialogueExtractor,
    caller: Caller,
    *,
    batch: int,
    clock: Clock,
    broken: Callable[[], bool] = lambda: False,
) -> str | None:
    """Have a provider answer in batches whatever the pending chunks have to ask, until none has a new question.

    The first question is asked live: it shows whether the provider answers, and which parameters it takes. A request
    that its batch did not come to, or that the provider failed at, goes into the next one. Left to be asked in the
    usual way are requests that were refused, and the last few, at most `concurrency`, if batches keep failing at them.

    Args:
        store: Holds the chunks.
        extractor: Knows what to ask.
        caller: Knows the model, its prices and limits, and the cache.
        batch: Chunks read at a time.
        clock: For progress.
        broken: Whether what works beside has failed: then no more is handed over or waited for, and what is under way
            is found by the next run.

    Returns:
        Why it stopped before all was asked, the limit on what may be spent; None: it did not.

    Raises:
        ConfigError: The model takes no batches, or replies are not kept.
        LLMRequestError: A batch failed as a whole or is lost. Nothing is asked at the usual price in its place; the
            next run hands its requests over anew.
        LLMUnavailableError: The provider does not answer, or batch after batch brings no reply.
        LLMRefusedError: The provider refuses every request.
    """
    provider = caller.llm
    if not isinstance(provider, BatchLLM):
        raise ConfigError("configuration", "llm.batch", f"{caller.model!r} takes no batches; set it to false")
    if not caller.settings.cache:
        raise ConfigError("configuration", "llm.batch", "needs llm.cache, where the replies of a batch go")
    desk = _Desk(store, extractor, caller, provider, batch, clock, broken)
    with clock.stage("batches"), suppress(_BrokenError):
        desk.find_orphans()
        while True:
            stopped = desk.hand_over()
            if not desk.waits or not desk.collect():
                return stopped
    return None


class _Desk:
    """Where requests are handed over and replies are collected, in rounds.

    A dialogue shows its next question only when the ones before it are answered, so each round goes through all pending
    chunks again. Questions are read, handed over and let go of one batch at a time; only keys are kept.
    """

    def __init__(
        self,
        store: Store,
        extractor: DialogueExtractor,
        caller: Caller,
        provider: BatchLLM,
        batch: int,
        clock: Clock,
        broken: Callable[[], bool],
    ) -> None:
        self._store, self._extractor, self._batch = store, extractor, batch
        self._caller, self._provider, self._clock, self._broken = caller, provider, clock, broken
        self._handed = Handed(store, caller.fingerprint)
        self._answered: set[str] = set()
        self._tried_live = False
        self._fruitless = 0
        self._problem = "they ended before their turn came"

    @property
    def waits(self) -> bool:
        """Whether batches are under way."""
        return bool(self._handed.batches)

    def find_orphans(self) -> None:
        """Learn the names of batches that a run had handed over when it ended, before it could note them."""
        for batch in self._handed.batches:
            if not batch.name:
                name = run(self._caller.retried(partial(self._provider.find, batch.label)))
                if name:
                    self._handed.put(replace(batch, name=name))
                else:
                    self._handed.remove(batch)

    def hand_over(self) -> str | None:
        """Hand over new questions, unless batches are under way; why not all of them, if the money does not reach."""
        if self.waits:
            return None
        part: dict[str, LLMRequest] = {}
        size, stopped = 0, None
        try:
            self._try_live()
            for key, request in self._affordable():
                length = len(json.dumps(to_dict(request)))
                if part and (len(part) == _MOST_REQUESTS or size + length > _MOST_BYTES):
                    self._submit(part)
                    part, size = {}, 0
                part[key] = request
                size += length
        except LLMBudgetError as error:
            stopped = str(error)
        if part:
            self._submit(part)
        return stopped

    def collect(self) -> bool:
        """Wait for all batches under way and keep what they bring; whether what is left is to be handed over."""
        total = sum(batch.size for batch in self._handed.batches)
        brought, done, problem = 0, 0, None
        for batch in self._handed.batches:
            try:
                brought += self._keep(self._replies(batch.name, done, total))
            except LLMRequestError as error:
                problem = problem or error  # raised when what the others bring is kept
            self._handed.remove(batch)  # one that is lost, too: it must not be looked for at every run
            done += batch.size
        self._clock.tell("batches", done, total)
        if problem:
            raise problem
        self._fruitless = 0 if brought else self._fruitless + 1
        if self._fruitless < _FRUITLESS:
            return True
        if total > self._caller.settings.concurrency:
            reason = f"batches brought no reply to {total} requests {_FRUITLESS} times in a row: {self._problem}"
            raise LLMUnavailableError(self._caller.model, f"{reason}. Run it again to hand them over anew", None)
        return False

    def _questions(self) -> Iterator[tuple[str, LLMRequest]]:
        """What the pending chunks have to ask next, by key; each question once, and none that a batch has answered."""
        seen: set[str] = set()
        for chunks in self._store.pending(self._extractor.fingerprint, batch=self._batch):
            for chunk in chunks:
                request, _ = first_question(self._extractor.dialogue(chunk), self._caller)
                if request is None:
                    continue
                key = self._caller.key(request)
                if key not in seen and key not in self._answered:
                    seen.add(key)
                    yield key, request

    def _affordable(self) -> Iterator[tuple[str, LLMRequest]]:
        """Questions for as long as the money reaches if each reply is as long as it may be.

        Raises:
            LLMBudgetError: It does not reach for the next one.
        """
        caller, limit = self._caller, self._caller.settings.max_cost
        most = caller.usage.cost
        for key, request in self._questions():
            if limit is not None:
                most += PRICE * (caller.price(caller.estimate(request), request.max_tokens) or 0.0)
                if most > limit:
                    raise LLMBudgetError("extraction", caller.usage.cost, limit)
            yield key, request

    def _try_live(self) -> None:
        """Ask the first question of a run live."""
        first = None if self._tried_live else next(self._questions(), None)
        self._tried_live = True
        if first is not None:
            with suppress(LLMRequestError):  # its own matter, which its conversation will tell of
                run(self._caller.complete(first[1]))

    def _submit(self, part: Mapping[str, LLMRequest]) -> None:
        """Hand over one batch."""
        self._look()
        batch = Batch(uuid4().hex, "", len(part))
        self._handed.put(batch)  # before it is paid for, so that a run that ends meanwhile does not lose it
        is_second = False

        async def attempt() -> str:
            nonlocal is_second
            # An attempt that got no answer may have been heard all the same.
            known = await self._provider.find(batch.label) if is_second else None
            is_second = True
            return known or await self._provider.submit(part, label=batch.label)

        try:
            name = run(self._caller.retried(attempt))
        except (LLMRequestError, LLMRefusedError):
            self._handed.remove(batch)
            raise
        self._handed.put(replace(batch, name=name))

    def _look(self) -> None:
        if self._broken():
            raise _BrokenError

    def _replies(self, name: str, done: int, total: int) -> Mapping[str, Completion | LLMError]:
        """What came of a batch, once it has ended; a look at it that finds no answer is tried again."""
        wait, failures = _FIRST_WAIT, 0
        while True:
            try:
                replies, failures = run(self._provider.collect(name)), 0
            except LLMUnavailableError:
                replies, failures = None, failures + 1
                if failures == self._caller.settings.attempts:
                    raise
            if replies is not None:
                return replies
            self._clock.tell("batches", done, total)
            self._look()
            sleep(wait)
            wait = min(1.5 * wait, _LONGEST_WAIT)

    def _keep(self, replies: Mapping[str, Completion | LLMError]) -> int:
        """Put replies into the cache; how many there were. What the provider failed at is as if it were missing."""
        brought = 0
        for key, reply in replies.items():
            if isinstance(reply, Completion):
                self._caller.remember(key, reply, factor=PRICE)
                brought += 1
            if isinstance(reply, LLMUnavailableError):
                self._problem = str(reply)
            else:
                self._answered.add(key)
        return brought


def first_question(dialogue: Dialogue, caller: Caller) -> tuple[LLMRequest | None, int]:
    """Lead a dialogue on with cached replies.

    Returns:
        The first request that is not cached, None if it ends without any; and the number of replies that were.
    """
    cached = 0
    try:
        request = next(dialogue)
        while (reply := caller.cached(request)) is not None:
            cached += 1
            request = dialogue.send(reply)
    except StopIteration:
        return None, cached
    finally:
        dialogue.close()
    return request, cached
