"""What the page of `hippo explore` asks for: who may, what it gets, and with what headers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from hippo import Hippo
from hippo.errors import IndexPathError
from hippo.explorer import ASSETS
from hippo.serving import create_explorer, explore

QUESTION = "Where was the founder of Steelworks Smith born?"
TOKEN = "a-token-of-the-test"


@pytest.fixture(scope="module")
def memory(shared_index: Path) -> Iterator[Hippo]:
    with Hippo.open(shared_index) as memory:
        yield memory


@pytest.fixture(scope="module")
def client(memory: Hippo) -> Iterator[TestClient]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with TestClient(create_explorer(memory, TOKEN), "http://127.0.0.1:8787", headers=headers) as client:
        yield client


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value.to_dict()))


def test_the_page_needs_no_token_and_has_a_strict_policy(client: TestClient) -> None:
    for path in ("/", *ASSETS):
        found = client.get(path, headers={"Authorization": ""})
        assert found.status_code == 200, path
        policy = dict(one.split(" ", 1) for one in found.headers["content-security-policy"].split("; "))
        assert (
            policy["default-src"]
            == policy["base-uri"]
            == policy["form-action"]
            == policy["frame-ancestors"]
            == "'none'"
        )
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["require-trusted-types-for"] == "'script'"
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.headers["referrer-policy"] == "no-referrer"
    assert client.get("/explorer/README.md").status_code == 404
    assert client.get("/explorer/%2e%2e/page.py").status_code == 404


@pytest.mark.parametrize(
    "path", ["/explorer/setup", "/explorer/entities", "/explorer/synonyms", "/explorer/health", "/documents", "/status"]
)
def test_everything_else_needs_the_token(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 200
    for given in ("", "Bearer wrong", TOKEN):
        assert client.get(path, headers={"Authorization": given}).status_code == 401


def test_other_hosts_are_refused_even_with_the_token(client: TestClient) -> None:
    for path in ("/", "/explorer/setup"):
        refused = client.get(path, headers={"Host": "evil.example:8787"})
        assert (refused.status_code, refused.json()["error"]["type"]) == (403, "HostError")


def test_bodies_of_other_types_are_refused(client: TestClient) -> None:
    body = json.dumps({"question": QUESTION})
    assert client.post("/explorer/view", content=body, headers={"Content-Type": "text/plain"}).status_code == 415


def test_views_are_those_of_python(client: TestClient, memory: Hippo) -> None:
    body = {"question": QUESTION, "k": 2, "profiles": ["hippo", "bm25"], "where": None, "nodes": 20, "sentences": 1}
    found = client.post("/explorer/view", json=body)
    assert found.status_code == 200, found.text
    made = plain(memory.view(QUESTION, k=2, profiles=["hippo", "bm25"], nodes=20, sentences=1))
    for one in (found.json(), made):
        for spread in one["spreads"]:
            del spread["retrieval"]["seconds"]
    assert found.json() != {}
    assert found.json()["nodes"] == made["nodes"]
    assert found.json()["edges"] == made["edges"]
    assert [one["activation"] for one in found.json()["spreads"]] == [one["activation"] for one in made["spreads"]]
    page = client.post("/explorer/page", json=body)
    assert page.headers["content-disposition"].startswith("attachment")
    assert "http-equiv" in page.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"question": " "}, 422),
        ({"question": QUESTION, "profiles": ["nothing"]}, 422),
        ({"question": QUESTION, "where": "year >"}, 422),
        ({"question": QUESTION, "nodes": 9999}, 422),
        ({"question": QUESTION, "k": 1000}, 422),
        ({"question": QUESTION, "more": 1}, 422),
    ],
)
def test_wrong_requests_are_told(client: TestClient, body: dict[str, Any], status: int) -> None:
    told = client.post("/explorer/view", json=body)
    assert told.status_code == status
    assert told.json()["error"]["message"]


def test_what_the_index_holds(client: TestClient, memory: Hippo) -> None:
    setup = client.get("/explorer/setup").json()
    assert setup["index"] == memory.path.name
    assert setup["writable"] is False
    assert setup["profiles"][0] == "hippo"
    listed = client.get("/explorer/entities", params={"k": 5}).json()
    assert listed == [one.to_dict() for one in memory.entities(k=5)]
    assert client.get("/explorer/entities", params={"k": 2, "offset": 1}).json() == listed[1:3]
    assert client.get("/explorer/entities", params={"offset": 10_000}).json() == []
    named = client.get("/explorer/entities", params={"name": "smith"}).json()
    assert named == [one.to_dict() for one in memory.entities("smith", k=100)]
    near = client.get("/explorer/neighbors", params={"entity": named[0]["key"]}).json()
    assert near == [one.to_dict() for one in memory.neighbors(named[0]["key"])]
    said = client.post("/explorer/sentences", json={"entities": ["Ada Smith", "Riga"]}).json()
    assert said == [plain(one) for one in memory.sentences("Ada Smith", "Riga")]
    assert said
    stored = client.get("/explorer/document", params={"id": "riga"}).json()
    assert stored == plain(memory.get("riga"))
    missing = client.get("/explorer/document", params={"id": ".."})
    assert missing.json()["error"]["type"] == "DocumentError"
    health = client.get("/explorer/health").json()
    assert health["sound"] is True


def test_nothing_changes_unless_asked_for(client: TestClient) -> None:
    decision = {"first": "Ada Smith", "second": "Steelworks Smith", "decision": "accepted"}
    for path, body in (("/explorer/synonyms", decision), ("/documents", {"documents": [{"text": "New."}]})):
        refused = client.post(path, json=body)
        assert (refused.status_code, refused.json()["error"]["type"]) == (403, "TokenError")
    assert client.delete("/documents/riga").status_code == 403


def test_synonyms_are_decided_where_it_is_asked_for(index: Path) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with (
        Hippo.open(index) as memory,
        TestClient(create_explorer(memory, TOKEN, write=True), "http://localhost:1", headers=headers) as client,
    ):
        assert client.get("/explorer/setup").json()["writable"] is True
        for decision, states in (("accepted", {"accepted"}), ("rejected", {"rejected"}), (None, set())):
            body = {"first": "Ada Smith", "second": "Riga", "decision": decision}
            done = client.post("/explorer/synonyms", json=body)
            assert done.status_code == 200, done.text
            found = client.get("/explorer/synonyms", params={"entity": "Riga"}).json()
            pairs = {(one["first"]["name"], one["second"]["name"]): one["state"] for one in found["synonyms"]}
            assert {state for pair, state in pairs.items() if "Ada Smith" in pair} == states
            assert found["total"] == len(pairs)
        unknown = client.post("/explorer/synonyms", json={"first": "Nobody", "second": "Riga", "decision": "accepted"})
        assert unknown.status_code == 422


def test_the_command_prints_the_address(shared_index: Path) -> None:
    command = [sys.executable, "-m", "hippo", "explore", str(shared_index), "--port", "0", "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            base, _, token = process.stdout.readline().strip().partition("/#token=")
            assert base.startswith("http://127.0.0.1:")
            assert "Ask" in httpx.get(base).text
            assert httpx.get(f"{base}/status").status_code == 401
            assert httpx.get(f"{base}/status", headers={"Authorization": f"Bearer {token}"}).json()["documents"] == 4
        finally:
            process.terminate()
            process.communicate(timeout=60)
    with pytest.raises(IndexPathError):
        explore(shared_index / "nothing")
