"""The jobs of `pipelines`: help with an example, results as a table or as JSON, costs whatever the order."""

import importlib
import json
from argparse import Namespace
from pathlib import Path

import pytest

from hippo import Hippo
from hippo.errors import LLMRefusedError, LLMRequestError
from hippo.evaluation.latency import in_turns
from hippo.testing import ScriptedLLM
from hippo.types import Completion, LLMRequest, Usage
from pipelines.common import new_parser, publish, table
from pipelines.cost import reading_cost, show_cost, summary

JOBS = [
    "answer_batch",
    "ask_throughput",
    "bench_encoder",
    "bench_gpu",
    "bench_index",
    "bench_integrations",
    "bench_ppr",
    "bench_query",
    "bench_scale",
    "bench_storage",
    "benchmark",
    "build_index",
    "charts",
    "compare",
    "diagnose",
    "engines",
    "evaluate",
    "extract_only",
    "figures",
    "fingerprints",
    "fuzz",
    "harm",
    "llm_faults",
    "parity",
    "query_cost",
    "ray_faults",
    "scale_costs",
    "scale_plan",
    "remember",
    "sentences",
    "sweep",
    "synthetic",
]
DOCUMENTS = ["Ada Smith was born in Riga.", "Riga is the capital of Latvia.", "Hull lies on the Humber."]
QUESTIONS = ["Where was Ada Smith born?", "What is Riga?", "Where does Hull lie?"]


