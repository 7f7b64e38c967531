"""`pipelines.sweep`: combinations of options, and what choosing on all sets but one gives."""

import json
from pathlib import Path
from typing import Any

import pytest

from hippo.errors import ConfigError
from hippo.evaluation.tuning import grid
from hippo.retrieval.profiles import PROFILES
from pipelines import sweep


def test_every_combination_once() -> None:
    points = grid(PROFILES["hippo"], {"facts": [5, 10], "kind_weights.titles": [4.0]})
    assert list(points) == ["facts=5 kind_weights.titles=4", "facts=10 kind_weights.titles=4"]
    assert [profile.facts for profile in points.values()] == [5, 10]
    weights = {**PROFILES["hippo"].kind_weights, "titles": 4.0}
    assert all(profile.kind_weights == weights for profile in points.values())
    with pytest.raises(ConfigError, match="fact: unknown option"):
        grid(PROFILES["hippo"], {"fact": [5]})


def test_what_is_chosen_without_a_set_and_what_it_gives_there() -> None:
    recall = {"x": {"a": 1.0, "b": 9.0, "c": 5.0}, "y": {"a": 8.0, "b": 4.0, "c": 6.0}}
    assert sweep.left_out(recall) == {
        "a": {"chosen": "x", "recall": 1.0, "best": 8.0},
        "b": {"chosen": "y", "recall": 4.0, "best": 9.0},
        "c": {"chosen": "y", "recall": 6.0, "best": 6.0},
    }


def test_a_run(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hippo.toml").write_text("[encoder]\nname = 'none'\n", "utf-8")

    def swept(*arguments: str) -> dict[str, Any]:
        options = ["--datasets", str(project / "data"), "--config", str(tmp_path / "hippo.toml"), "--quiet", "--json"]
        monkeypatch.setattr("sys.argv", ["sweep", *arguments, *options, "--index", str(tmp_path / "sweep")])
        sweep.main()
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    result = swept("sample", "multilingual", "--option", "name_share=0,0.4")
    assert list(result["recall"]) == ["name_share=0", "name_share=0.4"]
    assert set(result["left_out"]) == {"sample", "multilingual"}
    assert all(50 < value <= 100 for one in result["recall"].values() for value in one.values())
    assert all(run["index"]["stages"]["extract"]["found"] == 0 for run in by_setting(result["runs"]))
    # Of other indexes, all that they share with this one is there.
    result = swept("multilingual", "--setting", "graph.follow_distance=0,2", "--option", "name_share=0")
    assert list(result["recall"]) == [f"graph.follow_distance={value} name_share=0" for value in (0, 2)]
    for run in by_setting(result["runs"]):
        assert {name: one["made"] for name, one in run["index"]["stages"].items()} == {
            "read": 0,
            "chunk": 0,
            "extract": 0,
        }
        assert (run["index"]["index"]["added"] > 10, run["rankings"]["failed"]) == (True, 0)
    assert "multilingual graph.follow_distance=2" in sweep.show(result, ["multilingual"])


def by_setting(runs: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [run for one in runs.values() for run in one.values()]


def test_what_cannot_be_swept_is_said(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["sweep", "sample", "--datasets", str(project / "data"), "--index", str(tmp_path)]
    for more, problem in (
        ([], "give an --option or a --setting"),
        (["--setting", "encoder=none"], "must be SECTION.KEY=VALUE,VALUE"),
        (["--option", "facts"], "must be KEY=VALUE,VALUE"),
    ):
        monkeypatch.setattr("sys.argv", [*command, *more])
        with pytest.raises(SystemExit):
            sweep.main()
        assert problem in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", [*command, "--setting", "graph.nothing=1"])
    with pytest.raises(SystemExit, match=r"error: .*graph\.nothing: unknown key"):
        sweep.main()
