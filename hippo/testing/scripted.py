"""A language model without a model: replies from a list, a table, a function, or rules."""

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import ClassVar, Literal

from hippo.errors import ConfigError, LLMError, LLMRefusedError, LLMRequestError, LLMUnavailableError
from hippo.testing.faults import GARBAGE, STATUSES, FaultPlan, Faults, subject
from hippo.testing.responder import respond
from hippo.testing.tokens import count, count_request, half, limit, pieces
from hippo.types import Completion, LLMRequest, Usage

__all__ = ["Reply", "Script", "ScriptedLLM"]

Reply = str | Completion | Exception
"""A text, a whole completion, or an error to be raised."""

Script = Sequence[Reply] | Mapping[str, Reply] | Mapping[re.Pattern[str], Reply] | Callable[[LLMRequest], Reply]
"""Replies in order, by a text or pattern in the request, or as a function of it."""

_SILENT = {
    "timeout": "it took too long",
    "empty": "the reply holds no choices",
    "html": "a proxy answered in its place",
}
_SPOILED: dict[str | None, Literal["length", "filtered"]] = {"truncated": "length", "filtered": "filtered"}


class ScriptedLLM:
    """Gives the replies that it was given, at once or after `latency`. A token is a word.

    Texts are cut at a request's `max_tokens`, and get a usage of one request; completions are given as they are.

    Args:
        replies: A list, given in order; or a table, from a text or compiled pattern to the reply to requests whose last
            user message holds it, the first that does; or a function of the request. None: rules that answer hippo's
            own prompts (`hippo.testing.responder`).
        latency: Seconds before each reply.
        faults: Which requests fail, and how: those of an overloaded server raise `LLMUnavailableError`, "truncated",
            "filtered" and "garbage" spoil the reply; None: none. A table of the same keys will do.
        seed: Of the faults.
        model: Name to go by.

    Attributes:
        requests: What was asked, in order.

    Examples:
        >>> from hippo.background import run
        >>> from hippo.types import Message
        >>> llm = ScriptedLLM(replies={"river": "The Loire."})
        >>> run(llm.complete(LLMRequest((Message("user", "Which river?"),), 10, "test/1"))).text
        'The Loire.'
        >>> llm.calls
        1
    """

    price: ClassVar[tuple[float, float]] = (0.0, 0.0)
    """US dollars for a million tokens in and out."""

    def __init__(
        self,
        *,
        replies: Script | None = None,
        latency: float = 0.0,
        faults: Faults | Mapping[str, object] | None = None,
        seed: int = 0,
        model: str = "scripted",
    ) -> None:
        if isinstance(replies, str):
            raise ConfigError("language model 'scripted'", "replies", f"must be a list of texts, got {replies!r}")
        self._replies: Script = respond if replies is None else replies
        self._latency = latency
        self._plan = FaultPlan(Faults(**faults) if isinstance(faults, Mapping) else faults, seed)  # type: ignore[arg-type]
        self._model = model
        self._given = 0
        self._arrivals: Counter[str] = Counter()
        self.requests: list[LLMRequest] = []

    @property
    def calls(self) -> int:
        """How often it was asked."""
        return len(self.requests)

    @property
    def model(self) -> str:
        """Its name."""
        return self._model

    @property
    def fingerprint(self) -> str:
        """Its name and a hash of its replies; a function counts by its name."""
        script = self._replies
        named = repr(script)
        if callable(script):
            named = f"{script.__module__}.{getattr(script, '__qualname__', type(script).__qualname__)}"
        digest = hashlib.blake2b(named.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        return f"scripted-1:{self._model}:{digest}"

    def fail_next(self, kind: str, times: int = 1) -> None:
        """Let the next `times` requests fail with a fault of `hippo.testing.faults.KINDS`."""
        self._plan.fail_next(kind, times)

    async def complete(self, request: LLMRequest) -> Completion:
        """The next reply, or that of the table or function.

        Raises:
            LLMRequestError: There is no reply for this request, or a fault.
            LLMUnavailableError: A fault.
            LLMRefusedError: A fault.
        """
        completion, cut = await self._answer(request)
        if cut:
            raise self._broken_off()
        return completion

    async def stream(self, request: LLMRequest) -> AsyncIterator[str | Completion]:
        """The reply word by word, then the whole of it; the fault "cut" comes after half of the words."""
        completion, cut = await self._answer(request)
        words = pieces(completion.text)
        for piece in words[: len(words) // 2] if cut else words:
            yield piece
        if cut:
            raise self._broken_off()
        yield completion

    async def _answer(self, request: LLMRequest) -> tuple[Completion, bool]:
        """The completion, and whether the connection ends in the middle of it."""
        self.requests.append(request)
        kind, wait = self._draw(request)
        error = self._error(kind)
        completion = Completion("") if error is not None else self._completion(request, kind)
        if seconds := self._latency + (self._plan.faults.hang if kind == "timeout" else 0.0) + wait:
            await asyncio.sleep(seconds)
        if error is not None:
            raise error
        return completion, kind == "cut"

    def _draw(self, request: LLMRequest) -> tuple[str | None, float]:
        """The fault of a request, and the seconds that faults are waited for instead."""
        text = "\n".join(message.content for message in request.messages)
        key = hashlib.blake2b(f"{request.max_tokens}:{text}".encode("utf-8", "surrogatepass")).hexdigest()
        self._arrivals[key] += 1
        about = subject(request)
        fault = self._plan.draw(key, self._arrivals[key], text, about)
        return fault, self._plan.wait(key, text, self._latency, about)

    def _completion(self, request: LLMRequest, kind: str | None) -> Completion:
        reply = GARBAGE[self.calls % len(GARBAGE)] if kind == "garbage" else self._scripted(request)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, Completion):
            return reply
        text, finish = limit(reply, request.max_tokens)
        if kind in _SPOILED:
            return Completion(half(text), _SPOILED[kind], Usage(1, 0, count_request(request), count(half(text))))
        return Completion(text, finish, Usage(1, 0, count_request(request), count(text)))

    def _scripted(self, request: LLMRequest) -> Reply:
        script = self._replies
        if callable(script):
            return script(request)
        if isinstance(script, Mapping):
            asked = next((message.content for message in reversed(request.messages) if message.role == "user"), "")
            for sought, reply in script.items():
                if sought in asked if isinstance(sought, str) else sought.search(asked):
                    return reply
            raise LLMRequestError(self._model, f"none of its {len(script)} replies is for {asked[:80]!r}")
        if self._given == len(script):
            raise LLMRequestError(self._model, f"all of its {len(script)} replies have been given")
        self._given += 1
        return script[self._given - 1]

    def _error(self, kind: str | None) -> LLMError | None:
        """The error that a fault leads to before anything of a reply is there."""
        if kind in STATUSES:
            status, _, _, message = STATUSES[kind]
            if status in (401, 403, 404) or kind == "quota":
                return LLMRefusedError(self._model, message, "This is a fault on purpose")
            if status == 400:
                return LLMRequestError(self._model, message)
            wait = self._plan.faults.retry_after if status in (429, 503) else None
            return LLMUnavailableError(self._model, f"status {status}: {message}", wait)
        if kind in _SILENT:
            return LLMUnavailableError(self._model, _SILENT[kind], None)
        return None

    def _broken_off(self) -> LLMUnavailableError:
        return LLMUnavailableError(self._model, "the connection ended in the middle of the reply", None)
