"""The application inside others: below a path, started again, with files of tokens that say too little."""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from hippo import Hippo
from hippo.config import ServeConfig
from hippo.errors import ConfigError
from hippo.serving import create_app
from hippo.serving.chat import chat
from hippo.serving.explorer import QUESTIONS as EXPLORED
from hippo.serving.explorer import explorer
from hippo.serving.guard import _QUESTIONS
from hippo.serving.measures import Measures
from hippo.serving.remembering import memories
from hippo.serving.routes import changes, questions
from hippo.serving.service import NotRunningError, Service
from hippo.serving.tokens import Tokens
from hippo.testing import ScriptedLLM
from hippo.types import Usage

QUESTION = "Where was the founder of Steelworks Smith born?"
READ, WRITE = "read-token-of-the-tests", "write-token-of-the-tests"


@pytest.fixture
def memory(index: Path) -> Iterator[Hippo]:
    with Hippo.open(index) as one:
        yield one


@pytest.fixture
def app(memory: Hippo) -> FastAPI:
    return create_app(memory, tokens=Tokens.read(None, {"HIPPO_READ_TOKENS": READ, "HIPPO_WRITE_TOKENS": WRITE}))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def mounted(app: FastAPI, path: str) -> Starlette:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> Any:
        async with app.router.lifespan_context(app):
            yield

    return Starlette(routes=[Mount(path, app)], lifespan=lifespan)


@pytest.mark.parametrize("place", ["", "root", "mount", "mount in root", "documents"])
def test_a_token_for_questions_changes_nothing_wherever_the_application_is(app: FastAPI, place: str) -> None:
    root = {"root": "/api", "mount in root": "/api", "documents": "/documents"}.get(place, "")
    # Some proxies strip their path, others leave it.
    outer, below = (mounted(app, "/memory"), "/memory") if "mount" in place else (app, "")
    question = {"question": QUESTION}
    with TestClient(outer, root_path=root) as client:
        for prefix in ("", root) if place == "root" else (root + below,):
            client.headers = bearer(READ)  # type: ignore[assignment]
            change = {"documents": [{"id": "x", "text": "Ada Smith wrote letters."}]}
            refused = [
                client.delete(f"{prefix}/documents/riga"),
                client.patch(f"{prefix}/documents/riga", json={"text": "Gone."}),
                client.post(f"{prefix}/documents", json=change),
                client.post(f"{prefix}/documents/delete", json={"ids": ["riga"]}),
                client.post(f"{prefix}/nowhere", json={}),
                client.put(f"{prefix}/retrieve", json=question),
            ]
            assert [one.status_code for one in refused] == [403] * 6, prefix
            assert client.post(f"{prefix}/retrieve", json=question).status_code == 200
            assert client.get(f"{prefix}/documents/riga").status_code == 200
            client.headers = {}  # type: ignore[assignment]
            assert client.get(f"{prefix}/health").status_code == 200
            assert client.get(f"{prefix}/status").status_code == 401
            client.headers = bearer(WRITE)  # type: ignore[assignment]
            assert client.post(f"{prefix}/documents", json=change).status_code == 200
            assert client.delete(f"{prefix}/documents/x").json()["deleted"] == 1


@pytest.mark.parametrize("below", ["", "/memory"])
def test_every_error_for_clients_of_openai_has_their_fields(app: FastAPI, below: str) -> None:
    with TestClient(mounted(app, below) if below else app) as client:
        place, said = f"{below}/v1/chat/completions", {"messages": [{"role": "user", "content": QUESTION}]}
        replies = [
            client.post(place, json=said),
            client.post(place, json=said, headers={"host": "x", **bearer("unknown")}),
            client.put(place, json=said, headers=bearer(READ)),
            client.put(place, json=said, headers=bearer(WRITE)),
            client.post(place, content="text", headers={"content-type": "text/plain", **bearer(READ)}),
            client.get(f"{below}/v1/nowhere", headers=bearer(READ)),
            client.post(place, json={"messages": []}, headers=bearer(READ)),
        ]
        assert [one.status_code for one in replies] == [401, 401, 403, 405, 415, 404, 400]
        assert all({"param", "code"} < one.json()["error"].keys() for one in replies)
        other = client.get(f"{below}/nowhere", headers=bearer(READ))
        assert "param" not in other.json()["error"]


def test_every_endpoint_for_questions_is_known_and_none_for_changes() -> None:
    def posts(*routers: Any) -> set[str]:
        return {
            one.path
            for router in routers
            for one in router.routes
            if isinstance(one, APIRoute)
            if "POST" in one.methods
        }

    changing = {"/remember", "/forget", "/links", "/links/delete", "/merge", "/consolidate", "/prune"}
    assert posts(questions, chat, memories) - changing == set(_QUESTIONS)
    assert not (posts(changes) | changing) & set(_QUESTIONS)
    assert posts(explorer) - {"/explorer/synonyms"} == set(EXPLORED)


def test_an_application_that_is_mounted_without_its_lifespan_says_so(app: FastAPI) -> None:
    with TestClient(Starlette(routes=[Mount("/memory", app)]), headers=bearer(WRITE)) as client:
        for reply in (
            client.post("/memory/retrieve", json={"question": QUESTION}),
            client.post("/memory/documents", json={"documents": [{"id": "x", "text": "Ada Smith wrote letters."}]}),
        ):
            assert (reply.status_code, reply.json()["error"]["type"]) == (503, "NotRunningError")
            assert "lifespan" in reply.json()["error"]["remedy"]


