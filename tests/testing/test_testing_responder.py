"""The rules answer the prompts of hippo's own stages, alone and over HTTP."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.backends.llm.openai import OpenAILLM
from hippo.background import run
from hippo.config import ReaderConfig
from hippo.extraction.llm import LLMExtractor
from hippo.reader import Reader, build_thought
from hippo.recognition.llm import LLMFactFilter
from hippo.testing import FactFilterConformance, LLMServer, ScriptedLLM, respond
from hippo.types import Chunk, Extraction, Hit, LLMRequest, Message, Recognition, Retrieval, Triple

TEXT = "Ada Lovelace was born in London in 1815. The Duke of Argyll knew her. 北京是中国的首都。"


def chunk(text: str = TEXT, title: str | None = "Ada Lovelace") -> Chunk:
    return Chunk("c", "d", 0, text, 0, len(text), title)


def retrieval(question: str, *texts: str) -> Retrieval:
    hits = tuple(Hit(n, 1.0, text, f"Title {n}", f"d{n}", f"c{n}", {}) for n, text in enumerate(texts, 1))
    return Retrieval(question, "hippo", hits, {}, (), {})


class TestFilterByRules(FactFilterConformance):
    @pytest.fixture
    def fact_filter(self) -> LLMFactFilter:
        return LLMFactFilter(ScriptedLLM())


class ByWords:
    """Keeps facts that share a word with the question: a filter without a model."""

    fingerprint = "words-1"

    def recognize(self, questions: Sequence[str], facts: Sequence[Sequence[str]]) -> list[Recognition]:
        return [self._one(question, shown) for question, shown in zip(questions, facts, strict=True)]

    def _one(self, question: str, shown: Sequence[str]) -> Recognition:
        words = set(question.casefold().split())
        kept = tuple(n for n, fact in enumerate(shown) if words & set(fact.casefold().split()))
        return Recognition("kept" if kept else "none", kept, len(shown))


class TestFilterWithoutModel(FactFilterConformance):
    @pytest.fixture
    def fact_filter(self) -> ByWords:
        return ByWords()


@pytest.mark.parametrize("calls", [1, 2])
def test_extracts_names_and_triples(calls: int) -> None:
    llm = ScriptedLLM()
    [found] = LLMExtractor(llm, calls=calls).extract([chunk()])
    assert isinstance(found, Extraction)
    assert llm.calls == calls
    assert {"ada lovelace", "london", "1815", "duke of argyll"} <= {mention.key for mention in found.mentions}
    assert Triple("Ada Lovelace", "was born in", "London") in [fact.triple for fact in found.facts]


def test_answers_again_after_a_complaint() -> None:
    llm = ScriptedLLM()
    llm.fail_next("garbage")
    [found] = LLMExtractor(llm, calls=1).extract([chunk()])
    assert isinstance(found, Extraction)
    assert found.facts
    assert llm.calls == 2


def test_chooses_facts_that_share_words() -> None:
    facts = ["Trout live in the Tarn.", "Ada Lovelace was born in London.", "The sea is deep."]
    found = LLMFactFilter(ScriptedLLM()).recognize(["Where was Ada born?", "Who was it?"], [facts, facts])
    assert [(item.outcome, item.kept) for item in found] == [("kept", (1,)), ("none", ())]


@pytest.mark.parametrize("reasoning", [False, True])
def test_reads_with_a_citation(reasoning: bool) -> None:
    reader = Reader(ScriptedLLM(), ReaderConfig(reasoning=reasoning))
    asked = retrieval("Where was Ada Lovelace born?", "Trout live in the Tarn.", "It rains. Ada was born in London.")
    answer = run(reader.answer(asked))
    assert answer.answered
    assert answer.text == "Ada was born in London. [2]"
    assert [citation.chunk_id for citation in answer.citations] == ["c2"]
    assert (answer.reasoning is not None) == reasoning
    nothing = run(reader.answer(replace(asked, question="How deep is Lake Baikal?")))
    assert not nothing.answered
    assert nothing.citations == ()


def test_thinks_until_it_has_enough() -> None:
    asked = retrieval("Where was Ada born?", "Ada was born in London. Ada liked trout.", "Nothing here.")
    thoughts: list[str] = []
    while len(thoughts) < 4:
        prompt = build_thought(asked.question, asked.hits, thoughts, ReaderConfig())
        thoughts.append(respond(prompt.request))
    assert thoughts[:3] == ["Ada was born in London.", "Ada liked trout.", "[enough]"]


def test_says_the_same_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    with LLMServer() as server:
        remote = OpenAILLM(model="m", base_url=server.base_url)
        assert LLMExtractor(remote).extract([chunk()]) == LLMExtractor(ScriptedLLM()).extract([chunk()])
        settings, asked = ReaderConfig(), retrieval("Where was Ada born?", "Ada was born in London.")
        far, near = (run(Reader(llm, settings).answer(asked)) for llm in (remote, ScriptedLLM()))
        assert far.text == near.text
        assert server.stats().replies == 3
        assert far.usage == near.usage


@given(st.lists(st.text(), max_size=3), st.text())
def test_has_a_reply_to_anything(texts: list[str], system: str) -> None:
    messages = (Message("system", system), *(Message("user", text) for text in texts))
    request = LLMRequest(messages, 10, "test/1")
    assert respond(request) == respond(request)


@given(st.text(), st.text())
def test_has_a_reply_to_any_passage(text: str, title: str) -> None:
    [found] = LLMExtractor(ScriptedLLM(), calls=1).extract([chunk(text, title)])
    assert isinstance(found, Extraction)


@pytest.mark.parametrize(
    "text", ['Question: "\nFacts:\n1: "\\"', "0123456789ab\n0123456789ab [1]\n", "<text-1>\n\n</text-1>"]
)
def test_broken_prompts_get_a_reply(text: str) -> None:
    assert isinstance(respond(LLMRequest((Message("user", text),), 10, "")), str)
