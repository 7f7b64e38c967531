"""`hippo query --html`, and `hippo entities` without a name."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.testing

Run = Callable[..., typer.testing.Result]
QUESTION = "Where was the founder of Steelworks Smith born?"


def test_a_question_becomes_a_page(run: Run, index_path: Path, tmp_path: Path) -> None:
    page = tmp_path / "view.html"
    done = run("query", index_path, QUESTION, "--html", page, "--compare", "bm25", "--nodes", "9", "-k", "2", "--json")
    assert done.exit_code == 0, done.stderr
    assert str(page) in done.stderr
    text = page.read_text("utf-8")
    view = json.loads(text.partition('id="view">')[2].partition("</script>")[0])
    assert [spread["retrieval"]["profile"] for spread in view["spreads"]] == ["hippo", "bm25"]
    assert len(view["nodes"]) == 9
    plain = json.loads(run("query", index_path, QUESTION, "-k", "2", "--explain", "--json").stdout)
    assert json.loads(done.stdout)["hits"] == plain["hits"] == view["spreads"][0]["retrieval"]["hits"]


@pytest.mark.parametrize(
    ("question", "options", "message"),
    [
        ("-", ["--html", "view.html"], "--html draws one question"),
        (QUESTION, ["--html", "view.html", "--steps", "2"], "--html draws one question"),
        (QUESTION, ["--compare", "bm25"], "give --html FILE too"),
        (QUESTION, ["--nodes", "9"], "--nodes is about what is drawn; give --html FILE too"),
        (QUESTION, ["--html", "nothing/view.html"], "nothing"),
    ],
)
def test_what_cannot_be_drawn(run: Run, index_path: Path, question: str, options: list[str], message: str) -> None:
    done = run("query", index_path, question, *options, stdin="a\n")
    assert done.exit_code == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_entities_without_a_name(run: Run, index_path: Path) -> None:
    lines = run("entities", index_path, "-k", "2").stdout.splitlines()
    assert len(lines) == 2
    assert all("listed" in line for line in lines)
