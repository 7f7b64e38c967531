"""Answers as they are written, as server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse

from hippo.answers import AnswerStream
from hippo.serving.problems import Told, failure_of

__all__ = ["EVENTS", "event", "streamed"]

_TEXT = {"type": "string"}
EVENTS = {"text/event-stream": {"schema": {"type": "object", "properties": {"event": _TEXT, "data": _TEXT}}}}
"""Events in the schema."""


def event(value: Any, name: str | None = None) -> bytes:
    """One event; its data is JSON."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(value)}\n\n".encode()


async def streamed(
    request: Request,
    stream: AnswerStream,
    *,
    piece: Callable[[str], bytes],
    end: Callable[[], bytes],
    failed: Callable[[Told], bytes],
) -> StreamingResponse:
    """An answer whose first piece is there; an error before it is raised, and has a status of its own.

    When the client goes away, or the deadline has passed, the model stops writing.

    Args:
        request: The request.
        stream: The answer.
        piece: Makes an event of a piece of its text.
        end: Makes the last events.
        failed: Makes an event of an error after the first piece.
    """
    pieces = aiter(stream)
    first = await anext(pieces, None)
    deadline: float = request.scope["state"]["deadline"]

    async def events() -> AsyncIterator[bytes]:
        async with aclosing(pieces):  # type: ignore[type-var]  # an asynchronous generator
            try:
                if first is not None:
                    yield piece(first)
                while (text := await _next(pieces, deadline)) is not None:
                    yield piece(text)
                if stream.answer is not None:
                    request.app.state.service.measures.took(stream.answer.seconds)
                yield end()
            except Exception as error:
                yield failed(failure_of(error))

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events(), media_type="text/event-stream", headers=headers)


async def _next(pieces: AsyncIterator[str], deadline: float) -> str | None:
    """The next piece; None: there is none.

    Raises:
        TimeoutError: The deadline has passed.
    """
    async with asyncio.timeout_at(deadline):
        return await anext(pieces, None)
