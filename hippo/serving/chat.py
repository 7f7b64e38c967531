"""Chat completions as OpenAI's API has them: any chat client can ask the index.

The question is the last message of the user, and may go on those before it. Temperatures and tools are up to the
server's configuration, whatever the client says of them. The answer ends with its sources, since chat clients show
nothing but text; the field `citations` has them too.
"""

import re
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from hippo.background import in_thread
from hippo.errors import HippoError, QuestionError
from hippo.retrieval.profiles import PROFILES
from hippo.serving.events import EVENTS, event, streamed
from hippo.serving.problems import STATUSES, Problem, Told, failure_of, json_response
from hippo.serving.routes import ServiceOf
from hippo.serving.schemas import ChatMessage, ChatRequest
from hippo.serving.service import Service
from hippo.types import Answer, Usage

__all__ = ["chat"]


class _Route(APIRoute):
    """An endpoint whose errors are told as clients of OpenAI's API expect them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await answer(request)
            except (HippoError, RequestValidationError, _UnknownModelError) as error:
                told, param, code = _told(error)
                return told.response(request.scope, param=param, code=code)

        return handle


class _ChatProblem(Problem):
    """What went wrong."""

    param: str | None = Field(None, description="The field that is wrong, where it is one.")
    code: str | None = Field(None, description="A word for programs, where there is one.")


class _ChatFailure(BaseModel):
    """Every answer that is an error has this form."""

    error: _ChatProblem


class _UnknownModelError(Exception):
    """No such model. `args`: name, known names."""


_ERRORS: dict[int | str, dict[str, Any]] = {
    **{status: {"model": _ChatFailure, "description": told} for status, told in STATUSES.items() if status != 422},
    # FastAPI describes a 422 of its own where nothing is said of it.
    "4XX": {"model": _ChatFailure, "description": "What is wrong with the request"},
}

chat = APIRouter(prefix="/v1", tags=["chat"], responses=_ERRORS, route_class=_Route)

_MODEL = "hippo"
_SOURCES = re.compile(r"\n\nSources:\n(?:\[\d+\] .*(?:\n|\Z))+\Z")


class _Model(BaseModel):
    id: str
    object: str
    created: int
    owned_by: str


class _Models(BaseModel):
    object: str
    data: list[_Model]


class _Completion(BaseModel):
    id: str
    object: str
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: dict[str, Any]
    citations: list[dict[str, Any]]


def _names(service: Service) -> list[str]:
    own = service.memory.config.retrieval.profiles
    return [_MODEL, *(f"{_MODEL}/{name}" for name in dict.fromkeys([*PROFILES, *own]))]


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": _MODEL}


@chat.get("/models", response_model=_Models, summary="Models: the retrieval profiles")
async def models(service: ServiceOf) -> Response:
    """`hippo` is the server's profile, `hippo/NAME` another one."""
    return json_response({"object": "list", "data": [_model(name) for name in _names(service)]})


@chat.get("/models/{model:path}", response_model=_Model, summary="One of the models")
async def model(model: str, service: ServiceOf) -> Response:
    """As it is in the list."""
    if model not in _names(service):
        raise _UnknownModelError(model, _names(service))
    return json_response(_model(model))


