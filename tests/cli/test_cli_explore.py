"""`hippo entities`, `neighbors`, `paths`, `passages`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.testing

from hippo import Hippo

Run = Callable[..., typer.testing.Result]


def test_entities(run: Run, index_path: Path) -> None:
    done = run("entities", index_path, "smith", "--json")
    assert {one["name"] for one in json.loads(done.stdout)} >= {"Ada Smith", "Steelworks Smith"}
    plain = run("entities", index_path, "ada smith").stdout.splitlines()
    assert plain[0] == "Ada Smith  exact, in 2 passages"
    nothing = run("entities", index_path, "qqqq")
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert "no entity" in nothing.stderr


def test_neighbors(run: Run, index_path: Path) -> None:
    done = run("neighbors", index_path, "Riga", "--kind", "relation", "--json")
    found = json.loads(done.stdout)
    assert {one["kind"] for one in found} == {"relation"}
    with Hippo.open(index_path) as memory:
        assert found == [one.to_dict() for one in memory.neighbors("Riga", kinds=["relation"])]
    text = run("neighbors", index_path, "Riga").stdout
    assert "relation  Latvia  1\n" in text
    assert "Riga is the capital of Latvia" in text


def test_paths(run: Run, index_path: Path) -> None:
    done = run("paths", index_path, "Steelworks Smith", "Riga", "--steps", "3", "--json")
    found = json.loads(done.stdout)
    assert found[0]["steps"][-1]["target"] == "Riga"
    text = run("paths", index_path, "Steelworks Smith", "Riga", "--steps", "3").stdout
    assert text.startswith("1  ")
    assert "    → Riga" in text
    assert "no path" in run("paths", index_path, "Steelworks Smith", "Riga", "--steps", "1").stderr


def test_passages(run: Run, index_path: Path) -> None:
    [hit] = json.loads(run("query", index_path, "odd title", "-k", "1", "--json").stdout)["hits"]
    text = run("passages", index_path, hit["chunk_id"]).stdout
    assert "holds" in text
    assert "\x1b" not in text
    [passage] = json.loads(run("passages", index_path, hit["chunk_id"], "--after", "3", "--json").stdout)
    assert passage["document_id"] == "esc"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["neighbors", "Adda Smith"], "Did you mean"),
        (["paths", "Riga", "riga"], "one entity"),
        (["passages", "nothing"], "the index holds no passage 'nothing'"),
    ],
)
def test_errors_are_one_line(run: Run, index_path: Path, arguments: list[str], message: str) -> None:
    done = run(arguments[0], index_path, *arguments[1:])
    assert done.exit_code == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
