"""What the documentation says can be run runs, and prints what it says."""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tomllib
import warnings
from itertools import groupby
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hippo.cli.app import app
from hippo.config import USES, load_config
from hippo.parts import make_llm

PROJECT = Path(__file__).parents[2]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)
"""A fenced block, and the text block that directly follows it: what it prints."""
RUN_IN_A_SHELL = {"README.md": "Ada Lovelace", "quickstart.md": "Ada Lovelace", "formats.md": "", "agents.md": "Rome"}
"""Pages, and what their commands print among other things."""
ELSEWHERE = re.compile(r"^(pip|make|python -m pipelines)\b")
"""Lines that install, or belong to a checkout. Blocks of "bash" rather than "sh" need more, and are not run."""


def blocks(page: Path, language: str) -> list[tuple[str, str | None]]:
    return [(code, output) for name, code, output in BLOCK.findall(page.read_text("utf-8")) if name == language]


def pages_with(language: str, pages: list[Path] = PAGES) -> list[Path]:
    return [page for page in pages if blocks(page, language)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, which is also the home folder, with notes; the quick encoder is the default."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HIPPO_ENCODER__NAME", "hashing")
    return tmp_path


def write_notes(place: Path) -> None:
    (place / "notes").mkdir()
    (place / "notes" / "ada.txt").write_text("Ada Lovelace worked with Charles Babbage on the Analytical Engine.\n")
    (place / "notes" / "babbage.md").write_text("# Charles Babbage\n\nHe was born in London in 1791.\n")


def run_python(page: Path) -> list[tuple[str, str, str]]:
    """Run the blocks of a page in order, in one namespace: code, printed and promised text of each."""
    names: dict[str, object] = {"__name__": page.stem}
    results = []
    for code, promised in blocks(page, "python"):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("error")
            exec(compile(code, page.name, "exec"), names)
        results.append((code, printed.getvalue(), promised or ""))
    return results


@pytest.mark.parametrize("page", pages_with("python"), ids=lambda page: page.name)
def test_python_blocks_run(page: Path, place: Path) -> None:
    write_notes(place)
    for code, printed, promised in run_python(page):
        if promised:
            assert printed == promised, code


def test_a_wrong_promise_is_seen(place: Path) -> None:
    page = place / "page.md"
    page.write_text("```python\nprint(1)\n```\n\n```text\n2\n```\n")
    assert run_python(page) == [("print(1)\n", "1\n", "2\n")]


def test_the_readme_finds_both_passages(place: Path) -> None:
    (_, printed, _), *_ = run_python(PAGES[0])
    assert sorted(line[2:] for line in printed.splitlines()) == [
        "Ada Lovelace worked with Charles Babbage.",
        "Charles Babbage was born in London.",
    ]


@pytest.mark.parametrize("name", RUN_IN_A_SHELL)
def test_shell_blocks_run(name: str, place: Path) -> None:
    page = next(page for page in PAGES if page.name == name)
    if name == "README.md":
        write_notes(place)
    if name in ("formats.md", "agents.md"):
        run_python(page)
    lines = [line for code, _ in blocks(page, "sh") for line in code.splitlines() if not ELSEWHERE.match(line)]
    commands = [line for line in lines if line.startswith("hippo ")]
    assert commands
    # A shell runs the last of them, and whatever is more than a command; the others need no process of their own.
    here = set(commands[:-1])
    printed = [
        "".join(map(run_here, part)) if inside else run_in_shell("\n".join(part), place)
        for inside, part in groupby(lines, here.__contains__)
    ]
    assert RUN_IN_A_SHELL[name] in "".join(printed)


def run_here(line: str) -> str:
    _, *arguments = map(os.path.expanduser, shlex.split(line, comments=True))
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, f"{line}\n{done.output}"
    return done.stdout


def run_in_shell(script: str, place: Path) -> str:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = ["bash", "-c", f"set -euo pipefail\n{script}"]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, f"{script}\n{done.stderr}"
    return done.stdout


def test_other_shell_blocks_only_install_or_belong_to_a_checkout() -> None:
    for page in PAGES:
        for code, _ in blocks(page, "sh") if page.name not in RUN_IN_A_SHELL else ():
            lines = code.replace("\\\n", "").splitlines()
            assert [line for line in lines if line and not ELSEWHERE.match(line)] == [], page.name


@pytest.mark.parametrize("page", pages_with("toml"), ids=lambda page: page.name)
def test_toml_blocks_are_configurations(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read, and the models that they name can be made, as far as their packages are installed."""
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "a key")
    for code, _ in blocks(page, "toml"):
        data = tomllib.loads(code)
        if "project" in data:
            continue
        config = load_config(data)
        for use in USES:
            if config.llm.of(use).name.partition(":")[0] in ("openai", "transformers"):
                assert make_llm(config, use).model


def test_targets_of_make_exist() -> None:
    text = (PROJECT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", text, flags=re.MULTILINE))
    named = {
        target for page in PAGES for target in re.findall(r"(?:`|^)make (\w+)", page.read_text("utf-8"), re.MULTILINE)
    }
    assert {"demo", "test", "docs"} <= named
    assert named <= targets


def test_modules_to_run_exist() -> None:
    written = re.compile(r"python -m (pipelines(?:\.\w+)+)")
    named = {name for page in PAGES for name in written.findall(page.read_text("utf-8"))}
    assert {"pipelines.benchmark", "pipelines.engines", "pipelines.crash", "pipelines.life.readers"} <= named
    places = [PROJECT / name.replace(".", "/") for name in sorted(named)]
    assert [one for one in places if not (one / "__main__.py").is_file() and not one.with_suffix(".py").is_file()] == []
