"""Every language model back-end runs the suite that plug-ins run."""

from collections.abc import Iterator

import pytest

from hippo.backends.llm.langchain import LangChainLLM
from hippo.backends.llm.openai import OpenAILLM
from hippo.protocols import LLM
from hippo.testing.llms import LLMConformance
from hippo.testing.server import LLMServer


@pytest.fixture(scope="module")
def server() -> Iterator[LLMServer]:
    with LLMServer() as server:
        yield server


class TestOpenAI(LLMConformance):
    secret = "sk-very-secret"

    @pytest.fixture
    def llm(self, server: LLMServer, monkeypatch: pytest.MonkeyPatch) -> LLM:
        pytest.importorskip("openai", reason="openai is not installed")
        monkeypatch.setenv("OPENAI_API_KEY", self.secret)
        return OpenAILLM(model="small", base_url=server.base_url)

    @pytest.fixture
    def unavailable(self) -> LLM:
        return OpenAILLM(model="small", base_url="http://127.0.0.1:9/v1")


class TestLangChain(LLMConformance):
    @pytest.fixture
    def llm(self) -> LLM:
        fakes = pytest.importorskip("langchain_core.language_models.fake_chat_models", reason="no langchain-core")
        return LangChainLLM(model=fakes.FakeListChatModel(responses=["a b c"]))
