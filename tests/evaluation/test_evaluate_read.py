"""Reading as part of an evaluation: scores, errors, costs, and what is refused before a call is made."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hippo import Hippo
from hippo.errors import (
    ConfigError,
    DocumentError,
    LLMBudgetError,
    LLMRefusedError,
    LLMRequestError,
    LLMUnavailableError,
    QuestionError,
    UnknownNameError,
)
from hippo.evaluation import Question, Table
from hippo.evaluation import evaluate as evaluate_systems
from hippo.evaluation.rank import rank_documents
from hippo.testing import ScriptedLLM
from hippo.types import Completion, LLMRequest, Usage

Open = Callable[..., Hippo]

DOCUMENTS = [
    {"id": "bridge", "title": "Iron Bridge", "text": "The Iron Bridge was built by Steelworks Smith of Hull."},
    {"id": "works", "title": "Steelworks Smith", "text": "Steelworks Smith was founded by Ada Smith in 1850."},
    {"id": "ada", "title": "Ada Smith", "text": "Ada Smith was born in Riga and studied in Berlin."},
    {"id": "riga", "title": "Riga", "text": "Riga is the capital of Latvia on the river Daugava."},
]
QUESTIONS = [
    Question("born", "Where was Ada Smith born?", ("Riga",), frozenset({"ada"})),
    Question("built", "Who built the Iron Bridge?", ("the big Steelworks Smith", "Smith Ltd"), frozenset({"bridge"})),
    Question("year", "When was Steelworks Smith founded?", ("1850",), frozenset({"works"})),
    Question("mayor", "Who is the mayor of Riga?", ("Nobody",), frozenset({"riga"})),
]
REPLIES: Mapping[str, str | Exception] = {
    "born?": "In the end: Riga [1].",
    "built": "Steelworks Smith [1]",
    "founded?": "1850. [1]",
    "mayor": "[none] The mayor is not named.",
}


def evaluate(*arguments: Any, **options: Any) -> Table:
    return evaluate_systems(*arguments, **options).table()


EM = [0.0, 0.0, 1.0, 0.0]
F1 = [2 * 1 / (3 + 1), 2 * 2 / (2 + 3), 1.0, 0.0]  # words in common, by those of both sides but for articles


@pytest.fixture(scope="module")
def index_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("read") / "index"
    with Hippo.open(path, encoder="hashing") as memory:
        memory.add(DOCUMENTS)
    return path


@pytest.fixture
def open_with(index_path: Path) -> Iterator[Open]:
    """Opens the index with a model; replies are forgotten afterwards."""
    opened = []

    def make(llm: ScriptedLLM | None, **settings: object) -> Hippo:
        memory = Hippo.open(index_path, llm=llm, overrides={"llm": {"attempts": 1, **settings}})
        opened.append(memory)
        return memory

    yield make
    for memory in opened:
        memory.close()
    for file in index_path.glob("replies.sqlite*"):
        file.unlink()


def priced(replies: Mapping[str, str | Exception] = REPLIES) -> ScriptedLLM:
    """Each reply takes 100 tokens in and 10 out; see `PRICES`."""

    def reply(request: LLMRequest) -> Completion | Exception:
        said = next(
            said for part, said in replies.items() if part in request.messages[-1].content.split("question")[-1]
        )
        return said if isinstance(said, Exception) else Completion(said, usage=Usage(1, 0, 100, 10))

    return ScriptedLLM(replies=reply)


PRICES = {"input_price": 1000.0, "output_price": 10000.0}
EACH = 0.1 + 0.1  # dollars


def test_scores_of_right_and_wrong_answers(open_with: Open) -> None:
    memory = open_with(priced(), **PRICES)
    table = evaluate(memory, QUESTIONS, systems=["hippo", "bm25"], read=True)
    assert table.columns == ("Recall@2", "Recall@5", "All@2", "All@5", "EM", "F1")
    for row in table.rows:
        cells = dict(zip(table.columns, row.cells, strict=True))
        assert cells["EM"].value.mean == pytest.approx(sum(EM) / 4)
        assert cells["F1"].value.mean == pytest.approx(sum(F1) / 4)
        assert cells["EM"].value.low <= cells["EM"].value.mean <= cells["EM"].value.high
    assert table.rows[0].cells[-1].difference is None
    assert table.rows[1].cells[-1].difference is not None
    assert table.rows[1].cells[-1].difference.mean == 0.0
    data = json.loads(table.to_json())["outcomes"]["hippo"]
    assert (data["failed"], data["reasons"], data["not_found"]) == (0, {}, 1)
    usage = data["usage"]["reader"]
    assert usage.pop("cost") == pytest.approx(4 * EACH)
    assert usage == {"requests": 4, "replayed": 0, "input_tokens": 400, "output_tokens": 40, "unpriced": 0}
    note = "hippo: 0 could not be answered, 1 not in the passages; 4 calls, 0 from the cache, 400 tokens in, 40 out, "
    assert f"{note}$0.8000" in table.to_text()
    assert f"\n\n* {note}$0.8000\n* bm25: " in table.to_markdown()


def test_the_second_run_costs_nothing(open_with: Open) -> None:
    llm = priced()
    memory = open_with(llm, **PRICES)
    first = evaluate(memory, QUESTIONS, systems=["bm25"], read=True)
    assert llm.calls == 4
    again = evaluate(memory, QUESTIONS, systems=["bm25"], read=True)
    assert llm.calls == 4
    assert again.rows == first.rows
    assert again.outcomes["bm25"].usage == {"reader": Usage(replayed=4)}


def test_questions_without_an_answer_count_and_score_0(open_with: Open) -> None:
    """One is refused, one gets a reply that was paid for and holds nothing."""
    refused = LLMRequestError("scripted", "too rude")
    memory = open_with(priced({**REPLIES, "born?": refused, "founded?": " "}), **PRICES)
    table = evaluate(memory, QUESTIONS, systems=["bm25"], ks=[1], read=True)
    cells = dict(zip(table.columns, table.rows[0].cells, strict=True))
    assert cells["Recall@1"].value.mean == 1.0  # they are retrieved all the same
    assert cells["EM"].value.mean == 0.0
    assert cells["F1"].value.mean == pytest.approx(F1[1] / 4)
    outcome = table.outcomes["bm25"]
    assert (outcome.failed, outcome.not_found) == (2, 1)
    assert outcome.reasons == {
        "model 'scripted' refused the request: too rude": 1,
        "model 'scripted' gave no usable answer: it was empty": 1,
    }
    assert (outcome.usage["reader"].requests, outcome.usage["reader"].cost) == (3, pytest.approx(3 * EACH))
    assert "bm25: 2 could not be answered and score 0 (most often: model 'scripted'" in table.to_text()


def test_what_would_stop_every_question_is_raised(open_with: Open) -> None:
    refused = LLMRefusedError("scripted", "the key is wrong", "Get another")
    with pytest.raises(LLMRefusedError, match="the key is wrong"):
        evaluate(open_with(priced(dict.fromkeys(REPLIES, refused))), QUESTIONS, systems=["bm25"], read=True)
    with pytest.raises(LLMBudgetError, match="run it again with a higher limit"):
        evaluate(open_with(priced(), **PRICES, max_cost=EACH / 2), QUESTIONS, systems=["bm25"], read=True)


def test_refused_before_a_call(open_with: Open) -> None:
    llm = priced()
    memory = open_with(llm)
    unanswered = Question("open", "Why?", (), frozenset({"ada"}))
    with pytest.raises(DocumentError, match="question 'open': has no accepted answer"):
        evaluate(memory, [*QUESTIONS, unanswered], read=True)
    with pytest.raises(UnknownNameError, match="unknown profile 'x'"):
        evaluate(memory, QUESTIONS, systems=["bm25", "x"], read=True)
    for wrong in ({"ks": [0, 5]}, {"ks": []}, {"steps": 0}, {"answer_k": 0, "ks": [1]}):
        with pytest.raises(QuestionError):
            evaluate(memory, QUESTIONS, systems=["bm25"], read=True, **wrong)  # type: ignore[arg-type]
    assert llm.calls == 0
    with pytest.raises(ConfigError, match="language model"):
        evaluate(open_with(None), QUESTIONS, systems=["bm25"], read=True)
    assert evaluate(open_with(None), [unanswered], systems=["bm25"]).questions == 1  # nothing is read


def test_passages_read_and_cut_offs_follow_answer_k(open_with: Open) -> None:
    llm = priced()
    memory = open_with(llm)
    table = evaluate(memory, QUESTIONS[:1], systems=["bm25"], read=True, answer_k=2)
    assert table.columns == ("Recall@2", "All@2", "EM", "F1")
    assert [("[2]" in text, "[3]" in text) for text in asked(llm)] == [(True, False)]
    assert evaluate(memory, QUESTIONS[:1], systems=["bm25"], read=True, answer_k=1).columns[0] == "Recall@1"
    assert evaluate(memory, QUESTIONS[:1], systems=["bm25"]).columns[:3] == ("Recall@2", "Recall@5", "Recall@10")
    more = evaluate(memory, QUESTIONS[:1], systems=["bm25"], read=True, answer_k=1, ks=[1, 4])
    assert more.columns[:2] == ("Recall@1", "Recall@4")
    assert more.rows[0].cells[1].value.mean == 1.0


def test_reasoning(open_with: Open) -> None:
    llm = ScriptedLLM(replies={"born?": "[thought] Ada [1]. [answer] Riga [1]."})
    memory = open_with(llm)
    table = evaluate(memory, QUESTIONS[:1], systems=["bm25"], read=True, reasoning=True)
    assert table.rows[0].cells[-2].value.mean == 1.0
    assert "[thought]" in llm.requests[0].messages[0].content


def test_steps_of_retrieval_are_counted_and_made_once(open_with: Open) -> None:
    replies = {"Where was": "Riga is what must be found.", "Who built": "[enough]"}
    llm = ScriptedLLM(replies=replies)
    memory = open_with(llm)
    table = evaluate(memory, QUESTIONS[:2], systems=["bm25"], steps=2)
    assert table.outcomes["bm25"].not_found is None
    assert table.outcomes["bm25"].usage["reader"].requests == llm.calls > 0
    assert "could not" not in table.to_text()
    again = evaluate(memory, QUESTIONS[:2], systems=["bm25"], steps=2, read=True, ks=[2])
    assert [request.prompt for request in llm.requests[-2:]] == ["answer/2", "answer/2"]
    usage = again.outcomes["bm25"].usage["reader"]
    assert (usage.requests, usage.replayed) == (2, 2)  # answers; and thoughts, for they are thought once for both uses


@pytest.mark.parametrize("read", [False, True])
def test_a_step_that_fails_costs_one_question(open_with: Open, read: bool) -> None:
    """The thought about one question is refused: it has neither passages nor an answer, the others have both."""

    def reply(request: LLMRequest) -> str | Exception:
        thinking = request.prompt.startswith("thought")
        if thinking and "born?" in request.messages[-1].content:
            return LLMRequestError("scripted", "too rude")
        return "[enough]" if thinking else "1850 [1]"

    memory = open_with(ScriptedLLM(replies=reply))
    table = evaluate(memory, QUESTIONS[:3], systems=["bm25"], ks=[4], steps=2, read=read)
    cells = dict(zip(table.columns, table.rows[0].cells, strict=True))
    assert cells["Recall@4"].value.mean == cells["All@4"].value.mean == pytest.approx(2 / 3)
    assert "EM" not in cells or cells["EM"].value.mean == pytest.approx(1 / 3)
    outcome = table.outcomes["bm25"]
    assert outcome.reasons == {"model 'scripted' refused the request: too rude": 1}
    what = "answered" if read else "retrieved"
    assert f"bm25: 1 could not be {what} and score 0 (most often: model 'scripted' refused" in table.to_text()


def test_a_filter_that_fails_costs_one_question(index_path: Path) -> None:
    def reply(request: LLMRequest) -> str:
        asked = " ".join(message.content for message in request.messages)
        return "what now" if QUESTIONS[0].text in asked else '{"keep": [1]}'

    overrides = {"recognition": {"name": "llm", "when_failed": "error"}, "llm": {"cache": False}}
    with Hippo.open(index_path, llm=ScriptedLLM(replies=reply), overrides=overrides) as memory:
        table = evaluate(memory, QUESTIONS[:3], systems=["hippo"], ks=[4])
    assert table.rows[0].cells[0].value.mean == pytest.approx(2 / 3)
    [reason] = table.outcomes["hippo"].reasons
    assert "no usable" in reason
    assert table.outcomes["hippo"].failed == 1


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("read", [False, True])
def test_a_question_that_cannot_be_asked_costs_itself(open_with: Open, read: bool, steps: int) -> None:
    blank = Question("blank", " ", ("1850",), frozenset({"works"}))
    memory = open_with(ScriptedLLM(replies=lambda request: "1850 [1]"))
    table = evaluate(memory, [QUESTIONS[2], blank], systems=["bm25"], ks=[4], read=read, steps=steps)
    assert table.rows[0].cells[0].value.mean == 0.5
    assert table.outcomes["bm25"].reasons == {"a question must be a text that is not empty, got ' '": 1}


def test_silence_for_every_question_is_raised(open_with: Open) -> None:
    silence = LLMUnavailableError("scripted", "nobody is there", None)
    memory = open_with(ScriptedLLM(replies=lambda request: silence))
    for options in ({"read": True}, {"steps": 2}):
        with pytest.raises(LLMUnavailableError, match="nobody is there"):
            evaluate(memory, QUESTIONS, systems=["bm25"], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["typo", 5])
def test_a_wrong_profile_is_refused_before_a_call(index_path: Path, wrong: object) -> None:
    llm = priced()
    overrides = {"retrieval": {"profiles": {"mine": {"recognition": wrong}}}}
    with (
        pytest.raises((UnknownNameError, ConfigError), match=f"{wrong}"),
        Hippo.open(index_path, llm=llm, overrides=overrides) as memory,
    ):
        evaluate(memory, QUESTIONS, systems=["bm25", "mine"], read=True)
    assert llm.calls == 0


def test_found_passages_are_not_retrieved_again(open_with: Open) -> None:
    """A retrieval of other passages than the question would bring shows which one was taken."""
    memory = open_with(None)
    texts = [question.text for question in QUESTIONS[:2]]
    own = rank_documents(memory, texts, k=2, profile="bm25")
    other = memory.retrieve("What is the capital of Latvia?", k=2, profile="bm25")
    mixed = rank_documents(memory, texts, k=2, profile="bm25", found={1: other})
    assert mixed == [own[0], [hit.document_id for hit in other.hits]]
    assert mixed != own
    assert rank_documents(memory, texts, k=4, profile="bm25", found={1: other}) == rank_documents(
        memory, texts, k=4, profile="bm25"
    )


def asked(llm: ScriptedLLM) -> list[str]:
    return [request.messages[-1].content for request in llm.requests]
