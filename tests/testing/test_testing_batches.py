import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from hippo.testing import LLMServer


@pytest.fixture
def client(server: LLMServer) -> Iterator[OpenAI]:
    http = httpx.Client(trust_env=False)
    with OpenAI(base_url=server.base_url, api_key="k", max_retries=0, http_client=http) as made:
        yield made


def line(number: int, **more: Any) -> dict[str, Any]:
    asked = {"model": "m", "messages": [{"role": "user", "content": f"Zahl – {number}\r\n"}]}
    return {"custom_id": f"n{number}", "method": "POST", "url": "/v1/chat/completions", "body": asked, **more}


def begin(client: OpenAI, lines: list[Any]) -> Any:
    content = "".join(f"{json.dumps(item, ensure_ascii=False)}\n" for item in lines).encode()
    file = client.files.create(file=("asked.jsonl", content), purpose="batch")
    assert (file.bytes, file.filename, file.purpose) == (len(content), "asked.jsonl", "batch")
    assert client.files.content(file.id).read() == content
    return client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"a": "b"}
    )


def results(client: OpenAI, file_id: str) -> dict[str, Any]:
    lines = client.files.content(file_id).text.splitlines()
    return {item["custom_id"]: item for item in map(json.loads, lines)}


def test_answers_a_batch(client: OpenAI, server: LLMServer) -> None:
    batch = client.batches.retrieve(begin(client, [line(number) for number in range(5)]).id)
    assert (batch.status, batch.error_file_id, batch.metadata) == ("completed", None, {"a": "b"})
    assert batch.request_counts is not None
    assert (batch.request_counts.total, batch.request_counts.completed) == (5, 5)
    found = results(client, batch.output_file_id or "")
    assert list(found) == ["n4", "n3", "n2", "n1", "n0"]
    assert found["n3"]["response"]["body"]["choices"][0]["message"]["content"].endswith("you: 3")
    client.batches.retrieve(batch.id)
    results(client, batch.output_file_id or "")
    assert (server.stats().arrived, server.stats().replies, server.stats().paid_twice) == (5, 5, ())
    assert next(iter(client.batches.list())).id == batch.id


def test_items_fail_one_by_one(client: OpenAI, server: LLMServer) -> None:
    for kind in ("500", "timeout", "truncated", "empty"):  # the last line is answered first
        server.fail_next(kind)
    bad = line(5)
    bad["body"] = {**bad["body"], "stream": True}
    batch = client.batches.retrieve(begin(client, [bad, *(line(number) for number in range(5))]).id)
    assert batch.status == "expired"
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (3, 3)
    failed = results(client, batch.error_file_id or "")
    assert failed["n4"]["response"]["status_code"] == 500
    assert failed["n3"]["response"] is None
    assert failed["n3"]["error"]["code"] == "batch_expired"
    assert failed["n5"]["response"]["status_code"] == 400
    good = results(client, batch.output_file_id or "")
    assert good["n2"]["response"]["body"]["choices"][0]["finish_reason"] == "length"
    assert good["n1"]["response"]["body"]["choices"] == []
    stats = server.stats()
    assert (stats.arrived, stats.replies, stats.spoiled, stats.refused) == (5, 1, 1, 1)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "the file holds no requests"),
        ([line(1), line(1)], "line 2 repeats the custom_id 'n1'"),
        ([line(1), {"custom_id": "x"}], "line 2 needs custom_id, method, url and body"),
        ([line(1, url="/v1/embeddings")], "line 1 must be for POST /v1/chat/completions"),
        ([line(1, custom_id=7)], "line 1: custom_id must be a text, got 7"),
        ([line(1, body=[])], "line 1: body must be a JSON object"),
        ([line(1), line(2, body={"model": "n"})], "all requests of a file must be for one model, got m, n"),
    ],
)
def test_an_unusable_file_is_a_failed_batch(client: OpenAI, server: LLMServer, lines: list[Any], said: str) -> None:
    batch = client.batches.retrieve(begin(client, lines).id)
    assert batch.status == "failed"
    assert batch.errors is not None
    assert batch.errors.data is not None
    assert batch.errors.data[0].message == said
    assert server.stats().arrived == 0


def test_takes_its_time_and_can_be_cancelled() -> None:
    http = httpx.Client(trust_env=False)
    with (
        LLMServer(batch_delay=0.3) as server,
        OpenAI(base_url=server.base_url, api_key="k", http_client=http) as client,
    ):
        began = time.monotonic()
        batch, other = begin(client, [line(1)]), begin(client, [line(2)])
        assert client.batches.cancel(other.id).status == "cancelled"
        while client.batches.retrieve(batch.id).status == "in_progress":
            time.sleep(0.02)
        assert time.monotonic() - began >= 0.3
        assert client.batches.retrieve(batch.id).status == "completed"
        assert client.batches.retrieve(other.id).status == "cancelled"
        with pytest.raises(openai.ConflictError, match="Batch is completed"):
            client.batches.cancel(batch.id)
        assert server.stats().replies == 1


def test_unknown_things_are_told(client: OpenAI, server: LLMServer) -> None:
    with pytest.raises(openai.NotFoundError, match="No such Batch object: b"):
        client.batches.retrieve("b")
    with pytest.raises(openai.NotFoundError, match="No such File object: f"):
        client.batches.create(input_file_id="f", endpoint="/v1/chat/completions", completion_window="24h")
    with pytest.raises(openai.BadRequestError, match="the endpoint of a batch must be"):
        client.batches.create(input_file_id="f", endpoint="/v1/embeddings", completion_window="24h")
    reply = httpx.post(f"{server.base_url}/files", content=b"", trust_env=False)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "file")


def test_a_batch_has_limits() -> None:
    http = httpx.Client(trust_env=False)
    with (
        LLMServer(batch_limits=(2, 350)) as server,
        OpenAI(base_url=server.base_url, api_key="k", http_client=http) as client,
    ):
        small = [
            {"custom_id": f"n{number}", "method": "POST", "url": "/v1/chat/completions", "body": {}}
            for number in range(3)
        ]
        for lines, code, said in (
            (small, "too_many_tasks", "at most 2 requests, got 3"),
            ([line(1), line(2), line(3)], "file_too_large", "at most 350 bytes, got "),
        ):
            batch = begin(client, lines)
            assert batch.status == "failed"
            [error] = batch.errors.data
            assert error.code == code
            assert said in error.message
        assert begin(client, [line(1), line(2)]).status == "in_progress"


def test_the_file_of_a_batch_is_one_of_lines(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match=r"must be \.jsonl, got 'asked.txt'"):
        client.files.create(file=("asked.txt", b"{}"), purpose="batch")
    other = client.files.create(file=("asked.jsonl", b"{}"), purpose="fine-tune")
    with pytest.raises(openai.BadRequestError, match="must be batch, got fine-tune"):
        client.batches.create(input_file_id=other.id, endpoint="/v1/chat/completions", completion_window="24h")
