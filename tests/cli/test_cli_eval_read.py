"""`hippo eval --read`: a model behind HTTP reads what was retrieved; `pipelines.benchmark --read` too."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.testing

from hippo.testing import Faults, LLMServer
from hippo.types import LLMRequest

pytest.importorskip("openai", reason="openai is not installed")
pytest.importorskip("uvicorn", reason="uvicorn is not installed")

Run = Callable[..., typer.testing.Result]

QUESTIONS: list[dict[str, Any]] = [
    {"question": "Where was Ada Smith born?", "answer": "Riga", "gold": ["ada"]},
    {"question": "Who built the Iron Bridge?", "answer": "Ada Smith", "answer_aliases": ["Ada"], "gold": ["bridge"]},
    {"question": "Who is the mayor of Riga?", "answer": "Nobody", "gold": ["riga"]},
    {"question": "When was Steelworks Smith founded?", "answer": "1850", "gold": ["works"]},
]
REPLIES = {
    "born?": "Riga [1].",
    "built": "Steelworks Smith [1]",
    "mayor": "[none] It is not named.",
    "founded?": "1850 [1]",
}
MODEL = ["--llm", "openai:any"]
ASKING = ["--timed", "0", "--dataset"]


def read(request: LLMRequest) -> str:
    """What is asked stands at the end of the prompt, behind the passages."""
    asked = request.messages[-1].content[-150:]
    return next(reply for part, reply in REPLIES.items() if part in asked)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LLMServer]:
    with LLMServer(respond=read) as server:
        monkeypatch.setenv("HIPPO_LLM__OPENAI__BASE_URL", server.base_url)
        monkeypatch.setenv("HIPPO_LLM__ATTEMPTS", "1")
        monkeypatch.setenv("HIPPO_LLM__INPUT_PRICE", "1000")
        monkeypatch.setenv("HIPPO_LLM__OUTPUT_PRICE", "1000")
        yield server


@pytest.fixture
def index(index_path: Path, tmp_path: Path) -> Path:
    """A copy without replies."""
    return Path(shutil.copytree(index_path, tmp_path / "index"))


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.json"
    path.write_text(json.dumps(QUESTIONS))
    return path


def test_answers_are_scored_and_their_price_is_told(run: Run, index: Path, questions: Path, server: LLMServer) -> None:
    arguments = ["eval", index, *ASKING, questions, "--profile", "bm25", "--read", *MODEL, "--json"]
    data = json.loads(run(*arguments).stdout)
    measures = data["profiles"]["bm25"]
    assert list(measures) == ["Recall@2", "Recall@5", "All@2", "All@5", "EM", "F1"]
    assert (measures["EM"]["mean"], measures["F1"]["mean"]) == (0.5, (1 + 2 * 1 / (2 + 2) + 0 + 1) / 4)
    assert server.stats().replies == 4
    outcome = data["outcomes"]["bm25"]
    assert (outcome["failed"], outcome["not_found"]) == (0, 1)
    usage = outcome["usage"]["reader"]
    assert (usage["requests"], usage["replayed"]) == (4, 0)
    assert usage["cost"] == pytest.approx((usage["input_tokens"] + usage["output_tokens"]) / 1000)
    again = json.loads(run(*arguments).stdout)
    assert again["profiles"] == data["profiles"]
    assert server.stats().replies == 4
    assert again["outcomes"]["bm25"]["usage"]["reader"] | {"replayed": 0} == dict.fromkeys(usage, 0)


def test_a_table_for_people(run: Run, index: Path, questions: Path, server: LLMServer) -> None:
    server.fail_next("500")
    done = run(
        "eval",
        index,
        "--dataset",
        questions,
        "--timed",
        0,
        "--profile",
        "bm25",
        "--profile",
        "hippo",
        "--read",
        "--answer-k",
        2,
        *MODEL,
    )
    assert done.exit_code == 0, done.output
    assert [line.split()[0] for line in done.stdout.splitlines() if line.startswith(("Recall", "EM", "F1"))] == [
        "Recall@2", "EM", "F1",
    ]  # fmt: skip
    (told,) = [line for line in done.stdout.splitlines() if line.startswith("bm25: ")]
    assert told.startswith("bm25: 1 could not be answered and score 0 (most often: model 'any' did not answer: ")
    assert ", 0 from the cache, " in told
    (other,) = [line for line in done.stdout.splitlines() if line.startswith("hippo: ")]
    assert other.startswith("hippo: 0 could not be answered, 1 not in the passages; ")


def test_a_wrong_key_is_no_measurement(run: Run, index: Path, questions: Path, server: LLMServer) -> None:
    server.fail_next("401", 10)
    done = run("eval", index, *ASKING, questions, "--read", *MODEL)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "refuses all requests" in done.stderr


def test_missing_answers_are_refused_before_a_call(run: Run, index: Path, tmp_path: Path, server: LLMServer) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, [*QUESTIONS, {"id": "q9", "question": "Why?", "gold": ["ada"]}])))
    done = run("eval", index, "--dataset", path, "--read", *MODEL)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "question 'q9': has no accepted answer" in done.stderr
    assert server.stats().arrived == 0
    assert run("eval", index, "--dataset", path, "--profile", "bm25").exit_code == 0
    path.write_text(json.dumps(QUESTIONS[0]))
    assert "needs a language model, and none is set" in run("eval", index, "--dataset", path, "--read").stderr


def test_a_thought_that_fails_costs_one_question(run: Run, index: Path, questions: Path) -> None:
    """One request in four is refused, whichever that is: the others are measured."""
    faults = Faults(rate=1.0, kinds=("length",), only="Who built the Iron Bridge?")
    with LLMServer(faults=faults) as server:
        settings = {"HIPPO_LLM__OPENAI__BASE_URL": server.base_url}
        arguments = [
            "eval",
            index,
            "--dataset",
            questions,
            "--timed",
            0,
            "--profile",
            "bm25",
            "--steps",
            2,
            *MODEL,
            "--json",
        ]
        for more, failed in (([], 1), (["--read"], 1)):
            done = run(*arguments, *more, **settings)
            assert done.exit_code == 0, done.output
            outcome = json.loads(done.stdout)["outcomes"]["bm25"]
            assert outcome["failed"] == failed
            [reason] = outcome["reasons"]
            assert "longer than the model's context" in reason


def test_nobody_answers(run: Run, index: Path, questions: Path) -> None:
    environment = {"HIPPO_LLM__OPENAI__BASE_URL": "http://127.0.0.1:1/v1", "HIPPO_LLM__ATTEMPTS": "1"}
    done = run("eval", index, *ASKING, questions, "--profile", "bm25", "--read", *MODEL, **environment)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: model 'any' did not answer: ")


def test_options_of_reading_need_it(run: Run, index: Path, questions: Path) -> None:
    for option in (["--answer-k", 3], ["--reasoning"]):
        done = run("eval", index, *ASKING, questions, *option)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr == "error: --answer-k and --reasoning are about answers, and none are read. Add --read\n"
    wrong = run("eval", index, *ASKING, questions, "--read", "--answer-k", 0, *MODEL)
    assert wrong.stderr == "error: answer_k must be a whole number of at least 1, got 0\n"


def test_recognition_and_steps_of_retrieval_alone(run: Run, index: Path, questions: Path) -> None:
    with LLMServer() as server:
        settings = {"HIPPO_LLM__OPENAI__BASE_URL": server.base_url}
        arguments = ["eval", index, *ASKING, questions, "--profile", "hippo", *MODEL, "--json"]
        recognised = run(*arguments, "--recognition", "llm", **settings)
        assert recognised.exit_code == 0, recognised.output
        data = json.loads(recognised.stdout)
        assert "EM" not in data["profiles"]["hippo"]
        assert data["outcomes"]["hippo"]["not_found"] is None
        assert data["outcomes"]["hippo"]["usage"]["recognition"]["requests"] == server.stats().replies > 0
        stepped = json.loads(run(*arguments, "--steps", 2, **settings).stdout)
        assert list(stepped["outcomes"]["hippo"]["usage"]) == ["reader"]
        told = run(*arguments[:-1], "--steps", 2, **settings).stdout.splitlines()[-1]
        assert told.startswith("hippo: 0 calls, ")
        assert "outcomes" not in json.loads(run(*arguments).stdout)


def test_the_benchmark_reads_too(
    tmp_path: Path, server: LLMServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipelines.benchmark import main

    corpus = [{"title": "Ada Smith", "text": "Ada Smith was born in Riga."}, {"title": "Riga", "text": "A capital."}]
    asked = [{"question": QUESTIONS[0]["question"], "answer": "Riga", "supporting_facts": [["Ada Smith", 0]]}]
    (tmp_path / "tiny_corpus.json").write_text(json.dumps(corpus))
    (tmp_path / "tiny.json").write_text(json.dumps(asked))
    out = tmp_path / "out.json"
    words = f"benchmark --dataset {tmp_path} --name tiny --encoder none --profiles bm25,hippo --index {tmp_path}/i"
    monkeypatch.setattr("sys.argv", [*words.split(), "--out", str(out), "--timed", "0", "--read", *MODEL])
    main()
    data = json.loads(out.read_text())
    assert data["reading"]["profiles"]["bm25"]["EM"]["mean"] == 1.0
    replies = server.stats().replies
    assert data["reading"]["outcomes"]["bm25"]["usage"]["reader"]["requests"] == 1
    assert data["config"]["llm"]["name"] == "openai:any"
    assert "bm25: 0 could not be answered, 0 not in the passages; 1 calls" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", [*words.split(), "--json", "--read", *MODEL])
    main()
    again = json.loads(capsys.readouterr().out)
    assert again["reading"]["outcomes"]["bm25"]["usage"]["reader"]["replayed"] == 1
    cost = again["cost"]["reading"]
    assert (cost["questions"], cost["failed"], list(cost["answers"])) == (1, 0, ["bm25", "hippo"])
    # Each profile pays for its own answer, though the cache holds it; one more is not counted.
    assert server.stats().replies == replies + 3
