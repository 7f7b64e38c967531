"""The endpoints for questions, changes and the state of the server."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from hippo.background import in_thread
from hippo.errors import DocumentError, IndexEmptyError, QuestionError
from hippo.serving.events import EVENTS, event, streamed
from hippo.serving.measures import CONTENT_TYPE
from hippo.serving.problems import STATUSES, Failure, Told, json_response
from hippo.serving.schemas import (
    AskRequest,
    DeleteRequest,
    DocumentsRequest,
    ManyRequest,
    RetrieveRequest,
    UpdateRequest,
)
from hippo.serving.service import Service
from hippo.types import Answer, ChangeReport, DocumentEntry, Retrieval, Status, StoredDocument

__all__ = ["ERRORS", "MissingDocumentError", "ServiceOf", "changes", "figures", "questions", "state"]

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Failure, "description": meaning} for status, meaning in STATUSES.items()
}
"""Errors in the schema."""

questions = APIRouter(tags=["questions"], responses=ERRORS)
changes = APIRouter(tags=["changes"], responses=ERRORS)
figures = APIRouter(tags=["state"], responses=ERRORS)
"""State that needs a token to be seen."""
state = APIRouter(tags=["state"])


class MissingDocumentError(Exception):
    """The index holds no document of an id. `args`: what the index said."""


class Alive(BaseModel):
    """The process answers."""

    status: str = Field(examples=["ok"])


class Ready(BaseModel):
    """Whether questions can be answered."""

    ready: bool
    snapshot: str | None = Field(description="The open snapshot; null: the index holds nothing yet.")


class Doomed(BaseModel):
    """Documents that would be deleted."""

    documents: list[str]


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceOf = Annotated[Service, Depends(_service)]


def check_k(service: Service, k: int) -> None:
    """Refuse more passages than the server gives.

    Raises:
        QuestionError: It is more.
    """
    if k > service.settings.max_k:
        raise QuestionError(f"k must be at most {service.settings.max_k}", k)


@questions.post("/retrieve", response_model=Retrieval, summary="Rank passages for a question")
async def retrieve(body: RetrieveRequest, service: ServiceOf) -> Response:
    """Ranked passages, best first, and how they were found."""
    check_k(service, body.k)
    [found] = await service.retrieve([body.question], body.options())
    return json_response(found.to_dict())


@questions.post("/retrieve_many", response_model=list[Retrieval], summary="Rank passages for many questions")
async def retrieve_many(body: ManyRequest, service: ServiceOf) -> Response:
    """The same for every question, in their order, at less cost than one by one."""
    check_k(service, body.k)
    if len(body.questions) > service.settings.max_questions:
        raise QuestionError(f"questions must be at most {service.settings.max_questions}", len(body.questions))
    found = await service.retrieve(body.questions, body.options())
    return json_response([one.to_dict() for one in found])


@questions.post(
    "/ask",
    response_model=Answer,
    summary="Answer a question",
    responses={200: {"content": EVENTS}},
)
async def ask(body: AskRequest, service: ServiceOf, request: Request) -> Response:
    """An answer with citations, by the language model of the server.

    With `stream` it comes as server-sent events: `piece` holds some of its text, `answer` at the end the whole answer,
    `error` what went wrong.
    """
    check_k(service, body.k)
    options = {**body.options(), "max_tokens": service.tokens(body.max_tokens)}
    if not body.stream:
        return json_response((await service.ask(body.question, options)).to_dict())
    # In a thread, because the model may have to be loaded.
    stream = await in_thread(partial(service.memory.ask_stream, body.question, **options))

    def end() -> bytes:
        return event(stream.answer.to_dict() if stream.answer else None, "answer")

    def failed(told: Told) -> bytes:
        return event(told.body(request.scope), "error")

    return await streamed(request, stream, piece=lambda text: event({"text": text}, "piece"), end=end, failed=failed)


@questions.get("/documents", response_model=list[DocumentEntry], summary="List documents")
async def documents(
    service: ServiceOf,
    where: Annotated[str | None, Query(description="A condition on their metadata.", examples=["year >= 1800"])] = None,
    offset: Annotated[int, Query(ge=0, description="How many to pass over.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many to give.")] = 100,
) -> Response:
    """Documents of the open snapshot by id: title, metadata, timestamp, source, size."""
    found = await in_thread(service.memory.documents, where=where)
    return json_response([one.to_dict() for one in found[offset : offset + limit]])


@questions.get("/documents/{document_id:path}", response_model=StoredDocument, summary="Show a document")
async def document(document_id: str, service: ServiceOf) -> Response:
    """A document with its text, chunks and facts."""
    try:
        found = await in_thread(service.memory.get, document_id)
    except DocumentError as error:
        raise MissingDocumentError(str(error)) from error
    return json_response(found.to_dict())


@changes.post("/documents", response_model=ChangeReport, summary="Add documents")
async def add(body: DocumentsRequest, service: ServiceOf) -> Response:
    """Add documents and publish them. A known id is replaced, unless nothing of it changed."""
    documents = [one.model_dump() for one in body.documents]
    report = await service.change(lambda: service.memory.add(documents))
    return json_response(report.to_dict())


@changes.patch("/documents/{document_id:path}", response_model=ChangeReport, summary="Update a document")
async def update(document_id: str, body: UpdateRequest, service: ServiceOf) -> Response:
    """Give a document new values; what is not named stays."""
    values = body.model_dump(exclude_unset=True)

    def work() -> ChangeReport:
        _check_there(service, document_id)
        return service.memory.update(document_id, **values)

    return json_response((await service.change(work)).to_dict())


@changes.post(
    "/documents/delete", response_model=ChangeReport | Doomed, summary="Delete documents by ids or by a condition"
)
async def delete_many(body: DeleteRequest, service: ServiceOf) -> Response:
    """Delete documents with all that came from them; with `dry_run` only list them."""
    ids, memory = body.ids or [], service.memory
    options: dict[str, Any] = {"where": body.where, "missing_ok": body.missing_ok, "forget": body.forget}
    if body.dry_run:
        return json_response({"documents": await service.change(lambda: memory.select(*ids, **options))})
    report = await service.change(lambda: memory.delete(*ids, **options))
    return json_response(report.to_dict())


@changes.delete("/documents/{document_id:path}", response_model=ChangeReport, summary="Delete a document")
async def delete(document_id: str, service: ServiceOf) -> Response:
    """Delete a document with all that came from it."""

    def work() -> ChangeReport:
        _check_there(service, document_id)
        return service.memory.delete(document_id)

    return json_response((await service.change(work)).to_dict())


def _check_there(service: Service, document_id: str) -> None:
    try:
        service.memory.get(document_id)
    except (DocumentError, IndexEmptyError) as error:
        raise MissingDocumentError(str(error)) from error


@figures.get("/status", response_model=Status, summary="What the index holds")
async def status(service: ServiceOf) -> Response:
    """Numbers of documents, passages, facts and entities, what the index was made with, and its size."""
    return json_response((await service.status()).to_dict())


@state.get("/health", response_model=Alive, summary="Whether the process answers")
async def health() -> Response:
    """Always the same answer: for whoever restarts a process that hangs."""
    return json_response({"status": "ok"})


@state.get(
    "/ready",
    response_model=Ready,
    responses={503: {"model": Ready, "description": "Not yet, or not any more"}},
    summary="Whether questions can be answered",
)
async def ready(service: ServiceOf) -> Response:
    """Status 200 once the index is open, 503 before that and while the server stops: for load balancers."""
    body = {"ready": service.ready, "snapshot": service.memory.snapshot}
    return json_response(body, 200 if service.ready else 503)


@figures.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    summary="Figures for Prometheus",
)
async def metrics(service: ServiceOf) -> Response:
    """Requests, durations, stages and use of language models, in Prometheus' text format."""
    return Response(service.measures.text(), media_type=CONTENT_TYPE)
