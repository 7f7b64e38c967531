"""The server refuses what OpenAI's API refuses; hippo's own requests pass it."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from hippo import Hippo
from hippo.backends.llm.openai import OpenAILLM
from hippo.background import iterate, run
from hippo.testing import LLMServer
from hippo.types import Completion, LLMRequest, Message

CLOSED: dict[str, Any] = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


def post(server: LLMServer, **more: Any) -> httpx.Response:
    value = {"model": "m", "messages": [{"role": "user", "content": "hello"}], **more}
    return httpx.post(f"{server.base_url}/chat/completions", json=value, trust_env=False)


def held_to(schema: Any, *, name: str = "rivers", **more: Any) -> dict[str, Any]:
    """A body that asks for replies of a schema."""
    form = {"name": name, "schema": schema, "strict": True, **more}
    return {"response_format": {"type": "json_schema", "json_schema": form}}


def an_object(**properties: Any) -> dict[str, Any]:
    return {**CLOSED, "properties": properties, "required": list(properties)}


OPEN = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
LACKING = {**CLOSED, "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a"]}


@pytest.mark.parametrize(
    ("more", "parameter", "said"),
    [
        ({"top_k": 5}, "top_k", "Unknown parameter: 'top_k'"),
        ({"max_tokens": 5, "max_completion_tokens": 5}, "max_tokens", "at the same time is not supported"),
        ({"temperature": 2.5}, "temperature", "expected a number from 0 to 2, but got 2.5"),
        ({"top_p": "high"}, "top_p", "expected a number from 0 to 1, but got 'high'"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "only allowed when 'stream' is enabled"),
        ({"response_format": {"type": "json_object"}}, "messages", "must contain the word 'json'"),
        ({"response_format": {"type": "xml"}}, "response_format.type", "must be one of text, json_object, json_schema"),
        (held_to(CLOSED, name="two words"), "response_format.json_schema.name", "got 'two words'"),
        (held_to({"type": "array", "items": {"type": "string"}}), "response_format", "got 'type: \"array\"'"),
        (held_to(OPEN), "response_format", "In context=(), 'additionalProperties' is required"),
        (held_to(LACKING), "response_format", "In context=(), 'required' is required to be supplied"),
        (held_to(an_object(a=OPEN)), "response_format", "In context=('properties', 'a'), 'additionalProperties'"),
        (
            held_to(an_object(a={"type": "array", "items": LACKING})),
            "response_format",
            "In context=('properties', 'a', 'items'), 'required'",
        ),
        (held_to(an_object(a={"anyOf": [CLOSED, OPEN]})), "response_format", "('properties', 'a', 'anyOf', '1')"),
        (held_to({**CLOSED, "$defs": {"x": OPEN}}), "response_format", "In context=('$defs', 'x')"),
        (held_to(an_object(a={"type": "array"})), "response_format", "array schema missing items"),
        (held_to(an_object(a={"oneOf": [CLOSED]})), "response_format", "'oneOf' is not permitted"),
        (held_to(an_object(a={})), "response_format", "schema must have a 'type' key"),
        (held_to(an_object(a=True)), "response_format", "a schema must be an object, got True"),
    ],
)
def test_what_the_api_refuses(server: LLMServer, more: dict[str, Any], parameter: str, said: str) -> None:
    reply = post(server, **more)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"] == parameter
    assert said in reply.json()["error"]["message"]
    assert (server.stats().refused, server.stats().arrived) == (1, 0)


@pytest.mark.parametrize(
    "more",
    [
        {"max_tokens": None, "max_completion_tokens": 5, "temperature": 0, "seed": 1, "top_p": 1, "user": "me"},
        {"messages": [{"role": "user", "content": "as JSON"}], "response_format": {"type": "json_object"}},
        {"response_format": {"type": "text"}},
        held_to(OPEN, strict=False),
        held_to(OPEN, strict=None),
        held_to(an_object(a={"type": ["string", "null"]}, b={"type": "array", "items": an_object(c={"enum": [1]})})),
        held_to({**an_object(a={"$ref": "#/$defs/x"}), "$defs": {"x": CLOSED}}),
    ],
)
def test_what_the_api_takes(server: LLMServer, more: dict[str, Any]) -> None:
    assert post(server, **more).status_code == 200


def test_a_lenient_server_takes_all_of_it() -> None:
    with LLMServer(strict=False) as server:
        for more in ({"top_k": 5}, {"max_tokens": 5, "max_completion_tokens": 5}, held_to(OPEN)):
            assert post(server, **more).status_code == 200
        assert post(server, **held_to(None)).status_code == 400  # no schema at all


SCHEMA = {"title": "my rivers", **an_object(rivers={"type": "array", "items": {"type": "string"}})}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"structured": "json_object"},
        {"structured": "off"},
        {"temperature": None, "seed": 1, "reasoning_effort": "low"},
        {"extra": {"max_completion_tokens": 7}},
        {"extra": {"max_tokens": 7}},
    ],
)
def test_requests_of_the_back_end_pass(server: LLMServer, options: dict[str, Any]) -> None:
    """With either name for the limit of tokens, and with schemas that cannot be followed strictly, too."""
    llm = OpenAILLM(model="m", base_url=server.base_url, **options)
    for schema in (None, SCHEMA, OPEN):
        for text in ("Say so.", "Say so as JSON."):
            request = LLMRequest((Message("user", text),), 50, "a test/1", schema)
            assert isinstance(run(llm.complete(request)), Completion)
            assert isinstance(list(iterate(llm.stream(request)))[-1], Completion)
    assert (server.stats().refused, llm.adapted) == (0, ())


@pytest.mark.parametrize("structured", ["json_schema", "json_object", "off"])
def test_all_that_hippo_asks_passes(tmp_path: Path, structured: str) -> None:
    openai = {"model": "m", "structured": structured, "api_key_env": "HIPPO_TEST_KEY"}
    with LLMServer(api_key="right", models=["m"]) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HIPPO_TEST_KEY", "right")
        llm = {"name": "openai", "openai": {**openai, "base_url": server.base_url}}
        for calls, batch in ((1, False), (2, False), (2, True)):
            config = {"llm": {**llm, "batch": batch}, "extractor": {"name": "llm", "llm": {"calls": calls}}}
            config["recognition"] = {"name": "llm"}
            with Hippo.open(tmp_path / f"{calls}{batch}", encoder="hashing", config=config) as memory:
                assert memory.add(["Ada Lovelace met Charles Babbage. Babbage was born in London."]).failed == ()
                assert memory.ask("Where was Babbage born?", steps=2, reasoning=True).answered
        assert server.stats().refused == 0


def test_a_wrong_key_and_an_unknown_model() -> None:
    with LLMServer(api_key="right", models=["m"]) as server:
        assert post(server).status_code == 401
        key = {"Authorization": "Bearer right"}
        value = {"model": "n", "messages": [{"role": "user", "content": "hello"}]}
        reply = httpx.post(f"{server.base_url}/chat/completions", json=value, headers=key, trust_env=False)
        assert (reply.status_code, reply.json()["error"]["code"]) == (404, "model_not_found")
