"""The ASGI application over a memory."""

import hashlib
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from hippo import __version__
from hippo.config import ServeConfig
from hippo.errors import HippoError
from hippo.serving.chat import chat
from hippo.serving.guard import Guard
from hippo.serving.measures import Measures
from hippo.serving.problems import Told, on_failure
from hippo.serving.remembering import memories
from hippo.serving.routes import MissingDocumentError, changes, figures, questions, state
from hippo.serving.service import BusyError, NotRunningError, Service
from hippo.serving.tokens import Tokens

if TYPE_CHECKING:
    from hippo.engine import Hippo

__all__ = ["create_app", "create_explorer"]

_ABOUT = """\
Ranked passages and answers from an index of hippo.

Every error is `{"error": {"type", "message", "remedy", "request_id"}}`. The header `X-Request-ID` names a request in
the log; without one the server makes an id."""


def create_app(memory: "Hippo", *, tokens: Tokens | None = None, settings: ServeConfig | None = None) -> FastAPI:
    """The application that `hippo serve` runs, for an ASGI server of your own.

    Args:
        memory: The memory; it stays open until the caller closes it, after the server has stopped.
        tokens: Who may do what; None: the tokens of the configuration and of the environment.
        settings: Limits; None: the section `serve` of the memory's configuration.

    Raises:
        ConfigError: `serve.host` is an address that other machines can reach, and there are no tokens.
    """
    settings = settings or memory.config.serve
    tokens = Tokens.read(settings.token_file, os.environ) if tokens is None else tokens
    tokens.check(settings.host, memory.config.places.of("serve.host") or "config")
    return _application(memory, tokens, settings, (questions, changes, memories, chat))


def create_explorer(memory: "Hippo", token: str, *, write: bool = False) -> FastAPI:
    """The application that `hippo explore` runs: the page, what it asks for, and questions as `hippo serve` has them.

    Requests have to name this machine as their host, also where they bring the token.

    Args:
        memory: The memory; it stays open until the caller closes it, after the server has stopped.
        token: What the page has to send; the address that opens it has it after `#token=`.
        write: Whether the index may be changed with it.
    """
    from hippo.serving import explorer

    tokens = Tokens([("write" if write else "read", hashlib.sha256(token.encode()).digest())])
    app = _application(
        memory,
        tokens,
        replace(memory.config.serve, host="127.0.0.1"),
        (questions, changes, explorer.explorer),
        open_paths=explorer.OPEN,
        questions=explorer.QUESTIONS,
        only_here=True,
    )
    app.include_router(explorer.page)
    app.state.writable = write
    return app


def _application(
    memory: "Hippo", tokens: Tokens, settings: ServeConfig, routers: Sequence[APIRouter], **guarded: Any
) -> FastAPI:
    """An application with some of the endpoints, and all that stands around them.

    Args:
        memory: The memory.
        tokens: Who may do what.
        settings: Limits.
        routers: Endpoints that need a token.
        guarded: Further arguments of `Guard`.
    """
    measures = Measures()
    service = Service(memory, settings, measures)
    measures.watch(lambda: memory.usage, lambda: memory.background_work, lambda: service.ready)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    app = FastAPI(
        title="hippo",
        version=__version__,
        description=_ABOUT,
        lifespan=lifespan,
        # Their pages load scripts from elsewhere; the schema itself is at /openapi.json.
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    bearer = [Depends(HTTPBearer(auto_error=False, description="A token of the server."))] if tokens else []
    for router in (*routers, figures):
        app.include_router(router, dependencies=bearer)
    app.include_router(state)
    for kind in (HippoError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, on_failure)
    app.add_exception_handler(BusyError, _busy)
    app.add_exception_handler(NotRunningError, _not_running)
    app.add_exception_handler(MissingDocumentError, _missing)
    app.add_middleware(Guard, settings=settings, tokens=tokens, measures=measures, **guarded)
    return app


async def _busy(request: Request, _: Exception) -> Response:
    most = request.app.state.service.settings.max_changes
    told = f"{most} changes are under way or waiting, the most that the server takes"
    problem = Told(429, "BusyError", told, "Try again after a second.", {"Retry-After": "1"})
    return problem.response(request.scope)


async def _not_running(request: Request, _: Exception) -> Response:
    remedy = "Try again after a second; where the application is mounted in another, that one has to run its lifespan."
    problem = Told(503, "NotRunningError", "the server was not started, or is stopping", remedy, {"Retry-After": "1"})
    return problem.response(request.scope)


async def _missing(request: Request, error: Exception) -> Response:
    problem = Told(404, "DocumentError", str(error), "Look up its id, or add it: POST /documents.")
    return problem.response(request.scope)
