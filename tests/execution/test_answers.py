"""Files of questions through an executor: in order, restartable, errors in their place."""

import json
from pathlib import Path
from typing import Any

import pytest

from hippo import Hippo
from hippo.config import load_config
from hippo.errors import ConfigError, IndexPathError, InputError
from hippo.evaluation import evaluate, load_dataset
from hippo.evaluation.questions import load_questions
from hippo.execution import LocalExecutor, answer_batch, evaluate_batch, rank_batch
from hippo.execution.answers import shaping
from hippo.testing import LLMServer
from pipelines import answer_batch as job

DOCUMENTS = ["Ada Arlen met Boris Bremau.", "Boris Bremau was born in Riga.", "Hull lies on the Humber."]
QUESTIONS = ["Where was the man born whom Ada Arlen met?", "Where does Hull lie?", "Whom did Ada Arlen meet?"]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("answers") / "index"
    with Hippo.open(path, encoder="hashing") as memory:
        memory.add(DOCUMENTS)
    return path


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    lines = [json.dumps({"id": f"q{place}", "question": text}) for place, text in enumerate(QUESTIONS)]
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_passages_are_those_of_the_memory(index: Path, questions: Path, tmp_path: Path) -> None:
    asked = load_questions(questions)
    options: dict[str, Any] = {"work": tmp_path / "work", "read": False, "k": 2, "batch": 1}
    found, report = answer_batch(asked, index, **options, executor=LocalExecutor())
    with Hippo.open(index) as memory:
        expected = [[hit.chunk_id for hit in one.hits] for one in memory.retrieve_many(QUESTIONS, k=2)]
    assert [one["id"] for one in found] == ["q0", "q1", "q2"]
    assert [[hit["chunk_id"] for hit in one["passages"]] for one in found] == expected
    assert (report.questions, report.failed, report.stages["answer"].made) == (3, 0, 3)
    again, second = answer_batch(asked, index, **options)
    assert again == found
    assert (second.stages["answer"].made, second.stages["answer"].found) == (0, 3)


def test_any_character_may_stand_in_a_question(index: Path, tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(json.dumps({"id": "q", "question": "Where\u2028does Hull\x85lie?"}) + "\n", "utf-8")
    options: dict[str, Any] = {"work": tmp_path / "work", "read": False, "k": 1}
    for _ in range(2):
        [found], _ = answer_batch(load_questions(path), index, **options)
        assert found["passages"][0]["rank"] == 1


def test_what_failed_is_asked_again_and_nothing_else(
    index: Path, questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with LLMServer() as server:
        llm = {"name": "openai:test", "openai": {"base_url": server.base_url}, "attempts": 1, "cache": False}
        options: dict[str, Any] = {"work": tmp_path / "work", "k": 2, "overrides": {"llm": {**llm, "concurrency": 1}}}
        server.fail_next("500", 1)
        first, report = answer_batch(load_questions(questions), index, **options)
        assert (report.failed, report.usage.requests) == (1, 2)
        [failed] = [one for one in first if "error" in one]
        assert failed["error"]["type"] == "LLMUnavailableError"
        before = server.stats().replies
        second, report = answer_batch(load_questions(questions), index, **options)
        assert (report.failed, server.stats().replies) == (0, before + 1)
        assert all(one["answer"] and "passages" in one for one in second)


def test_the_command(
    index: Path, questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "answers.jsonl"
    command = ["answer_batch", str(questions), "--index", str(index), "--answers", str(out), "--no-read", "--quiet"]
    monkeypatch.setattr("sys.argv", command)
    job.main()
    assert "3 questions, 0 failed" in capsys.readouterr().out
    assert [json.loads(line)["id"] for line in out.read_text("utf-8").splitlines()] == ["q0", "q1", "q2"]
    monkeypatch.setattr("sys.argv", [*command[:3], str(tmp_path / "nothing"), *command[4:]])
    with pytest.raises(SystemExit, match=r"error: .*nothing"):
        job.main()


def test_what_cannot_be_done_is_said(index: Path, questions: Path, tmp_path: Path) -> None:
    asked = load_questions(questions)
    with pytest.raises(InputError, match="batch must be at least 1, got 0"):
        answer_batch(asked, index, work=tmp_path, read=False, batch=0)
    with pytest.raises(IndexPathError):
        answer_batch(asked, tmp_path / "nothing", work=tmp_path, read=False)
    llm = {"name": "endpoints", "endpoints": {"model": "any", "vllm": {}}}
    with pytest.raises(ConfigError, match="nothing would ask the servers: passages alone"):
        answer_batch(asked, index, work=tmp_path, read=False, overrides={"llm": llm})


def test_questions_that_need_a_server_are_not_begun_where_none_can_be_started(
    index: Path, questions: Path, tmp_path: Path
) -> None:
    llm = {"name": "endpoints", "endpoints": {"model": "any", "vllm": {}}}
    config = {"llm": llm, "recognition": {"name": "llm"}}
    with pytest.raises(ConfigError, match="started on a Ray cluster alone"):
        answer_batch(load_questions(questions), index, work=tmp_path, read=False, config=config)
    with pytest.raises(ConfigError, match="started on a Ray cluster alone"):
        rank_batch(QUESTIONS, index, work=tmp_path, profiles=["bm25", "hippo"], k=1, config=config)


def test_what_servers_are_started_with_shapes_answers_and_where_they_are_does_not() -> None:
    def found(**endpoints: Any) -> dict[str, Any]:
        return shaping(load_config({"llm": {"name": "endpoints", "endpoints": {"model": "any", **endpoints}}}))

    assert found(urls=["http://one/v1"]) == found(urls=["http://two/v1"]) == found(vllm={"servers": 3})
    assert found(vllm={"arguments": ["--quantization", "fp8"]}) != found(vllm={"servers": 3})


def test_profiles_compared_as_in_one_process(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipelines import evaluate as evaluating

    dataset = load_dataset(project / "data", "sample", limit=20)
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        memory.add(dataset.documents)
        expected = evaluate(memory, dataset.questions, systems=["hippo", "bm25"]).table().to_dict()
    options: dict[str, Any] = {"work": tmp_path / "work", "profiles": ["hippo", "bm25"], "batch": 8}
    table, report = evaluate_batch(dataset.questions, tmp_path / "index", **options)
    assert table.to_dict()["profiles"] == expected["profiles"]
    assert report.stages["rank"].made == 6
    assert evaluate_batch(dataset.questions, tmp_path / "index", **options)[1].stages["rank"].found == 6
    options |= {"profiles": ["bm25"], "config": {"retrieval": {"tolerance": 1e-3}}}
    assert evaluate_batch(dataset.questions, tmp_path / "index", **options)[1].stages["rank"].made == 3
    command = [
        "evaluate",
        str(project / "data" / "sample.json"),
        "--index",
        str(tmp_path / "index"),
        "--quiet",
        "--json",
    ]
    monkeypatch.setattr("sys.argv", [*command, "--work", str(tmp_path / "work"), "--profiles", "bm25"])
    evaluating.main()
    assert json.loads(capsys.readouterr().out)["run"]["failed"] == 0
