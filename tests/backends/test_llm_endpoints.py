"""Several servers of one model: in turns, round those that fail, back to them when they are well."""

import pytest

from hippo import registry
from hippo.backends.llm.endpoints import EndpointsLLM
from hippo.background import run
from hippo.errors import ConfigError, LLMRequestError, LLMUnavailableError
from hippo.protocols import LLM
from hippo.testing import LLMConformance, LLMServer, ScriptedLLM
from hippo.types import Completion, LLMRequest, Message

REQUEST = LLMRequest((Message("user", "Which river?"),), 10, "test/1")


class Down(ScriptedLLM):
    """Does not answer while it is down."""

    down = True

    async def complete(self, request: LLMRequest) -> Completion:
        if self.down:
            self.requests.append(request)
            raise LLMUnavailableError("scripted", "it is down", None)
        return await super().complete(request)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class TestEndpoints(LLMConformance):
    @pytest.fixture
    def llm(self) -> LLM:
        return EndpointsLLM(model="scripted", llms=[ScriptedLLM(), ScriptedLLM()])


def test_each_has_its_turn() -> None:
    models = [ScriptedLLM() for _ in range(3)]
    llm = EndpointsLLM(model="any", llms=models)
    for _ in range(6):
        run(llm.complete(REQUEST))
    assert [one.calls for one in models] == [2, 2, 2]


def test_one_that_is_down_rests_and_comes_back() -> None:
    sick, well, clock = Down(), ScriptedLLM(), Clock()
    llm = EndpointsLLM(model="any", llms=[sick, well], clock=clock)
    for _ in range(4):
        run(llm.complete(REQUEST))
    assert (sick.calls, well.calls) == (1, 4)
    assert [(one["failures"], one["rests"]) for one in llm.health()] == [(1, 1.0), (0, 0.0)]
    clock.now = 1.5
    for _ in range(4):
        run(llm.complete(REQUEST))
    assert (sick.calls, well.calls) == (2, 8)
    assert llm.health()[0]["rests"] == 2.0
    sick.down, clock.now = False, 10.0
    for _ in range(4):
        run(llm.complete(REQUEST))
    assert sick.calls == 4
    assert [(one["failures"], one["under_way"]) for one in llm.health()] == [(0, 0), (0, 0)]


def test_only_where_none_answers_the_request_fails() -> None:
    models = [Down(), Down()]
    with pytest.raises(LLMUnavailableError):
        run(EndpointsLLM(model="any", llms=models).complete(REQUEST))
    assert [one.calls for one in models] == [1, 1]
    refusing = [ScriptedLLM(replies=lambda request: LLMRequestError("scripted", "too long")) for _ in range(2)]
    with pytest.raises(LLMRequestError):
        run(EndpointsLLM(model="any", llms=refusing).complete(REQUEST))
    assert sum(one.calls for one in refusing) == 1


def test_real_servers_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with LLMServer() as one, LLMServer() as other:
        llm = registry.create("llm", "endpoints", model="test", urls=[one.base_url, other.base_url])
        for _ in range(4):
            assert run(llm.complete(REQUEST)).text
        assert (one.stats().replies, other.stats().replies) == (2, 2)
        again = registry.create("llm", "endpoints", model="test", urls=[other.base_url], seed=None)
        assert again.fingerprint == llm.fingerprint
        other.stop()
        for _ in range(2):
            assert run(llm.complete(REQUEST)).text
        assert one.stats().replies == 4


def test_what_cannot_be_used_is_said() -> None:
    with pytest.raises(ConfigError, match="urls: must be a list of one or more addresses"):
        EndpointsLLM(model="any")
    with pytest.raises(ConfigError, match="must name each server once"):
        EndpointsLLM(model="any", urls=["http://localhost:1/v1", "http://localhost:1/v1/"])
