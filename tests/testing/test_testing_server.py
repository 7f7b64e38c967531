import asyncio
import itertools
import json
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI

from hippo.errors import ConfigError, MissingExtraError
from hippo.testing import Faults, LLMServer, RequestStats
from hippo.testing.faults import KINDS, TRANSIENT, FaultPlan
from hippo.testing.server_calls import request_key
from hippo.types import LLMRequest


def body(text: str = "hello", **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}


def post(server: LLMServer, value: Any, **more: Any) -> httpx.Response:
    return httpx.post(f"{server.base_url}/chat/completions", json=value, trust_env=False, **more)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@asynccontextmanager
async def connected(server: LLMServer, **more: Any) -> AsyncIterator[AsyncOpenAI]:
    http = httpx.AsyncClient(trust_env=False, timeout=10.0)
    async with AsyncOpenAI(base_url=server.base_url, api_key="k", max_retries=0, http_client=http, **more) as client:
        yield client


def test_completes_for_the_sdk(server: LLMServer) -> None:
    async def ask() -> Any:
        async with connected(server) as client:
            return await client.chat.completions.create(**body("two words"))

    reply = asyncio.run(ask())
    assert reply.choices[0].message.content == "this is what I say to you: words"
    assert reply.choices[0].finish_reason == "stop"
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens, reply.usage.total_tokens) == (2, 8, 10)
    stats = server.stats()
    assert (stats.arrived, stats.replies, stats.input_tokens, stats.output_tokens) == (1, 1, 2, 8)


def test_streams_for_the_sdk(server: LLMServer) -> None:
    async def ask(**more: Any) -> list[Any]:
        async with connected(server) as client:
            stream = await client.chat.completions.create(**body("a b c", stream=True, **more))
            return [chunk async for chunk in stream]

    chunks = asyncio.run(ask(stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "this is what I say to you: c"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 8
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert all(chunk.usage is None for chunk in asyncio.run(ask()))
    assert server.stats().replies == 2


def test_lists_models() -> None:
    with LLMServer(models=["one", "two"]) as server:
        found = httpx.get(f"{server.base_url}/models", trust_env=False).json()
        assert [model["id"] for model in found["data"]] == ["one", "two"]
        assert post(server, body()).status_code == 404
        assert post(server, {**body(), "model": "two"}).status_code == 200


def test_cuts_at_the_limit_of_tokens(server: LLMServer) -> None:
    for name in ("max_tokens", "max_completion_tokens"):
        choice = post(server, body(**{name: 3})).json()["choices"][0]
        assert (choice["message"]["content"], choice["finish_reason"]) == ("this is what", "length")
    assert (server.stats().spoiled, server.stats().replies) == (2, 0)


def test_knows_the_schema_and_the_parts_of_a_message() -> None:
    seen: list[LLMRequest] = []
    with LLMServer(respond=lambda request: seen.append(request) or "yes") as server:  # type: ignore[func-returns-value]
        form = {"type": "json_schema", "json_schema": {"name": "rivers", "schema": {"type": "object"}}}
        parts = [{"type": "text", "text": "a "}, {"type": "text", "text": "\ud800b"}]
        value = {"model": "m", "messages": [{"role": "developer", "content": parts}], "response_format": form}
        content = json.dumps(value).encode()
        reply = httpx.post(f"{server.base_url}/chat/completions", content=content, trust_env=False)
    assert reply.status_code == 200
    assert seen[0].schema == {"title": "rivers", "type": "object"}
    assert [(message.role, message.content) for message in seen[0].messages] == [("system", "a \ud800b")]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "the body must be a JSON object"),
        ({"messages": []}, "you must provide a model parameter"),
        ({"model": "m"}, "messages must be a list"),
        ({"model": "m", "messages": [{"role": "cat", "content": ""}]}, "needs one of the roles"),
        ({"model": "m", "messages": [{"role": "user", "content": 5}]}, "must be text"),
        (body(max_tokens=0), "max_tokens must be at least 1, got 0"),
        (body(response_format={"type": "json_schema"}), "needs a name and a schema"),
    ],
)
def test_refuses_what_it_cannot_read(server: LLMServer, value: Any, said: str) -> None:
    reply = post(server, value)
    assert reply.status_code == 400
    assert said in reply.json()["error"]["message"]
    assert (server.stats().refused, server.stats().arrived) == (1, 0)


def test_refuses_what_is_no_json(server: LLMServer) -> None:
    reply = httpx.post(f"{server.base_url}/chat/completions", content=b"{", trust_env=False)
    assert (reply.status_code, reply.json()["error"]["message"]) == (400, "the body is no JSON")


