"""The OpenAI-compatible back-end and a provider's batches."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from hippo.backends.llm.openai import OpenAILLM
from hippo.backends.llm.openai_batch import Batches
from hippo.errors import LLMRefusedError, LLMRequestError
from hippo.testing.server import LLMServer
from hippo.types import Completion, LLMRequest, Message

pytest.importorskip("openai", reason="openai is not installed")
pytest.importorskip("uvicorn", reason="uvicorn is not installed")


def ask(text: str = "Say hello as JSON.", schema: dict[str, Any] | None = None, max_tokens: int = 50) -> LLMRequest:
    return LLMRequest((Message("system", "Be brief."), Message("user", text)), max_tokens, "test/1", schema)


class TestBatches:
    def test_comes_back_by_key(self) -> None:
        with LLMServer(respond=lambda request: request.messages[-1].content.upper()) as server:
            llm = OpenAILLM(model="small", base_url=server.base_url)

            async def through() -> Any:
                name = await llm.submit({f"key {n}": ask(f"text\u2028{n}") for n in range(5)}, label="first")
                while (results := await llm.collect(name)) is None:
                    await asyncio.sleep(0.01)
                return results

            results = asyncio.run(through())
            assert {key: item.text for key, item in results.items()} == {f"key {n}": f"TEXT\u2028{n}" for n in range(5)}
            assert all(item.usage.requests == 1 and item.usage.output_tokens > 0 for item in results.values())

    def test_is_not_there_before_it_is_done(self) -> None:
        with LLMServer(batch_delay=30.0) as server:
            llm = OpenAILLM(model="small", base_url=server.base_url)

            async def early() -> object:
                return await llm.collect(await llm.submit({"a": ask()}, label="x"))

            assert asyncio.run(early()) is None

    def test_an_item_may_fail(self) -> None:
        with LLMServer(models=["small"]) as server:
            small, other = (OpenAILLM(model=name, base_url=server.base_url) for name in ("small", "other"))

            async def mixed(llm: OpenAILLM) -> Any:
                name = await llm.submit({"a": ask()}, label="x")
                while (results := await llm.collect(name)) is None:
                    await asyncio.sleep(0.01)
                return results

            assert isinstance(asyncio.run(mixed(small))["a"], Completion)
            assert isinstance(asyncio.run(mixed(other))["a"], LLMRefusedError)

    def test_refuses(self) -> None:
        with LLMServer() as server:
            llm = OpenAILLM(model="small", base_url=server.base_url)
            with pytest.raises(LLMRequestError, match="a batch holds 1 to 50000 requests, got 0"):
                asyncio.run(llm.submit({}, label="x"))
            with pytest.raises(LLMRequestError, match="there is no batch 'batch_none'"):
                asyncio.run(llm.collect("batch_none"))

    def test_is_found_by_its_label(self) -> None:
        with LLMServer() as server:
            llm = OpenAILLM(model="small", base_url=server.base_url)

            async def look() -> list[str | None]:
                names = [await llm.submit({"a": ask()}, label=label) for label in ("one", "two")]
                found = [await llm.find(label) for label in ("one", "two", "three")]
                assert found[:2] == names
                return found

            assert asyncio.run(look())[2] is None


class Files:
    """A client that knows one batch and some files, as the SDK shows them."""

    def __init__(self, batch: dict[str, Any], **files: list[dict[str, Any]]) -> None:
        self._batch = SimpleNamespace(**{"output_file_id": None, "error_file_id": None, "errors": None, **batch})
        self._contents = files
        self.batches = self.files = self

    async def retrieve(self, name: str) -> Any:
        return self._batch

    async def content(self, file: str) -> Any:
        if file not in self._contents:
            import httpx
            import openai

            gone = httpx.Response(404, request=httpx.Request("GET", "http://localhost/file"))
            raise openai.NotFoundError("No such File object", response=gone, body=None)
        return SimpleNamespace(content=b"\n".join(json.dumps(line).encode() for line in self._contents[file]))


def answered(key: str) -> dict[str, Any]:
    body = {
        "choices": [{"finish_reason": "stop", "message": {"content": f"about {key}"}}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    }
    return {"custom_id": key, "response": {"status_code": 200, "body": body}, "error": None}


def not_reached(key: str, code: str = "batch_expired") -> dict[str, Any]:
    return {"custom_id": key, "response": None, "error": {"code": code, "message": "its time was over"}}


def collected(client: Files) -> Any:
    return asyncio.run(Batches("small", client, azure=False).collect("b1"))  # type: ignore[arg-type]


class TestEnds:
    """How a batch can end, of which the test server knows but a few ways."""

    def test_expired_with_some_replies(self) -> None:
        batch = {"status": "expired", "output_file_id": "out", "error_file_id": "err"}
        found = collected(Files(batch, out=[answered("a")], err=[not_reached("b")]))
        assert {key: item.text for key, item in found.items()} == {"a": "about a"}

    def test_expired_without_any(self) -> None:
        assert collected(Files({"status": "expired", "error_file_id": "err"}, err=[not_reached("b")])) == {}

    def test_cancelled_with_some_replies(self) -> None:
        batch = {"status": "cancelled", "output_file_id": "out", "error_file_id": "err"}
        assert list(collected(Files(batch, out=[answered("a")], err=[not_reached("b", "batch_cancelled")]))) == ["a"]

    @pytest.mark.parametrize("status", ["failed", "cancelled"])
    def test_failed_as_a_whole(self, status: str) -> None:
        errors = SimpleNamespace(data=[SimpleNamespace(message="Enqueued token limit reached for small")])
        with pytest.raises(
            LLMRequestError, match=rf"{status}: Enqueued token limit reached for small\. .*run it again"
        ):
            collected(Files({"status": status, "errors": errors}))

    def test_its_replies_are_gone(self) -> None:
        with pytest.raises(LLMRequestError, match="the replies of batch 'b1' are gone"):
            collected(Files({"status": "completed", "output_file_id": "out"}))

    def test_its_errors_are_gone(self) -> None:
        batch = {"status": "completed", "output_file_id": "out", "error_file_id": "err"}
        assert list(collected(Files(batch, out=[answered("a")]))) == ["a"]
