"""The OpenAI-compatible back-end where things go wrong: faults of a server and how they are told apart."""

import asyncio
import pickle
from typing import Any

import pytest

from hippo.backends.llm.openai import OpenAILLM
from hippo.errors import LLMError, LLMRefusedError, LLMReplyLostError, LLMRequestError, LLMUnavailableError
from hippo.testing.server import LLMServer
from hippo.types import Completion, LLMRequest, Message

pytest.importorskip("openai", reason="openai is not installed")
pytest.importorskip("uvicorn", reason="uvicorn is not installed")


def ask(text: str = "Say hello as JSON.", schema: dict[str, Any] | None = None, max_tokens: int = 50) -> LLMRequest:
    return LLMRequest((Message("system", "Be brief."), Message("user", text)), max_tokens, "test/1", schema)


def reply(text: str | None = "Hello", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": more.pop("finish", "stop"), "message": {"content": text, **more}}
    return {"choices": [choice], "usage": {"prompt_tokens": 11, "completion_tokens": 3}}


def answer(llm: OpenAILLM, request: LLMRequest | None = None) -> Completion:
    return asyncio.run(llm.complete(request or ask()))


def listen(llm: OpenAILLM, request: LLMRequest | None = None) -> list[str | Completion]:
    async def items() -> list[str | Completion]:
        return [item async for item in llm.stream(request or ask())]

    return asyncio.run(items())


def refusal(llm: OpenAILLM, request: LLMRequest | None = None) -> LLMError:
    with pytest.raises(LLMError) as caught:
        answer(llm, request)
    found: LLMError = pickle.loads(pickle.dumps(caught.value))
    assert str(found) == str(caught.value)
    return found


def error(message: str, code: str | None = None, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "code": code, "type": "error", **more}}


class TestFaults:
    @pytest.mark.parametrize(
        ("kind", "expected", "part"),
        [
            ("429", LLMUnavailableError, "Rate limit reached. (HTTP 429)"),
            ("500", LLMUnavailableError, "(HTTP 500)"),
            ("503", LLMUnavailableError, "(HTTP 503)"),
            ("cut", LLMReplyLostError, "did not answer"),
            ("empty", LLMReplyLostError, "its reply holds no message"),
            ("html", LLMUnavailableError, "did not answer"),
            ("quota", LLMRefusedError, "Add credit"),
            ("401", LLMRefusedError, "Check the key"),
            ("403", LLMRefusedError, "Check the key"),
            ("404", LLMRefusedError, "Check the model's name"),
            ("400", LLMRequestError, "could not be understood"),
            ("length", LLMRequestError, "longer than the model's context"),
        ],
    )
    def test_translates(self, kind: str, expected: type[LLMError], part: str) -> None:
        with LLMServer() as server:
            server.fail_next(kind)
            llm = OpenAILLM(model="small", base_url=server.base_url)
            found = refusal(llm)
            assert type(found) is expected
            assert part in str(found)
            assert server.stats().arrived == 1
            assert answer(llm).finish == "stop"

    @pytest.mark.parametrize("kind", ["cut", "503", "401"])
    def test_translates_in_streams(self, kind: str) -> None:
        with LLMServer() as server:
            server.fail_next(kind)
            with pytest.raises(LLMError) as caught:
                listen(OpenAILLM(model="small", base_url=server.base_url))
        expected = {"cut": LLMReplyLostError, "503": LLMUnavailableError, "401": LLMRefusedError}
        assert type(caught.value) is expected[kind]

    def test_gives_up_on_silence(self) -> None:
        with LLMServer(latency=2.0) as server:
            found = refusal(OpenAILLM(model="small", base_url=server.base_url, timeout=0.1))
        assert type(found) is LLMReplyLostError

    def test_nobody_listens(self) -> None:
        found = refusal(OpenAILLM(model="small", base_url="http://127.0.0.1:9/v1"))
        assert type(found) is LLMUnavailableError  # nothing was sent that could be charged for
        assert "too long" not in str(found)
        assert "connect" in str(found).lower()

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"retry_after": "7"}, 7.0),
            ({"retry_after": "7", "retry_after_ms": "250"}, 0.25),
            ({"retry_after": "Fri, 01 Jan 2100 00:00:00 GMT"}, pytest.approx(2.3e9, rel=0.5)),
            ({"retry_after": "Fri, 01 Jan 1999 00:00:00 GMT"}, 0.0),
            ({"retry_after": "-3"}, 0.0),
            ({"retry_after": "soon"}, None),
            ({"retry_after": "nan"}, None),
            ({}, None),
        ],
    )
    def test_hands_on_how_long_to_wait(self, scene: Any, headers: dict[str, str], seconds: Any) -> None:
        scene.says(error("slow down"), 429, **headers)
        found = refusal(OpenAILLM(model="small", base_url=scene.url))
        assert isinstance(found, LLMUnavailableError)
        assert found.args[2] == seconds

    @pytest.mark.parametrize(
        ("status", "body", "expected"),
        [
            (200, b"", LLMUnavailableError),
            (200, b"{", LLMUnavailableError),
            (200, b"[]", LLMUnavailableError),
            (200, error("upstream is down", code="502"), LLMUnavailableError),
            (200, error("no credit", code="402"), LLMRefusedError),
            (408, error("slow"), LLMReplyLostError),
            (504, error("slow"), LLMReplyLostError),
            (200, {"choices": []}, LLMReplyLostError),
            (409, error("busy"), LLMUnavailableError),
            (402, error("no credit"), LLMRefusedError),
            (400, error("API key not valid", code="API_KEY_INVALID"), LLMRefusedError),
            (400, error("The model `small` does not exist"), LLMRefusedError),
            (400, error("filtered", code="content_filter"), LLMRequestError),
            (413, b"too large", LLMRequestError),
            (400, {"detail": [{"loc": ["body"], "msg": "bad"}]}, LLMRequestError),
            (400, {"error": "just words"}, LLMRequestError),
        ],
    )
    def test_sorts_what_servers_say(self, scene: Any, status: int, body: Any, expected: type[LLMError]) -> None:
        scene.says(body, status)
        assert type(refusal(OpenAILLM(model="small", base_url=scene.url))) is expected

    def test_keeps_the_key_out_of_errors(self, scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
        scene.says(error("no such key: sk-very-secret"), 401)
        llm = OpenAILLM(model="small", base_url=scene.url)
        with pytest.raises(LLMRefusedError, match=r"no such key: \*\*\*") as caught:
            answer(llm)
        assert caught.value.__cause__ is None
        assert "very-secret" not in f"{caught.value!r} {llm!r} {llm.fingerprint} {vars(llm)} {pickle.dumps(llm)!r}"
