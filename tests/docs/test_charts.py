"""The charts and tables of the benchmarks are what their figures give: the same bytes, whoever reads them and how."""

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from pipelines import charts, figures
from pipelines.aims import Aim, list_aims

PROJECT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"

pytest.importorskip("matplotlib", reason="matplotlib is not installed; it comes with hippo-memory[plot]")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return charts.draw(charts.FIGURES, tmp_path_factory.mktemp("charts"))


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    return figures.load(charts.FIGURES)


def told(path: Path) -> tuple[str, str]:
    """Title and description."""
    root = ElementTree.parse(path).getroot()
    return root.findtext(f"{SVG}title") or "", root.findtext(f"{SVG}desc") or ""


def test_charts_are_what_their_figures_give(drawn: dict[str, Path]) -> None:
    assert drawn.keys() == charts.CHARTS.keys()
    pinned = f"matplotlib=={version('matplotlib')}\n" in (PROJECT / "constraints.txt").read_text("utf-8")
    for path in drawn.values():
        kept = charts.FIGURES / path.name
        # Other versions of matplotlib lay text out a little differently.
        same = kept.read_bytes() == path.read_bytes() if pinned else told(kept) == told(path)
        assert same, f"{path.name}: run python docs/generate.py"


def test_charts_say_what_they_show_and_suit_dark_pages(drawn: dict[str, Path]) -> None:
    page = (PROJECT / "docs" / "benchmarks.md").read_text("utf-8")
    for path in drawn.values():
        text = path.read_text("utf-8")
        assert ElementTree.fromstring(text).get("role") == "img"
        assert all(told(path))
        assert "@media (prefers-color-scheme: dark)" in text
        assert "currentColor" in text
        assert "#000000" not in text
        assert "fill: #ffffff" not in text
        assert len(text) < 60_000
        assert f"](figures/{path.name})" in page


def test_other_figures_give_another_chart_and_missing_ones_none(
    drawn: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(charts.FIGURES / "indexing.json", tmp_path)
    found = json.loads((tmp_path / "indexing.json").read_text("utf-8"))
    found["stages"]["extract"]["median"] *= 1.5
    (tmp_path / "indexing.json").write_text(json.dumps(found))
    monkeypatch.setattr("sys.argv", ["charts", "--figures", str(tmp_path), "--to", str(tmp_path / "to")])
    charts.main()
    first, *others = capsys.readouterr().out.splitlines()
    assert Path(first).read_bytes() != drawn["indexing"].read_bytes()
    assert others[0] == "left out: recall, which needs recall-musique, recall-hotpotqa, recall-2wiki"
    assert len(others) == len(charts.CHARTS) - 1


def test_every_figure_says_how_it_was_measured(measured: dict[str, Any]) -> None:
    rows = figures.parts(measured)["measured"].splitlines()[2:]
    assert len(rows) == len(measured)
    for name, one in measured.items():
        assert one["machine"]["cores"] > 0, name
        assert one["command"].startswith("python -m pipelines."), name
        assert "/" not in one["command"], f"{name} names a folder of the machine"


@pytest.mark.parametrize(
    ("least", "value", "reached"), [(True, 99.0, False), (True, 100.0, True), (False, 101.0, False)]
)
def test_aims_are_compared(least: bool, value: float, reached: bool) -> None:
    assert Aim("x", 100, least, value, "ms").reached is reached


def test_aims_follow_the_figures(measured: dict[str, Any]) -> None:
    device = {**measured["device"], "device": "cpu, 2 threads"}
    query = json.loads(json.dumps(measured["query"]))
    for product, verdict in ((9.0, "more than the 2 ms aimed at"), (0.5, "the aim of 2 ms leaves 1.50 ms")):
        query["ways"]["alone"]["processor_ms"] = query["arithmetic"]["alone"]["ms"] = product
        data = {**measured, "device": device, "query": query}
        made = figures.parts(data)
        assert verdict in made["limits"]
        alone = next(one for one in list_aims(data) if one.what.startswith("a question alone"))
        assert alone.reached is (product <= 2)
        assert made["aims"].count("needs a CUDA device | not measured") == 2
    assert list_aims({**measured, "device": {**device, "device": "cuda, any"}})[-1].reached is not None


def test_figures_are_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["figures"])
    figures.main()
    said = capsys.readouterr().out
    assert "## aims\n\n|  | aim | measured | spread | reached |" in said
