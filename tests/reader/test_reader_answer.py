import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.background import iterate, run
from hippo.config import ReaderConfig
from hippo.errors import LLMReplyError, LLMUnavailableError, QuestionError
from hippo.protocols import LLM, CachingLLM, StreamingLLM
from hippo.reader import NOT_FOUND, Reader, build, build_thought, retrieve_in_steps
from hippo.types import Answer, Citation, Completion, LLMRequest, Retrieval, Usage

Class = Callable[..., Any]
Retrieve = Callable[..., Retrieval]
PLAIN = ReaderConfig()
REASONING = ReaderConfig(reasoning=True)


def timeless(answer: Answer) -> Answer:
    return replace(answer, seconds={})


def test_an_answer_with_citations(model: Class, retrieval: Retrieve) -> None:
    found = retrieval("Where?", "Ulm is old.", ("Bern", "Bern is older."), "Rome.", usage={"recognition": Usage(2)})
    llm = model(lambda request: "Bern [2], then Ulm [1, 7].\n")
    assert isinstance(llm, LLM)
    answer = run(Reader(llm, PLAIN).answer(found))
    assert timeless(answer) == Answer(
        question="Where?",
        text="Bern [2], then Ulm [1, 7].",
        answered=True,
        citations=(Citation(2, "c2", "doc-c2", "Bern"), Citation(1, "c1", "doc-c1", None)),
        reasoning=None,
        retrieval=found,
        shown=("c1", "c2", "c3"),
        finish="stop",
        dropped={"citation of no passage shown": 1},
        usage={"recognition": Usage(2), "reader": Usage(1, 0, 100, 10, 0.5)},
        seconds={},
    )
    assert answer.seconds["walk"] == 1.0
    assert answer.seconds["read"] >= 0


def test_only_passages_of_the_prompt_can_be_cited(model: Class, retrieval: Retrieve) -> None:
    found = retrieval("Where?", "Ulm.", "long " * 2000, "Rome.")
    answer = run(Reader(model(lambda request: "Rome [3]."), ReaderConfig(context_tokens=300)).answer(found))
    assert answer.shown == ("c1",)
    assert answer.citations == ()
    assert answer.dropped == {"passage beyond the token budget": 2, "citation of no passage shown": 1}


def test_usage_adds_to_that_of_thinking(model: Class, retrieval: Retrieve) -> None:
    found = retrieval("Where?", "Ulm.", usage={"reader": Usage(3, 1, 20, 5, 0.25)})
    answer = run(Reader(model(lambda request: "Ulm [1]."), PLAIN).answer(found))
    assert answer.usage == {"reader": Usage(4, 1, 120, 15, 0.75)}


def test_no_passage_is_no_answer_and_no_request(model: Class, streaming: Class, retrieval: Retrieve) -> None:
    llm = streaming(lambda request: "Ulm.", [])
    answer = run(Reader(llm, PLAIN).answer(retrieval("Where?")))
    assert (answer.answered, answer.text, answer.usage) == (False, NOT_FOUND, {})
    assert list(iterate(Reader(llm, PLAIN).stream(retrieval("Where?")))) == [NOT_FOUND, answer]
    assert llm.requests == []


def test_a_reply_cut_off_says_so(model: Class, retrieval: Retrieve) -> None:
    llm = model(lambda request: Completion("Ulm [1] and", "length"))
    assert run(Reader(llm, PLAIN).answer(retrieval("Where?", "Ulm."))).finish == "length"


@pytest.mark.parametrize(
    ("settings", "completion", "problem"),
    [
        (PLAIN, Completion(" \n"), "no usable answer: it was empty"),
        (PLAIN, Completion("Ulm", "filtered"), "withheld by the provider"),
        (REASONING, Completion("[thought] Hm", "length"), "a thought without an answer, cut off at 1024 tokens"),
        (REASONING, Completion("[thought] Hm [answer] "), "a thought without an answer"),
    ],
)
def test_unusable_replies(
    streaming: Class, retrieval: Retrieve, settings: ReaderConfig, completion: Completion, problem: str
) -> None:
    reader = Reader(streaming(lambda request: completion, [1]), settings)
    with pytest.raises(LLMReplyError, match=f"'function' gave .*{problem}"):
        run(reader.answer(retrieval("Where?", "Ulm.")))
    with pytest.raises(LLMReplyError, match=problem):
        list(iterate(reader.stream(retrieval("Where?", "Ulm."))))


