"""A server over its life: changes, snapshots of others, tokens, logs, figures, the end."""

import hashlib
import os
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from hippo import Hippo
from hippo.cli.app import app
from hippo.testing import LLMServer

Running = Any
Start = Callable[..., Any]
Asking = Callable[[LLMServer], dict[str, str]]

QUESTION = "Where was the founder of Steelworks Smith born?"
READ, WRITE = "read-token-of-the-tests", "write-token-of-the-tests"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_documents_come_change_and_go(start: Start, index: Path) -> None:
    server = start(index)
    note = {"id": "a/note 1", "title": "Note", "text": "Ada Smith died in Hull.", "metadata": {"year": 1900}}
    assert server.post("/documents", {"documents": [note]}).json()["added"] == 1
    assert server.client.get("/status").json()["documents"] == 5
    listed = server.client.get("/documents", params={"where": "year = 1900"}).json()
    assert [(one["id"], one["title"]) for one in listed] == [("a/note 1", "Note")]
    assert len(server.client.get("/documents", params={"offset": 1, "limit": 3}).json()) == 3
    assert server.client.get("/documents/a%2Fnote%201").json()["text"] == "Ada Smith died in Hull."
    assert server.client.get("/documents/none").json()["error"]["type"] == "DocumentError"
    between = datetime.now(UTC).isoformat()
    changed = server.client.patch("/documents/a%2Fnote%201", json={"text": "Ada Smith died in Ulm.", "title": None})
    assert changed.json()["changed"] == 1, changed.text
    before = {"question": "Where did Ada Smith die?", "k": 1, "where": "year = 1900", "as_of": between}
    assert server.post("/retrieve", before).json()["hits"][0]["text"] == "Ada Smith died in Hull."
    [hit] = server.post("/retrieve", {"question": "Where did Ada Smith die?", "k": 1, "where": "year = 1900"}).json()[
        "hits"
    ]
    assert (hit["text"], hit["title"]) == ("Ada Smith died in Ulm.", None)
    listed = server.post("/documents/delete", {"where": "year = 1900", "dry_run": True}).json()
    assert listed == {"documents": ["a/note 1"]}
    assert server.client.delete("/documents/a%2Fnote%201").json()["deleted"] == 1
    assert server.client.delete("/documents/a%2Fnote%201").status_code == 404
    assert server.post("/documents/delete", {"ids": ["riga", "a/note 1"], "forget": True}).json()["deleted"] >= 1
    assert server.post("/retrieve", before).json()["hits"] == []
    assert server.client.get("/status").json()["documents"] == 3
    assert server.is_healthy()


