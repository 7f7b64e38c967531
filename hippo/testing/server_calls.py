"""Requests for chat completions, read from JSON, and the replies to them, as JSON: the form of the OpenAI API."""

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import time
from typing import Any, Literal

from hippo.testing.server_rules import RefusalError, bad, check
from hippo.testing.tokens import count, count_request, pieces
from hippo.types import LLMRequest, Message

__all__ = ["Call", "Reply", "read_call", "request_key"]

_ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
_LIMITS = ("max_completion_tokens", "max_tokens")
_UNLIMITED = 1_000_000
_number = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Call:
    """A request for a completion.

    Attributes:
        key: What tells it from others: a hash of model, messages and limit of tokens.
        model: Name of the model.
        request: What is asked; its `prompt` is not known.
        tokens: Tokens of the messages.
        stream: Whether the reply is wanted in pieces.
        include_usage: Whether the stream is to end with its usage.
    """

    key: str
    model: str
    request: LLMRequest
    tokens: int
    stream: bool
    include_usage: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model says to a call. `good`: whole, and no garbage. `choices` is False for a reply without any."""

    call: Call
    text: str
    finish: Literal["stop", "length", "content_filter"] = "stop"
    good: bool = True
    choices: bool = True

    @property
    def tokens(self) -> tuple[int, int]:
        """Tokens in and out."""
        return self.call.tokens, count(self.text)

    def usage(self) -> dict[str, int]:
        """Tokens, as the API writes them."""
        sent, received = self.tokens
        return {"prompt_tokens": sent, "completion_tokens": received, "total_tokens": sent + received}

    def body(self) -> dict[str, Any]:
        """The reply in one piece."""
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": self.text, "refusal": None},
            "finish_reason": self.finish,
            "logprobs": None,
        }
        return {
            **self._head("chat.completion"),
            "choices": [choice] if self.choices else [],
            "usage": self.usage(),
        }

    def events(self) -> list[bytes]:
        """The reply as server-sent events, a word each."""
        head = self._head("chat.completion.chunk")
        if self.call.include_usage:
            head["usage"] = None
        deltas = [{"role": "assistant", "content": ""}, *({"content": piece} for piece in pieces(self.text))]
        choices: list[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        choices.append({"index": 0, "delta": {}, "finish_reason": self.finish})
        chunks = [{**head, "choices": [choice]} for choice in choices] if self.choices else [{**head, "choices": []}]
        if self.call.include_usage:
            chunks.append({**head, "choices": [], "usage": self.usage()})
        return [*(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks), b"data: [DONE]\n\n"]

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": f"chatcmpl-{next(_number)}", "object": kind, "created": int(time()), "model": self.call.model}


def request_key(model: str, messages: Sequence[Mapping[str, Any]], max_tokens: int | None) -> str:
    """Hash of what makes a request the one that it is: 32 hex digits.

    Examples:
        >>> len(request_key("m", [{"role": "user", "content": "Hello"}], 5))
        32
    """
    text = json.dumps([model, messages, max_tokens], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def read_call(
    body: Any,
    *,
    models: Sequence[str] | None = None,
    reject: Mapping[str, str] | None = None,
    structured: bool = True,
    strict: bool = True,
) -> Call:
    """A call from its JSON value.

    Args:
        body: The value.
        models: Models that there are; None: any.
        reject: Parameters that are refused, each with the message to give.
        structured: Whether a reply can be held to a JSON schema.
        strict: Whether all is refused that OpenAI's API refuses.

    Raises:
        RefusalError: The API would answer with an error.
    """
    if not isinstance(body, dict):
        raise bad("the body must be a JSON object")
    for name, message in (reject or {}).items():
        if name in body:
            raise bad(message, name, "unsupported_parameter")
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise bad("you must provide a model parameter", "model")
    if models is not None and model not in models:
        raise RefusalError(
            f"The model '{model}' does not exist", 404, "invalid_request_error", "model_not_found", "model"
        )
    most = next((body[name] for name in _LIMITS if body.get(name) is not None), None)
    if most is not None and (type(most) is not int or most < 1):
        raise bad(f"max_tokens must be at least 1, got {most!r}", "max_tokens")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise bad("messages must be a list of at least one message", "messages")
    request = LLMRequest(
        messages=tuple(_message(item) for item in messages),
        max_tokens=most or _UNLIMITED,
        prompt="",
        schema=_schema(body.get("response_format"), structured),
    )
    if strict:
        check(body)
    return Call(
        key=request_key(model, messages, most),
        model=model,
        request=request,
        tokens=count_request(request),
        stream=bool(body.get("stream")),
        include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
    )


def _message(item: Any) -> Message:
    if not isinstance(item, dict) or item.get("role") not in _ROLES:
        raise bad(f"a message needs one of the roles {', '.join(_ROLES)}", "messages")
    content = item.get("content")
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content if isinstance(part, dict))
    if not isinstance(content, str):
        raise bad("the content of a message must be text", "messages")
    return Message(_ROLES[item["role"]], content)


def _schema(form: Any, structured: bool) -> Mapping[str, Any] | None:
    """The JSON schema that the reply is to follow; its title is the name that it was given."""
    if not isinstance(form, dict) or form.get("type") != "json_schema":
        return None
    if not structured:
        raise bad("response_format of type json_schema is not supported with this model", "response_format")
    inner = form.get("json_schema")
    if not isinstance(inner, dict) or not isinstance(inner.get("schema"), dict) or not inner.get("name"):
        raise bad("response_format.json_schema needs a name and a schema", "response_format")
    return {"title": inner["name"], **inner["schema"]}
