"""Replies through a provider's batches: half the price, within a day.

Batches only fill the cache of replies; the conversations that follow find them there. The ids of batches under way are
kept in the store, so a run that was interrupted collects what it has paid for.
"""

import json
from collections.abc import Mapping
from itertools import islice
from time import sleep

from hippo.background import run
from hippo.errors import ConfigError, LLMBudgetError, LLMError, LLMRequestError, LLMUnavailableError
from hippo.indexing.clock import Clock
from hippo.llm import Caller
from hippo.protocols import BatchLLM, Dialogue, DialogueExtractor
from hippo.store import Store
from hippo.types import Completion, LLMRequest

__all__ = ["PRICE", "fill_cache"]

PRICE = 0.5
"""What a reply costs through a batch, as a share of its usual price."""

_UNDER_WAY = "llm_batches"
_LARGEST = 20_000
"""Requests of one batch; providers take 50,000 and 200 MB."""
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 30.0
"""Seconds until the second look at a batch, and most seconds between two: each wait is half as long again."""


def fill_cache(store: Store, extractor: DialogueExtractor, caller: Caller, *, batch: int, clock: Clock) -> str | None:
    """Have a provider answer in batches whatever the pending chunks have to ask, until none has a new question.

    What a batch could not answer is left to be asked in the usual way; nothing is put into two batches of one run.

    Args:
        store: Holds the chunks.
        extractor: Knows what to ask.
        caller: Knows the model, its prices and limits, and the cache.
        batch: Chunks read at a time.
        clock: For progress.

    Returns:
        Why it stopped before all was asked, the limit on what may be spent; None: it did not.

    Raises:
        ConfigError: The model takes no batches, or replies are not kept.
        LLMError: The provider refuses a batch, or has lost one; the next run does without it.
    """
    provider = caller.llm
    if not isinstance(provider, BatchLLM):
        raise ConfigError("configuration", "llm.batch", f"{caller.model!r} takes no batches; set it to false")
    if not caller.settings.cache:
        raise ConfigError("configuration", "llm.batch", "needs llm.cache, where the replies of a batch go")
    asked: set[str] = set()
    with clock.stage("batches"):
        while True:
            waiting = {
                key: request for key, request in _waiting(store, extractor, caller, batch).items() if key not in asked
            }
            ids, stopped = _under_way(store, caller), None
            if not ids:
                chosen, stopped = _affordable(caller, waiting)
                items = iter(chosen.items())
                while part := dict(islice(items, _LARGEST)):
                    ids.append(run(provider.submit(part)))
                    _keep(store, caller, ids)
            if not ids:
                return stopped
            for batch_id in tuple(ids):
                try:
                    replies = _collected(provider, batch_id, len(waiting), clock, caller.settings.attempts)
                except LLMRequestError:
                    # A batch that is lost must not be looked for at every run.
                    _keep(store, caller, [other for other in ids if other != batch_id])
                    raise
                asked.update(replies)
                for key, reply in replies.items():
                    if key in waiting and not isinstance(reply, LLMError):
                        caller.remember(waiting[key], reply, factor=PRICE)
            _keep(store, caller, [])


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


def _waiting(store: Store, extractor: DialogueExtractor, caller: Caller, batch: int) -> dict[str, LLMRequest]:
    """What the pending chunks have to ask next, by key; each question once."""
    waiting = {}
    for chunks in store.pending(extractor.fingerprint, batch=batch):
        for chunk in chunks:
            request, _ = first_question(extractor.dialogue(chunk), caller)
            if request is not None:
                waiting[caller.key(request)] = request
    return waiting


def _affordable(caller: Caller, waiting: Mapping[str, LLMRequest]) -> tuple[dict[str, LLMRequest], str | None]:
    """As many requests as the limit allows if each reply is as long as it may be, and what stops the others."""
    if caller.settings.max_cost is None:
        return dict(waiting), None
    spent, chosen = caller.usage.cost, dict[str, LLMRequest]()
    for key, request in waiting.items():
        most = caller.price(caller.estimate(request), request.max_tokens) or 0.0
        if spent + PRICE * most > caller.settings.max_cost:
            return chosen, str(LLMBudgetError("extraction", caller.usage.cost, caller.settings.max_cost))
        spent += PRICE * most
        chosen[key] = request
    return chosen, None


def _collected(
    provider: BatchLLM, batch_id: str, total: int, clock: Clock, attempts: int
) -> Mapping[str, Completion | LLMError]:
    """What came of a batch, once it has ended; a look at it that finds no answer is tried again."""
    wait, failures = _FIRST_WAIT, 0
    while True:
        try:
            replies, failures = run(provider.collect(batch_id)), 0
        except LLMUnavailableError:
            replies, failures = None, failures + 1
            if failures == attempts:
                raise
        if replies is not None:
            break
        clock.tell("batches", 0, total)
        sleep(wait)
        wait = min(1.5 * wait, _LONGEST_WAIT)
    clock.tell("batches", len(replies), len(replies))
    return replies


def _under_way(store: Store, caller: Caller) -> list[str]:
    kept = json.loads(store.meta().get(_UNDER_WAY, "{}"))
    return list(kept.get(caller.fingerprint, []))


def _keep(store: Store, caller: Caller, ids: list[str]) -> None:
    kept = json.loads(store.meta().get(_UNDER_WAY, "{}"))
    store.set_meta({_UNDER_WAY: json.dumps({**kept, caller.fingerprint: ids})})
