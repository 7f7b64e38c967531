"""`pipelines.sweep`: combinations of options, and what choosing on all sets but one gives."""

import json
from pathlib import Path

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
    options = ["--encoder", "none", "--index", str(tmp_path), "--option", "name_share=0,0.4", "--json"]
    monkeypatch.setattr("sys.argv", ["sweep", "sample", "multilingual", "--datasets", str(project / "data"), *options])
    sweep.main()
    result = json.loads(capsys.readouterr().out)
    assert list(result["recall"]) == ["name_share=0", "name_share=0.4"]
    assert set(result["left_out"]) == {"sample", "multilingual"}
    assert all(50 < value <= 100 for one in result["recall"].values() for value in one.values())