def test_refuses_what_it_was_told_to_refuse() -> None:
    with LLMServer(reject={"seed": "Unsupported parameter: 'seed'"}, structured=False, api_key="secret") as server:
        key = {"Authorization": "Bearer secret"}
        assert post(server, body()).status_code == 401
        wrong = post(server, body(), headers={"Authorization": "Bearer wrong"})
        assert wrong.json()["error"]["code"] == "invalid_api_key"
        assert httpx.get(f"{server.base_url}/models", trust_env=False).status_code == 401
        refused = post(server, body(seed=1), headers=key)
        assert refused.status_code == 400
        assert refused.json()["error"]["param"] == "seed"
        form = {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}
        assert "not supported" in post(server, body(response_format=form), headers=key).json()["error"]["message"]
        assert post(server, body(), headers=key).status_code == 200
        assert server.stats().refused == 4


def test_a_broken_responder_is_told() -> None:
    def broken(request: LLMRequest) -> str:
        raise ValueError("what now")

    with LLMServer(respond=broken) as server:
        reply = post(server, body())
    assert reply.status_code == 500
    assert reply.json()["error"]["message"] == "the function that replies raised ValueError: what now"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fault_is_seen(server: LLMServer, kind: str, stream: bool) -> None:
    async def ask() -> Any:
        async with connected(server) as client:
            if not stream:
                return (await client.chat.completions.create(**body())).choices
            chunks = [c async for c in await client.chat.completions.create(**body(stream=True))]
            return [choice for chunk in chunks for choice in chunk.choices]

    errors = {
        "400": openai.BadRequestError,
        "length": openai.BadRequestError,
        "401": openai.AuthenticationError,
        "403": openai.PermissionDeniedError,
        "404": openai.NotFoundError,
        "429": openai.RateLimitError,
        "quota": openai.RateLimitError,
        "500": openai.InternalServerError,
        "503": openai.InternalServerError,
        "html": openai.InternalServerError,
    }
    server.fail_next(kind)
    server.faults = Faults(rate=0.0, hang=0.05)
    good = "this is what I say to you: hello"
    if kind in errors:
        with pytest.raises(errors[kind]) as raised:
            asyncio.run(ask())
        wait = raised.value.response.headers.get("retry-after")
        assert wait == ("0.1" if kind in ("429", "quota", "503") else None)
    elif kind == "cut":
        with pytest.raises((openai.APIConnectionError, httpx.RemoteProtocolError)):
            asyncio.run(ask())
    else:
        choices = asyncio.run(ask())
        text = "".join((c.delta if stream else c.message).content or "" for c in choices)
        ends = [c.finish_reason for c in choices][-1:]
        expected = {
            "empty": ("", []),
            "truncated": ("this is what I", ["length"]),
            "filtered": ("this is what I", ["content_filter"]),
            "timeout": (good, ["stop"]),
        }
        if kind == "garbage":
            assert text
            assert text != good
        else:
            assert (text, ends) == expected[kind]
    stats = server.stats()
    assert stats.faults == {kind: 1}
    assert (stats.replies, stats.spoiled) == (int(kind == "timeout"), int(kind in ("truncated", "filtered", "garbage")))
    assert asyncio.run(ask())


