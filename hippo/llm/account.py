"""What replies cost, and keeping them: the books of one caller."""

import threading
from collections.abc import Sequence
from dataclasses import replace

from hippo.llm.budget import Budget
from hippo.llm.estimate import input_tokens, text_tokens
from hippo.llm.prices import Prices
from hippo.llm.replies import Replies
from hippo.types import Completion, LLMRequest, Usage

__all__ = ["Account"]

_REPLAYED = Usage(replayed=1)


class Account:
    """Keeps replies in the cache and counts what was handed out and paid. Threads may share it."""

    def __init__(self, prices: Prices, budget: Budget, replies: Replies | None) -> None:
        """Open the books.

        Args:
            prices: What tokens cost.
            budget: Is told of everything that is spent.
            replies: The cache; None: nothing is kept.
        """
        self._prices = prices
        self._budget = budget
        self._replies = replies
        self._lock = threading.Lock()
        self._usage = Usage()

    @property
    def usage(self) -> Usage:
        """The sum so far."""
        with self._lock:
            return self._usage

    def cached(self, key: str) -> Completion | None:
        """A reply from the cache, counted as replayed; None: it is not there."""
        found = self.peek(key)
        return self.replayed(found) if found else None

    def peek(self, key: str) -> Completion | None:
        """The same, not counted."""
        found = self._replies.get(key) if self._replies else None
        return replace(found, usage=_REPLAYED) if found else None

    def forget(self, key: str) -> None:
        """Remove a reply from the cache."""
        if self._replies:
            self._replies.remove(key)

    def replayed(self, completion: Completion) -> Completion:
        """A reply that someone else paid for, counted as such."""
        self._count(_REPLAYED)
        return replace(completion, usage=_REPLAYED)

    def keep(self, key: str, completion: Completion, factor: float = 1.0) -> Completion:
        """Put a reply into the cache, then count it. One that is empty or was withheld is of no use again.

        Args:
            key: Of the request.
            completion: The reply, with its tokens.
            factor: What it cost, relative to the usual price.

        Returns:
            The reply with what it cost.
        """
        try:
            if self._replies and completion.text.strip() and completion.finish != "filtered":
                self._replies.put(key, completion)
        finally:
            paid = self._paid(completion.usage.input_tokens, completion.usage.output_tokens, factor)
        return replace(completion, usage=paid)

    def lose(self, request: LLMRequest, pieces: Sequence[str]) -> None:
        """Count, by estimate, a reply that did not come whole: its pieces, or without any the most that it can be."""
        received = text_tokens("".join(pieces)) if pieces else request.max_tokens
        self._paid(input_tokens(request), received, 1.0)

    def _paid(self, sent: int, received: int, factor: float) -> Usage:
        cost = self._prices.cost(sent, received)
        paid = Usage(1, 0, sent, received, 0.0 if cost is None else cost * factor, int(cost is None))
        self._budget.spend(paid.cost)
        self._count(paid)
        return paid

    def _count(self, usage: Usage) -> None:
        with self._lock:
            self._usage += usage
