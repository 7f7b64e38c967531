"""What the page of `hippo explore` asks for, and the page itself."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field

from hippo.background import in_thread
from hippo.explorer import ASSETS, page_of, served_page
from hippo.explorer.page import asset, policy
from hippo.graph.model import KINDS
from hippo.retrieval.profiles import PROFILES
from hippo.serving.problems import json_response
from hippo.serving.routes import ERRORS, ServiceOf, check_k
from hippo.serving.schemas import Question, Where, _Body
from hippo.types import View

__all__ = ["OPEN", "QUESTIONS", "explorer", "page"]

OPEN = ("/", *ASSETS)
"""Paths of the page, which hold nothing of the index and need no token."""
QUESTIONS = ("/explorer/view", "/explorer/page", "/explorer/sentences")
"""Paths whose POST changes nothing."""
_HEADERS = {
    "Content-Security-Policy": policy(
        script_src="'self'",
        style_src="'self'",
        connect_src="'self'",
        img_src="'self' data:",
        frame_ancestors="'none'",
        require_trusted_types_for="'script'",
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}

page = APIRouter(include_in_schema=False)
explorer = APIRouter(tags=["explorer"], responses=ERRORS)


class ViewRequest(_Body):
    """A picture of a question."""

    question: Question
    k: int = Field(5, ge=1)
    profiles: list[str | None] = Field([None], min_length=1, max_length=2)
    nodes: int = Field(150, ge=1, le=5000)
    steps: int = Field(12, ge=1, le=100)
    sentences: int = Field(0, ge=0, le=10)
    where: Where = None
    as_of: str | None = None


class SentencesRequest(_Body):
    """Sentences behind a node or an edge."""

    entities: list[str] = Field([], max_length=2)
    passage: str | None = None
    k: int = Field(10, ge=1, le=100)
    where: Where = None
    as_of: str | None = None


class DecisionRequest(_Body):
    """A decision about two names; null: forget what was decided."""

    first: str
    second: str
    decision: Literal["accepted", "rejected"] | None


@page.get("/")
async def show() -> Response:
    """The page."""
    return Response(served_page(), headers=_HEADERS, media_type="text/html")


def _add_asset(path: str) -> None:
    async def show_asset() -> Response:
        found = asset(path)
        return Response(found.text, headers=_HEADERS, media_type=found.media_type)

    page.add_api_route(path, show_asset, methods=["GET"])


for _path in ASSETS:
    _add_asset(_path)


async def _view(body: ViewRequest, service: ServiceOf) -> View:
    check_k(service, body.k)
    return await in_thread(service.memory.view, **body.model_dump())


@explorer.get("/explorer/setup", summary="What the page needs to know of the index")
async def setup(service: ServiceOf, request: Request) -> Response:
    """Its name, its profiles, and whether it may be changed from here."""
    settings = service.memory.config.retrieval
    names = list(dict.fromkeys([settings.profile, *PROFILES, *settings.profiles]))
    path = service.memory.path
    return json_response(
        {
            "index": path.resolve().name,
            "writable": request.app.state.writable,
            "profiles": names,
            "kinds": KINDS,
        }
    )


@explorer.post("/explorer/view", summary="Draw a question")
async def view(body: ViewRequest, service: ServiceOf) -> Response:
    """Ranked passages, the graph around them, and activation sweep by sweep."""
    made = await _view(body, service)
    return await in_thread(lambda: json_response(made.to_dict()))


@explorer.post("/explorer/page", summary="Draw a question as one file")
async def view_page(body: ViewRequest, service: ServiceOf) -> Response:
    """The same as one page of HTML, to be kept or sent."""
    made = await _view(body, service)
    headers = {**_HEADERS, "Content-Disposition": 'attachment; filename="hippo.html"'}
    return Response(await in_thread(page_of, made), headers=headers, media_type="text/html")


@explorer.post("/explorer/sentences", summary="Sentences behind a node or an edge")
async def sentences(body: SentencesRequest, service: ServiceOf) -> Response:
    """Sentences that name all of some entities, or those of a passage."""
    options: dict[str, Any] = body.model_dump(exclude={"entities"})
    found = await in_thread(lambda: service.memory.sentences(*body.entities, **options))
    return json_response([one.to_dict() for one in found])


@explorer.get("/explorer/document", summary="A document by its id, whatever characters that has")
async def document(service: ServiceOf, id: str) -> Response:  # noqa: A002  (its name in the address)
    """A document with its text, chunks and facts."""
    return json_response((await in_thread(service.memory.get, id)).to_dict())


@explorer.get("/explorer/entities", summary="Entities by name")
async def entities(
    service: ServiceOf,
    name: str | None = None,
    where: str | None = None,
    k: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> Response:
    """Entities that a name may mean, `k` of them behind `offset`; without a name those that most passages mention."""
    found = await in_thread(service.memory.entities, name or None, k=offset + k, where=where or None)
    return json_response([one.to_dict() for one in found[offset:]])


@explorer.get("/explorer/neighbors", summary="What is joined to an entity")
async def neighbors(
    service: ServiceOf, entity: str, where: str | None = None, k: Annotated[int, Query(ge=1, le=100)] = 10
) -> Response:
    """Entities and passages next to it, each with the sentence that says so."""
    found = await in_thread(service.memory.neighbors, entity, k=k, where=where or None)
    return json_response([one.to_dict() for one in found])


@explorer.get("/explorer/synonyms", summary="Names that are taken for one")
async def synonyms(
    service: ServiceOf,
    entity: str | None = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Pairs that are similar or were decided about, and how many there are in all."""
    found = await in_thread(service.memory.synonyms, entity or None)
    listed = [one.to_dict() for one in found[offset : offset + limit]]
    return json_response({"total": len(found), "synonyms": listed})


@explorer.post("/explorer/synonyms", summary="Decide about two names")
async def decide(body: DecisionRequest, service: ServiceOf) -> Response:
    """Take two names for one, keep them apart, or forget what was decided."""
    memory = service.memory
    methods = {"accepted": memory.accept_synonym, "rejected": memory.reject_synonym, None: memory.reset_synonym}
    report = await service.change(lambda: methods[body.decision](body.first, body.second))
    return json_response(report.to_dict())


@explorer.get("/explorer/health", summary="Whether the index is sound")
async def health(service: ServiceOf) -> Response:
    """What an examination finds that compares sizes of files, not their sums."""
    from hippo.maintenance import check

    found = await in_thread(lambda: check(service.memory.path, quick=True))
    return json_response({**found.to_dict(), "sound": found.sound})
