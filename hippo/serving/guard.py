"""What stands before the application: ids, tokens, limits, deadlines; and what is told of every request afterwards."""

import asyncio
import logging
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self

from hippo.config import ServeConfig
from hippo.serving.logs import ids
from hippo.serving.measures import Measures
from hippo.serving.problems import Told, failure_of, path_of
from hippo.serving.tokens import Tokens, is_loopback
from hippo.tracing import annotate, continued, span

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Guard"]

_LOG = logging.getLogger("hippo.requests")
_OPEN = ("/health", "/ready", "/openapi.json")
"""Paths that need no token and are answered even by a full server."""
_QUESTIONS = ("/retrieve", "/retrieve_many", "/recall", "/context", "/ask", "/v1/chat/completions")
"""Paths whose POST changes nothing; every other one needs a token for writing, whatever it turns out to be."""
_REQUEST_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_LAST_WORDS = 5.0
"""Seconds that an answer in pieces has beyond its deadline to say so."""


def _route(scope: "Scope") -> str:
    """The template of the path, such as "/documents/{document_id}"."""
    path: str = getattr(scope.get("route"), "path", "other")
    return path


class _GoneError(Exception):
    """The client went away before its request had arrived."""


class _TooLargeError(Exception):
    """The body is larger than allowed."""


class Guard:
    """Middleware around the whole application.

    The body of a request is read here, up to the limit and the deadline, before anything else sees it.

    Args:
        app: The application.
        settings: Limits.
        tokens: Who may do what.
        measures: What is counted.
        open_paths: Further paths that need no token.
        questions: Further paths whose POST changes nothing.
        only_here: Whether the server is for this machine alone; None: if it has no tokens, and no other can reach it.
    """

    def __init__(
        self,
        app: "ASGIApp",
        settings: ServeConfig,
        tokens: Tokens,
        measures: Measures,
        *,
        open_paths: Sequence[str] = (),
        questions: Sequence[str] = (),
        only_here: bool | None = None,
    ) -> None:
        self._app, self._settings, self._tokens, self._measures = app, settings, tokens, measures
        self._open, self._questions = (*_OPEN, *open_paths), (*_QUESTIONS, *questions)
        self._under_way = 0
        self._only_here = not tokens and is_loopback(settings.host) if only_here is None else only_here

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        traced = _TRACE.fullmatch(headers.get("traceparent", ""))
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(send, scope)
        token = ids.set((request_id, traced[1] if traced else None))
        self._under_way += 1
        self._measures.under_way.inc()
        try:
            with continued(headers), span("hippo.request", method=scope["method"]):
                try:
                    await self._answer(scope, headers, receive, answer)
                finally:
                    # The template of the path is known only afterwards.
                    annotate(route=_route(scope), status=answer.status or 0)
        finally:
            self._under_way -= 1
            self._measures.under_way.dec()
            self._tell(scope, answer, perf_counter() - began)
            ids.reset(token)

    async def _answer(self, scope: "Scope", headers: dict[str, str], receive: "Receive", answer: "_Answer") -> None:
        if refusal := self._refusal(scope, headers):
            await answer.refuse(refusal)
            return
        changes = self._changes(scope)
        seconds = self._settings.change_timeout if changes else self._settings.timeout
        scope["state"]["deadline"] = asyncio.get_running_loop().time() + seconds
        arrived = False
        try:
            async with asyncio.timeout(seconds) as deadline:
                # A change may take long, but not to arrive: meanwhile it keeps others from being answered.
                async with asyncio.timeout(self._settings.timeout):
                    body = await self._body(receive)
                arrived = True
                answer.deadline = deadline
                async with _Line(receive, answer, calls_off=not changes) as line:
                    await self._app(scope, _replayed(body, line.ended), answer)
        except _GoneError:
            answer.status = 499
        except _TooLargeError:
            await answer.refuse(self._too_large())
        except TimeoutError as error:
            if answer.gone:
                answer.status = 499
                return
            late = Told(408, "TimeoutError", "the request did not arrive in time", "Send it faster.", _CLOSE)
            await answer.refuse(failure_of(error) if arrived else late)
        except Exception as error:
            _LOG.exception("the server failed", exc_info=error)
            await answer.refuse(failure_of(error))

    def _changes(self, scope: "Scope") -> bool:
        """Whether a request may change the index: all that is not known to leave it as it is."""
        method = scope["method"]
        return method not in ("GET", "HEAD") and not (method == "POST" and path_of(scope) in self._questions)

    def _refusal(self, scope: "Scope", headers: dict[str, str]) -> Told | None:
        """Why a request is not even read."""
        host = re.sub(r":\d+$", "", headers.get("host", ""))
        if self._only_here and host and not is_loopback(host):
            # A page of another site, whose name was made to lead here, must not read or write the index.
            told = f"the host {host[:80]!r} is not this machine"
            return Told(403, "HostError", told, "Use http://127.0.0.1, or start the server with tokens.", _CLOSE)
        if path_of(scope) in self._open:
            return None
        role = self._tokens.role(headers.get("authorization"))
        if role is None:
            told, remedy = "a known token is needed", "Send the header Authorization: Bearer TOKEN."
            return Told(401, "TokenError", told, remedy, {"WWW-Authenticate": "Bearer", **_CLOSE})
        if role == "read" and self._changes(scope):
            return Told(403, "TokenError", "this token allows questions only", "Use a token for writing.", _CLOSE)
        if self._under_way > self._settings.concurrency:
            told = f"{self._settings.concurrency} requests are under way, the most that the server takes"
            return Told(503, "BusyError", told, "Try again after a second.", {"Retry-After": "1", **_CLOSE})
        return self._refused_body(headers)

    def _refused_body(self, headers: dict[str, str]) -> Told | None:
        length = headers.get("content-length", "0")
        if "transfer-encoding" not in headers and length in ("", "0"):
            return None
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not re.fullmatch(r"application/[\w.-]+\+json", kind):
            # Browsers send other types on behalf of any page, without asking first.
            told = f"the body has the type {kind[:80]!r}"
            return Told(415, "ContentTypeError", told, "Send JSON, with Content-Type: application/json.", _CLOSE)
        if length.isdecimal() and int(length[:20]) > self._settings.max_body:
            return self._too_large()
        return None

    def _too_large(self) -> Told:
        told = f"the body has more than {self._settings.max_body} bytes"
        return Told(413, "BodyError", told, "Send it in parts, or raise serve.max_body.", _CLOSE)

    async def _body(self, receive: "Receive") -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _GoneError
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > self._settings.max_body:
                raise _TooLargeError
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)

    def _tell(self, scope: "Scope", answer: "_Answer", seconds: float) -> None:
        method, path = scope["method"], _route(scope)
        known = method if method in ("GET", "POST", "PATCH", "DELETE") else "other"
        self._measures.requests.labels(known, path, str(answer.status or 0)).inc()
        self._measures.seconds.labels(known, path).observe(seconds)
        fields = {
            "method": method,
            "path": scope["path"][:200],
            "status": answer.status or "aborted",
            "seconds": round(seconds, 4),
        }
        level = logging.DEBUG if path in self._open else logging.INFO
        _LOG.log(level, "request", extra={"fields": fields})


