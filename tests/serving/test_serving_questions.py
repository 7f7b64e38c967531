"""Questions over HTTP: passages and answers are those of Python, whole or in pieces, also for OpenAI's own client."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from hippo import Hippo
from hippo.testing import LLMServer
from hippo.types import LLMRequest

Running = Any
Start = Callable[..., Any]
Asking = Callable[[LLMServer], dict[str, str]]

IDS = {"bridge", "works", "ada", "riga"}
QUESTION = "Where was the founder of Steelworks Smith born?"


def hits(retrieval: dict[str, Any]) -> list[Any]:
    return [retrieval["profile"], retrieval["hits"], retrieval["seeds"]]


@pytest.fixture(scope="module")
def memory(shared_index: Path) -> Iterator[Hippo]:
    with Hippo.open(shared_index) as memory:
        yield memory


@pytest.mark.parametrize(
    "options",
    [{}, {"k": 2, "explain": True}, {"profile": "bm25"}, {"where": "kind = 'city'"}, {"where": {"kind": "city"}}],
)
def test_passages_are_those_of_python(server: Running, memory: Hippo, options: dict[str, Any]) -> None:
    found = server.post("/retrieve", {"question": QUESTION, **options})
    assert found.status_code == 200, found.text
    assert hits(found.json()) == hits(json.loads(json.dumps(memory.retrieve(QUESTION, **options).to_dict())))


def test_many_questions_keep_their_order(server: Running, memory: Hippo) -> None:
    questions = [QUESTION, "What is the capital of Latvia?", QUESTION]
    found = server.post("/retrieve_many", {"questions": questions, "k": 1}).json()
    assert [one["question"] for one in found] == questions
    assert [hits(one) for one in found] == [hits(one.to_dict()) for one in memory.retrieve_many(questions, k=1)]


def test_answers_cite_passages(server: Running) -> None:
    answer = server.post("/ask", {"question": QUESTION}).json()
    assert answer["answered"]
    assert {one["document_id"] for one in answer["citations"]} <= IDS
    assert answer["citations"]


def events(lines: Any) -> list[tuple[str, Any]]:
    found, name = [], ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            found.append((name, json.loads(line.removeprefix("data: "))))
    return found


def test_answers_come_as_events(server: Running) -> None:
    with server.client.stream("POST", "/ask", json={"question": QUESTION, "stream": True}) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        told = events(reply.iter_lines())
    *pieces, (last, answer) = told
    assert {name for name, _ in pieces} == {"piece"}
    assert last == "answer"
    assert "".join(piece["text"] for _, piece in pieces) == answer["text"]
    assert answer["citations"]


def test_without_a_model_answers_are_an_error_and_passages_none(start: Start, index: Path) -> None:
    server = start(index)
    for stream in (False, True):
        refused = server.post("/ask", {"question": QUESTION, "stream": stream})
        assert (refused.status_code, refused.json()["error"]["type"]) == (501, "ConfigError")
        assert "llm.name" in refused.json()["error"]["message"]
    assert server.is_healthy()


def test_errors_of_the_model_have_a_status(start: Start, index: Path, llm: LLMServer, asking: Asking) -> None:
    server = start(index, **asking(llm))
    for kind, status in (("401", 502), ("503", 503), ("400", 502)):
        for stream in (False, True):
            llm.fail_next(kind)
            failed = server.post("/ask", {"question": QUESTION, "stream": stream})
            assert failed.status_code == status, (kind, failed.text)
            assert set(failed.json()["error"]) == {"type", "message", "remedy", "request_id"}
    llm.fail_next("cut")
    failed = server.post("/ask", {"question": QUESTION, "stream": True})
    told = failed.json() if failed.status_code == 503 else events(failed.text.splitlines())[-1][1]
    assert told["error"]["type"] == "LLMReplyLostError"
    assert server.is_healthy()


@pytest.fixture(scope="module")
def client(server: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_chat_clients_see_profiles_as_models(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names[0] == "hippo"
    assert {"hippo/bm25", "hippo/hipporag2"} <= set(names)
    assert client.models.retrieve("hippo/bm25").id == "hippo/bm25"
    with pytest.raises(openai.NotFoundError, match="unknown model 'gpt-5'"):
        client.models.retrieve("gpt-5")


def test_chat_clients_get_answers_with_sources(client: openai.OpenAI) -> None:
    messages: Any = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
    ]
    reply = client.chat.completions.create(model="hippo", messages=messages, temperature=0, max_tokens=100)
    text = reply.choices[0].message.content or ""
    assert "\n\nSources:\n[1] " in text
    assert reply.choices[0].finish_reason == "stop"
    cited = reply.model_extra["citations"]  # type: ignore[index]
    assert f"({cited[0]['document_id']})" in text
    assert cited[0]["document_id"] in IDS
    assert reply.usage is not None


def test_chat_clients_get_the_same_in_chunks(client: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": QUESTION}]
    whole = client.chat.completions.create(model="hippo/bm25", messages=messages)
    chunks = list(
        client.chat.completions.create(
            model="hippo/bm25", messages=messages, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert not chunks[-1].choices


def test_chat_clients_join_chunks_to_a_message(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="hippo", messages=[{"role": "user", "content": QUESTION}]) as stream:
        for _ in stream:
            pass
        message = stream.get_final_completion().choices[0].message
    assert message.role == "assistant"
    assert "\n\nSources:\n[1] " in (message.content or "")


def test_a_chat_goes_on(client: openai.OpenAI, prompts: list[LLMRequest]) -> None:
    messages: Any = [{"role": "user", "content": "Who founded Steelworks Smith?"}]
    first = client.chat.completions.create(model="hippo", messages=messages).choices[0].message
    told = (first.content or "").partition(" [")[0]
    messages += [first.model_dump(), {"role": "user", "content": "And where was she born?"}]
    messages.insert(0, {"role": "system", "content": "Answer in Latin."})
    reply = client.chat.completions.create(model="hippo", messages=messages, max_tokens=20)
    assert reply.choices[0].message.content
    request = prompts[-1]
    assert request.messages[0].content.endswith("Answer in Latin.")
    assert f"user: Who founded Steelworks Smith?\nassistant: {told}" in request.messages[1].content
    assert "Sources:" not in request.messages[1].content
    assert request.max_tokens == 20


def test_the_same_history_goes_with_ask(server: Running, prompts: list[LLMRequest]) -> None:
    history = [
        {"role": "user", "content": "Who founded Steelworks Smith?"},
        {"role": "assistant", "content": "Ada Smith."},
    ]
    question = {"question": "And where was she born?", "history": history, "max_tokens": 9000}
    answer = server.post("/ask", question).json()
    assert prompts[-1].max_tokens == 512
    assert "And where was she born? Ada Smith." in answer["retrieval"]["parameters"]["in_context"]
    refused = server.post("/ask", {"question": QUESTION, "history": [{"role": "user"}]})
    assert (refused.status_code, refused.json()["error"]["type"]) == (422, "DocumentError")


def test_chat_clients_see_errors_as_their_own(client: openai.OpenAI) -> None:
    def ask(content: Any, model: str = "hippo", role: str = "user", **more: Any) -> Any:
        return client.chat.completions.create(model=model, messages=[{"role": role, "content": content}], **more)  # type: ignore[misc,list-item]

    with pytest.raises(openai.NotFoundError, match="unknown model 'gpt-5'") as unknown:
        ask(QUESTION, "gpt-5")
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError, match="role user"):
        ask("Be brief.", role="system")
    with pytest.raises(openai.BadRequestError) as several:
        ask(QUESTION, n=2)
    assert several.value.param == "n"
    with pytest.raises(openai.BadRequestError, match="nothing but text, got 'image_url'"):
        ask([{"type": "text", "text": QUESTION}, {"type": "image_url", "image_url": {"url": "data:,"}}])
    ask(QUESTION, temperature=0.1, top_p=0.5, seed=1, user="x", extra_body={"no_such_field": {"a": 1}})


def test_an_empty_index_says_so_and_takes_documents(
    start: Start, tmp_path: Path, documents: list[dict[str, Any]]
) -> None:
    server = start(tmp_path / "new", HIPPO_ENCODER__NAME="hashing")
    assert server.client.get("/ready").json() == {"ready": True, "snapshot": None}
    empty = server.post("/retrieve", {"question": QUESTION})
    assert (empty.status_code, empty.json()["error"]["type"]) == (409, "IndexEmptyError")
    assert server.post("/documents", {"documents": documents}).json()["added"] == 4
    assert server.is_healthy()