def test_what_is_remembered_is_recalled_forgotten_merged_and_consolidated(start: Start, index: Path) -> None:
    server = start(index, HIPPO_INDEXING__CONSOLIDATE_AFTER="8")
    said = {"text": "Ada Smith moved to Oslo.", "session": "s1", "metadata": {"speaker": "Ben"}}
    [key] = server.post("/remember", said).json()["documents"]
    messages = [{"role": "user", "content": "Ben likes Oslo."}]
    [other] = server.post("/remember", {"messages": messages, "session": "s2"}).json()["documents"]
    question = {"question": "Where did Ada Smith move?", "k": 1}
    assert server.post("/recall", {**question, "session": "s1"}).json()["hits"][0]["document_id"] == key
    everything = server.post("/retrieve", {**question, "k": 9}).json()["hits"]
    assert {key, other} < {hit["document_id"] for hit in everything}
    packed = server.post("/context", {"question": "Where did Ada Smith move?", "session": "s1", "budget_tokens": 64})
    assert packed.json()["text"].startswith("Facts:\n- Ben. Ada Smith moved to Oslo.")
    assert server.client.get("/status").json()["waiting"] == 2
    assert server.post("/forget", {"session": "s1", "dry_run": True}).json() == {"documents": [key]}
    assert server.post("/forget", {"ids": [key]}).json() == {"documents": [key]}
    assert server.post("/recall", {**question, "session": "s1"}).json()["hits"] == []
    joined = server.post("/links", {"first": other, "second": "Riga", "kind": "note", "weight": 2.0}).json()
    assert joined == {"first": "entity:riga", "second": other, "kind": "note", "weight": 2.0}
    assert server.client.get("/links", params={"name": "Riga"}).json() == [joined]
    assert server.post("/links/delete", {"first": other, "second": "Riga"}).json() == [joined]
    assert server.post("/merge", {}).status_code == 200
    assert server.client.get("/status").json()["waiting"] == 0
    assert server.client.get(f"/documents/{other}").json()["text"] == "Ben likes Oslo."
    for wrong in ({}, {"text": "a", "messages": ["b"]}, {"messages": []}):
        assert server.post("/remember", wrong).status_code == 422
    texts = ["Ben sails to Oslo.", "Ben paints boats in Oslo.", "Ben sings in Oslo.", "Ben sleeps in Oslo."]
    assert server.post("/remember", {"messages": texts, "session": "s2"}).status_code == 200
    done = server.post("/consolidate", {"kinds": ["gists"]}).json()
    assert done["gists"] == done["made"] > 0
    assert done["facts"] == done["contradictions"] == 0
    gists = [one for one in server.client.get("/documents").json() if one["metadata"].get("derived") == "gist"]
    assert "session s2" in {one["metadata"]["of"] for one in gists}
    assert server.post("/consolidate", {"kinds": ["jokes"]}).status_code == 422
    for day, text in enumerate(("I live in Riga.", "I live in Oslo.", "I met Tom in Riga.", "I met Tom in Oslo."), 1):
        told = {"text": text, "session": "s3", "timestamp": f"2024-05-0{day}", "metadata": {"speaker": "Eve"}}
        assert server.post("/remember", told).status_code == 200
    assert "consolidate" not in server.client.get("/status").json()["background"]
    # The merge that follows is in the background, and so is what follows from it.
    assert server.post("/forget", {"ids": [other]}).status_code == 200
    server.wait_until(lambda: "consolidate" in server.client.get("/status").json()["background"])
    done = server.client.get("/status").json()["background"]["consolidate"]
    assert (done["done"], done["failed"], done["problem"]) == (1, 0, None)
    assert 'hippo_background_total{outcome="done",work="consolidate"} 1.0' in server.client.get("/metrics").text
    server.wait_until(lambda: "work in the background is done work=consolidate" in server.log())
    [one] = server.client.get("/documents", params={"where": "derived = 'contradiction'"}).json()
    told = [(side["text"], side["time"], side["document"][:2]) for side in one["metadata"]["sides"]]
    assert told == [
        ("I live in Riga.", "2024-05-01T00:00:00+00:00", "s3"),
        ("I live in Oslo.", "2024-05-02T00:00:00+00:00", "s3"),
    ]
    asked = {"question": "Where does Eve live?", "k": 50}
    for path, derived in (("/recall", None), ("/recall", True), ("/retrieve", True), ("/retrieve", False)):
        hits = server.post(path, {**asked, "derived": derived}).json()["hits"]
        assert any("derived" in hit["metadata"] for hit in hits) is bool(derived)
    policy = {"older_than": 1.5, "session": "s3", "as_of": "2024-05-04"}
    gone = [one["document_id"] for one in server.post("/prune", policy).json()]
    assert len(gone) == 2
    assert [one["document_id"] for one in server.post("/prune", {**policy, "dry_run": False}).json()] == gone
    assert server.client.get("/documents", params={"where": "derived = 'contradiction'"}).json() == []
    assert server.post("/prune", {}).status_code == 422


def test_questions_do_not_wait_for_changes_which_come_one_by_one(start: Start, index: Path) -> None:
    server = start(index)
    texts = [{"text": f"Town {number} lies on the river {number % 7} of Latvia."} for number in range(400)]
    halves = [texts[:200], texts[200:]]
    with ThreadPoolExecutor(2) as pool:
        adding = [pool.submit(server.post, "/documents", {"documents": half}) for half in halves]
        during = 0
        while not all(one.done() for one in adding):
            assert server.is_healthy()
            during += 1
        reports = [one.result().json() for one in adding]
    assert during >= 3
    assert sorted(report["snapshot"] for report in reports) == ["000002", "000003"]
    assert server.client.get("/status").json()["documents"] == 404


def test_newer_snapshots_of_others_are_opened(start: Start, index: Path) -> None:
    server = start(index, HIPPO_SERVE__REFRESH="0.1")
    with Hippo.open(index) as memory:
        memory.add({"id": "new", "text": "The Glass Bridge was built by Ada Smith."})
    end = time.monotonic() + 60
    while server.client.get("/ready").json()["snapshot"] != "000002":
        assert time.monotonic() < end
    [hit] = server.post("/retrieve", {"question": "Who built the Glass Bridge?", "k": 1}).json()["hits"]
    assert hit["document_id"] == "new"