def test_the_application_can_be_started_again(app: FastAPI) -> None:
    for number in range(2):
        with TestClient(app, headers=bearer(WRITE)) as client:
            assert client.get("/ready").json()["ready"] is True
            assert client.post("/retrieve", json={"question": QUESTION}).json()["hits"]
            change = {"documents": [{"id": f"note {number}", "text": "Ada Smith wrote letters."}]}
            assert client.post("/documents", json=change).json()["added"] == 1


@pytest.mark.parametrize(
    ("days", "status"), [("1e-320", 422), ("9e-7", 422), ("0", 422), ("1e-6", 200), ("1e308", 200)]
)
def test_a_half_life_out_of_range_is_a_fault_of_the_request(app: FastAPI, days: str, status: int) -> None:
    body = f'{{"question": "{QUESTION}", "recency_half_life": {days}}}'
    with TestClient(app, headers={**bearer(READ), "Content-Type": "application/json"}) as client:
        assert client.post("/retrieve", content=body).status_code == status


@pytest.mark.parametrize("text", ["", "\n \n", f"# read {READ}\n", f"  # write {WRITE}\n\t#\n"])
def test_a_file_without_tokens_is_refused(memory: Hippo, tmp_path: Path, text: str) -> None:
    (tmp_path / "tokens").write_text(text)
    settings = ServeConfig(token_file=str(tmp_path / "tokens"))
    with pytest.raises(ConfigError, match=r"serve\.token_file: holds no token"):
        create_app(memory, settings=settings)


def test_a_token_may_hold_the_mark_of_comments(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(f"#read {READ}\nread {READ}#1 # old\nwrite {WRITE}#2\t#new\n")
    tokens = Tokens.read(str(tmp_path / "tokens"), {})
    given = (f"{READ}#1", f"{WRITE}#2", READ, WRITE, f"{READ}#1 # old")
    assert [tokens.role(f"Bearer {one}") for one in given] == ["read", "write", None, None, None]


async def test_following_goes_on_after_any_failure_and_the_end_closes_all(
    memory: Hippo, index: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failures = iter([RuntimeError("out of the blue"), ValueError("again")])
    refresh, ask = memory.refresh, memory.retrieve_many

    def refresh_badly(*, prepare: bool = False) -> bool:
        if error := next(failures, None):
            raise error
        return refresh(prepare=prepare)

    async def until(snapshot: str) -> None:
        async with asyncio.timeout(60):
            while memory.snapshot != snapshot:
                await asyncio.sleep(0.02)

    def publish(name: str) -> None:
        with Hippo.open(index) as other:
            other.add({"id": name, "text": "The Glass Bridge was built by Ada Smith."})

    def ask_badly(*_: Any, **__: Any) -> Any:
        raise MemoryError("no room")

    service = Service(memory, ServeConfig(refresh=0.05), Measures())
    with caplog.at_level(logging.ERROR, "hippo.serving"):
        monkeypatch.setattr(memory, "retrieve_many", ask_badly)
        monkeypatch.setattr(memory, "refresh", refresh_badly)
        await service.start()
        await asyncio.to_thread(publish, "one")
        await until("000002")
        await asyncio.to_thread(publish, "two")
        await until("000003")
    told = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
    assert {"out of the blue", "again", "no room"} <= set(told)
    monkeypatch.setattr(memory, "retrieve_many", ask)
    options = {"k": 1, "profile": None, "explain": False, "steps": 1, "where": None}
    assert (await service.retrieve([QUESTION], options))[0].hits
    batcher, writer = service._batcher, service._writer
    assert batcher is not None
    assert writer is not None
    await service.stop()
    for pool in (batcher._threads, writer):
        with pytest.raises(RuntimeError, match="shutdown"):
            pool.submit(print)
    with pytest.raises(NotRunningError):
        await service.change(lambda: None)


def test_the_schema_says_what_needs_a_token(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    secured = {path for path, methods in paths.items() for one in methods.values() if one.get("security")}
    assert paths.keys() - secured == {"/health", "/ready"}


def test_a_chat_client_is_told_what_the_answer_took(index: Path) -> None:
    overrides = {"llm": {"cache": False}}
    with (
        Hippo.open(index, llm=ScriptedLLM(), overrides=overrides) as memory,
        TestClient(create_app(memory), base_url="http://127.0.0.1") as client,
    ):
        took = sum(memory.ask(QUESTION).usage.values(), Usage())
        body: dict[str, Any] = {"messages": [{"role": "user", "content": QUESTION}]}
        told = client.post("/v1/chat/completions", json=body).json()["usage"]
        body |= {"stream": True, "stream_options": {"include_usage": True}}
        events = client.post("/v1/chat/completions", json=body).text.split("\n\n")
    assert min(took.input_tokens, took.output_tokens) > 0
    assert told == {
        "prompt_tokens": took.input_tokens,
        "completion_tokens": took.output_tokens,
        "total_tokens": took.input_tokens + took.output_tokens,
    }
    assert json.loads(events[-3].removeprefix("data: "))["usage"] == told
