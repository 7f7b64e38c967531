"""Questions to a memory with a language model: answers, many at once, streams, rounds, whose model it is."""

import asyncio
import io
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hippo import Hippo
from hippo.errors import (
    ConfigError,
    LLMError,
    LLMRefusedError,
    LLMReplyError,
    LLMRequestError,
    LLMUnavailableError,
    QuestionError,
)
from hippo.testing import LLMServer, ScriptedLLM, respond
from hippo.types import Answer, LLMRequest

BORN = "Where was Ada Smith born?"
CAPITAL = "Which city is the capital of Latvia?"
NOTHING = "Qwfp zxcv?"
Open = Callable[..., Hippo]


class TestAnswers:
    def test_an_answer_cites_what_it_was_read_from(self, over_http: Open, server: LLMServer) -> None:
        with over_http(server) as memory:
            answer = memory.ask(BORN, k=3, explain=True)
        assert answer.text == "Ada Smith was born in Riga and studied in Berlin. [1]"
        assert (answer.question, answer.answered, answer.finish) == (BORN, True, "stop")
        assert [(item.number, item.document_id) for item in answer.citations] == [(1, "ada")]
        assert answer.citations[0].chunk_id == answer.retrieval.hits[0].chunk_id == answer.shown[0]
        assert len(answer.retrieval.hits) == len(answer.shown) == 3
        assert answer.retrieval.hits[0].explanation is not None
        stats, used = server.stats(), answer.usage["reader"]
        assert (used.requests, used.input_tokens, used.output_tokens) == (1, stats.input_tokens, stats.output_tokens)
        assert answer.reasoning is None

    def test_what_the_passages_do_not_hold_is_not_answered(self, over_http: Open, server: LLMServer) -> None:
        with over_http(server) as memory:
            answer = memory.ask(NOTHING)
        assert (answer.answered, answer.citations) == (False, ())
        assert answer.text

    def test_reasoning_is_kept_apart(self, over_http: Open, server: LLMServer) -> None:
        with over_http(server) as memory:
            answer = memory.ask(BORN, reasoning=True)
            assert answer.reasoning == "[1] comes nearest."
            assert answer.text == memory.ask(BORN).text
        with over_http(server, reader={"reasoning": True}) as memory:
            assert memory.ask(BORN).reasoning == answer.reasoning
            assert memory.ask(BORN, reasoning=False).reasoning is None
        assert server.stats().replies == 2

    def test_rounds_follow_thoughts(self, over_http: Open, server: LLMServer) -> None:
        question = "Who founded the company that built the Iron Bridge?"
        with over_http(server) as memory:
            answer = memory.ask(question, k=3, steps=3)
            found = memory.retrieve(question, k=3, steps=3)
        steps = answer.retrieval.steps
        assert 1 < len(steps) <= 3
        assert steps[0].query == question
        assert [step.query for step in steps[1:]] == [step.thought for step in steps[:-1]]
        assert steps[-1].thought is None or len(steps) < 3
        assert answer.usage["reader"].requests >= len(steps)
        assert [hit.chunk_id for hit in found.hits] == [hit.chunk_id for hit in answer.retrieval.hits]
        assert found.usage["reader"].requests == 0  # asked before
        with over_http(server, reader={"steps": 3}) as memory:
            assert [step.query for step in memory.ask(question, k=3).retrieval.steps] == [step.query for step in steps]
            assert memory.ask(question, k=3, steps=1).retrieval.steps == ()

    def test_no_language_model_is_an_error_with_a_remedy(self, index: Path) -> None:
        with Hippo.open(index) as memory:
            for ask in (memory.ask, memory.ask_stream, lambda question: memory.ask_many([question])):
                with pytest.raises(
                    ConfigError, match=r"reader needs a language model, and none is set\. Set llm\.name.* needs none"
                ):
                    ask(BORN)
            with pytest.raises(ConfigError, match="llm openai:MODEL"):
                memory.retrieve(BORN, steps=2)
            assert memory.retrieve(BORN).hits

    @pytest.mark.parametrize("options", [{"k": 0}, {"steps": 0}, {"k": True}, {"steps": 1.5}])
    def test_what_cannot_be_asked(self, index: Path, options: dict[str, Any]) -> None:
        llm = ScriptedLLM()
        with Hippo.open(index, llm=llm) as memory:
            for ask in (memory.ask, memory.ask_stream, memory.retrieve):
                with pytest.raises(QuestionError, match="must be a whole number of at least 1"):
                    ask(BORN, **options)
                with pytest.raises(QuestionError, match="must be a text that is not empty"):
                    ask(" ")
            with pytest.raises(QuestionError, match="must be a list of texts"):
                memory.ask_many(BORN)
            assert memory.ask_many([]) == []
        assert llm.calls == 0

    def test_a_model_that_fails(self, over_http: Open, server: LLMServer) -> None:
        with over_http(server) as memory:
            for kind, error in {"503": LLMUnavailableError, "401": LLMRefusedError, "length": LLMRequestError}.items():
                server.fail_next(kind)
                with pytest.raises(error):
                    memory.ask(BORN)
            assert memory.ask(BORN).answered

    def test_an_empty_reply(self, index: Path) -> None:
        with Hippo.open(index, llm=ScriptedLLM(replies=lambda request: "")) as memory:
            with pytest.raises(LLMReplyError, match="gave no usable answer: it was empty"):
                memory.ask(BORN)
            [answer] = memory.ask_many([BORN])
            assert isinstance(answer, LLMReplyError)


