"""What an OpenAI-compatible endpoint is sent, and what it was found not to understand."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hippo.backends.llm.reply import sendable
from hippo.backends.llm.translate import Refusal
from hippo.types import LLMRequest

__all__ = ["Dialect", "Structured"]

Structured = Literal["auto", "json_schema", "json_object", "off"]
"""How replies are held to a schema: "auto" takes the strictest way that the endpoint knows."""

_LIMITS = ("max_completion_tokens", "max_tokens")
_OPTIONAL = ("temperature", "seed", "stream_options")
_WEAKER = {"json_schema": "json_object", "json_object": "off"}
_UNKNOWN = re.compile(
    r"unsupported|not (?:be )?support|unknown|unrecogni[sz]ed|not permitted|unexpected|extra (?:fields|inputs)"
    r"|not allowed|invalid (?:parameter|argument|field)|only the default|not available|unavailable",
    re.IGNORECASE,
)
_FORMAT = re.compile(r"response_format|json[_ ]schema|json_object|structured[_ ]output|guided|grammar", re.IGNORECASE)
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass
class Dialect:
    """Which parameters an endpoint takes. It starts with the best guess and learns from what is refused.

    Attributes:
        model: Name of the model.
        settings: Parameters of every request.
        extra: Fields added to every request as they are; they win.
        limit: Name of the parameter for the most tokens.
        schema: How replies are held to a schema now.
        adaptive: Whether a weaker way may take its place.
        dropped: Parameters that the endpoint does not take, in order of discovery.
    """

    model: str
    settings: Mapping[str, Any]
    extra: Mapping[str, Any]
    limit: str
    schema: str
    adaptive: bool
    dropped: list[str] = field(default_factory=list)
    _renamed: bool = False

    @property
    def findings(self) -> tuple[str, ...]:
        """What the endpoint does not take, in words."""
        found = [f"no {name}" for name in self.dropped]
        if self._renamed:
            found.append(f"{self.limit} for the most tokens")
        if self.adaptive and self.schema != "json_schema":
            found.append(f"schema: {self.schema}")
        return tuple(found)

    def body(self, request: LLMRequest, *, stream: bool = False) -> dict[str, Any]:
        """The JSON body of a request, as far as is known what the endpoint takes."""
        messages = [{"role": item.role, "content": sendable(item.content)} for item in request.messages]
        body: dict[str, Any] = {"model": self.model, "messages": messages}
        if not any(name in self.extra for name in _LIMITS):  # both at once are refused
            body[self.limit] = request.max_tokens
        body.update(self.settings)
        if request.schema is not None:
            body.update(self._format(request, request.schema))
        if stream:
            body.update(stream=True, stream_options={"include_usage": True})
        for name in self.dropped:
            body.pop(name, None)
        body.update(self.extra)
        return body

    def learn(self, refusal: Refusal, sent: Mapping[str, Any]) -> bool:
        """Take from a refused request what the endpoint does not understand.

        Args:
            refusal: What it said.
            sent: The body that it refused.

        Returns:
            Whether something was learned, so that the request is worth sending in another way.
        """
        if refusal.status not in (400, 404, 415, 422, 500, 501):
            return False
        if refusal.status != 500 and self._learn_parameter(refusal, sent):
            return True
        return self._learn_format(refusal, sent)

    def _learn_parameter(self, refusal: Refusal, sent: Mapping[str, Any]) -> bool:
        if not _UNKNOWN.search(refusal.text):
            return False
        # "max_tokens is not supported, use max_completion_tokens": the name that was sent is the one complained of.
        known = self._renamed or self.limit not in sent or self.limit in self.extra
        if not known and _names(refusal, self.limit):
            self._renamed, self.limit = True, _LIMITS[1 - _LIMITS.index(self.limit)]
            return True
        for name in _OPTIONAL:
            if name in sent and name not in self.extra and name not in self.dropped and _names(refusal, name):
                self.dropped.append(name)
                return True
        return False

    def _learn_format(self, refusal: Refusal, sent: Mapping[str, Any]) -> bool:
        form = sent.get("response_format")
        named = _FORMAT.search(f"{refusal.parameter} {refusal.message}")
        if not self.adaptive or form is None or "response_format" in self.extra or not named:
            return False
        if form["type"] != self.schema:
            return False  # another request has learned it already
        self.schema = _WEAKER[self.schema]
        return True

    def _format(self, request: LLMRequest, schema: Mapping[str, Any]) -> dict[str, Any]:
        if self.schema == "json_schema":
            name = _NOT_IN_NAMES.sub("_", str(schema.get("title") or request.prompt))[:64] or "reply"
            form = {"name": name, "schema": dict(schema), "strict": _is_closed(schema)}
            return {"response_format": {"type": "json_schema", "json_schema": form}}
        # Providers refuse this mode where no message speaks of JSON: a model might write white space for ever.
        if self.schema == "json_object" and any("json" in item.content.lower() for item in request.messages):
            return {"response_format": {"type": "json_object"}}
        return {}


def _names(refusal: Refusal, parameter: str) -> bool:
    """Whether this is the parameter complained of: the one named as such, or the first that the message names."""
    if refusal.parameter:
        return refusal.parameter.split(".", 1)[0] == parameter
    found = re.search(rf"\b(?:{'|'.join((*_LIMITS, *_OPTIONAL))})\b", refusal.message)
    return found is not None and found.group() == parameter


def _is_closed(schema: object) -> bool:
    """Whether a schema allows what it names and nothing else, as strict decoding asks for."""
    if isinstance(schema, list):
        return all(_is_closed(item) for item in schema)
    if not isinstance(schema, Mapping):
        return True
    if schema.get("type") == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(properties):
            return False
        inner = [value for key, value in schema.items() if key != "properties"]
        return _is_closed([*properties.values(), *inner])
    return _is_closed(list(schema.values()))
