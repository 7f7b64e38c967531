"""The endpoints of the test server: HTTP on the one side, the model and its batches on the other."""

import asyncio
import json
from collections.abc import Callable
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

from hippo.testing.server_batches import Batches
from hippo.testing.server_calls import Reply
from hippo.testing.server_http import Body, Silence, Stream, error_page, json_body
from hippo.testing.server_model import Model
from hippo.testing.server_rules import RefusalError
from hippo.types import to_dict

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request

__all__ = ["Endpoints"]


class Endpoints:
    """Answers HTTP requests, all of them in one event loop.

    Args:
        model: Who answers.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._batches = Batches(model.batch_item, delay=model.options.batch_delay, limits=model.options.batch_limits)

    def application(self) -> "Starlette":
        """The ASGI application."""
        from starlette.applications import Starlette
        from starlette.routing import Route

        return Starlette(
            routes=[
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1/models", self._models),
                Route("/v1/files", self._upload, methods=["POST"]),
                Route("/v1/files/{id}", self._file),
                Route("/v1/files/{id}/content", self._content),
                Route("/v1/batches", self._list),
                Route("/v1/batches", self._create, methods=["POST"]),
                Route("/v1/batches/{id}", self._batch),
                Route("/v1/batches/{id}/cancel", self._cancel, methods=["POST"]),
                Route("/health", self._health),
                Route("/stats", self._stats),
                Route("/reset", self._reset, methods=["POST"]),
            ]
        )

    async def _chat(self, request: "Request") -> Body | Stream | Silence:
        model, ledger = self._model, self._model.ledger
        try:
            self._authorise(request)
            call = model.read(await _json(request))
        except RefusalError as refusal:
            ledger.refuse()
            return self._error(refusal)
        with ledger.under_way():
            kind, turn = model.draw(call)
            if seconds := model.seconds(call, kind):
                with ledger.delayed():
                    left = await _left(request, seconds)
                if left:
                    ledger.abandon()
                    return Silence()
            if kind == "html":
                return error_page((502, 200)[turn % 2])
            try:
                reply = model.reply(call, kind, turn)
            except RefusalError as refusal:
                return self._error(refusal)
        return self._deliver(request, reply, cut=kind == "cut")

    def _deliver(self, request: "Request", reply: Reply, *, cut: bool) -> Body | Stream:
        def finishing() -> None:
            self._model.pay(reply)

        if not reply.call.stream:
            return json_body(reply.body(), cut=cut, finishing=finishing)

        async def left() -> bool:
            return await _left(request, 0.0)

        return Stream(reply.events(), cut, left, finishing, self._model.ledger.abandon, self._model.options.pace)

    async def _models(self, request: "Request") -> Body:
        names = self._model.options.models or ("test-model",)
        models = [{"id": name, "object": "model", "created": 0, "owned_by": "hippo"} for name in names]
        return self._answer(request, lambda: {"object": "list", "data": models})

    async def _upload(self, request: "Request") -> Body:
        body = await request.body()
        return self._answer(request, lambda: self._batches.upload(request.headers.get("content-type", ""), body))

    async def _file(self, request: "Request") -> Body:
        return self._answer(request, lambda: self._batches.file(request.path_params["id"]))

    async def _content(self, request: "Request") -> Body:
        return self._answer(request, lambda: self._batches.content(request.path_params["id"]))

    async def _create(self, request: "Request") -> Body:
        try:
            body = await _json(request)
        except RefusalError as refusal:
            return self._error(refusal)
        return self._answer(request, lambda: self._batches.create(body))

    async def _list(self, request: "Request") -> Body:
        return self._answer(request, lambda: {"object": "list", "data": self._batches.all(), "has_more": False})

    async def _batch(self, request: "Request") -> Body:
        return self._answer(request, lambda: self._batches.get(request.path_params["id"]))

    async def _cancel(self, request: "Request") -> Body:
        return self._answer(request, lambda: self._batches.cancel(request.path_params["id"]))

    async def _health(self, request: "Request") -> Body:  # noqa: ARG002 - as vLLM has it: no key is needed
        return json_body({})

    async def _stats(self, request: "Request") -> Body:  # noqa: ARG002 - no key is needed for it
        return json_body(to_dict(self._model.ledger.stats()))

    async def _reset(self, request: "Request") -> Body:  # noqa: ARG002
        self._model.ledger.reset()
        self._model.plan.clear()
        return json_body({})

    def _answer(self, request: "Request", value: Callable[[], Any]) -> Body:
        """JSON of a value, or the bytes that it is, to those who hold the key."""
        try:
            self._authorise(request)
            found = value()
        except RefusalError as refusal:
            return self._error(refusal)
        return Body(found, kind=b"application/octet-stream") if isinstance(found, bytes) else json_body(found)

    def _authorise(self, request: "Request") -> None:
        key = self._model.options.api_key
        given = request.headers.get("authorization", "") if key is not None else ""
        if key is not None and not compare_digest(given.encode(), f"Bearer {key}".encode()):
            raise RefusalError("Incorrect API key provided.", 401, "invalid_request_error", "invalid_api_key", None)

    def _error(self, refusal: RefusalError) -> Body:
        seconds = self._model.plan.faults.retry_after if refusal.status in (429, 503) else None
        headers = () if seconds is None else ((b"retry-after", f"{seconds:g}".encode()),)
        return json_body(refusal.body(), refusal.status, headers=headers)


async def _json(request: "Request") -> Any:
    try:
        return json.loads(await request.body())
    except ValueError as error:
        raise RefusalError("the body is no JSON", 400, "invalid_request_error", None, None) from error


async def _left(request: "Request", seconds: float) -> bool:
    """Wait; whether the client leaves meanwhile."""
    try:
        async with asyncio.timeout(seconds):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True
