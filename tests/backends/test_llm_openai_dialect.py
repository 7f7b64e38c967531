"""What the OpenAI-compatible back-end learns of a server that takes less than it sends."""

import asyncio
import json
import pickle
from typing import Any

import pytest

from hippo.backends.llm.openai import OpenAILLM
from hippo.errors import LLMError, LLMRequestError
from hippo.testing.server import LLMServer
from hippo.types import Completion, LLMRequest, Message

pytest.importorskip("openai", reason="openai is not installed")
pytest.importorskip("uvicorn", reason="uvicorn is not installed")

SCHEMA = {
    "title": "Names",
    "type": "object",
    "properties": {"names": {"type": "array", "items": {"type": "string"}}},
    "required": ["names"],
    "additionalProperties": False,
}


def ask(text: str = "Say hello as JSON.", schema: dict[str, Any] | None = None, max_tokens: int = 50) -> LLMRequest:
    return LLMRequest((Message("system", "Be brief."), Message("user", text)), max_tokens, "test/1", schema)


def reply(text: str | None = "Hello", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": more.pop("finish", "stop"), "message": {"content": text, **more}}
    return {"choices": [choice], "usage": {"prompt_tokens": 11, "completion_tokens": 3}}


def error(message: str, code: str | None = None, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "code": code, "type": "error", **more}}


def answer(llm: OpenAILLM, request: LLMRequest | None = None) -> Completion:
    return asyncio.run(llm.complete(request or ask()))


def refusal(llm: OpenAILLM, request: LLMRequest | None = None) -> LLMError:
    with pytest.raises(LLMError) as caught:
        answer(llm, request)
    found: LLMError = pickle.loads(pickle.dumps(caught.value))
    assert str(found) == str(caught.value)
    return found


class TestDialect:
    def test_learns_once_what_is_not_taken(self) -> None:
        words = {
            "max_tokens": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
            "temperature": "Unsupported value: 'temperature' does not support 0.0 with this model.",
            "seed": "Unrecognized request argument supplied: seed",
        }
        with LLMServer(reject=words) as server:
            llm = OpenAILLM(model="small", base_url=server.base_url, seed=3)
            before = llm.fingerprint
            for _ in range(3):
                assert answer(llm).finish == "stop"
            assert server.stats().refused == 3
            assert server.stats().replies == 3
        assert llm.adapted == ("no temperature", "no seed", "max_completion_tokens for the most tokens")
        assert llm.fingerprint == before

    def test_learns_while_many_ask(self) -> None:
        with LLMServer(reject={"max_tokens": "max_tokens is not supported"}, latency=0.02) as server:
            llm = OpenAILLM(model="small", base_url=server.base_url)

            async def ten() -> list[Completion]:
                return await asyncio.gather(*(llm.complete(ask(f"{n}")) for n in range(10)))

            assert len(asyncio.run(ten())) == 10
            assert server.stats().replies == 10

    def test_holds_replies_to_a_schema(self, scene: Any) -> None:
        scene.says(reply('{"names": []}'))
        answer(OpenAILLM(model="small", base_url=scene.url), ask(schema=SCHEMA))
        form = {"name": "Names", "schema": SCHEMA, "strict": True}
        assert scene.bodies[0]["response_format"] == {"type": "json_schema", "json_schema": form}
        loose = {key: value for key, value in SCHEMA.items() if key != "additionalProperties"}
        answer(OpenAILLM(model="small", base_url=scene.url), ask(schema=loose))
        assert scene.bodies[1]["response_format"]["json_schema"]["strict"] is False

    @pytest.mark.parametrize(("known", "text", "asked"), [
        (("json_object",), "as JSON", ["json_schema", "json_object", "json_object"]),
        (("json_object",), "plainly", ["json_schema", None, None]),
        ((), "as JSON", ["json_schema", "json_object", None, None]),
    ])  # fmt: skip
    def test_steps_down_to_what_is_known(
        self, scene: Any, known: tuple[str, ...], text: str, asked: list[str | None]
    ) -> None:
        def say(body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
            form = body.get("response_format", {}).get("type")
            if form is None or form in known:
                return 200, {}, json.dumps(reply()).encode()
            return 400, {}, json.dumps(error(f"Invalid parameter: 'response_format' of type {form}")).encode()

        scene.say = say
        llm = OpenAILLM(model="small", base_url=scene.url)
        for _ in range(2):
            answer(llm, ask(text, SCHEMA))
        assert [body.get("response_format", {}).get("type") for body in scene.bodies] == asked

    @pytest.mark.parametrize("structured", ["json_schema", "json_object"])
    def test_does_not_step_down_unasked(self, scene: Any, structured: Any) -> None:
        scene.says(error("response_format is not supported"), 400)
        llm = OpenAILLM(model="small", base_url=scene.url, structured=structured)
        assert isinstance(refusal(llm, ask(schema=SCHEMA)), LLMRequestError)
        assert len(scene.bodies) == 1

    @pytest.mark.parametrize("message", ["reasoning_effort is not supported", "top_p is not supported", "seed: 1 < 2"])
    def test_keeps_what_was_asked_for(self, scene: Any, message: str) -> None:
        scene.says(error(message), 400)
        llm = OpenAILLM(model="small", base_url=scene.url, reasoning_effort="low", seed=1, extra={"top_p": 1})
        assert isinstance(refusal(llm), LLMRequestError)
        assert len(scene.bodies) == 1

    def test_ends_where_nothing_helps(self, scene: Any) -> None:
        scene.says(error("unsupported: max_tokens, max_completion_tokens, temperature, response_format"), 400)
        assert isinstance(refusal(OpenAILLM(model="small", base_url=scene.url), ask(schema=SCHEMA)), LLMRequestError)
        assert len(scene.bodies) < 8