class TestMany:
    def test_answers_come_in_order_and_errors_in_their_place(self, index: Path) -> None:
        def slow_or_refused(request: LLMRequest) -> str:
            if "Berlin?" in request.messages[-1].content:
                raise LLMRequestError("scripted", "too long")
            return respond(request)

        questions = [f"{BORN} Number {n}?" for n in range(40)] + ["Who studied in Berlin?", CAPITAL]
        with Hippo.open(index, llm=ScriptedLLM(replies=slow_or_refused, latency=0.01)) as memory:
            answers = memory.ask_many(questions, k=2)
        assert [item.question for item in answers if isinstance(item, Answer)] == [*questions[:40], CAPITAL]
        assert isinstance(answers[40], LLMRequestError)
        assert isinstance(answers[41], Answer)
        assert [item.document_id for item in answers[41].citations] == ["riga"]

    @pytest.mark.parametrize("steps", [1, 2])
    def test_what_cannot_be_asked_has_its_error_in_its_place(self, index: Path, steps: int) -> None:
        with Hippo.open(index, llm=ScriptedLLM()) as memory:
            answers = memory.ask_many([BORN, " ", "word " * 9000, CAPITAL], steps=steps)
        assert [type(answer) for answer in answers] == [Answer, QuestionError, QuestionError, Answer]
        assert [str(answer)[:40] for answer in answers[1:3]] == [
            "a question must be a text that is not em",
            "the question leaves no room for passages",
        ]

    @pytest.mark.parametrize("steps", [1, 2])
    def test_a_filter_that_fails_costs_one_question(self, index: Path, steps: int) -> None:
        def garbled(request: LLMRequest) -> str:
            return "?" if request.prompt.startswith("recognition") and CAPITAL in str(request) else respond(request)

        recognition = {"name": "llm", "when_failed": "error"}
        with Hippo.open(index, llm=ScriptedLLM(replies=garbled), overrides={"recognition": recognition}) as memory:
            answers = memory.ask_many([BORN, CAPITAL], steps=steps)
            assert [type(answer) for answer in answers] == [Answer, LLMReplyError]
            with pytest.raises(LLMReplyError, match="selection of facts"):
                memory.retrieve_many([BORN, CAPITAL], steps=steps)

    def test_a_filter_that_is_refused_costs_those_that_it_was_asked_about(self, index: Path) -> None:
        def refused(request: LLMRequest) -> str:
            if request.prompt.startswith("recognition"):
                raise LLMRefusedError("scripted", "no key", "Set one")
            return respond(request)

        llm = ScriptedLLM(replies=refused)
        with Hippo.open(index, llm=llm, overrides={"recognition": {"name": "llm"}}) as memory:
            answers = memory.ask_many([BORN, CAPITAL])
            assert [type(answer) for answer in answers] == [LLMRefusedError] * 2
            with pytest.raises(LLMRefusedError):
                memory.ask(BORN)

    def test_as_many_at_a_time_as_the_configuration_says(self, over_http: Open) -> None:
        with LLMServer(latency=0.1) as server, over_http(server, llm={"concurrency": 3}) as memory:
            answers = memory.ask_many([f"{BORN} {n}?" for n in range(9)])
            assert not [item for item in answers if isinstance(item, LLMError)]
            assert server.stats().most_at_once == 3

    def test_the_same_question_is_asked_once(self, over_http: Open, server: LLMServer) -> None:
        with over_http(server) as memory:
            answers = memory.ask_many([BORN] * 5)
        assert len({item.text for item in answers if isinstance(item, Answer)}) == 1
        assert server.stats().arrived == 1

    def test_in_rounds_too(self, over_http: Open, server: LLMServer) -> None:
        with over_http(server) as memory:
            answers = memory.ask_many([BORN, CAPITAL], steps=2)
            assert [len(item.retrieval.steps) for item in answers if isinstance(item, Answer)] == [2, 2]
            assert [item.text for item in answers] == [memory.ask(item, steps=2).text for item in (BORN, CAPITAL)]


class TestLoops:
    def test_asking_in_a_running_loop(self, over_http: Open, server: LLMServer) -> None:
        async def ask() -> tuple[list[Answer], int]:
            ticks = 0

            async def tick() -> None:
                nonlocal ticks
                while True:
                    await asyncio.sleep(0.01)
                    ticks += 1

            ticking = asyncio.create_task(tick())
            answers = await asyncio.gather(*(memory.aask(item) for item in (BORN, CAPITAL)))
            ticking.cancel()
            return list(answers), ticks

        with LLMServer(latency=0.3) as slow, over_http(slow) as memory:
            answers, ticks = asyncio.run(ask())
            assert [item.question for item in answers] == [BORN, CAPITAL]
            assert ticks > 10  # the loop went on meanwhile

    def test_the_plain_methods_work_in_a_running_loop_too(self, over_http: Open, server: LLMServer) -> None:
        async def ask() -> Answer:
            return memory.ask(BORN)

        with over_http(server) as memory:
            assert asyncio.run(ask()).answered


