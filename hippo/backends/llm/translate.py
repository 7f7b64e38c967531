"""What providers raise, as the typed errors of hippo: by status where there is one, else by the kind of exception.

Nothing is imported from a provider: every SDK gives status, headers and body under the same few names.
"""

import json
import math
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from hippo.errors import LLMError, LLMRefusedError, LLMReplyLostError, LLMRequestError, LLMUnavailableError

__all__ = ["Refusal", "classify", "one_line", "retry_after", "translate"]

_AGAIN = frozenset({408, 409, 425, 429})
_CLOSED = frozenset({401, 402, 403, 404})
_LOST = frozenset({408, 504, 524})  # somebody between here and the model has waited long enough
_LONGEST = 500  # characters of a provider's message that are passed on

_QUOTA = re.compile(
    r"insufficient[_ ]quota|insufficient[_ ]balance|exceeded your current quota|billing_hard_limit", re.IGNORECASE
)
_KEY = re.compile(r"invalid_api_key|api[_ ]key[_ ](?:not valid|invalid)|incorrect api key", re.IGNORECASE)
_MODEL = re.compile(
    r"model_not_found|invalid_model|deploymentnotfound|model .{0,200}(?:does not exist|not found)|invalid model",
    re.IGNORECASE,
)
_CONTEXT = re.compile(
    r"context_length_exceeded|context[ _](?:length|size|window)|prompt is too long|too many (?:input )?tokens"
    r"|maximum (?:number of )?(?:input |context )?tokens|string_above_max_length",
    re.IGNORECASE,
)
_FILTER = re.compile(r"content_filter|content_policy|responsibleai|content management policy", re.IGNORECASE)
_NETWORK_CLASSES = re.compile(
    r"Connect|Network|Protocol|ReadError|WriteError|RateLimit|Unavailable|Overloaded|JSONDecode"
)
_NOT_SENT = re.compile(
    r"Connect(?:Error|Timeout)|ClientConnector\w*|ConnectionTimeoutError|ConnectionRefusedError|PoolTimeout|gaierror"
)
_NETWORK_PACKAGES = frozenset({"aiohttp", "httpcore", "httpcore2", "httpx", "httpx2", "requests", "urllib3"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a provider said when it gave no reply.

    Attributes:
        status: HTTP status; None: it did not come to that.
        code: The provider's own name for the problem, or "".
        parameter: Parameter that it objects to, or "".
        message: In its words, on one line.
    """

    status: int | None
    code: str
    parameter: str
    message: str

    @classmethod
    def of(cls, error: BaseException) -> "Refusal":
        """What an exception says."""
        return cls.read(_status(error), getattr(error, "body", None), str(error) or type(error).__name__)

    @classmethod
    def read(cls, status: int | None, body: Any, otherwise: str = "no reason was given") -> "Refusal":
        """What the body of an error reply says, whatever its shape."""
        if isinstance(body, Mapping) and isinstance(body.get("error"), Mapping | str):
            body = body["error"]
        if not isinstance(body, Mapping):
            return cls(status, "", "", one_line(body if isinstance(body, str) and body.strip() else otherwise))
        said = body.get("message") or body.get("detail") or otherwise
        code, kind = (str(body.get(name) or "") for name in ("code", "type"))
        if status is None and re.fullmatch(r"\d{3}", code, re.ASCII):
            status = int(code)
        text = said if isinstance(said, str) else json.dumps(said, default=str)
        return cls(status, f"{code} {kind}".strip(), str(body.get("param") or ""), one_line(text))

    @property
    def text(self) -> str:
        """Code and message, to be searched."""
        return f"{self.code} {self.message}"


def classify(model: str, refusal: Refusal, wait: float | None = None) -> LLMError:
    """The error of an HTTP reply.

    Args:
        model: Name for the message.
        refusal: What the provider said.
        wait: Seconds that it asked to wait.
    """
    status, text = refusal.status, refusal.text
    reason = f"{refusal.message} (HTTP {status})" if status else refusal.message
    if _QUOTA.search(text):
        return LLMRefusedError(model, reason, "Add credit at the provider, or raise the limit of the key's project")
    if status in _CLOSED or (status is not None and 400 <= status < 500 and status not in _AGAIN):
        return _closed(model, refusal, reason)
    return (LLMReplyLostError if status in _LOST else LLMUnavailableError)(model, reason, wait)


def translate(model: str, error: BaseException) -> LLMError:
    """The error of an exception that a provider's SDK, or what lies under it, raised.

    Time-outs, broken connections, rate limits, server errors and unreadable bodies are `LLMUnavailableError`, with the
    seconds that were asked for, and among them `LLMReplyLostError` where the request may be charged for; a bad key, no
    permission, no credit or an unknown model are `LLMRefusedError`; all else is `LLMRequestError`.
    """
    if isinstance(error, LLMError):
        return error
    refusal = Refusal.of(error)
    if refusal.status is not None:
        return classify(model, refusal, retry_after(_headers(error)))
    unanswered = LLMUnavailableError if _was_not_sent(error) else LLMReplyLostError
    if _is_timeout(error):
        return unanswered(model, "it took too long", None)
    if refusal.code:
        problem = _closed(model, refusal, refusal.message)
        return LLMUnavailableError(model, refusal.message, None) if _transient(refusal) else problem
    if _is_network(error):
        return unanswered(model, one_line(_causes(error)), None)
    return LLMRequestError(model, f"{type(error).__name__}: {refusal.message}")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, 0 or more, that a reply's headers ask to wait; None: they do not.

    Examples:
        >>> retry_after({"retry-after-ms": "1500"}), retry_after({"retry-after": "2"}), retry_after({})
        (1.5, 2.0, None)
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) / unit
        except ValueError:
            seconds = _until(value)
        if math.isfinite(seconds):
            return max(seconds, 0.0)
    return None


def one_line(text: str) -> str:
    r"""The text on one line, cut at 500 characters.

    Examples:
        >>> one_line("a\n  b")
        'a b'
    """
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _closed(model: str, refusal: Refusal, reason: str) -> LLMError:
    if refusal.status in (401, 403) or _KEY.search(refusal.text):
        return LLMRefusedError(model, reason, "Check the key, what it may be used for, and the address that it is for")
    if refusal.status == 402:
        return LLMRefusedError(model, reason, "Add credit at the provider")
    if refusal.status == 404 or _MODEL.search(refusal.text):
        return LLMRefusedError(model, reason, "Check the model's name and the address of the endpoint")
    if _CONTEXT.search(refusal.text):
        return LLMRequestError(model, f"it is longer than the model's context: {reason}")
    if _FILTER.search(refusal.text):
        return LLMRequestError(model, f"the provider's filter withheld it: {reason}")
    return LLMRequestError(model, reason)


def _transient(refusal: Refusal) -> bool:
    """Whether an error that came in the middle of a stream, without status, may pass."""
    return not (_CONTEXT.search(refusal.text) or _FILTER.search(refusal.text) or "invalid" in refusal.code)


def _status(error: BaseException) -> int | None:
    response = getattr(error, "response", None)
    for value in (
        getattr(error, "status_code", None),
        getattr(response, "status_code", None),
        getattr(error, "http_status", None),
        getattr(error, "status", None),
        getattr(error, "code", None),
    ):
        if isinstance(value, int) and 400 <= value < 600:
            return int(value)
    return None


def _headers(error: BaseException) -> Mapping[str, str]:
    headers = getattr(getattr(error, "response", None), "headers", None)
    return headers if isinstance(headers, Mapping) else {}


def _is_timeout(error: BaseException) -> bool:
    """Whether time ran out. What lies deepest tells: SDKs call refused connections time-outs too."""
    *_, deepest = _chain(error)
    return any("Timeout" in cls.__name__ for cls in type(deepest).__mro__)


def _was_not_sent(error: BaseException) -> bool:
    """Whether there was no connection to send the request by, or what came back did not come from the model."""
    return any(_NOT_SENT.fullmatch(type(item).__name__) or isinstance(item, ValueError) for item in _chain(error))


def _is_network(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return True
    classes = [cls for cls in type(error).__mro__ if cls not in (Exception, BaseException, object, ValueError)]
    packages = {cls.__module__.split(".", 1)[0] for cls in classes}
    streamed = any(cls.__name__ == "APIError" and cls.__module__.startswith("openai") for cls in classes)
    return streamed or bool(packages & _NETWORK_PACKAGES) or any(_NETWORK_CLASSES.search(c.__name__) for c in classes)


def _causes(error: BaseException) -> str:
    """Messages of the exception and of those under it: SDKs say only "connection error" themselves."""
    return ": ".join(dict.fromkeys(str(item) or type(item).__name__ for item in _chain(error)))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(8):
        if error is None:
            return
        yield error
        error = error.__cause__


def _until(date: str) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except (TypeError, ValueError, OverflowError):
        return math.nan