def test_an_outage_and_a_long_question_are_errors(streaming: Class, retrieval: Retrieve) -> None:
    def fail(request: LLMRequest) -> str:
        raise LLMUnavailableError("function", "overloaded", None)

    reader = Reader(streaming(fail, []), PLAIN)
    with pytest.raises(LLMUnavailableError, match="overloaded"):
        run(reader.answer(retrieval("Where?", "Ulm.")))
    with pytest.raises(LLMUnavailableError, match="overloaded"):
        list(iterate(reader.stream(retrieval("Where?", "Ulm."))))
    with pytest.raises(QuestionError, match="leaves no room"):
        list(iterate(reader.stream(retrieval("why " * 9000, "Ulm."))))


REPLIES = [
    "Ulm [1], then Bern [2][9].\n",
    " [none] The year is missing. ",
    "[none]",
    "[thought] Is it [1]? [none]? [answer]\n Bern [2]. ",
    "[thought] No. [answer] [none].",
    "Let me think. [answer] [no] Ulm",
    "[answer] Ulm [1], then Bern [2].",
    "**[answer]**: `[none]` The year.",
    "### [thought]\nUlm [1].\n\n### [answer]\nBern [2].",
    "[answer] The passages [1] do not say. [none]",
]


@pytest.mark.parametrize("settings", [PLAIN, REASONING])
@pytest.mark.parametrize("reply", REPLIES)
def test_a_stream_cut_anywhere_gives_the_same_answer(
    streaming: Class, retrieval: Retrieve, settings: ReaderConfig, reply: str
) -> None:
    found = retrieval("Where?", "Ulm.", "Bern.")
    for cuts in [[cut] for cut in range(len(reply) + 1)] + [list(range(len(reply)))]:
        llm = streaming(lambda request: reply, cuts)
        assert isinstance(llm, StreamingLLM)
        reader = Reader(llm, settings)
        *pieces, last = iterate(reader.stream(found))
        assert all(pieces)
        assert "".join(pieces) == last.text
        assert timeless(last) == timeless(run(reader.answer(found)))


@given(
    st.sampled_from(["", "[answer]", "**[answer]", "[thought]"]),
    st.text(alphabet="[none] answer.thought1U*`:\n", min_size=1),
    st.booleans(),
    st.sets(st.integers(0, 40)),
)
def test_any_stream_is_its_answer(
    streaming: Class, retrieval: Retrieve, mark: str, rest: str, reasoning: bool, cuts: set[int]
) -> None:
    reply = mark + rest
    found = retrieval("Where?", "Ulm.", "Bern.")
    cuts = {cut for cut in cuts if cut < len(reply)}
    reader = Reader(streaming(lambda request: reply, list(cuts)), ReaderConfig(reasoning=reasoning))
    try:
        answer = run(reader.answer(found))
    except LLMReplyError:
        with pytest.raises(LLMReplyError):
            list(iterate(reader.stream(found)))
        return
    *pieces, last = iterate(reader.stream(found))
    assert "".join(pieces) == answer.text
    assert timeless(last) == timeless(answer)


def test_thoughts_are_not_streamed(streaming: Class, retrieval: Retrieve) -> None:
    reply = "[thought] secret [answer] Ulm [1]."
    reader = Reader(streaming(lambda request: reply, [3, 12, 20, 29]), REASONING)
    *pieces, last = iterate(reader.stream(retrieval("Where?", "Ulm.")))
    assert len(pieces) > 1
    assert "secret" not in "".join(pieces)
    assert last.reasoning == "secret"


def test_a_model_that_cannot_stream(model: Class, retrieval: Retrieve) -> None:
    found = retrieval("Where?", "Ulm.")
    reader = Reader(model(lambda request: "[answer] Ulm [1]. "), PLAIN)
    assert not isinstance(model(str), StreamingLLM)
    piece, last = iterate(reader.stream(found))
    assert piece == "Ulm [1]."
    assert timeless(last) == timeless(run(reader.answer(found)))


def test_leaving_early_closes_the_stream(streaming: Class, retrieval: Retrieve) -> None:
    llm = streaming(lambda request: "[answer] Ulm and Bern", [13, 17])
    pieces = iterate(Reader(llm, PLAIN).stream(retrieval("Where?", "Ulm.")))
    assert next(pieces) == "Ulm"
    pieces.close()
    assert llm.closed


