"""What a large corpus takes, computed from what a small one took."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines import scale_costs, scale_plan


def planned(measured: dict[str, Any], *options: str) -> dict[str, Any]:
    return scale_plan.plan(measured, **scale_plan.assumed(scale_plan.parser().parse_args(options)))


def test_a_run_is_enough_to_plan_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "costs.json"
    monkeypatch.setattr("sys.argv", ["scale_costs", "--passages", "30", "--dimension", "16", "--out", str(out)])
    scale_costs.main()
    assert "assemble: synonyms" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["scale_plan", str(out), "--passages", "6000", "--per-index", "3000", "--json"])
    scale_plan.main()
    found, costs = json.loads(capsys.readouterr().out), json.loads(out.read_text("utf-8"))
    assert found["counts"]["indexes"] == 2
    assert found["counts"]["vectors"] == pytest.approx(6000 * (1 + costs["facts"] + costs["entities"]))
    assert found["stages"]["chunk"]["hours"] == pytest.approx(costs["processor"]["chunk"] * 6000 / 3600)
    assert costs["processor"]["extract"] > 0 < costs["assemble"]["store"]
    # Of two indexes of a hundred times as many passages each, by the square of those.
    assert found["stages"]["synonyms, at most"]["hours"] == pytest.approx(
        costs["assemble"]["synonyms"] * 100 * 6000 / 3600
    )
    wider = 4 * (384 - 16) * (1 + costs["facts"] + costs["entities"])
    assert found["storage"]["store"]["wanted"] == pytest.approx(costs["bytes"]["store"] + wider)
    assert found["storage"]["shards"]["measured"] == pytest.approx(sum(costs["shards"].values()))


def test_the_last_run_counts_and_what_it_lacks_is_of_the_ones_before() -> None:
    assert scale_plan.merged([{"a": 1, "b": {"x": 1}}, {"b": {"y": 2}}]) == {"a": 1, "b": {"y": 2}}
    measured = scale_plan.merged([scale_plan.read(path) for path in scale_plan.MEASURED])
    assert measured["passages"] == 1_000_000
    text = scale_plan.show(planned(measured, "--passages", "1000000", "--per-index", "1000000", "--dimension", "64"))
    assert "1,000,000 passages in 1 indexes of 1,000,000" in text
    # Where nothing is computed beyond what was measured, it is what was measured.
    assert (
        planned(measured, "--per-index", "1000000", "--dimension", "64")["memory"]["assembler of 1,000,000"]
        == (measured["peak_driver"])
    )
