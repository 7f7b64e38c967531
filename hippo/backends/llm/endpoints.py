"""Several servers of one model, asked in turns; one that does not answer is left alone for a while.

```toml
[llm]
name = "endpoints"
concurrency = 256

[llm.endpoints]
model = "qwen3-32b"
urls = ["http://gpu-1:8000/v1", "http://gpu-2:8000/v1"]
```
"""

import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, cast

from hippo.backends.llm.openai import OpenAILLM
from hippo.errors import ConfigError, LLMRefusedError, LLMUnavailableError
from hippo.protocols import LLM, StreamingLLM
from hippo.types import Completion, LLMRequest

__all__ = ["EndpointsLLM"]

_WHAT = "language model 'endpoints'"
_FIRST_REST, _LONGEST_REST = 1.0, 60.0
"""Seconds that an endpoint is left alone after a failure; twice as long after each further one."""
_NOWHERE = "http://localhost/v1"
"""Address of servers that have none yet: settings are checked, and nothing is sent."""


class _Unstarted:
    """Stands for servers that a job is to start: it can be identified, and not asked."""

    def __init__(self, llm: LLM) -> None:
        self.model, self.fingerprint = llm.model, llm.fingerprint

    async def complete(self, request: LLMRequest) -> Completion:  # noqa: ARG002  (as the protocol has it)
        reason = "llm.endpoints.vllm names servers that jobs on Ray start for themselves, and this is none"
        remedy = (
            f"Start `vllm serve {self.model}` and name its address in llm.endpoints.urls, or run a job of pipelines"
        )
        raise LLMRefusedError(self.model, reason, f"{remedy} with --executor ray")


@dataclass(slots=True, eq=False)
class _Endpoint:
    """One server, and how it does."""

    llm: LLM
    under_way: int = 0
    failures: int = 0
    rests_until: float = 0.0


class EndpointsLLM:
    """Asks the server that has the fewest requests under way; those that failed last come last.

    A server that does not answer rests, at first for a second, at most for a minute, and another one is asked at once.
    Only when none is left does the request fail; `hippo.llm.Caller` then tries it again. All servers have to serve the
    same model with the same settings: the fingerprint names the model and the settings, and not where they are, so
    nothing is asked again when servers come or go.

    Args:
        model: Name of the model.
        urls: Addresses of the servers, at least one; the options that follow hold for all of them.
        llms: Models of your own in place of `urls`; `model` then names what they are.
        vllm: What a job on Ray starts vLLM servers with, in place of `urls`; see `hippo.execution.vllm.VllmServers`.
            Anybody else who asks is told that there is no server.
        clock: Seconds, for tests.
        options: Further options of `hippo.backends.llm.openai.OpenAILLM`.

    Raises:
        ConfigError: There is no server, or an address is there twice.
    """

    def __init__(
        self,
        *,
        model: str,
        urls: Sequence[str] = (),
        llms: Sequence[LLM] = (),
        vllm: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = monotonic,
        **options: Any,
    ) -> None:
        if vllm is not None and not (urls or llms):
            llms = [_Unstarted(OpenAILLM(model=model, base_url=_NOWHERE, **options))]
        if isinstance(urls, str) or not (urls or llms):
            raise ConfigError(_WHAT, "urls", f"must be a list of one or more addresses, got {urls!r}")
        if len({url.rstrip("/") for url in urls}) != len(urls):
            raise ConfigError(_WHAT, "urls", f"must name each server once, got {list(urls)}")
        made = [*llms, *(OpenAILLM(model=model, base_url=url, **options) for url in urls)]
        self._endpoints = [_Endpoint(llm) for llm in made]
        self._model = model
        self._lock = threading.Lock()
        self._clock = clock
        self._turn = 0

    @property
    def model(self) -> str:
        """Name of the model."""
        return self._model

    @property
    def fingerprint(self) -> str:
        """Model and settings, wherever the servers are."""
        settings = self._endpoints[0].llm.fingerprint.rpartition(":")[2]
        return f"endpoints:{self._model}:{settings}"

    def health(self) -> list[Mapping[str, Any]]:
        """Of each server its place, requests under way, failures in a row, and seconds that it still rests."""
        now = self._clock()
        with self._lock:
            return [
                {
                    "endpoint": place,
                    "under_way": one.under_way,
                    "failures": one.failures,
                    "rests": max(0.0, one.rests_until - now),
                }
                for place, one in enumerate(self._endpoints)
            ]

    async def complete(self, request: LLMRequest) -> Completion:
        """The reply of the first server that answers. See `hippo.protocols.LLM`.

        Raises:
            LLMUnavailableError: None answered.
        """
        tried: list[_Endpoint] = []
        while True:
            endpoint = self._take(tried)
            tried.append(endpoint)
            try:
                completion = await endpoint.llm.complete(request)
            except LLMUnavailableError as error:
                self._failed(endpoint, error)
                if len(tried) == len(self._endpoints):
                    raise
            except BaseException:
                self._let_go(endpoint)
                raise
            else:
                self._answered(endpoint)
                return completion

    async def stream(self, request: LLMRequest) -> AsyncIterator[str | Completion]:
        """The reply in pieces, of one server; after the first piece no other one is asked."""
        tried: list[_Endpoint] = []
        while True:
            endpoint = self._take(tried)
            tried.append(endpoint)
            begun = False
            try:
                async for piece in cast("StreamingLLM", endpoint.llm).stream(request):
                    begun = True
                    yield piece
            except LLMUnavailableError as error:
                self._failed(endpoint, error)
                if begun or len(tried) == len(self._endpoints):
                    raise
            except BaseException:
                self._let_go(endpoint)
                raise
            else:
                self._answered(endpoint)
                return

    def _take(self, tried: Sequence[_Endpoint]) -> _Endpoint:
        """The next server for a request: one that does not rest, with the fewest requests under way, in turns."""
        with self._lock:
            now, count = self._clock(), len(self._endpoints)
            self._turn += 1
            order = [self._endpoints[(self._turn + step) % count] for step in range(count)]
            left = [one for one in order if one not in tried]
            awake = [one for one in left if one.rests_until <= now]
            # Where all rest, the one whose rest ends first is asked: it may be well again.
            chosen = min(awake, key=lambda one: one.under_way) if awake else min(left, key=lambda one: one.rests_until)
            chosen.under_way += 1
            return chosen

    def _failed(self, endpoint: _Endpoint, error: LLMUnavailableError) -> None:
        with self._lock:
            endpoint.under_way -= 1
            rest = min(_FIRST_REST * 2**endpoint.failures, _LONGEST_REST)
            asked = error.args[2] if len(error.args) > 2 and error.args[2] else 0.0
            endpoint.rests_until = self._clock() + min(max(rest, asked), _LONGEST_REST)
            endpoint.failures += 1

    def _answered(self, endpoint: _Endpoint) -> None:
        with self._lock:
            endpoint.under_way -= 1
            endpoint.failures, endpoint.rests_until = 0, 0.0

    def _let_go(self, endpoint: _Endpoint) -> None:
        with self._lock:
            endpoint.under_way -= 1
