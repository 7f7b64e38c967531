"""Any chat model of LangChain.

```toml
[llm]
name = "langchain"

[llm.langchain]
model = "anthropic:claude-sonnet-4-5"
options = { max_retries = 0 }
```
"""

import hashlib
import importlib
import json
import os
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from hippo.backends.llm.reply import Thinking, finish_of, sendable, usage_of, without_thinking
from hippo.backends.llm.translate import one_line, translate
from hippo.errors import (
    ConfigError,
    LLMError,
    LLMRefusedError,
    LLMRequestError,
    LLMUnavailableError,
    MissingExtraError,
)
from hippo.redact import is_secret, secrets_in, told_by, without_secrets
from hippo.types import Completion, LLMRequest

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

__all__ = ["LangChainLLM"]

_WHAT = "language model 'langchain'"
_LIMITS = ("max_tokens", "max_output_tokens", "max_new_tokens", "num_predict")
_ADDRESSES = ("base_url", "openai_api_base", "azure_endpoint", "endpoint_url", "endpoint")
_REASONS = ("finish_reason", "stop_reason", "done_reason")
_COUNTS = ("input_tokens", "output_tokens")
_FEW = 16  # copies of the model kept, one for each limit of tokens


class LangChainLLM:
    """Asks a chat model of LangChain, once for each request; what the model retries by itself is its own affair.

    The limit of tokens is set on a copy of the model, under the name that its class has for it; a class without one
    decides by itself. Tokens that a reply does not count are estimated at four bytes each.

    Args:
        model: A chat model, or a name for `langchain.chat_models.init_chat_model`, such as "openai:gpt-4o-mini".
        temperature: Randomness of a model given by name; None: as the provider has it.
        structured: "auto" holds replies to a request's schema where the model declares that it can; "off" never.
        options: Further keywords of `init_chat_model`, for a model given by name.
        api_key_env: Environment variable that holds the key, for a model given by name; None: the provider's own.

    Raises:
        ConfigError: `model` is neither, or its provider does not take the options.
        MissingExtraError: The package langchain, or that of the provider, is not installed.
        LLMRefusedError: The provider's key is missing.
    """

    def __init__(
        self,
        *,
        model: "str | BaseChatModel",
        temperature: float | None = 0.0,
        structured: Literal["auto", "off"] = "auto",
        options: Mapping[str, Any] | None = None,
        api_key_env: str | None = None,
    ) -> None:
        if structured not in ("auto", "off"):
            raise ConfigError(_WHAT, "structured", f"must be auto or off, got {structured!r}")
        if isinstance(model, str):
            settings = {} if temperature is None else {"temperature": temperature}
            key = {} if api_key_env is None else {"api_key": _key(model, api_key_env)}
            self._chat = _named(model, {**settings, **(options or {}), **key})
        elif options or api_key_env:
            problem = "are for a model given by name; set them on the model itself"
            raise ConfigError(_WHAT, "options, api_key_env", problem)
        else:
            self._chat = _checked(model)
        profile = getattr(self._chat, "profile", None)
        can = isinstance(profile, Mapping) and profile.get("structured_output") is True
        self._structured = can and structured == "auto"
        self._asked = [structured]
        self._limit = next((name for name in _LIMITS if name in type(self._chat).model_fields), None)
        self._limited: dict[int, BaseChatModel] = {}

    @property
    def model(self) -> str:
        """Name of the model, as the provider knows it."""
        named = self._described.get("ls_model_name")
        for value in (named, *(getattr(self._chat, name, None) for name in ("model_name", "model", "model_id"))):
            if isinstance(value, str) and value:
                return value
        return type(self._chat).__name__

    @property
    def fingerprint(self) -> str:
        """Class, model and a hash of the model's own description of itself, secrets left out."""
        kind = type(self._chat)
        where = {name: _address(value) for name in _ADDRESSES if (value := getattr(self._chat, name, None))}
        described = [_plain(self._described), _plain(self._chat._identifying_params), where, self._asked]
        digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]
        return f"langchain:{kind.__module__}.{kind.__qualname__}:{self.model}:{digest}"

    async def complete(self, request: LLMRequest) -> Completion:
        """The reply to a request. See `hippo.protocols.LLM`."""
        if request.schema is None or not self._structured:
            return await self._plainly(request)
        try:
            return await self._held_to(request.schema, request)
        except LLMRequestError:
            completion = await self._plainly(request)  # raises where the schema was not the reason
            self._structured = False
            return completion

    async def stream(self, request: LLMRequest) -> AsyncGenerator[str | Completion, None]:
        """The reply in pieces, then as a whole. See `hippo.protocols.StreamingLLM`."""
        thinking, heard = Thinking(), None
        try:
            async for chunk in self._for(request).astream(_messages(request)):
                heard = chunk if heard is None else heard + chunk
                if piece := thinking.feed(_text(chunk.content)):
                    yield piece
        except Exception as error:
            raise self._translated(error) from self._cause(error)
        if piece := thinking.end():
            yield piece
        if heard is None:
            raise LLMUnavailableError(self.model, "its stream ended before the reply began", None)
        yield self._completion(heard, request)

    async def _plainly(self, request: LLMRequest) -> Completion:
        try:
            message = await self._for(request).ainvoke(_messages(request))
        except Exception as error:
            raise self._translated(error) from self._cause(error)
        return self._completion(message, request)

    async def _held_to(self, schema: Mapping[str, Any], request: LLMRequest) -> Completion:
        form = {"title": "reply", "description": "The reply.", **schema}
        try:
            held = self._for(request).with_structured_output(form, method="json_schema", include_raw=True)
            outcome: Any = await held.ainvoke(_messages(request))
        except Exception as error:
            raise self._translated(error) from self._cause(error)
        return self._completion(outcome["raw"], request)

    def _completion(self, message: Any, request: LLMRequest) -> Completion:
        text = _text(message.content)
        calls = getattr(message, "tool_calls", None)
        if not text.strip() and calls:  # some providers answer a schema with the call of a function
            text = json.dumps(calls[0]["args"], ensure_ascii=False)
        said = message.response_metadata
        reason = next((said[name] for name in _REASONS if said.get(name)), None)
        usage = usage_of(message.usage_metadata, request, text, names=_COUNTS)
        return Completion(without_thinking(text), finish_of(reason), usage)

    def _for(self, request: LLMRequest) -> "BaseChatModel":
        """The model, with the request's limit of tokens."""
        if self._limit is None:
            return self._chat
        if request.max_tokens not in self._limited:
            if len(self._limited) >= _FEW:
                self._limited.clear()
            self._limited[request.max_tokens] = self._chat.model_copy(update={self._limit: request.max_tokens})
        return self._limited[request.max_tokens]

    def _translated(self, error: Exception) -> LLMError:
        problem, secrets = translate(self.model, error), self._secrets()
        return type(problem)(*(without_secrets(arg, secrets) if isinstance(arg, str) else arg for arg in problem.args))

    def _cause(self, error: Exception) -> Exception | None:
        """The error to be shown as the cause; none where it repeats a secret."""
        text = f"{error} {error.args}"
        return error if without_secrets(text, self._secrets()) == text else None

    def _secrets(self) -> list[str]:
        """The key, and whatever else the model's class keeps as a secret."""
        fields = vars(self._chat)
        kept = [value.get_secret_value() for value in fields.values() if hasattr(value, "get_secret_value")]
        return [secret for secret in (*kept, *secrets_in(fields)) if isinstance(secret, str) and secret]

    @property
    def _described(self) -> Mapping[str, Any]:
        described: Mapping[str, Any] = self._chat._get_ls_params()
        return described


