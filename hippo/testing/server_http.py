"""What a test server sends: whole bodies, streams, and either of them cut in the middle. Plain ASGI, to cost little."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Body", "Silence", "Stream", "error_page", "json_body"]

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_PAGE = b"<html>\r\n<head><title>Bad Gateway</title></head>\r\n<body><h1>Bad Gateway</h1></body>\r\n</html>\r\n"


@dataclass(frozen=True, slots=True)
class Body:
    """A response of one piece.

    Attributes:
        content: The body.
        status: HTTP status.
        kind: Media type.
        headers: Further headers.
        cut: Whether the connection ends after half of the body.
        finishing: Called right before the last part is sent, so that a client that has it all finds it counted.
    """

    content: bytes
    status: int = 200
    kind: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    cut: bool = False
    finishing: Callable[[], None] | None = None

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:  # noqa: ARG002
        """Send it."""
        length = str(len(self.content)).encode()
        headers = [(b"content-type", self.kind), (b"content-length", length), *self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        if self.cut:
            half = self.content[: len(self.content) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
            return
        if self.finishing is not None:
            self.finishing()
        await send({"type": "http.response.body", "body": self.content})


@dataclass(frozen=True, slots=True)
class Stream:
    """A response of server-sent events.

    Attributes:
        events: The events.
        cut: Whether the connection ends after half of them.
        gone: Asked before the last event, and before each where there is a pace, whether the client has left.
        finishing: Called right before the last part is sent, so that a client that has it all finds it counted.
        left: Called instead if the client left before.
        pace: Seconds before each event.
    """

    events: Sequence[bytes]
    cut: bool
    gone: Callable[[], Awaitable[bool]]
    finishing: Callable[[], None] | None = None
    left: Callable[[], None] | None = None
    pace: float = 0.0

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:  # noqa: ARG002
        """Send it."""
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        events = self.events[: len(self.events) // 2] if self.cut else self.events[:-1]
        for event in events:
            if self.pace:
                await asyncio.sleep(self.pace)
                if await self.gone():
                    break
            await send({"type": "http.response.body", "body": event, "more_body": True})
        if self.cut:
            return
        if await self.gone():
            if self.left is not None:
                self.left()
            return
        if self.finishing is not None:
            self.finishing()
        await send({"type": "http.response.body", "body": self.events[-1]})


class Silence:
    """No response: the client is not there any more."""

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Send nothing."""


def json_body(value: Any, status: int = 200, **more: Any) -> Body:
    """A value as JSON; `more` are attributes of `Body`."""
    return Body(json.dumps(value).encode(), status, **more)


def error_page(status: int) -> Body:
    """What a proxy says when it cannot reach the server behind it."""
    return Body(_PAGE, status, b"text/html")
