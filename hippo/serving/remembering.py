"""The endpoints of a memory as agents use it: remember, recall, forget, link, merge, consolidate."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from hippo.background import in_thread
from hippo.checks import within
from hippo.serving.problems import json_response
from hippo.serving.routes import ERRORS, ServiceOf, check_k
from hippo.serving.schemas import (
    ConsolidateRequest,
    ContextRequest,
    ForgetRequest,
    LinkRequest,
    PruneRequest,
    RecallRequest,
    RememberRequest,
    UnlinkRequest,
)
from hippo.types import ChangeReport, Consolidation, Context, Link, PrunedDocument, Retrieval

__all__ = ["memories"]

memories = APIRouter(tags=["memory"], responses=ERRORS)


class Named(BaseModel):
    """Documents by their ids, in order."""

    documents: list[str] = Field(examples=[["chat-7/000000012"]])


@memories.post("/remember", response_model=Named, summary="Remember a text or messages")
async def remember(body: RememberRequest, service: ServiceOf) -> Response:
    """Ids of the documents, which are on disk. Waits for no change, and no question waits for it."""
    options = body.model_dump(include={"session", "timestamp", "metadata"})
    ids = await in_thread(partial(service.memory.remember, body.what(), **options))
    return json_response({"documents": ids})


@memories.post("/recall", response_model=Retrieval, summary="Rank what was remembered for a question")
async def recall(body: RecallRequest, service: ServiceOf) -> Response:
    """As /retrieve, which sees what was remembered too, within one session if that is wanted."""
    check_k(service, body.k)
    options = {**body.options(), "steps": 1, "where": within(body.session, body.where)}
    [found] = await service.retrieve([body.question], options)
    return json_response(found.to_dict())


@memories.post("/context", response_model=Context, summary="Pack what is known about a question for a reader")
async def context(body: ContextRequest, service: ServiceOf) -> Response:
    """Facts with dates and sources, then summaries, then passages, within a budget of tokens."""
    check_k(service, body.k)
    packed = await in_thread(partial(service.memory.context, **body.model_dump()))
    service.measures.took(packed.retrieval.seconds)
    return json_response(packed.to_dict())


@memories.post("/forget", response_model=Named, summary="Forget documents, by ids, session or condition")
async def forget(body: ForgetRequest, service: ServiceOf) -> Response:
    """Ids of what no question is answered from any more; the merge that begins then takes it off the disk."""
    options = body.model_dump(include={"session", "where", "missing_ok", "dry_run"})
    gone = await in_thread(partial(service.memory.forget, *body.ids or (), **options))
    return json_response({"documents": gone})


@memories.post("/prune", response_model=list[PrunedDocument], summary="Delete what a policy no longer keeps")
async def prune(body: PruneRequest, service: ServiceOf) -> Response:
    """What goes, the oldest first; nothing is deleted unless `dry_run` is false."""
    work = partial(service.memory.prune, **body.model_dump())
    gone = await (in_thread(work) if body.dry_run else service.change(work))
    return json_response([one.to_dict() for one in gone])


@memories.get("/links", response_model=list[Link], summary="List links")
async def links(
    service: ServiceOf,
    name: Annotated[str | None, Query(description="Only those of this document, passage or entity.")] = None,
) -> Response:
    """Edges that people made, in the order of their ends."""
    return json_response([one.to_dict() for one in await in_thread(service.memory.links, name)])


@memories.post("/links", response_model=Link, summary="Join two documents, passages or entities")
async def link(body: LinkRequest, service: ServiceOf) -> Response:
    """The link, which is on disk, and which the next question sees."""
    made = await in_thread(partial(service.memory.link, **body.model_dump()))
    return json_response(made.to_dict())


@memories.post("/links/delete", response_model=list[Link], summary="Take links away")
async def unlink(body: UnlinkRequest, service: ServiceOf) -> Response:
    """Those that there were."""
    found = await in_thread(partial(service.memory.unlink, **body.model_dump()))
    return json_response([one.to_dict() for one in found])


@memories.post("/merge", response_model=ChangeReport, summary="Bring what was remembered into the index")
async def merge(service: ServiceOf) -> Response:
    """Publish what was remembered and forgotten. It happens by itself too, in the background."""
    return json_response((await service.change(service.memory.merge)).to_dict())


@memories.post("/consolidate", response_model=Consolidation, summary="Make gists, join facts, find contradictions")
async def consolidate(body: ConsolidateRequest, service: ServiceOf) -> Response:
    """Numbers of what was made, as `Hippo.consolidate`. Waits for its turn among the changes."""
    done = await service.change(partial(service.memory.consolidate, **body.model_dump()))
    return json_response(done.to_dict())
