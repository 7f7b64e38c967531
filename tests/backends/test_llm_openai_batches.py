"""The OpenAI-compatible back-end and a provider's batches."""

import asyncio
from typing import Any

import pytest

from hippo.backends.llm.openai import OpenAILLM
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
                name = await llm.submit({f"key {n}": ask(f"text\u2028{n}") for n in range(5)})
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
                return await llm.collect(await llm.submit({"a": ask()}))

            assert asyncio.run(early()) is None

    def test_an_item_may_fail(self) -> None:
        with LLMServer(models=["small"]) as server:
            small, other = (OpenAILLM(model=name, base_url=server.base_url) for name in ("small", "other"))

            async def mixed(llm: OpenAILLM) -> Any:
                name = await llm.submit({"a": ask()})
                while (results := await llm.collect(name)) is None:
                    await asyncio.sleep(0.01)
                return results

            assert isinstance(asyncio.run(mixed(small))["a"], Completion)
            assert isinstance(asyncio.run(mixed(other))["a"], LLMRefusedError)

    def test_refuses(self) -> None:
        with LLMServer() as server:
            llm = OpenAILLM(model="small", base_url=server.base_url)
            with pytest.raises(LLMRequestError, match="a batch holds 1 to 50000 requests, got 0"):
                asyncio.run(llm.submit({}))
            with pytest.raises(LLMRequestError, match="there is no batch 'batch_none'"):
                asyncio.run(llm.collect("batch_none"))
