"""LangChain chat models as language models."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from types import ModuleType
from typing import Any

import pytest

from hippo.backends.llm.langchain import LangChainLLM
from hippo.errors import (
    ConfigError,
    LLMError,
    LLMRefusedError,
    LLMReplyLostError,
    LLMRequestError,
    LLMUnavailableError,
    MissingExtraError,
)
from hippo.protocols import LLM, StreamingLLM
from hippo.types import Completion, LLMRequest, Message, Usage

pytest.importorskip("langchain_core", reason="langchain-core is not installed")

from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda
from pydantic import SecretStr

SCHEMA = {"title": "Names", "type": "object", "properties": {"names": {"type": "array"}}}


class Echo(BaseChatModel):
    """Says what it was asked, and with which limit."""

    model_name: str = "echo-1"
    max_tokens: int = 5
    temperature: float = 0.0
    api_key: SecretStr = SecretStr("hidden-key")
    base_url: str = "https://me:pass@echo.example/v1?key=hidden-key"
    error: Exception | None = None
    reason: str = "stop"
    content: Any = None
    counted: bool = True
    formed: Callable[[list[BaseMessage]], AIMessage] | None = None

    @property
    def _llm_type(self) -> str:
        return "echo"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name, "api_key": self.api_key, "temperature": self.temperature, "of": object()}

    def _message(self, messages: list[BaseMessage]) -> AIMessage:
        if self.error is not None:
            raise self.error
        text = "/".join(f"{message.type}:{message.content}" for message in messages) + f"/{self.max_tokens}"
        usage: Any = {"input_tokens": 9, "output_tokens": 4, "total_tokens": 13} if self.counted else None
        return AIMessage(
            text if self.content is None else self.content,
            usage_metadata=usage,
            response_metadata={"finish_reason": self.reason},
        )

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._message(messages))])

    async def _astream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        whole = self._message(messages)
        for word in str(whole.content).split("/"):
            yield ChatGenerationChunk(message=AIMessageChunk(word))
        last = AIMessageChunk("", usage_metadata=whole.usage_metadata, response_metadata=whole.response_metadata)
        yield ChatGenerationChunk(message=last)

    def with_structured_output(self, schema: Any, **options: Any) -> Runnable[Any, Any]:
        assert options == {"method": "json_schema", "include_raw": True}
        assert schema["title"] == "Names"
        assert self.formed is not None
        formed = self.formed
        return RunnableLambda(lambda messages: {"raw": formed(messages), "parsed": None, "parsing_error": None})


def ask(schema: dict[str, Any] | None = None, max_tokens: int = 50) -> LLMRequest:
    turns = (Message("system", "S"), Message("user", "U"), Message("assistant", "A"), Message("user", "V\ud800"))
    return LLMRequest(turns, max_tokens, "test/1", schema)


def answer(llm: LangChainLLM, request: LLMRequest | None = None) -> Completion:
    return asyncio.run(llm.complete(request or ask()))


def listen(llm: LangChainLLM) -> list[str | Completion]:
    async def items() -> list[str | Completion]:
        return [item async for item in llm.stream(ask())]

    return asyncio.run(items())


class ProviderError(Exception):
    """An exception of some provider."""

    def __init__(self, status_code: int | None = None, message: str = "it failed") -> None:
        super().__init__(message)
        if status_code is not None:
            self.status_code = status_code


class ReadTimeout(Exception):  # noqa: N818 - its name is what it is known by
    """Like that of httpx."""


class APIConnectionError(Exception):
    """Like that of several SDKs."""


def test_is_a_language_model() -> None:
    llm = LangChainLLM(model=Echo())
    assert isinstance(llm, LLM)
    assert isinstance(llm, StreamingLLM)
    assert llm.model == "echo-1"


def test_answers_with_the_limit_of_the_request() -> None:
    model = Echo()
    llm = LangChainLLM(model=model)
    usage = Usage(requests=1, input_tokens=9, output_tokens=4)
    assert answer(llm) == Completion("system:S/human:U/ai:A/human:V?/50", "stop", usage)
    assert [answer(llm, ask(max_tokens=n)).text[-3:] for n in range(100, 120)] == [str(n) for n in range(100, 120)]
    assert model.max_tokens == 5


def test_answers_with_the_fakes_of_langchain() -> None:
    llm = LangChainLLM(model=GenericFakeChatModel(messages=iter(["one two", "three four"])))
    assert llm.model == "GenericFakeChatModel"
    completion = answer(llm)
    assert completion.text == "one two"
    assert completion.usage.output_tokens == 2  # estimated
    *pieces, last = listen(llm)
    assert pieces == ["three", " ", "four"]
    assert isinstance(last, Completion)
    assert last.text == "three four"


@pytest.mark.parametrize(
    ("settings", "text", "finish"),
    [
        ({"reason": "max_tokens"}, None, "length"),
        ({"reason": "SAFETY"}, None, "filtered"),
        ({"reason": "end_turn"}, None, "stop"),
        ({"content": "<think>hm</think> Paris"}, "Paris", "stop"),
        ({"content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Pa"}, "ris"]}, "Paris", "stop"),
    ],
)
def test_reads_every_shape(settings: dict[str, Any], text: str | None, finish: str) -> None:
    completion = answer(LangChainLLM(model=Echo(**settings)))
    assert completion.finish == finish
    assert text is None or completion.text == text


def test_estimates_tokens_that_are_not_counted() -> None:
    usage = answer(LangChainLLM(model=Echo(counted=False, content="twelve bytes"))).usage
    assert usage == Usage(requests=1, input_tokens=4 * 4 + 4, output_tokens=3)


def test_streams() -> None:
    *pieces, last = listen(LangChainLLM(model=Echo(reason="length")))
    assert pieces == ["system:S", "human:U", "ai:A", "human:V?", "50"]
    assert last == Completion("".join(map(str, pieces)), "length", Usage(requests=1, input_tokens=9, output_tokens=4))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ProviderError(429), LLMUnavailableError),
        (ProviderError(529), LLMUnavailableError),
        (ProviderError(401), LLMRefusedError),
        (ProviderError(404), LLMRefusedError),
        (ProviderError(429, "insufficient_quota"), LLMRefusedError),
        (ProviderError(400), LLMRequestError),
        (ProviderError(), LLMRequestError),
        (ReadTimeout(), LLMReplyLostError),
        (TimeoutError(), LLMReplyLostError),
        (APIConnectionError("no route"), LLMReplyLostError),
        (ConnectionRefusedError("no route"), LLMUnavailableError),
        (ConnectionResetError("gone"), LLMReplyLostError),
        (KeyError("content"), LLMRequestError),
    ],
)
def test_translates(error: Exception, expected: type[LLMError]) -> None:
    llm = LangChainLLM(model=Echo(error=error))
    for action in (answer, listen):
        with pytest.raises(LLMError) as caught:
            action(llm)
        assert type(caught.value) is expected
        assert type(caught.value.__cause__) is type(error)
        assert caught.value.args[0] == "echo-1"


class TestSchemas:
    def test_are_used_where_the_model_can(self) -> None:
        request = ask(SCHEMA)
        model = Echo(profile={"structured_output": True}, formed=lambda _: AIMessage('{"names": []}'))
        assert answer(LangChainLLM(model=model), request).text == '{"names": []}'
        assert answer(LangChainLLM(model=model, structured="off"), request).text.startswith("system:S")
        assert answer(LangChainLLM(model=Echo()), request).text.startswith("system:S")

    def test_may_be_answered_by_a_call(self) -> None:
        call: Any = {"name": "Names", "args": {"names": ["é"]}, "id": "1"}
        model = Echo(profile={"structured_output": True}, formed=lambda _: AIMessage("", tool_calls=[call]))
        assert answer(LangChainLLM(model=model), ask(SCHEMA)).text == '{"names": ["é"]}'

    def test_are_left_where_they_fail(self) -> None:
        asked = []

        def fails(messages: list[BaseMessage]) -> AIMessage:
            asked.append(messages)
            raise ProviderError(400, "no schema")

        llm = LangChainLLM(model=Echo(profile={"structured_output": True}, formed=fails))
        for _ in range(3):
            assert answer(llm, ask(SCHEMA)).text.startswith("system:S")
        assert len(asked) == 1


def test_fingerprint_is_stable_and_without_secrets() -> None:
    first, again = LangChainLLM(model=Echo()).fingerprint, LangChainLLM(model=Echo(api_key=SecretStr("x"))).fingerprint
    assert first == again
    assert "hidden" not in first
    assert "echo-1" in first
    other = [Echo(model_name="echo-2"), Echo(temperature=0.5), Echo(base_url="https://other.example/v1")]
    assert len({first, *(LangChainLLM(model=model).fingerprint for model in other)}) == 4


class TestNames:
    def test_need_langchain(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "langchain.chat_models", None)
        with pytest.raises(MissingExtraError, match="langchain"):
            LangChainLLM(model="openai:gpt-4o-mini")

    def test_go_to_langchain(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def init_chat_model(name: str, **options: Any) -> BaseChatModel:
            if name == "strange":
                raise ValueError("unable to infer the provider")
            if name == "uninstalled":
                raise ImportError("no module", name="langchain_far")
            if name == "locked":
                raise ProviderError(message="The api_key client option must be set")
            return Echo(model_name=name, **options)

        package = ModuleType("langchain.chat_models")
        vars(package)["init_chat_model"] = init_chat_model
        monkeypatch.setitem(sys.modules, "langchain", ModuleType("langchain"))
        monkeypatch.setitem(sys.modules, "langchain.chat_models", package)
        assert answer(LangChainLLM(model="near", options={"content": "yes"})).text == "yes"
        with pytest.raises(ConfigError, match="unable to infer"):
            LangChainLLM(model="strange")
        with pytest.raises(MissingExtraError, match="langchain-far"):
            LangChainLLM(model="uninstalled")
        with pytest.raises(LLMRefusedError, match="must be set"):
            LangChainLLM(model="locked")


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"model": 7}, "must be a name or a chat model"),
        ({"model": Echo(), "options": {"a": 1}}, "are for a model given by name"),
        ({"model": Echo(), "structured": "on"}, "must be auto or off"),
    ],
)
def test_refuses_options(options: dict[str, Any], part: str) -> None:
    with pytest.raises(ConfigError, match=part):
        LangChainLLM(**options)
