"""When a request that found no answer is tried again."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential,
    wait_random_exponential,
)
from tenacity.wait import wait_base

from hippo.errors import LLMUnavailableError

__all__ = ["LONGEST_ASKED", "Retries"]

LONGEST_ASKED = 600.0
"""Most seconds that a provider may ask to wait; what it asks beyond is cut."""

_LONGEST = 60.0

T = TypeVar("T")


class _Wait(wait_base):
    """Twice as long each time, half of it by chance; at least what the provider asked for, and a little by chance."""

    def __init__(self, first: float) -> None:
        half, longest = first / 2, _LONGEST / 2
        self._first = first
        self._backoff = wait_exponential(half, longest) + wait_random_exponential(half, longest)

    def __call__(self, retry_state: RetryCallState) -> float:
        backoff: float = self._backoff(retry_state)
        error = retry_state.outcome.exception() if retry_state.outcome else None
        asked: float | None = error.args[2] if error and len(error.args) > 2 else None
        if not asked or asked <= 0:
            return backoff
        return max(backoff, min(asked, LONGEST_ASKED) + random.uniform(0, self._first))  # noqa: S311


class Retries:
    """Tries again what failed with `LLMUnavailableError`; every other error passes."""

    def __init__(self, attempts: int, first_wait: float = 0.5) -> None:
        """Set how often and how soon.

        Args:
            attempts: How often a request is tried, at least 1.
            first_wait: Seconds before the second attempt, half of them by chance; each further wait is twice as long,
                at most 60.
        """
        self._attempts = attempts
        self._wait = _Wait(first_wait)

    async def run(self, attempt: Callable[[], Awaitable[T]], *, again: Callable[[], bool]) -> T:
        """The result of the first attempt that succeeds.

        Args:
            attempt: Makes one attempt.
            again: Whether another may be made; asked after each failure.

        Raises:
            LLMUnavailableError: None succeeded; says how many were made.
        """
        retrying = AsyncRetrying(
            sleep=asyncio.sleep,
            stop=stop_after_attempt(self._attempts),
            wait=self._wait,
            retry=retry_if_exception(lambda error: isinstance(error, LLMUnavailableError) and again()),
            reraise=True,
        )
        made = 0

        async def counted() -> T:
            nonlocal made
            made += 1
            return await attempt()

        try:
            return await retrying(counted)
        except LLMUnavailableError as error:
            model, reason, *rest = error.args
            tried = f"{reason} ({made} {'attempt' if made == 1 else 'attempts'})"
            raise type(error)(model, tried, *(rest or [None])) from error