def test_the_page_of_a_proxy_comes_with_either_status(server: LLMServer) -> None:
    server.fail_next("html", 2)
    replies = [post(server, body()) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [502, 200]
    assert all(reply.headers["content-type"] == "text/html" for reply in replies)


def test_a_client_that_leaves_is_not_served() -> None:
    with LLMServer(faults=Faults(rate=1.0, kinds=("timeout",), hang=30.0)) as server:
        with pytest.raises(httpx.ReadTimeout):
            post(server, body(), timeout=0.1)
        until(lambda: server.stats().abandoned == 1)
        stats = server.stats()
    assert (stats.replies, stats.faults, stats.delay_seconds < 5) == (0, {"timeout": 1}, True)


def test_faults_can_be_waited_for_instead() -> None:
    """Nothing fails, and a request takes what its failures would have cost a client that asks again at once."""
    kinds = ("429", "500", "timeout")
    costs = {"429": 0.2, "500": 0.1, "timeout": 0.5}  # latency and Retry-After, latency, what the client waits
    failing = FaultPlan(Faults(rate=0.5, kinds=kinds, retry_after=0.1, hang=9.0), seed=3)
    waiting = FaultPlan(Faults(rate=0.5, kinds=kinds, retry_after=0.1, hang=9.0, instead_wait=0.5), seed=3)
    for key in map(str, range(20)):
        drawn = iter(failing.draw(key, arrival) for arrival in itertools.count(1))
        seconds = sum(costs[kind] for kind in itertools.takewhile(bool, drawn) if kind)
        assert waiting.draw(key, 1) is None
        assert waiting.wait(key, "", 0.1) == pytest.approx(seconds)
        assert failing.wait(key, "", 0.1) == 0.0
    lasting = FaultPlan(Faults(rate=0.99, kinds=("truncated",), lasting=("truncated",), instead_wait=1.0))
    assert lasting.wait("x", "", 0.1) == 0.1  # asked about once more, in other words
    with LLMServer(faults=Faults(rate=0.9, kinds=("timeout",), hang=9.0, instead_wait=0.02)) as server:
        assert post(server, body()).status_code == 200
        stats = server.stats()
        assert (stats.faults, stats.replies) == ({}, 1)
        assert stats.delay_seconds >= 0.02
    for rate, wait in ((1.0, 1.0), (0.5, 0.0)):
        with pytest.raises(ConfigError, match="must be above 0, and needs a rate below 1"):
            Faults(rate=rate, instead_wait=wait)


def test_accounts_exactly_under_load() -> None:
    """50 at once, two in five failing: each request is asked for until it is answered, and paid for once."""
    faults = Faults(rate=0.4, kinds=(*TRANSIENT, "truncated", "garbage"), retry_after=None)
    with LLMServer(faults=faults, latency=0.02, seed=7) as server:
        tries = 0

        async def ask(client: AsyncOpenAI, number: int) -> None:
            nonlocal tries
            good = False
            while not good:
                tries += 1
                try:
                    reply = await client.chat.completions.create(**body(f"Say {number}"))
                except (openai.APIError, httpx.HTTPError):
                    continue
                if isinstance(reply, str):  # the page of a proxy, with status 200
                    continue
                good = bool(reply.choices) and reply.choices[0].message.content == f"Say {number}"

        async def everybody() -> None:
            async with connected(server) as client:
                await asyncio.gather(*(ask(client, number) for number in range(50)))

        asyncio.run(everybody())
        stats = server.stats()
    assert (stats.distinct, stats.replies, stats.paid_twice) == (50, 50, ())
    assert stats.arrived == tries == 50 + sum(stats.faults.values())
    assert set(stats.faults) == set(faults.kinds)
    assert stats.spoiled == stats.faults["truncated"] + stats.faults["garbage"]
    assert 10 < stats.most_at_once <= 50
    assert stats.delay_seconds >= 0.02 * tries > stats.delay_wall > 0.02
    key = request_key("m", body("Say 7")["messages"], None)
    assert stats.requests[key].replies == 1
    assert sum(one.arrived for one in stats.requests.values()) == tries


def test_counters_can_be_read_and_reset_over_http(server: LLMServer) -> None:
    post(server, body())
    post(server, body())
    key = request_key("m", body()["messages"], None)
    stats = server.stats()
    assert stats.requests == {key: RequestStats(arrived=2, replies=2, spoiled=0)}
    assert stats.paid_twice == (key,)
    read = httpx.get(f"{server.url}/stats", trust_env=False).json()
    assert (read["replies"], read["requests"][key]["arrived"], read["paid_twice"]) == (2, 2, [key])
    server.fail_next("500")
    httpx.post(f"{server.url}/reset", trust_env=False)
    assert (server.stats().arrived, server.stats().requests) == (0, {})
    assert post(server, body()).status_code == 200


def test_ends_without_a_trace() -> None:
    """Also with a connection kept open and a request under way."""
    before = threading.active_count()
    slow = LLMServer(latency=60.0).start()
    address = httpx.URL(slow.url)
    with httpx.Client(trust_env=False) as kept:
        kept.get(f"{slow.url}/stats")
        waiting = socket.create_connection(("127.0.0.1", httpx.URL(slow.url).port))
        content = b'{"model": "m", "messages": [{"role": "user", "content": "x"}]}'
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        waiting.sendall(head + content)
        until(lambda: slow.stats().arrived == 1)
        slow.stop()
        slow.stop()
    waiting.close()
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.host, address.port or 0))


def test_listens_on_loopback_only(server: LLMServer) -> None:
    assert server.base_url.startswith("http://127.0.0.1:")
    with pytest.raises(RuntimeError, match="the server is running at http://127"):
        server.start()
    with pytest.raises(OSError, match="in use"):
        LLMServer(port=httpx.URL(server.url).port or 0).start()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingExtraError, match=r'pip install "hippo-memory\[testing\]"'):
        LLMServer().start()
