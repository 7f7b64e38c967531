"""Any OpenAI-compatible endpoint: OpenAI, Azure, and servers such as vLLM, Ollama and llama.cpp.

```toml
[llm]
name = "openai"

[llm.openai]
model = "qwen3:8b"
base_url = "http://localhost:11434/v1"
```
"""

import hashlib
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hippo.backends.llm.openai_batch import Batches
from hippo.backends.llm.openai_client import Clients, Endpoint, event_stream
from hippo.backends.llm.openai_dialect import Dialect, Structured
from hippo.backends.llm.openai_reply import Listener, read_reply
from hippo.backends.llm.translate import Refusal, translate
from hippo.errors import ConfigError, LLMError
from hippo.types import Completion, LLMRequest

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["OpenAILLM"]

_WHAT = "language model 'openai'"
_PATH = "/chat/completions"


class OpenAILLM:
    """Asks an endpoint that speaks OpenAI's chat completions, once for each request.

    A parameter that the endpoint says it does not know (`max_completion_tokens`, `temperature`, `seed`, a way to hold
    replies to a schema) is left out or replaced, the request sent again at once, and the finding kept for as long as
    the object lives; `adapted` tells. `reasoning_effort` and `extra` were asked for and are never left out.

    Where a reply does not count its tokens, they are estimated at four bytes each. Instances can be pickled; keys are
    never part of them.

    Args:
        model: Name of the model; with Azure, of the deployment.
        base_url: Address of the API, for example "http://localhost:8000/v1"; None: the environment variable
            OPENAI_BASE_URL, else OpenAI. The key, if there is one, is sent there.
        api_key_env: Environment variable that holds the key; None: OPENAI_API_KEY, for Azure AZURE_OPENAI_API_KEY.
            Servers other than OpenAI and Azure may need none.
        azure_endpoint: Address of an Azure resource, in place of `base_url`.
        azure_api_version: Version of Azure's API; None: the environment variable OPENAI_API_VERSION.
        organization: Organization at OpenAI that pays.
        project: Project there.
        temperature: Randomness, 0 to 2; None: as the model has it.
        reasoning_effort: How long a reasoning model may think: "minimal", "low", "medium" or "high".
        seed: Makes sampling repeatable where the endpoint can.
        structured: How replies are held to a request's schema: "auto" takes the strictest way that works.
        timeout: Seconds of silence after which an attempt fails.
        extra: Fields put into every request as they are, such as `{"top_p": 0.9}`.
        client: A client of your own, used as it is, but without its retries. It belongs to one event loop.

    Raises:
        ConfigError: An option cannot be used.
        LLMRefusedError: There is no key, and the endpoint wants one.
        MissingExtraError: The package openai is not installed.
    """

    def __init__(
        self,
        *,
        model: str,
        base_url: str | None = None,
        api_key_env: str | None = None,
        azure_endpoint: str | None = None,
        azure_api_version: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        temperature: float | None = 0.0,
        reasoning_effort: str | None = None,
        seed: int | None = None,
        structured: Structured = "auto",
        timeout: float = 600.0,
        extra: Mapping[str, Any] | None = None,
        client: "AsyncOpenAI | None" = None,
    ) -> None:
        if not model.strip():
            raise ConfigError(_WHAT, "model", "must be the name of a model, got ''")
        if temperature is not None and not 0 <= temperature <= 2:
            raise ConfigError(_WHAT, "temperature", f"must be in [0, 2], got {temperature}")
        if not 0 < timeout < float("inf"):
            raise ConfigError(_WHAT, "timeout", f"must be above 0, got {timeout}")
        if structured not in ("auto", "json_schema", "json_object", "off"):
            raise ConfigError(_WHAT, "structured", f"must be auto, json_schema, json_object or off, got {structured!r}")
        given = str(client.base_url) if client is not None and azure_endpoint is None else base_url
        endpoint = Endpoint.of(
            base_url=given, azure_endpoint=azure_endpoint, azure_version=azure_api_version, key_env=api_key_env
        )
        self._endpoint = replace(endpoint, organization=organization, project=project, timeout=timeout)
        if client is None:
            self._endpoint.check(model)
        settings = {"temperature": temperature, "reasoning_effort": reasoning_effort, "seed": seed}
        self._model = model
        self._settings = {name: value for name, value in settings.items() if value is not None}
        self._extra = dict(extra or {})
        self._structured = structured
        self._client = None if client is None else client.with_options(max_retries=0)
        self._start()

    @property
    def model(self) -> str:
        """Name of the model."""
        return self._model

    @property
    def fingerprint(self) -> str:
        """Endpoint, model and a hash of the parameters as given, whatever the endpoint was found to take of them."""
        asked = json.dumps([self._settings, self._extra, self._structured], sort_keys=True, default=str)
        return f"openai:{self._endpoint.name}:{self._model}:{hashlib.sha256(asked.encode()).hexdigest()[:16]}"

    @property
    def adapted(self) -> tuple[str, ...]:
        """What the endpoint was found not to take, in words; empty at first."""
        return self._dialect.findings

    async def complete(self, request: LLMRequest) -> Completion:
        """The reply to a request. See `hippo.protocols.LLM`; "filtered" where the provider withheld the reply."""
        body = await self._adapting(request, stream=False)
        return read_reply(self._model, body, request)

    async def stream(self, request: LLMRequest) -> AsyncGenerator[str | Completion, None]:
        """The reply in pieces, then as a whole. See `hippo.protocols.StreamingLLM`."""
        listener = Listener(self._model, request)
        events = await self._adapting(request, stream=True)
        async with events:
            try:
                async for event in events:
                    if piece := listener.hear(event):
                        yield piece
            except Exception as error:
                raise self._translated(error) from self._cause(error)
        if piece := listener.rest():
            yield piece
        yield listener.completion()

    async def submit(self, requests: Mapping[str, LLMRequest], *, label: str) -> str:
        """Hand requests over as a batch, to be answered within a day. See `BatchLLM`.

        Raises:
            LLMError: As in `complete`.
        """
        bodies = {key: self._dialect.body(request) for key, request in requests.items()}
        try:
            return await (await self._batches()).submit(bodies, label)
        except Exception as error:
            raise self._translated(error) from self._cause(error)

    async def find(self, label: str) -> str | None:
        """Name of the batch that was handed over with a label, if there is one. See `BatchLLM`.

        Raises:
            LLMError: As in `complete`.
        """
        try:
            return await (await self._batches()).find(label)
        except Exception as error:
            raise self._translated(error) from self._cause(error)

    async def collect(self, batch: str) -> dict[str, Completion | LLMError] | None:
        """What became of a batch; None while it is being worked on. See `BatchLLM`.

        Raises:
            LLMError: As in `complete`, if the batch itself cannot be asked for; an `LLMRequestError` if it failed.
        """
        try:
            return await (await self._batches()).collect(batch)
        except Exception as error:
            raise self._translated(error) from self._cause(error)

    async def _adapting(self, request: LLMRequest, *, stream: bool) -> Any:
        """Send a request in the way that the endpoint understands, as far as it can be found out."""
        client = await self._connected()
        while True:
            body = self._dialect.body(request, stream=stream)
            try:
                if stream:
                    return await event_stream(client, _PATH, body)
                return await client.post(_PATH, cast_to=object, body=body)
            except Exception as error:
                # The second half: a request that ran beside this one has learned it first.
                learned = self._dialect.learn(Refusal.of(error), body)
                if not learned and self._dialect.body(request, stream=stream) == body:
                    raise self._translated(error) from self._cause(error)

    async def _batches(self) -> Batches:
        return Batches(self._model, await self._connected(), azure=self._endpoint.azure_version is not None)

    async def _connected(self) -> "AsyncOpenAI":
        return self._client or await self._clients.get()

    def _translated(self, error: Exception) -> LLMError:
        problem = translate(self._model, error)
        if self._is_secret(problem):
            values = [
                value.replace(self._endpoint.key or "", "***") if isinstance(value, str) else value
                for value in problem.args
            ]
            return type(problem)(*values)
        return problem

    def _cause(self, error: Exception) -> Exception | None:
        """The error to be shown as the cause; none where a provider repeats the key in it."""
        return None if self._is_secret(error) else error

    def _is_secret(self, error: Exception) -> bool:
        key = self._endpoint.key
        return key is not None and key in f"{error} {error.args}"

    def _start(self) -> None:
        limit = "max_completion_tokens" if self._endpoint.official else "max_tokens"
        schema = "json_schema" if self._structured == "auto" else self._structured
        self._dialect = Dialect(self._model, self._settings, self._extra, limit, schema, self._structured == "auto")
        self._clients = Clients(self._endpoint.connect)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in ("_clients", "_dialect")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()
