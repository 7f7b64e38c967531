"""Chat completions as OpenAI's API has them: any chat client can ask the index.

The question is the last message of the user; temperatures, limits and tools are up to the server's configuration,
whatever the client says of them. The answer ends with its sources, since chat clients show nothing but text; the field
`citations` has them too.
"""

import time
from functools import partial
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel

from hippo.background import in_thread
from hippo.errors import QuestionError
from hippo.retrieval.profiles import PROFILES
from hippo.serving.events import EVENTS, event, streamed
from hippo.serving.problems import Told, json_response
from hippo.serving.routes import ERRORS, ServiceOf
from hippo.serving.schemas import ChatRequest
from hippo.serving.service import Service
from hippo.types import Answer, Usage

__all__ = ["UnknownModelError", "chat"]

chat = APIRouter(prefix="/v1", tags=["chat"], responses=ERRORS)

_MODEL = "hippo"


class UnknownModelError(Exception):
    """No such model. `args`: name, known names."""


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
        raise UnknownModelError(model, _names(service))
    return json_response(_model(model))


@chat.post(
    "/chat/completions",
    response_model=_Completion,
    responses={200: {"content": EVENTS}},
    summary="Answer from the index, as a chat completion",
)
async def completions(body: ChatRequest, service: ServiceOf, request: Request) -> Response:
    """The answer to the last message of the user, with its sources at the end; `stream` gives it in chunks."""
    if body.model not in _names(service):
        raise UnknownModelError(body.model, _names(service))
    question = next((one.text() for one in reversed(body.messages) if one.role == "user"), "")
    if not question.strip():
        raise QuestionError("messages need one of the role user that is not empty", question)
    options: dict[str, Any] = {"profile": body.model.partition("/")[2] or None}
    head = {"id": f"chatcmpl-{uuid4().hex}", "created": int(time.time()), "model": body.model}
    if not body.stream:
        return json_response(_whole(head, await service.ask(question, options)))
    # In a thread, because the model may have to be loaded.
    stream = await in_thread(partial(service.memory.ask_stream, question, **options))
    wants_usage = body.stream_options is not None and body.stream_options.include_usage

    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return event({**head, "object": "chat.completion.chunk", "choices": [choice], **more})

    def end() -> bytes:
        answer = stream.answer
        if answer is None:
            return b"data: [DONE]\n\n"
        last = chunk({"content": _sources(answer)}) + chunk({}, answer.finish, citations=_citations(answer))
        if wants_usage:
            last += event({**head, "object": "chat.completion.chunk", "choices": [], "usage": _usage(answer)})
        return last + b"data: [DONE]\n\n"

    def failed(told: Told) -> bytes:
        return event(told.body(request.scope["state"]["request_id"]))

    return await streamed(
        request, stream, piece=lambda text: chunk({"role": "assistant", "content": text}), end=end, failed=failed
    )


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
        f"[{one.number}] {one.title} ({one.document_id})" if one.title else f"[{one.number}] {one.document_id}"
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