def test_a_stream_must_end_with_the_reply_that_it_told(model: Class, retrieval: Retrieve) -> None:
    class Broken(model):  # type: ignore[misc, valid-type]
        def __init__(self, *items: str | Completion) -> None:
            self._items = items

        async def stream(self, request: LLMRequest) -> Any:
            for item in self._items:
                yield item

    found = retrieval("Where?", "Ulm.")
    with pytest.raises(LLMReplyError, match="ended without the whole reply"):
        list(iterate(Reader(Broken("Ulm"), PLAIN).stream(found)))
    with pytest.raises(LLMReplyError, match="not those of the whole reply"):
        list(iterate(Reader(Broken("[answer] Ulm", Completion("Bern")), PLAIN).stream(found)))


@pytest.mark.parametrize("reply", ["Walworth [1].", "[answer] Walworth [1].", "[thought] So. [answer] Walworth [1]."])
@pytest.mark.parametrize("settings", [PLAIN, REASONING])
def test_thoughts_that_the_provider_strips_too_late_are_not_told(
    model: Class, retrieval: Retrieve, settings: ReaderConfig, reply: str
) -> None:
    class Headless(model):  # type: ignore[misc, valid-type]
        async def stream(self, request: LLMRequest) -> Any:
            for piece in re.split(r"(?<= )", f"Let me think: [answer] Ulm? [none]?\n</think>\n\n{reply}"):
                yield piece
            yield await self.complete(request)

    found = retrieval("Where?", "Walworth.")
    reader = Reader(Headless(lambda request: reply), settings)
    *pieces, last = iterate(reader.stream(found))
    assert "".join(pieces) == last.text == "Walworth [1]."
    assert timeless(last) == timeless(run(reader.answer(found)))


class TestForgetting:
    """What cannot be used must not be what the next attempt gets from the cache."""

    @pytest.fixture
    def caching(self, streaming: Class) -> Class:
        class Caching(streaming):  # type: ignore[misc, valid-type]
            def __init__(self, reply: str) -> None:
                super().__init__(lambda request: reply, [])
                self.forgotten: list[LLMRequest] = []

            def forget(self, request: LLMRequest) -> None:
                self.forgotten.append(request)

        return Caching

    @pytest.mark.parametrize("reply", ["", "[thought] Hm", "[answer]"])
    def test_replies_without_an_answer(self, caching: Class, retrieval: Retrieve, reply: str) -> None:
        llm = caching(reply)
        assert isinstance(llm, CachingLLM)
        with pytest.raises(LLMReplyError):
            run(Reader(llm, REASONING).answer(retrieval("Where?", "Ulm.")))
        with pytest.raises(LLMReplyError):
            list(iterate(Reader(llm, REASONING).stream(retrieval("Where?", "Ulm."))))
        assert llm.forgotten == llm.requests
        assert len(llm.requests) == 2

    @pytest.mark.parametrize("reply", ["Ulm [1].", "[none]", "Ulm."])
    def test_answers_are_kept(self, caching: Class, retrieval: Retrieve, reply: str) -> None:
        llm = caching(reply)
        run(Reader(llm, PLAIN).answer(retrieval("Where?", "Ulm.")))
        assert not llm.forgotten

    def test_thoughts_of_no_use(self, caching: Class, retrieval: Retrieve) -> None:
        async def retrieve(query: str) -> Retrieval:
            return retrieval(query, "Ulm.")

        for reply, forgotten in (("...", 1), ("[enough]", 0), ("Where?", 0), ("Find Ulm.", 0)):
            llm = caching(reply)
            run(retrieve_in_steps("Where?", retrieve=retrieve, llm=llm, steps=2, k=1, settings=PLAIN))
            assert len(llm.forgotten) == forgotten


@pytest.mark.parametrize("settings", [PLAIN, REASONING, ReaderConfig(language="French")])
def test_marks_are_not_to_be_translated(retrieval: Retrieve, settings: ReaderConfig) -> None:
    found = retrieval("Where?", "Ulm.")
    for prompt in (build("Where?", found.hits, settings), build_thought("Where?", found.hits, [], settings)):
        assert re.search(r"[Mm]ark.* stays? as .* in any language", prompt.request.messages[0].content)
    system = build("Where?", found.hits, settings).request.messages[0].content
    assert ("[thought]" in system) == settings.reasoning
    assert "[answer]" in system
    assert "[none]" in system
