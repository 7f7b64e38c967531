"""A question that goes on a conversation: what was named before is looked up with it, and the reader is told."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hippo import Hippo
from hippo.errors import DocumentError, QuestionError
from hippo.reader import History
from hippo.testing import ScriptedLLM

NAMES = {"Ada Smith": "Riga", "Ben Hill": "Ulm", "Eve Stone": "Oslo", "Tom Wood": "Bern", "Kim Lake": "Lodz"}
TALK: list[Any] = [
    {"role": "user", "content": "Who founded Steelworks Smith?"},
    {"role": "assistant", "content": "Ada Smith founded it. [1]"},
]
NEXT = "And where was she born?"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("people") / "index"
    with Hippo.open(path, encoder="hashing") as memory:
        memory.add([{"title": name, "text": f"{name} was born in {town}."} for name, town in NAMES.items()])
        memory.add({"title": "Steelworks Smith", "text": "Steelworks Smith was founded by Ada Smith in 1850."})
    return path


@pytest.fixture
def llm() -> ScriptedLLM:
    return ScriptedLLM()


@pytest.fixture
def memory(people: Path, llm: ScriptedLLM) -> Iterator[Hippo]:
    with Hippo.open(people, llm=llm, overrides={"llm": {"cache": False}}) as memory:
        yield memory


def test_who_was_spoken_of_is_looked_up(memory: Hippo) -> None:
    alone = memory.ask(NEXT, k=2)
    assert "Ada Smith" not in [hit.title for hit in alone.retrieval.hits]
    answer = memory.ask(NEXT, k=2, history=TALK)
    assert answer.question == NEXT
    assert "Ada Smith" in [hit.title for hit in answer.retrieval.hits]
    assert [hit.rank for hit in answer.retrieval.hits] == [1, 2]
    assert answer.retrieval.parameters["in_context"] == [*History.of(TALK).queries(NEXT)]


def test_every_way_to_ask_is_the_same(memory: Hippo) -> None:
    answer = memory.ask(NEXT, k=2, history=TALK)
    stream = memory.ask_stream(NEXT, k=2, history=TALK)
    assert "".join(stream) == answer.text
    asked = asyncio.run(memory.aask(NEXT, k=2, history=iter(TALK)))
    for other in (stream.answer, asked):
        assert other is not None
        assert (other.text, other.shown) == (answer.text, answer.shown)


def test_the_reader_is_told_what_was_said(memory: Hippo, llm: ScriptedLLM) -> None:
    history = [{"role": "system", "content": "Answer in Latin."}, *TALK, {"role": "tool", "content": "7"}]
    answer = memory.ask(NEXT, k=2, history=history, max_tokens=40)
    [request] = llm.requests
    assert request.messages[0].content.endswith("Answer in Latin.")
    assert "\nuser: Who founded Steelworks Smith?\nassistant: Ada Smith founded it.\n" in request.messages[1].content
    assert request.max_tokens == 40
    assert answer.dropped == {"earlier message of the role tool": 1}


def test_rounds_begin_with_what_was_said(memory: Hippo, llm: ScriptedLLM) -> None:
    answer = memory.ask(NEXT, k=2, history=TALK, steps=2)
    assert answer.retrieval.steps[0].query == NEXT
    assert "Ada Smith" in [hit.title for hit in answer.retrieval.hits]
    assert all("assistant: Ada Smith founded it." in one.messages[1].content for one in llm.requests)


def test_orders_alone_change_no_ranking(memory: Hippo) -> None:
    ordered = memory.ask(NEXT, k=2, history=[{"role": "system", "content": "Speak of Ada Smith."}])
    assert ordered.shown == memory.ask(NEXT, k=2).shown
    assert "in_context" not in ordered.retrieval.parameters


def test_what_cannot_be_a_history(memory: Hippo) -> None:
    with pytest.raises(DocumentError, match=r"messages\[1\]: is no message"):
        memory.ask(NEXT, history=[*TALK[:1], 7])
    with pytest.raises(QuestionError, match="max_tokens must be"):
        memory.ask(NEXT, max_tokens=0)


def test_the_model_can_write_the_question_out(people: Path) -> None:
    llm = ScriptedLLM()
    with Hippo.open(people, llm=llm, overrides={"llm": {"cache": False}, "reader": {"rewrite": True}}) as memory:
        answer = memory.ask(NEXT, k=1, history=TALK)
        assert memory.ask(NEXT, k=1).usage["reader"].requests == 1
    assert [request.prompt for request in llm.requests] == ["rewrite/1", "answer/2+talk/1", "answer/2"]
    assert answer.retrieval.parameters["in_context"] == ["And where was she born? (Steelworks Smith, Ada Smith)"]
    assert (answer.question, answer.retrieval.question) == (NEXT, NEXT)
    assert answer.usage["reader"].requests == 2
    assert answer.seconds["rewrite"] >= 0


def test_a_reply_that_is_no_question_is_not_looked_up(people: Path) -> None:
    replies = [" ", "[answer] Riga [1]."]
    settings = {"llm": {"cache": False}, "reader": {"rewrite": True}}
    with Hippo.open(people, llm=ScriptedLLM(replies=replies), overrides=settings) as memory:
        answer = memory.ask(NEXT, k=2, history=TALK)
    assert answer.retrieval.parameters["in_context"] == [*History.of(TALK).queries(NEXT)]
    assert answer.usage["reader"].requests == 2
