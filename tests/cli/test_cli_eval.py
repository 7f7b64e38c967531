"""`hippo eval` on one's own index, `hippo tune`, `hippo plot`, and profiles from a file."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import typer.testing

from hippo.plots.results import Drawn, draw_results

Run = Callable[..., typer.testing.Result]


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    folder = tmp_path / "towns"
    (folder / "qrels").mkdir(parents=True)
    corpus = [
        {"_id": "bridge", "title": "Iron Bridge", "text": "Iron Bridge was built by Ada Smith."},
        {"_id": "ada", "title": "Ada Smith", "text": "Ada Smith was born in Riga."},
        {"_id": "riga", "title": "Riga", "text": "Riga lies by the water."},
    ]
    queries = [{"_id": f"q{row}", "text": text} for row, text in enumerate(["Who built the Iron Bridge?", "Riga?"])]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)))
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq0\tbridge\t1\nq1\triga\t1\nq1\tada\t1\n")
    return folder


def test_a_folder_with_a_corpus_makes_its_index(run: Run, beir: Path, tmp_path: Path) -> None:
    settings = {"HIPPO_ENCODER__NAME": "hashing"}
    first = tmp_path / "first.parquet"
    arguments = ["eval", tmp_path / "index", "--dataset", beir, "--without", "synonyms", "--without", "bm25", "-k", 1]
    done = run(*arguments, "--out", first, "--json", "--quiet", **settings)
    assert done.exit_code == 0, done.output
    data = json.loads(done.stdout)
    assert list(data["profiles"]) == ["hippo", "dense", "bm25", "hippo without synonyms", "hippo without bm25"]
    assert data["passages"] == 3
    assert data["outcomes"]["dense"]["latency"]["questions"] == 2
    assert [one["system"] for one in data["verdicts"]] == ["hippo"] * 3
    assert run(*arguments, "--out", first, **settings).stderr.endswith(
        "exists already; remove it or choose another name\n"
    )
    shown = run(*arguments, "--timed", 0, **settings).stdout
    assert "All questions: these questions do not tell whether the graph helps" in shown
    done = run("eval", "--diff", f"{first}:bm25", f"{first}:hippo", "--measure", "All@1", "--json")
    changes = json.loads(done.stdout)
    assert (changes["a"], changes["b"], changes["measure"]) == ("bm25", "hippo", "All@1")
    assert len(changes["wins"]) + len(changes["losses"]) + changes["ties"] == 2
    assert "a.parquet: no such file" in run("eval", "--diff", "a.parquet", "b.parquet").stderr
    beside = run("eval", "--diff", first, first, "--seed", 0, "-k", 3).stderr
    assert "--seed, -k has no part in it" in beside
    assert "by one measure" in run("eval", "--diff", first, first, "--measure", "MRR", "--measure", "AP").stderr
    shown = run("eval", "--diff", first, f"{first}:dense")
    assert shown.stdout.startswith(f"Recall@1: hippo ({first}) → dense ({first}:dense)\n")
    assert " ties\n" in shown.stdout


def test_questions_of_the_index(run: Run, index_path: Path, tmp_path: Path) -> None:
    saved = tmp_path / "made.jsonl"
    done = run("eval", index_path, "--generate", 4, "--seed", 1, "--save", saved, "--json", "--timed", 0)
    assert done.exit_code == 0, done.output
    assert done.stderr.startswith("made ")
    data = json.loads(done.stdout)
    assert list(data["profiles"]) == ["hippo", "dense", "bm25", "hybrid"]
    assert data["verdicts"][0]["says"] in ("helps", "open", "harms")
    again = json.loads(run("eval", index_path, "--dataset", saved, "--profile", "hippo", "--json").stdout)
    assert again["questions"] == data["questions"]
    assert again["profiles"]["hippo"]["Recall@5"]["mean"] == data["profiles"]["hippo"]["Recall@5"]["mean"]
    assert again["verdicts"] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give one of them"),
        (["--dataset", "q.json", "--generate", "3"], "give one of them"),
        (["--dataset", "q.json", "--hops", "2"], "--hops and --save belong to --generate"),
        (["--generate", "3", "--limit", "2"], "--split and --limit belong to --dataset"),
        (["--generate", "3", "--split", "dev"], "--split and --limit belong to --dataset"),
        (["--dataset", __file__, "--split", "test"], "a split is a part of a folder in BEIR's format"),
        (["--generate", "3", "--without", "x"], "unknown part 'x'"),
        (["--generate", "3", "--profile", "missing.toml"], "missing.toml"),
        (["--diff", "a.parquet", "b.parquet"], "INDEX has no part in it"),
    ],
)
def test_what_cannot_be_evaluated(run: Run, index_path: Path, options: list[str], message: str) -> None:
    done = run("eval", index_path, *options)
    assert (done.exit_code, done.stdout) == (1, "")
    assert message in done.stderr
    assert run("eval", "--generate", "3").stderr.startswith("error: INDEX is missing")


def test_a_tuned_profile_is_used(run: Run, index_path: Path, tmp_path: Path) -> None:
    questions = [{"id": str(row), "question": f"Riga {row}?", "gold": ["riga"]} for row in range(4)]
    (tmp_path / "q.json").write_text(json.dumps(questions))
    tuned = tmp_path / "tuned.toml"
    arguments = ["tune", index_path, "--dataset", tmp_path / "q.json", "--folds", 2, "--option", "damping=0.6,0.7"]
    done = run(*arguments, "--out", tuned)
    assert done.exit_code == 0, done.output
    assert "Recall@5 of hippo: 100.0 on 4 questions\nchosen of 3: nothing changed" in done.stdout
    assert "held out, in 2 folds: +0.0 [+0.0, +0.0] points; no gain can be shown" in done.stdout
    tuned.write_text(tuned.read_text() + "damping = 0.65\n")
    found = json.loads(run("query", index_path, "Riga?", "--profile", tuned, "--json").stdout)
    assert (found["profile"], found["parameters"]["damping"]) == ("tuned", 0.65)
    data = json.loads(run(*arguments[:-2], "--option", "damping=0.6", "--profile", tuned, "--json").stdout)
    assert (data["base"], list(data["trials"])) == ("tuned", ["unchanged", "damping=0.6"])
    assert "--option must be KEY=VALUE,VALUE, got 'x'" in run(*arguments[:-2], "--option", "x").stderr
    twice = run(*arguments, "--option", "damping=0.8")
    assert "--option damping is given twice; name all its values in one" in twice.stderr
    assert "5 folds need at least 10 questions, got 3" in run(*arguments[:4], "--limit", 3).stderr
    assert "a profile is kept in a .toml file" in run(*arguments, "--out", tmp_path / "x").stderr
    answered = run("ask", index_path, "Riga?", "--profile", tuned, "--llm", "scripted", "--json")
    assert json.loads(answered.stdout)["retrieval"]["profile"] == "tuned"


def test_charts(run: Run, index_path: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed; it comes with hippo-memory[plot]")
    result = tmp_path / "mine $1.json"
    result.write_text(run("eval", index_path, "--generate", 3, "--json").stdout)
    done = run("plot", result, "--out", tmp_path / "charts", "--json")
    assert done.exit_code == 0, done.output
    files = [Path(file) for file in json.loads(done.stdout)["files"]]
    assert [file.name for file in files] == ["recall.svg", "latency.svg"]
    assert "mine $1: " in files[0].read_text()
    assert (
        "<title>Recall by k, with 95 % intervals, in percent</title>\n <desc>mine $1, hippo: " in files[0].read_text()
    )
    assert "prefers-color-scheme: dark" in files[0].read_text()
    again = run("plot", result, "--out", tmp_path / "again")
    assert again.stdout.splitlines() == [str(tmp_path / "again" / name) for name in ("recall.svg", "latency.svg")]
    assert (tmp_path / "again" / "recall.svg").read_bytes() == files[0].read_bytes()
    # Results of one name, as files of several folders have it, each stand at their own size.
    one = Drawn("run", 3, 10, {"hippo": {"Recall@5": (0.5, 0.4, 0.6)}}, {"hippo": 2.0})
    other = replace(one, passages=1000, latency={"hippo": 4.0})
    draw_results([one, other], tmp_path / "same")
    draw_results([one, replace(other, name="another")], tmp_path / "named")
    assert (tmp_path / "same" / "latency.svg").read_bytes() == (tmp_path / "named" / "latency.svg").read_bytes()
    assert "holds no result of `hippo eval --json`" in run("plot", index_path / "CURRENT").stderr
    done = run("status", index_path, "--plot", tmp_path / "graph.svg", "--json")
    assert json.loads(done.stdout)["graph"]["passages"] == 5
    assert "nodes by number of neighbours" in (tmp_path / "graph.svg").read_text()
    shown = run("status", index_path, "--plot", tmp_path / "again.svg")
    assert "pieces of the graph" in shown.stdout
    assert (tmp_path / "graph.svg").read_bytes() == (tmp_path / "again.svg").read_bytes()
