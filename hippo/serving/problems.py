"""What goes wrong as an answer: a status, and one JSON shape with type, message and remedy."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from hippo.errors import (
    ConfigError,
    HippoError,
    IndexBusyError,
    IndexClosedError,
    IndexEmptyError,
    IndexMismatchError,
    IndexStateError,
    InputError,
    LLMBudgetError,
    LLMError,
    LLMUnavailableError,
    MissingExtraError,
    ModelNotFoundError,
    UnknownNameError,
)

if TYPE_CHECKING:
    from starlette.types import Scope

__all__ = ["STATUSES", "Failure", "Problem", "Told", "failure_of", "json_response", "on_failure", "path_of"]

_RETRY = 1.0
"""Seconds after which a request may be tried again, where nobody knows better."""

_KNOWN: tuple[tuple[type[HippoError], int, str], ...] = (
    (InputError, 422, "Change the request as the message says."),
    (UnknownNameError, 422, "Choose one of the known names."),
    (IndexEmptyError, 409, "Add documents first: POST /documents."),
    (IndexBusyError, 503, "Try again after the seconds in Retry-After."),
    (IndexClosedError, 503, "The server is stopping: ask another one, or try again."),
    (IndexMismatchError, 409, "Do what the message says, and add the documents again."),
    (IndexStateError, 500, "Examine the index with `hippo doctor`."),
    (ConfigError, 501, "Start the server with what the message names, or choose another profile."),
    (MissingExtraError, 501, "Install the package for the server."),
    (ModelNotFoundError, 501, "Give the server the model."),
    (LLMBudgetError, 429, "Start the server with a higher llm.max_cost."),
    (LLMUnavailableError, 503, "Try again after the seconds in Retry-After."),
    (LLMError, 502, "Try another question, or look at the language model of the server."),
    (HippoError, 500, "Look into the log of the server."),
)
"""Status and remedy of errors; the first class that fits."""

_HTTP = {
    400: "Send a body of valid JSON.",
    404: "The endpoints are listed in /openapi.json.",
    405: "The methods of each endpoint are listed in /openapi.json.",
}

STATUSES = {
    400: "The body is no JSON, or the connection broke off",
    401: "No token, or an unknown one",
    403: "The token does not allow this, or the name of the host is not that of the server",
    404: "No such endpoint, document or model",
    408: "The request did not arrive in time",
    409: "Nothing has been added to the index yet, or it was made otherwise than the request needs",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "A value of the request cannot be used",
    429: "Too many changes are waiting, or the budget of the language model is spent",
    500: "The index is damaged, or a fault of the server",
    501: "The server is not configured for this, for example without a language model",
    502: "The language model gave no usable answer",
    503: "The server is full or stopping, the index is busy, or the language model did not answer",
    504: "It took too long",
}
"""What statuses mean."""


class Problem(BaseModel):
    """What went wrong."""

    type: str = Field(description="Name of the error.", examples=["QuestionError"])
    message: str = Field(description="What is wrong, with the values.")
    remedy: str = Field(description="What to do about it.")
    request_id: str = Field(description="The request in the log of the server.")


class Failure(BaseModel):
    """Every answer that is an error has this form."""

    error: Problem


@dataclass(frozen=True, slots=True)
class Told:
    """An error as it is answered.

    Attributes:
        status: HTTP status.
        type: Name of the error.
        message: What is wrong.
        remedy: What to do about it.
        headers: Further headers.
    """

    status: int
    type: str
    message: str
    remedy: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, scope: "Scope", *, param: str | None = None, code: str | None = None) -> dict[str, Any]:
        """The JSON object.

        Args:
            scope: Of the request; it holds its id.
            param: The field that is wrong: for clients of OpenAI's API, which find it below `/v1`.
            code: A word for programs, for these too.
        """
        problem: dict[str, Any] = {"type": self.type, "message": self.message, "remedy": self.remedy}
        problem["request_id"] = scope["state"]["request_id"]
        if path_of(scope).startswith("/v1/"):
            problem |= {"param": param, "code": code}
        return {"error": problem}

    def response(self, scope: "Scope", *, param: str | None = None, code: str | None = None) -> Response:
        """The answer to a request; arguments as of `body`."""
        return json_response(self.body(scope, param=param, code=code), self.status, dict(self.headers))


def path_of(scope: "Scope") -> str:
    """The path within the application, as its router sees it, wherever it is mounted."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    below = path.removeprefix(root)
    return below if not below or below.startswith("/") else path


def failure_of(error: Exception) -> Told:
    """How an exception is answered. What it says is shown only where it was raised on purpose."""
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if isinstance(error, HTTPException):
        remedy = _HTTP.get(error.status_code, "Change the request as the message says.")
        return Told(error.status_code, "HTTPError", str(error.detail), remedy, error.headers or {})
    if isinstance(error, TimeoutError):
        return Told(504, "TimeoutError", "it took longer than the server allows", "Ask for less, or try again later.")
    for kind, status, remedy in _KNOWN:
        if isinstance(error, kind):
            headers = {"Retry-After": _seconds(error)} if status == 503 else {}
            return Told(status, type(error).__name__, str(error), remedy, headers)
    return Told(500, "ServerError", "the server failed", "Look for the request_id in the log of the server.")


def _seconds(error: HippoError) -> str:
    asked = error.args[2] if isinstance(error, LLMUnavailableError) and len(error.args) > 2 else None
    return str(math.ceil(asked if isinstance(asked, int | float) else _RETRY))


def _invalid(error: RequestValidationError) -> Told:
    """What pydantic found, without the values, which may be anything."""
    found = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
    if any(item["type"] == "json_invalid" for item in error.errors()):
        return Told(400, "RequestError", f"the body is no JSON: {'; '.join(found)}", _HTTP[400])
    return Told(422, "RequestError", "; ".join(found), "Change the named values; /openapi.json has the schema.")


async def on_failure(request: Request, error: Exception) -> Response:
    """Handler of exceptions of the application."""
    return failure_of(error).response(request.scope)


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer in JSON. Lone surrogates, which no UTF-8 can hold, stand in it as escapes."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        body = text.encode()
    except UnicodeEncodeError:
        body = json.dumps(value, separators=(",", ":")).encode()
    return Response(body, status, headers, media_type="application/json")
