"""`hippo query`, and what every command that reads an index does with a place that is none."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.testing

Run = Callable[..., typer.testing.Result]
QUESTION = "Where was the founder of the works that built the Iron Bridge born?"


def test_passages_come_in_order(run: Run, index_path: Path) -> None:
    done = run("query", index_path, QUESTION, "-k", "2")
    assert done.exit_code == 0, done.output
    assert [line[:4] for line in done.stdout.splitlines() if line[:2].strip()] == [" 1  ", " 2  "]
    assert run("query", index_path, QUESTION, "-k", "100").stdout.count("\n") == 2 * 5
    assert done.stderr == ""


def test_output_is_plain_and_without_control_characters(run: Run, index_path: Path) -> None:
    done = run("query", index_path, "What does Odd Title hold?", "--explain")
    assert "Odd �[31m title" in done.stdout
    assert "\x1b" not in done.stdout


def test_json_is_the_retrieval(run: Run, index_path: Path) -> None:
    from hippo import Hippo

    with Hippo.open(index_path) as memory:
        expected = memory.retrieve(QUESTION, k=3, profile="hippo", explain=True).to_dict()
    found = json.loads(run("query", index_path, QUESTION, "-k", "3", "--explain", "--json").stdout)
    assert found.pop("seconds").keys() == expected.pop("seconds").keys()
    assert found == json.loads(json.dumps(expected))


def test_explain_shows_a_path_to_every_passage(run: Run, index_path: Path, tmp_path: Path) -> None:
    # Seeds are entities alone, so that paths have steps to show.
    (tmp_path / "hippo.toml").write_text("[retrieval.profiles.hippo]\npassage_share = 0.0\n")
    config = ["--config", tmp_path / "hippo.toml"]
    shown = run("query", index_path, QUESTION, "-k", "3", "--explain", *config).stdout
    assert shown.count("Path to ") == 3
    assert "    question\n    → " in shown
    assert "  contains 0." in shown
    assert "        “Iron Bridge. The Iron Bridge was built by Steelworks Smith of Hull.”\n" in shown
    assert "this profile does not walk" in run("query", index_path, QUESTION, "--explain", "--profile", "bm25").stdout


def test_a_path_from_a_name_says_that_the_question_names_it(run: Run, index_path: Path) -> None:
    asked = ["Who built the Iron Bridge?", "-k", "1", "--explain", "--profile", "hipporag1"]
    shown = run("query", index_path, *asked).stdout
    assert "        the question names it\n" in shown
    assert "as a whole" not in shown


def test_questions_from_standard_input(run: Run, index_path: Path) -> None:
    text = f"{QUESTION}\r\n\n  What is Riga?  \n"
    found = json.loads(run("query", index_path, "-", "--json", stdin=text).stdout)
    assert [one["question"] for one in found] == [QUESTION, "What is Riga?"]
    alone = json.loads(run("query", index_path, "What is Riga?", "--json").stdout)
    assert [hit["chunk_id"] for hit in found[1]["hits"]] == [hit["chunk_id"] for hit in alone["hits"]]
    assert f"{QUESTION}\n" in run("query", index_path, "-", stdin=text).stdout


@pytest.mark.parametrize("profile", ["hippo", "dense", "bm25", "hybrid"])
def test_profiles(run: Run, index_path: Path, profile: str) -> None:
    done = run("query", index_path, QUESTION, "--profile", profile, "--json")
    assert json.loads(done.stdout)["profile"] == profile


def test_a_profile_of_the_configuration(run: Run, index_path: Path, tmp_path: Path) -> None:
    (tmp_path / "hippo.toml").write_text('[retrieval.profiles.mine]\nbase = "hippo"\ndamping = 0.75\n')
    done = run("query", index_path, QUESTION, "--profile", "mine", "--config", tmp_path / "hippo.toml", "--json")
    assert json.loads(done.stdout)["parameters"]["damping"] == 0.75


def test_the_environment_names_the_profile(run: Run, index_path: Path) -> None:
    done = run("query", index_path, QUESTION, "--json", HIPPO_RETRIEVAL__PROFILE="bm25")
    assert json.loads(done.stdout)["profile"] == "bm25"


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["", "-k", "3"], None, "a question must be a text that is not empty"),
        (["Why?", "-k", "0"], None, "k must be a whole number of at least 1, got 0"),
        (["Why?", "--steps", "0"], None, "steps must be a whole number of at least 1, got 0"),
        (["Why?", "--profile", "nonsense"], None, "unknown profile 'nonsense'. Known: bm25, dense, hippo, hipporag1"),
        (["-"], " \n\n", "standard input holds no question"),
        (["-"], b"\xff\xfe\x00", "standard input must be UTF-8"),
    ],
)
def test_bad_questions(
    run: Run, index_path: Path, arguments: list[str], stdin: str | bytes | None, message: str
) -> None:
    done = run("query", index_path, *arguments, stdin=stdin)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    done = run("query", index_path, *arguments, "--json", stdin=stdin)
    assert message in json.loads(done.stderr)["message"]


def test_dense_needs_vectors(run: Run, wordless_path: Path) -> None:
    done = run("query", wordless_path, "Why?", "--profile", "dense")
    assert done.exit_code == 1
    assert "needs vectors, and this index has none" in done.stderr
    assert run("query", wordless_path, "What is Riga?").exit_code == 0


@pytest.mark.parametrize(
    "command",
    [["query", "{}", "Why?"], ["status", "{}"], ["eval", "{}", "--generate", "9"], ["export", "{}", "{out}"]],
)
class TestPlaces:
    """What is no index stays as it is."""

    def check(self, run: Run, tmp_path: Path, command: list[str], place: Path, message: str) -> None:
        before = sorted(tmp_path.rglob("*"))
        done = run(*(part.format(place, out=tmp_path / "out") for part in command), "--json")
        assert (done.exit_code, done.stdout) == (1, "")
        error = json.loads(done.stderr)
        assert error["error"] == "IndexPathError"
        assert error["message"].startswith(f"{place}: {message}")
        assert sorted(tmp_path.rglob("*")) == before

    def test_missing(self, run: Run, tmp_path: Path, command: list[str]) -> None:
        self.check(run, tmp_path, command, tmp_path / "missing", "no such folder")

    def test_file(self, run: Run, tmp_path: Path, command: list[str]) -> None:
        (tmp_path / "file").write_text("text")
        self.check(run, tmp_path, command, tmp_path / "file", "an index is a folder, and this is a file")

    def test_foreign_folder(self, run: Run, tmp_path: Path, command: list[str]) -> None:
        (tmp_path / "foreign").mkdir()
        (tmp_path / "foreign" / "letter.txt").write_text("text")
        self.check(run, tmp_path, command, tmp_path / "foreign", "there is no index in this folder")

    def test_empty_folder(self, run: Run, tmp_path: Path, command: list[str]) -> None:
        (tmp_path / "empty").mkdir()
        self.check(run, tmp_path, command, tmp_path / "empty", "there is no index in this folder")