def test_tokens_have_roles_and_are_not_told(start: Start, index: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256(WRITE.encode()).hexdigest()
    (tmp_path / "tokens").write_text(f"# who may write\nwrite sha256:{digest}  # the job at night\n")
    options = ("--host", "0.0.0.0", "--token-file", str(tmp_path / "tokens"), "--log", "json")
    server = start(index, *options, HIPPO_READ_TOKENS=f"{READ}, another-token-of-the-tests")
    client = httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60)
    question = {"question": QUESTION}
    change = {"documents": [{"id": "x", "text": "Ada Smith wrote letters."}]}
    with client:
        for path in ("/health", "/ready", "/openapi.json"):
            assert client.get(path).status_code == 200
        for path in ("/status", "/metrics", "/v1/models"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers=bearer(READ)).status_code == 200
        for headers in (
            {},
            bearer("no-such-token-at-all"),
            {"Authorization": f"Basic {READ}"},
            {"Authorization": "Bearer"},
        ):
            refused = client.post("/retrieve", json=question, headers=headers)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        for token in (READ, WRITE, "another-token-of-the-tests"):
            assert client.post("/retrieve", json=question, headers=bearer(token)).status_code == 200
        assert client.post("/documents", json=change, headers=bearer(READ)).status_code == 403
        assert client.get("/documents", headers=bearer(READ)).status_code == 200
        assert client.post("/documents", json=change, headers=bearer(WRITE)).json()["added"] == 1
        told = server.log() + client.get("/metrics", headers=bearer(READ)).text + client.get("/openapi.json").text
    assert READ not in told
    assert WRITE not in told
    assert digest not in told


@pytest.mark.parametrize(
    ("arguments", "variables", "problem"),
    [
        (["--host", "0.0.0.0"], {}, "so tokens are needed"),
        (["--host", "memory.example"], {}, "so tokens are needed"),
        ([], {"HIPPO_READ_TOKENS": "short"}, "at least 16 characters"),
        ([], {"HIPPO_WRITE_TOKENS": " , "}, "HIPPO_WRITE_TOKENS: tokens: is set but holds no token"),
        (["--token-file", "nowhere"], {}, "nowhere: serve.token_file: cannot be read"),
        (["--log", "xml"], {}, "must be text or json, got 'xml'"),
        (["--port", "70000"], {}, "serve.port: must be 0 to 65535"),
    ],
)
def test_what_cannot_be_served_is_told(
    index: Path, arguments: list[str], variables: dict[str, str], problem: str
) -> None:
    done = CliRunner().invoke(app, ["serve", str(index), *arguments], env=variables)
    assert done.exit_code == 1
    assert problem in done.stderr
    assert "short:" not in done.stderr


def test_a_taken_port_is_told(index: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        done = CliRunner().invoke(app, ["serve", str(index), "--port", str(port)])
    assert done.exit_code == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr


def test_the_log_follows_requests_and_keeps_questions_out(server: Running) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"X-Request-ID": "job-7:1", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    reply = server.client.post("/retrieve?secret=1", json={"question": "Who is Rumpelstilzchen?"}, headers=headers)
    assert reply.headers["x-request-id"] == "job-7:1"
    server.client.get("/nowhere", headers={"X-Request-ID": "bad id\t{}"})
    server.wait_until(lambda: any(line.get("request_id") == "job-7:1" for line in server.lines()))
    [line] = [line for line in server.lines() if line.get("request_id") == "job-7:1"]
    assert (line["trace_id"], line["path"], line["status"], line["level"]) == (trace, "/retrieve", 200, "info")
    assert "Rumpelstilzchen" not in server.log()
    assert "secret=1" not in server.log()
    assert "bad id" not in server.log()


def test_figures_count_requests_stages_and_blocks(server: Running) -> None:
    def figures() -> dict[str, float]:
        lines = server.client.get("/metrics").text.splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines) if name[:1] != "#"}

    before = figures()
    server.post("/retrieve_many", {"questions": [QUESTION] * 3})
    server.post("/ask", {"question": QUESTION})
    server.post("/ask", {"question": QUESTION, "stream": True})
    server.post("/context", {"question": QUESTION})
    server.post("/v1/chat/completions", {"messages": [{"role": "user", "content": QUESTION}]})
    after = figures()

    def grew(name: str) -> float:
        return after[name] - before.get(name, 0.0)

    assert grew('hippo_requests_total{method="POST",path="/retrieve_many",status="200"}') == 1
    assert grew('hippo_stage_seconds_count{stage="link"}') >= 3 + 4
    assert grew('hippo_stage_seconds_count{stage="read"}') == 3
    assert grew("hippo_block_questions_sum") == 3
    assert after["hippo_ready"] == 1
    assert after['hippo_llm_requests_total{use="reader"}'] >= 1


def test_the_end_waits_for_requests_under_way(start: Start, index: Path, asking: Asking) -> None:
    with LLMServer(latency=2.0) as model, ThreadPoolExecutor(1) as pool:
        server = start(index, **asking(model))
        answer = pool.submit(server.post, "/ask", {"question": QUESTION})
        end = time.monotonic() + 60
        while not model.stats().arrived:
            assert time.monotonic() < end
            time.sleep(0.02)
        os.kill(server.process.pid, signal.SIGTERM)
        assert answer.result().status_code == 200
        assert server.process.wait(timeout=60) == 0
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)
    assert "stopped" in server.log()
    with Hippo.open(index) as memory:
        assert memory.retrieve(QUESTION).hits