_CLOSE = {"Connection": "close"}
"""What a client still sends of a request that was refused is not read."""


class _Answer:
    """The way back, with the id of the request on it."""

    def __init__(self, send: "Send", scope: "Scope") -> None:
        self._send, self._scope = send, scope
        self.status: int | None = None
        self.deadline: asyncio.Timeout | None = None
        self.gone = self._finished = False

    async def __call__(self, message: "Message") -> None:
        self._finished = message["type"] == "http.response.body" and not message.get("more_body", False)
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], (b"x-request-id", self._scope["state"]["request_id"].encode())]
            if self.deadline is not None and not self.deadline.expired():
                # An answer in pieces knows its deadline, and needs a moment to say that it has passed.
                self.deadline.reschedule((self.deadline.when() or 0.0) + _LAST_WORDS)
        await self._send(message)

    def call_off(self) -> None:
        """Nobody waits for the answer any more: what makes it ends now, unless all of it has been sent."""
        if self.deadline is not None and not self._finished and not self.deadline.expired():
            self.gone = True
            self.deadline.reschedule(0.0)
            self.deadline = None

    async def refuse(self, told: Told) -> None:
        """Answer with an error, unless an answer has begun: that one can only be broken off."""
        if self.status is None:
            response = told.response(self._scope)
            scope: dict[str, Any] = {"type": "http"}
            with suppress(OSError):
                await response(scope, _nothing, self)


class _Line:
    """The connection after the body has arrived: it is listened to while the application works.

    Args:
        receive: Of the server; nobody else asks it while this is entered.
        answer: What is called off when the client goes away.
        calls_off: Whether it is; a change that has begun is finished.
    """

    def __init__(self, receive: "Receive", answer: _Answer, *, calls_off: bool) -> None:
        self._receive, self._answer, self._calls_off = receive, answer, calls_off
        self._closed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._listening = asyncio.ensure_future(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)

    async def ended(self) -> "Message":
        """Wait until the client is gone, as the application sees it."""
        await self._closed.wait()
        return {"type": "http.disconnect"}

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._closed.set()
        if self._calls_off:
            self._answer.call_off()


async def _nothing() -> "Message":
    return {"type": "http.disconnect"}


def _replayed(body: bytes, receive: "Receive") -> "Receive":
    """The body once, then whatever comes after it: the end of the connection."""
    told = False

    async def again() -> "Message":
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