class TestStreams:
    @pytest.mark.parametrize("reasoning", [False, True])
    @pytest.mark.parametrize("steps", [1, 2])
    def test_pieces_join_to_the_answer(self, over_http: Open, server: LLMServer, reasoning: bool, steps: int) -> None:
        with over_http(server) as memory:
            stream = memory.ask_stream(BORN, reasoning=reasoning, steps=steps)
            assert stream.answer is None
            pieces = list(stream)
            assert len(pieces) > 3
            assert stream.answer is not None
            assert "".join(pieces) == stream.answer.text
            assert len(stream.answer.citations) == 1
            again = memory.ask(BORN, reasoning=reasoning, steps=steps)
        assert (again.text, again.citations, again.reasoning) == (
            stream.answer.text,
            stream.answer.citations,
            stream.answer.reasoning,
        )
        assert again.usage["reader"].requests == 0  # a stream that was heard to its end is kept

    def test_async_for(self, over_http: Open, server: LLMServer) -> None:
        async def listen() -> list[str]:
            return [piece async for piece in stream]

        with over_http(server) as memory:
            stream = memory.ask_stream(CAPITAL)
            pieces = asyncio.run(listen())
        assert len(pieces) > 3
        assert stream.answer is not None
        assert "".join(pieces) == stream.answer.text
        assert [item.document_id for item in stream.answer.citations] == ["riga"]

    def test_leaving_early(self, over_http: Open, server: LLMServer) -> None:
        async def listen() -> str:
            async for piece in memory.ask_stream(BORN):
                return piece
            return ""

        with over_http(server) as memory:
            stream = memory.ask_stream(BORN)
            first = next(iter(stream))
            assert stream.answer is None
            text = memory.ask(BORN).text
            assert text.startswith(first)
            assert first != text
            assert text.startswith(asyncio.run(listen()))

    def test_errors_reach_the_listener(self, over_http: Open, server: LLMServer) -> None:
        async def listen(question: str) -> list[str]:
            return [piece async for piece in memory.ask_stream(question)]

        with over_http(server) as memory:
            server.fail_next("cut")
            stream, heard = memory.ask_stream(BORN), io.StringIO()
            with pytest.raises(LLMUnavailableError):
                heard.writelines(stream)
            assert stream.answer is None
            assert 0 < len(heard.getvalue()) < len(memory.ask(BORN).text)
            server.fail_next("401")
            with pytest.raises(LLMRefusedError):
                asyncio.run(listen(CAPITAL))


class TestModels:
    def test_a_model_that_is_handed_over(self, index: Path) -> None:
        llm = ScriptedLLM(replies={re.compile("Latvia"): "Riga. [1]", "Ada": "In Riga, as [1] says."})
        with Hippo.open(index, llm=llm) as memory:
            assert [item.text for item in memory.ask_many([CAPITAL, BORN], k=1)] == [
                "Riga. [1]",
                "In Riga, as [1] says.",
            ]
        assert llm.calls == 2

    def test_a_langchain_chat_model_that_is_handed_over(self, index: Path) -> None:
        models = pytest.importorskip("langchain_core.language_models", reason="langchain-core is not installed")
        model = models.FakeListChatModel(responses=["Riga, says [1].", "Berlin. [1]"])
        with Hippo.open(index, llm=model) as memory:
            first = memory.ask(CAPITAL)
            assert (first.text, [item.document_id for item in first.citations]) == ("Riga, says [1].", ["riga"])
            stream = memory.ask_stream("Where did Ada Smith study?")
            assert "".join(stream) == "Berlin. [1]"

    def test_something_else_is_refused(self, index: Path) -> None:
        with pytest.raises(
            ConfigError, match="llm: must be a name or an object with complete, or a LangChain chat model"
        ):
            Hippo.open(index, llm=7)

    def test_replies_are_kept_for_other_objects_and_processes(
        self, index: Path, over_http: Open, server: LLMServer
    ) -> None:
        with over_http(server) as memory:
            first = memory.ask(BORN)
        with over_http(server) as memory:
            second = memory.ask(BORN)
        assert (second.text, second.usage["reader"].replayed, second.usage["reader"].cost) == (first.text, 1, 0.0)
        program = (
            "import sys\nfrom hippo import Hippo\n"
            "llm = {'openai': {'base_url': sys.argv[2]}}\n"
            "with Hippo.open(sys.argv[1], llm='openai:test', overrides={'llm': llm}) as memory:\n"
            "    print(memory.ask(sys.argv[3]).text)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(index), server.base_url, BORN],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.stdout, done.stderr) == (f"{first.text}\n", "")
        assert server.stats().arrived == 1
        with over_http(server, llm={"cache": False}) as memory:
            assert memory.ask(BORN).usage["reader"].requests == 1
