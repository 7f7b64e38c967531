"""What OpenAI's API refuses in a request for a completion, whatever the model: who passes here passes there."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hippo.errors import InputError

__all__ = ["RefusalError", "bad", "check"]

_PARAMETERS = frozenset(
    "audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens messages "
    "metadata modalities model n parallel_tool_calls prediction presence_penalty prompt_cache_key "
    "prompt_cache_retention reasoning_effort response_format safety_identifier seed service_tier stop store stream "
    "stream_options temperature tool_choice tools top_logprobs top_p user verbosity web_search_options".split()
)
_RANGES = {"temperature": (0, 2), "top_p": (0, 1), "frequency_penalty": (-2, 2), "presence_penalty": (-2, 2)}
_FORMATS = ("text", "json_object", "json_schema")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NOT_STRICT = ("allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas")
"""Keywords that a schema must do without where it is to be followed strictly."""


class RefusalError(InputError):
    """An error reply. `args`: message, status, type, code or None, parameter or None."""

    @property
    def status(self) -> int:
        """HTTP status."""
        status: int = self.args[1]
        return status

    def body(self) -> dict[str, Any]:
        """The error as the API writes it."""
        message, _, kind, code, parameter = self.args
        return {"error": {"message": message, "type": kind, "param": parameter, "code": code}}


def bad(message: str, parameter: str | None = None, code: str | None = None) -> RefusalError:
    """A refusal with status 400."""
    return RefusalError(message, 400, "invalid_request_error", code, parameter)


def check(body: Mapping[str, Any]) -> None:
    """Refuse parameters that do not exist, contradict each other or are out of their range.

    Args:
        body: Of a request, with messages and, where a schema is asked for, its name and the schema.

    Raises:
        RefusalError: The API would answer with status 400.
    """
    for name in body:
        if name not in _PARAMETERS:
            raise bad(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    for name, (low, high) in _RANGES.items():
        value = body.get(name)
        if value is not None and (type(value) not in (int, float) or not low <= value <= high):
            raise bad(f"Invalid '{name}': expected a number from {low} to {high}, but got {value!r}.", name)
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
        raise bad(message, "max_tokens", "invalid_parameter_combination")
    if body.get("stream_options") is not None and not body.get("stream"):
        raise bad("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
    if body.get("response_format") is not None:
        _check_format(body["response_format"], body.get("messages"))


def _check_format(form: Any, messages: Any) -> None:
    if not isinstance(form, Mapping) or form.get("type") not in _FORMATS:
        raise bad(f"Invalid 'response_format': its type must be one of {', '.join(_FORMATS)}.", "response_format.type")
    if form["type"] == "json_object" and "json" not in str(messages).lower():
        message = (
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        )
        raise bad(message, "messages")
    if form["type"] == "json_schema":
        name, schema = form["json_schema"]["name"], form["json_schema"]["schema"]
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            message = f"Invalid 'response_format.json_schema.name': 1 to 64 of a-z, A-Z, 0-9, _ and -, got {name!r}."
            raise bad(message, "response_format.json_schema.name", "invalid_value")
        if form["json_schema"].get("strict") and (problem := _not_strict(schema)):
            raise bad(f"Invalid schema for response_format '{name}': {problem}", "response_format")


def _not_strict(schema: Mapping[str, Any]) -> str | None:
    """Why a schema cannot be followed strictly; None: it can."""
    if schema.get("type") != "object":
        return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'."
    problems = ((path, _problem(part)) for path, part in _parts(schema, ()))
    return next((f"In context={path}, {problem}" for path, problem in problems if problem), None)


def _parts(schema: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """A schema and all schemas in it, with their paths."""
    yield path, schema
    if not isinstance(schema, Mapping):
        return
    for group in ("properties", "$defs", "definitions"):
        for name, inner in dict(schema.get(group) or {}).items():
            yield from _parts(inner, (*path, group, name))
    if "items" in schema:
        yield from _parts(schema["items"], (*path, "items"))
    for number, inner in enumerate(schema.get("anyOf") or ()):
        yield from _parts(inner, (*path, "anyOf", str(number)))


def _problem(schema: Any) -> str | None:
    if not isinstance(schema, Mapping):
        return f"a schema must be an object, got {schema!r}."
    for keyword in _NOT_STRICT:
        if keyword in schema:
            return f"'{keyword}' is not permitted."
    kinds = schema.get("type", ())
    kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    if not kinds and not schema.keys() & {"anyOf", "$ref", "enum", "const"}:
        return "schema must have a 'type' key."
    if "array" in kinds and "items" not in schema:
        return "array schema missing items."
    if "object" not in kinds and "properties" not in schema:
        return None
    if schema.get("additionalProperties") is not False:
        return "'additionalProperties' is required to be supplied and to be false."
    if missing := sorted(schema.get("properties", {}).keys() - set(schema.get("required", ()))):
        return (
            "'required' is required to be supplied and to be an array including every key in properties. "
            f"Missing '{missing[0]}'."
        )
    return None