def _named(name: str, options: Mapping[str, Any]) -> "BaseChatModel":
    try:
        chat_models = importlib.import_module("langchain.chat_models")
    except ImportError as error:
        raise MissingExtraError(f"{_WHAT} with a model given by name", "langchain", "langchain") from error
    try:
        return _checked(chat_models.init_chat_model(name, **options))
    except ImportError as error:
        package = (error.name or "the provider's package").replace("_", "-")
        raise MissingExtraError(f"{_WHAT} {name!r}", package, "langchain") from error
    except (TypeError, ValueError) as error:
        problem, cause = told_by(error, options)
        raise ConfigError(_WHAT, "model, options", one_line(problem)) from cause
    except ConfigError:
        raise
    except Exception as error:  # providers look for their keys here, and each has an error of its own
        problem, cause = told_by(error, options)
        remedy = "Set the environment variable that the provider reads its key from"
        raise LLMRefusedError(name, one_line(problem), remedy) from cause


def _key(model: str, variable: str) -> str:
    key = os.environ.get(variable, "").strip()
    if not key:
        reason, remedy = f"the environment variable {variable} is not set", f"Set {variable}, or leave out api_key_env"
        raise LLMRefusedError(model, reason, remedy)
    return key


def _checked(model: Any) -> "BaseChatModel":
    try:
        from langchain_core.language_models import BaseChatModel
    except ImportError as error:
        raise MissingExtraError(_WHAT, "langchain-core", "langchain") from error
    if not isinstance(model, BaseChatModel):
        problem = f"must be a name or a chat model (BaseChatModel), got {type(model).__name__}"
        raise ConfigError(_WHAT, "model", problem)
    return model


def _messages(request: LLMRequest) -> list[Any]:
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

    kinds: dict[str, Any] = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
    return [kinds[item.role](content=sendable(item.content)) for item in request.messages]


def _text(content: object) -> str:
    """Text of a message's content, which may be a list of blocks; blocks of reasoning are not text."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    texts = [
        block if isinstance(block, str) else block.get("text", "")
        for block in blocks
        if isinstance(block, str) or (isinstance(block, Mapping) and block.get("type", "text") == "text")
    ]
    return "".join(str(text) for text in texts)


def _plain(value: Any) -> Any:
    """Plain data of a model's description of itself: what is not plain is named by its type, secrets are left out."""
    if isinstance(value, Mapping):
        items = sorted(((str(key), item) for key, item in value.items()), key=lambda pair: pair[0])
        return {key: _plain(item) for key, item in items if not is_secret(key)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | None) else type(value).__qualname__


def _address(value: object) -> str:
    """An address without user, password and query."""
    parts = urlsplit(str(value))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