@pytest.mark.parametrize("name", JOBS)
def test_help_has_an_example(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    if name == "sentences":
        pytest.importorskip("spacy")
    module = importlib.import_module(f"pipelines.{name}")
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert f"    python -m pipelines.{name}" in said
    assert ("--json" in said and "--out" in said) or name == "query_cost"


def test_results_for_people_and_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "out.json"
    parser = new_parser("What it does.")
    publish(parser.parse_args([]), {"a": "é"}, "a: é")
    publish(parser.parse_args(["--json", "--out", str(out)]), {"a": "é"}, "a: é")
    text, _, data = capsys.readouterr().out.partition("\n")
    assert text == "a: é"
    assert json.loads(data) == json.loads(out.read_text("utf-8")) == {"a": "é"}
    assert table(["run", "n"], [["first", 1], ["x", 12]]) == "run     n\nfirst   1\nx      12"


def test_everyone_begins_as_often() -> None:
    turns = list(in_turns(["a", "b", "c", "d"], ["x", "y"]))
    assert [profile for _, profile in turns[::2]] == ["x", "y", "x", "y"]
    assert sorted(turns) == [(question, profile) for question in "abcd" for profile in "xy"]


def test_times_are_compared_question_by_question() -> None:
    """One is always 1 ms slower, though times differ by much more between questions."""
    found = summary({"a": [0.001, 0.5, 0.2], "b": [0.002, 0.501, 0.201]})
    assert found["a"] == {"median_ms": 200.0, "p95_ms": 470.0}
    assert found["b"]["difference_ms"] == [1.0, 1.0, 1.0]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cost") / "index"
    with Hippo.open(path, encoder="hashing") as memory:
        memory.add(DOCUMENTS)
    return path


def reply(request: LLMRequest) -> Completion | Exception:
    if QUESTIONS[0] in request.messages[-1].content:
        return LLMRequestError("scripted", "too rude")
    return Completion("Riga [1]", usage=Usage(1, 0, 100, 10))


def test_each_profile_pays_for_its_own_answers(index: Path) -> None:
    """The same tokens for all; a question that failed counts for none of them."""
    overrides = {"llm": {"cache": False, "attempts": 1, "input_price": 10_000.0, "output_price": 0.0}}
    with Hippo.open(index, llm=ScriptedLLM(replies=reply), overrides=overrides) as memory:
        cost = reading_cost(memory, QUESTIONS, ["hippo", "bm25"])
    assert (cost["questions"], cost["failed"]) == (2, 1)
    for answers in cost["answers"].values():
        assert (answers["input_tokens"], answers["output_tokens"], answers["dollars"]) == (100, 10, 1.0)
        assert answers["median_ms"] > 0
    assert "difference_ms" in cost["answers"]["bm25"]
    assert "reading, in the mean" in show_cost({"reading": cost})


def test_a_wrong_key_is_no_cost(index: Path) -> None:
    llm = ScriptedLLM(replies=lambda request: LLMRefusedError("scripted", "the key is wrong", "Get another"))
    with Hippo.open(index, llm=llm) as memory, pytest.raises(LLMRefusedError):
        reading_cost(memory, QUESTIONS, ["hippo"])


def test_retrieval_is_timed_beside_the_published_way(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = tmp_path / "questions.json"
    questions.write_text(json.dumps([{"question": question} for question in QUESTIONS]))
    options = [
        "--index",
        str(index),
        "--questions",
        str(questions),
        "--encoder",
        "hashing",
        "--rounds",
        "1",
        "--batch",
        "5",
    ]
    monkeypatch.setattr("sys.argv", ["bench_query", *options, "--json"])
    importlib.import_module("pipelines.bench_query").main()
    found = json.loads(capsys.readouterr().out)
    assert (found["passages"], found["questions"], found["batch"]) == (3, 3, 5)
    assert all(way["median_ms"] > 0 < way["processor_ms"] for way in found["ways"].values())
    assert found["ways"]["published"]["times_faster"] == 1.0
    assert found["stages"]["alone"]["walk"]["runs"] == 3
    assert found["stages"]["batch"]["walk"]["runs"] == 5
    needed = found["arithmetic"]
    assert needed["alone"]["ms"] > needed["alone"]["vectors_ms"] > 0 < needed["batch"]["ms"]
    assert (found["machine"]["cores"] or 0) > 0
    assert found["command"].endswith("--index index --questions questions.json --encoder hashing --rounds 1 --batch 5")


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux says what processes share")
@pytest.mark.slow
def test_types_of_vectors_are_compared_on_copies(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = tmp_path / "questions.json"
    gold = {"title": "", "paragraph_text": DOCUMENTS[0]}
    questions.write_text(json.dumps([{"question": QUESTIONS[0], "paragraphs": [gold]}]))
    before = sorted((file.name, file.stat().st_size) for file in index.rglob("*") if file.is_file())
    options = ["--index", str(index), "--questions", str(questions), "--encoder", "hashing", "--processes", "2"]
    monkeypatch.setattr("sys.argv", ["bench_storage", *options, "--json"])
    importlib.import_module("pipelines.bench_storage").main()
    ways = json.loads(capsys.readouterr().out)["ways"]
    assert ways["float16"]["vectors_mib"] < ways["float32"]["vectors_mib"]
    assert all(0 < way["question_ms"] < way["first_ms"] for way in ways.values())
    assert [way["recall_at_5"] for way in ways.values()] == [100.0] * 3
    assert sorted((file.name, file.stat().st_size) for file in index.rglob("*") if file.is_file()) == before


def test_indexing_is_timed_beside_its_encoder_calls(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = "bench_index --passages 5 --encoder hashing --every 2 --rounds 2 --json"
    monkeypatch.setattr("sys.argv", options.split())
    importlib.import_module("pipelines.bench_index").main()
    found = json.loads(capsys.readouterr().out)
    assert (found["passages"], found["encoded_one_of"]) == (5, 2)
    assert found["encoded"] >= found["passages"] + found["entities"]
    assert found["ratio"] > 0 < found["rounds"][0]["encoder"]["cpu"]
    assert found["ratio_spread"]["p10"] <= found["ratio"] <= found["ratio_spread"]["p90"]
    assert found["stages"]["extract"]["runs"] == len(found["rounds"]) == 2
    assert all(one["writing"]["wall"] > 0 for one in found["rounds"])


def test_extraction_and_embedding_are_timed_beside_each_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = "bench_index --passages 4 --encoder hashing --extractor llm --latency 0 --rounds 1"
    monkeypatch.setattr("sys.argv", [*options.split(), "--json"])
    importlib.import_module("pipelines.bench_index").main()
    found = json.loads(capsys.readouterr().out)
    [made] = found["rounds"]
    assert made["beside"]["encoded"] == made["after"]["encoded"] > found["passages"] == 4
    assert made["beside"]["beside"] > 0 == made["after"]["beside"]
    assert found["ratio"] >= found["to_sum"] > 0


def test_sizes_are_measured_and_continued(tmp_path: Path) -> None:
    scale = importlib.import_module("pipelines.bench_scale")
    rows = [
        {**scale.build(tmp_path / str(size), size, 16, 2), **scale.ask(tmp_path / str(size), size, 16, 2)}
        for size in (4, 8)
    ]
    assert [row["passages"] for row in rows] == [4, 8]
    assert all(row[name] > 0 for row in rows for name in scale._COLUMNS)
    assert rows[0]["stages"].keys() == {"link", "walk", "hits"} == rows[0]["slowest"].keys()
    guess = scale.continued(*rows, 16)
    assert guess["passages"] == 16
    assert guess["nodes"] > rows[1]["nodes"] > rows[0]["nodes"]


@pytest.mark.slow
def test_faults_lose_nothing() -> None:
    from pipelines.llm_faults import report, run

    pytest.importorskip("uvicorn", reason="uvicorn is not installed")
    result = run(Namespace(chunks=20, fault_rate=0.3, kills=1, latency=0.01, concurrency=8, seed=1))
    assert [one["chunks_done"] for one in result["runs"].values()] == [20] * 4
    assert result["runs"]["waiting"]["faults"] == {}
    assert result["runs"]["waiting"]["requests"] == result["runs"]["clean"]["requests"]
    assert sum(result["runs"]["faults"]["faults"].values()) > 0
    assert result["chunks_that_differ"]["waiting from clean"] == 0
    assert result["chunks_that_differ"]["killed from faults"] == 0
    assert result["same_snapshot"] == {"killed as faults": True}
    assert "slowdown, faults over waiting: " in report(result)
