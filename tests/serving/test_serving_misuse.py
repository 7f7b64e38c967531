"""Clients that misbehave, and limits: each ends in an answer with its reason, and the server goes on."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from typing import Any

import httpx
import pytest

from hippo.testing import Faults, LLMServer, respond
from hippo.types import LLMRequest

Running = Any
Run = Callable[..., AbstractContextManager[Any]]
Asking = Callable[[LLMServer], dict[str, str]]

QUESTION = "Where was the founder of Steelworks Smith born?"
MEGABYTE = 1 << 20
HEAD = "POST /retrieve_many HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"


LONG = f"{QUESTION} Answer at length."


@pytest.fixture(scope="module")
def moody() -> Iterator[LLMServer]:
    """A language model that writes for a minute if it is asked to, and says nothing for a minute if it is told to."""

    def answer(request: LLMRequest) -> str:
        return respond(request) + (" indeed" * 200 if "at length" in request.messages[-1].content else "")

    with LLMServer(respond=answer, pace=0.3, faults=Faults(rate=0.0, hang=60.0)) as server:
        yield server


@pytest.fixture(scope="module")
def narrow(run: Run, moody: LLMServer, asking: Asking) -> Iterator[Running]:
    """A server that takes four requests at a time, and one change."""
    with run(**asking(moody), HIPPO_SERVE__CONCURRENCY="4", HIPPO_SERVE__MAX_CHANGES="1") as server:
        yield server


@pytest.fixture(scope="module")
def hasty(run: Run, moody: LLMServer, asking: Asking) -> Iterator[Running]:
    """A server that does not wait long, once the client of its model is loaded."""
    with run(**asking(moody), HIPPO_SERVE__TIMEOUT="3.0") as server:
        wait_until(lambda: server.post("/ask", {"question": QUESTION}).status_code == 200)
        yield server


def error_of(reply: httpx.Response) -> tuple[int, str]:
    error = reply.json()["error"]
    assert set(error) == {"type", "message", "remedy", "request_id"}
    assert reply.headers["x-request-id"] == error["request_id"]
    return reply.status_code, error["type"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b'{"question"', 400),
        (b"[" * 100_000, 400),
        (b'{"question": "Who?", "k": ' + b"9" * 5000 + b"}", 400),
        (b"\xff\xfe", 400),
        (b"null", 422),
        (b"[]", 422),
        (b'{"question": "  "}', 422),
        (b'{"question": "Who?", "k": 0}', 422),
        (b'{"question": "Who?", "k": 101}', 422),
        (b'{"question": "Who?", "k": NaN}', 422),
        (b'{"question": "Who?", "k": "5"}', 422),
        (b'{"question": "Who?", "question2": "Who?"}', 422),
        (b'{"question": "\\ud800"}', 422),
        (b'{"question": "Who?", "where": "year >="}', 422),
        (b'{"question": "Who?", "profile": "no such"}', 422),
        (b'{"questions": ["Who?"]}', 422),
    ],
)
def test_bodies_that_cannot_be_used_are_told(server: Running, content: bytes, status: int) -> None:
    reply = server.client.post("/retrieve", content=content, headers={"Content-Type": "application/json"})
    assert error_of(reply)[0] == status, reply.text
    assert server.is_healthy()


def test_other_paths_methods_and_types_are_told(server: Running) -> None:
    assert error_of(server.client.get("/nowhere")) == (404, "HTTPError")
    assert error_of(server.client.get("/retrieve")) == (405, "HTTPError")
    plain = server.client.post("/retrieve", content=b'{"question": "Who?"}', headers={"Content-Type": "text/plain"})
    assert error_of(plain) == (415, "ContentTypeError")
    many = server.post("/retrieve_many", {"questions": ["Who?"] * 257})
    assert error_of(many) == (422, "QuestionError")
    assert error_of(server.post("/documents/delete", {"ids": ["ada"], "where": "a = 1"})) == (422, "InputError")
    assert error_of(server.client.patch("/documents/none", json={"text": "New."})) == (404, "DocumentError")


def test_a_page_of_another_site_is_kept_out(server: Running) -> None:
    for host, status in (("evil.example", 403), ("evil.example:80", 403), ("localhost:1", 200), ("[::1]:80", 200)):
        assert server.client.get("/status", headers={"Host": host}).status_code == status, host


def test_a_body_of_100_megabytes_is_refused_unread(server: Running) -> None:
    began = time.perf_counter()
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=60)) as client:
        client.sendall(
            b"POST /retrieve HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 104857600\r\n\r\n"
        )
        told = client.recv(65_536)
        assert told.startswith(b"HTTP/1.1 413 ")
        with suppress(OSError):  # It closes the connection.
            for _ in range(100):
                client.sendall(bytes(MEGABYTE))
    assert time.perf_counter() - began < 60
    assert server.is_healthy()


def test_a_body_of_100_megabytes_in_chunks_is_refused_at_the_limit(server: Running) -> None:
    sent = 0
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=60)) as client:
        client.sendall(
            b"POST /documents HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        with suppress(OSError):
            for _ in range(100):
                client.sendall(b"100000\r\n" + b" " * MEGABYTE + b"\r\n")
                sent += 1
    assert sent < 100
    assert any(line.get("status") == 413 for line in server.lines())
    assert server.is_healthy()


def test_a_client_that_leaves_in_the_middle_stops_the_model(narrow: Running, moody: LLMServer) -> None:
    moody.reset()
    for path, body in (
        ("/ask", {"question": LONG, "stream": True}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": LONG}], "stream": True}),
    ):
        with narrow.client.stream("POST", path, json=body) as reply:
            lines = reply.iter_lines()
            assert any(line.startswith("data: ") for line in lines)
    wait_until(lambda: moody.stats().abandoned == 2)
    assert moody.stats().replies == 0
    assert narrow.is_healthy()


def test_a_client_that_leaves_before_the_answer_stops_the_model(narrow: Running, moody: LLMServer) -> None:
    moody.reset()
    moody.fail_next("timeout", times=3)
    said = {"messages": [{"role": "user", "content": QUESTION}]}
    asked = [("/ask", {"question": QUESTION}), ("/ask", {"question": QUESTION, "stream": True})]
    for number, (path, body) in enumerate([*asked, ("/v1/chat/completions", said)], 1):
        with sending(narrow, path, body):
            wait_until(lambda: moody.stats().arrived == number)  # noqa: B023 - it is called here
        wait_until(lambda: moody.stats().abandoned == number)  # noqa: B023
    wait_until(lambda: "requests_under_way 1.0" in metrics(narrow))
    assert narrow.is_healthy()


@contextmanager
def sending(server: Running, path: str, body: Any) -> Iterator[socket.socket]:
    """A connection over which a request was sent; leaving it is leaving the server."""
    content = json.dumps(body).encode()
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=60)) as client:
        client.sendall(HEAD.replace("/retrieve_many", path).format(len(content)).encode() + content)
        yield client


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_what_takes_too_long_is_ended(hasty: Running, moody: LLMServer) -> None:
    moody.reset()
    moody.fail_next("timeout")
    began = time.perf_counter()
    with ExitStack() as stack:
        # Requests that do not arrive; a change has its long time only once it is there.
        unfinished = []
        for path in ("/retrieve_many", "/documents"):
            client = stack.enter_context(closing(socket.create_connection(("127.0.0.1", hasty.port), timeout=60)))
            client.sendall(HEAD.replace("/retrieve_many", path).format(50).encode() + b"{")
            unfinished.append(client)
        assert error_of(hasty.post("/ask", {"question": QUESTION})) == (504, "TimeoutError")
        for client in unfinished:
            assert client.recv(65_536).startswith(b"HTTP/1.1 408 ")
    assert time.perf_counter() - began < 40, "the model would go on thinking"
    wait_until(lambda: moody.stats().abandoned == moody.stats().arrived)
    assert hasty.is_healthy()


def test_answers_that_take_too_long_end_with_an_event(hasty: Running, moody: LLMServer) -> None:
    moody.reset()
    told: list[str] = []

    def begins() -> bool:  # On a busy machine even the first piece may come too late.
        with hasty.client.stream("POST", "/ask", json={"question": LONG, "stream": True}) as reply:
            told[:] = [line for line in reply.iter_lines() if line]
        return reply.status_code == 200

    wait_until(begins)
    assert told[-2] == "event: error"
    assert json.loads(told[-1].removeprefix("data: "))["error"]["type"] == "TimeoutError"
    wait_until(lambda: moody.stats().abandoned == moody.stats().arrived)
    assert hasty.is_healthy()


def test_slow_readers_keep_nobody_waiting(hasty: Running) -> None:
    body = json.dumps({"questions": [QUESTION] * 256, "k": 100}).encode()
    slow = []
    for _ in range(4):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", hasty.port))
        client.sendall(HEAD.format(len(body)).encode() + body)
        slow.append(client)  # None of them reads.
    assert hasty.is_healthy()
    wait_until(lambda: hasty.client.get("/ready").status_code == 200 and "requests_under_way 1.0" in metrics(hasty))
    for client in slow:
        client.close()
    assert hasty.is_healthy()


def metrics(server: Running) -> str:
    text: str = server.client.get("/metrics").text
    return text


def test_a_full_server_says_when_to_come_again(narrow: Running, moody: LLMServer) -> None:
    moody.reset()
    moody.fail_next("timeout", times=4)
    with ExitStack() as stack:
        for mark in ("", "?", "??", "???"):
            stack.enter_context(sending(narrow, "/ask", {"question": f"{QUESTION}{mark}"}))
        wait_until(lambda: moody.stats().arrived == 4)
        full = narrow.post("/retrieve", {"question": QUESTION})
        assert error_of(full) == (503, "BusyError")
        assert int(full.headers["retry-after"]) >= 1
        assert narrow.client.get("/health").json() == {"status": "ok"}
    wait_until(lambda: narrow.client.get("/metrics").status_code == 200)
    assert narrow.is_healthy()


def test_changes_beyond_the_limit_are_refused(narrow: Running) -> None:
    texts = [{"text": f"Town {number} lies on the river {number % 7} of Latvia."} for number in range(300)]
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: narrow.post("/documents", {"documents": texts}), range(4)))
    refused = [reply for reply in replies if reply.status_code == 429]
    assert 1 <= len(refused) < 4
    assert {reply.status_code for reply in replies} == {200, 429}
    assert error_of(refused[0]) == (429, "BusyError")
    assert int(refused[0].headers["retry-after"]) >= 1
    assert narrow.client.delete("/documents/none").status_code == 404
