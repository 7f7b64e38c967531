"""Whose language model is asked, within whose limits, and what is kept of it."""

import gc
from collections.abc import Callable
from pathlib import Path

import pytest

from hippo import Hippo
from hippo.config import LLMConfig
from hippo.errors import ConfigError, LLMError
from hippo.extraction.combined import combine
from hippo.extraction.llm import LLMExtractor
from hippo.extraction.pattern import PatternExtractor
from hippo.llm import Caller
from hippo.testing import LLMServer, ScriptedLLM

TEXT = "Ada Smith was born in Riga."
Open = Callable[..., Hippo]


class TestAnExtractorsOwnModel:
    @pytest.mark.parametrize("combined", [False, True])
    @pytest.mark.parametrize("others", [False, True])
    def test_it_is_asked(self, tmp_path: Path, combined: bool, others: bool) -> None:
        own, other = ScriptedLLM(model="own"), ScriptedLLM(model="other")
        extractor = combine([PatternExtractor(), LLMExtractor(own)]) if combined else LLMExtractor(own)
        with Hippo.open(tmp_path, encoder="hashing", extractor=extractor, llm=other if others else None) as memory:
            assert memory.estimate([TEXT]).calls == 2
            report = memory.add([TEXT])
            assert report.usage["extraction"] == memory.usage["extraction"]
        assert (own.calls, other.calls) == (2, 0)
        assert report.usage["extraction"].requests == 2
        assert report.failed == ()

    def test_its_caller_is_asked_as_it_is(self, tmp_path: Path) -> None:
        own = Caller(ScriptedLLM(), LLMConfig(), use="mine")
        with Hippo.open(tmp_path, encoder="hashing", extractor=LLMExtractor(own)) as memory:
            memory.add([TEXT])
            assert memory.usage == {}
        assert own.usage.requests == 2

    def test_there_is_one(self, tmp_path: Path) -> None:
        parts = [LLMExtractor(ScriptedLLM(model=name)) for name in ("first", "second")]
        with pytest.raises(ConfigError, match="parts: must ask one language model, got first, second"):
            Hippo.open(tmp_path, encoder="hashing", extractor=combine(parts))


def test_uses_of_one_model_share_its_limits(over_http: Open) -> None:
    """Some questions are read while the facts of others are filtered."""
    questions = [f"Where was Ada Smith born, attempt {number}?" for number in range(8)]
    sections = {"recognition": {"name": "llm", "when_failed": "error"}, "llm": {"concurrency": 2}}
    with LLMServer(latency=0.05) as server, over_http(server, **sections) as memory:
        answers = memory.ask_many(questions)
        assert not [answer for answer in answers if isinstance(answer, LLMError)]
        assert {use: usage.requests for use, usage in memory.usage.items()} == {"reader": 8, "recognition": 8}
        assert server.stats().most_at_once == 2


def test_runs_leave_their_usage_and_nothing_else(tmp_path: Path) -> None:
    with Hippo.open(tmp_path, encoder="hashing", extractor="llm", llm=ScriptedLLM()) as memory:
        memory.add([TEXT])
        before = _callers()
        for number in range(4):
            memory.add([f"Text {number}. {TEXT}"])
            memory.estimate([f"Another text {number}."])
        assert memory.usage["extraction"].requests == 10
        assert _callers() == before


def _callers() -> int:
    gc.collect()
    return sum(type(item) is Caller for item in gc.get_objects())
