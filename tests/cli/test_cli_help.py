"""Help is complete, fast and light."""

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
import typer.testing

from hippo import __version__
from hippo.cli.app import _COMMANDS

Run = Callable[..., typer.testing.Result]
COMMANDS = [
    "index",
    "update",
    "delete",
    "query",
    "ask",
    "entities",
    "neighbors",
    "paths",
    "passages",
    "status",
    "eval",
    "export",
    "doctor",
    "backup",
    "restore",
    "prune",
    "demo",
    "init",
]
HEAVY = ["torch", "spacy", "faiss", "pyarrow", "scipy", "numpy", "duckdb", "networkx", "igraph", "regex"]


def test_the_commands_are_these(run: Run) -> None:
    assert list(_COMMANDS) == COMMANDS
    text = run("--help").stdout
    assert "Examples:\n" in text
    for command in COMMANDS:
        (line,) = [line for line in text.splitlines() if line.startswith(f"  {command} ")]
        assert line.endswith("."), f"the first sentence of {command} does not fit a line"
        assert not line.endswith("...")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_examples(run: Run, command: str) -> None:
    done = run(command, "--help")
    assert done.exit_code == 0
    usage, _, examples = done.stdout.partition("Examples:\n")
    assert usage.startswith(f"Usage: hippo {command} ")
    assert any(f"hippo {command}" in line for line in examples.splitlines())
    assert done.stdout == run(command, "-h").stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_parameter_is_explained(command: str) -> None:
    from hippo.cli.app import app

    group = typer.main.get_command(app)
    for parameter in group.commands[command].params:  # type: ignore[attr-defined]  # a group
        assert parameter.help, f"{command}: {parameter.name}"


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_are_commands_that_parse(run: Run, command: str) -> None:
    """Every option in an example exists."""
    for example in _COMMANDS[command][1]:
        words = example.split("hippo ", 1)[1].split()
        known = run(words[0], "--help").stdout
        for word in words[1:]:
            if word.startswith("-") and word != "-":
                assert f"{word} " in known, example


def test_version(run: Run) -> None:
    done = run("--version")
    assert (done.exit_code, done.stdout) == (0, f"hippo {__version__}\n")


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["query"], ["query", "a", "b", "--nonsense"], ["query", "a", "b", "-k", "x"]]
)
def test_wrong_usage_is_2(run: Run, arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert "Usage:" in done.output
    assert "Traceback" not in done.output


def test_help_loads_nothing_heavy() -> None:
    code = f"""
import json, sys
from hippo.cli.app import app
for command in {["", *COMMANDS]!r}:
    app([*command.split(), "--help"], standalone_mode=False)
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout.splitlines()[-1]) == []