@chat.post(
    "/chat/completions",
    response_model=_Completion,
    responses={200: {"content": EVENTS}},
    summary="Answer from the index, as a chat completion",
)
async def completions(body: ChatRequest, service: ServiceOf, request: Request) -> Response:
    """The answer to the last message of the user, with its sources at the end; `stream` gives it in chunks.

    What was said before counts: a question may go on it, and messages of the system say how to answer.
    """
    if body.model not in _names(service):
        raise _UnknownModelError(body.model, _names(service))
    question, history = _asked(body.messages)
    options: dict[str, Any] = {"profile": body.model.partition("/")[2] or None, "history": history}
    if limit := body.limit():
        options["max_tokens"] = service.tokens(limit)
    head = {"id": f"chatcmpl-{uuid4().hex}", "created": int(time.time()), "model": body.model}
    if not body.stream:
        return json_response(_whole(head, await service.ask(question, options)))
    # In a thread, because the model may have to be loaded.
    stream = await in_thread(partial(service.memory.ask_stream, question, **options))
    wants_usage = body.stream_options is not None and body.stream_options.include_usage
    opening = iter([{"role": "assistant"}])  # Clients join what chunks say, roles too.

    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": {**next(opening, {}), **delta}, "finish_reason": finish}
        usage = {"usage": None} if wants_usage else {}
        return event({**head, "object": "chat.completion.chunk", "choices": [choice], **usage, **more})

    def end() -> bytes:
        answer = stream.answer
        if answer is None:
            return b"data: [DONE]\n\n"
        last = chunk({"content": _sources(answer)}) + chunk({}, answer.finish, citations=_citations(answer))
        if wants_usage:
            last += event({**head, "object": "chat.completion.chunk", "choices": [], "usage": _usage(answer)})
        return last + b"data: [DONE]\n\n"

    def failed(told: Told) -> bytes:
        return event(told.body(request.scope))

    return await streamed(request, stream, piece=lambda text: chunk({"content": text}), end=end, failed=failed)


def _asked(messages: list[ChatMessage]) -> tuple[str, list[dict[str, Any]]]:
    """The question, and what was said before it.

    Raises:
        QuestionError: There is none, or it is not text alone.
    """
    place = max((place for place, one in enumerate(messages) if one.role == "user"), default=-1)
    if place < 0 or not (question := messages[place].text()).strip():
        raise QuestionError("messages need one of the role user that is not empty", "")
    if other := messages[place].other_kinds():
        raise QuestionError("the question can hold nothing but text", other[0])
    orders = [one for one in messages[place:] if one.role in ("system", "developer")]
    return question, [_said(one) for one in (*messages[:place], *orders)]


def _said(message: ChatMessage) -> dict[str, Any]:
    """A message without the sources that the server puts at the end of its own."""
    text = message.text()
    if message.role == "assistant":
        text = _SOURCES.sub("", text)
    return {"role": message.role, "content": text, **({"name": message.name} if message.name else {})}


def _told(error: Exception) -> tuple[Told, str | None, str | None]:
    """How an error is told: its status, the field that is wrong, a code.

    What is wrong with a request has status 400 for clients of OpenAI's API.
    """
    if isinstance(error, _UnknownModelError):
        name, known = error.args
        remedy = f"Known: {', '.join(known)}."
        return Told(404, "UnknownNameError", f"unknown model {name[:80]!r}", remedy), "model", "model_not_found"
    told = failure_of(error)
    if told.status == 422:
        told = replace(told, status=400)
    param = "messages" if isinstance(error, QuestionError) else None
    if isinstance(error, RequestValidationError) and error.errors()[0]["type"] != "json_invalid":
        param = ".".join(str(part) for part in error.errors()[0]["loc"][1:]) or None
    return told, param, None


def _whole(head: dict[str, Any], answer: Answer) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer.text + _sources(answer), "refusal": None}
    return {
        **head,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": answer.finish, "logprobs": None}],
        "usage": _usage(answer),
        "citations": _citations(answer),
    }


def _sources(answer: Answer) -> str:
    """The passages that the text cites, as its last lines; "" where it cites none."""
    lines = [
        f"[{one.number}] {' '.join(one.title.split())} ({one.document_id})"
        if one.title
        else f"[{one.number}] {one.document_id}"
        for one in answer.citations
    ]
    return "\n\nSources:\n" + "\n".join(lines) if lines else ""


def _citations(answer: Answer) -> list[dict[str, Any]]:
    texts = {hit.chunk_id: hit.text for hit in answer.retrieval.hits}
    return [{**one.to_dict(), "text": texts[one.chunk_id]} for one in answer.citations]


def _usage(answer: Answer) -> dict[str, int]:
    total = sum(answer.usage.values(), Usage())
    prompt, completion = total.input_tokens, total.output_tokens
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
