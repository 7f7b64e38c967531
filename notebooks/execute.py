"""Runs the notebooks of this folder and stores what they print.

    python notebooks/execute.py [NAME ...] [--out FOLDER]

Needs nbclient and ipykernel, which come with the dev extra. What depends on the machine is not stored: the version of
Python, times of execution, messages on standard error. A cell that fails ends the run, and nothing is written.
"""

import argparse
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

__all__ = ["execute", "portable"]

_FOLDER = Path(__file__).parent
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
_TIMEOUT = 600
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def execute(source: Path) -> dict[str, Any]:
    """A notebook with its outputs, as plain data. It runs in a temporary folder.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell failed.
    """
    notebook = nbformat.read(source, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook, timeout=_TIMEOUT, kernel_name="python3", resources={"metadata": {"path": folder}}
        ).execute()
    return portable(notebook)


def portable(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook without what depends on the machine."""
    made = json.loads(json.dumps(notebook))
    made["metadata"] = {"kernelspec": _KERNEL, "language_info": {"name": "python"}}
    for cell in made["cells"]:
        cell["metadata"] = {}
        if cell["cell_type"] == "code":
            outputs = [item for item in cell["outputs"] if item.get("name") != "stderr"]
            cell["outputs"] = json.loads(_ADDRESS.sub("", json.dumps(_joined(outputs))))
    return made


def _joined(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Outputs with neighbouring pieces of standard output as one: where they are cut depends on time."""
    joined: list[dict[str, Any]] = []
    for item in outputs:
        if joined and item["output_type"] == joined[-1]["output_type"] == "stream":
            joined[-1]["text"] += item["text"]
        else:
            joined.append(item)
    return joined


def main() -> None:
    """Run every notebook and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="notebooks to run (default: all)")
    parser.add_argument("--out", type=Path, default=_FOLDER, help="folder to write to (default: over the originals)")
    arguments = parser.parse_args()
    out = arguments.out
    # The kernel starts in another folder; it must find the checkout even where the package is not installed.
    places = [str(_FOLDER.parent), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, places))
    known = {path.stem: path for path in sorted(_FOLDER.glob("*.ipynb"))}
    if unknown := [name for name in arguments.names if name not in known]:
        parser.error(f"there is no notebook {unknown[0]!r}; known are {', '.join(known)}")
    for source in [known[name] for name in arguments.names or known]:
        text = json.dumps(execute(source), indent=1, ensure_ascii=False) + "\n"
        (out / source.name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{out / source.name}\n")


if __name__ == "__main__":
    main()
