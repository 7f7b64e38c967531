"""Help is complete, fast and light."""

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
import typer.testing

from hippo import __version__
from hippo.cli import app as module

Run = Callable[..., typer.testing.Result]
NAMES = [
    "index",
    "update",
    "delete",
    "remember",
    "recall",
    "forget",
    "merge",
    "consolidate",
    "link",
    "links",
    "context",
    "query",
    "ask",
    "explore",
    "entities",
    "neighbors",
    "paths",
    "passages",
    "serve",
    "synonyms",
    "status",
    "list",
    "get",
    "eval",
    "bench",
    "tune",
    "plot",
    "history",
    "export",
    "convert",
    "mcp",
    "doctor",
    "backup",
    "restore",
    "publish",
    "prune",
    "demo",
    "init",
    "namespaces list",
    "namespaces copy",
    "namespaces delete",
    "config show",
]
HEAVY = ["torch", "spacy", "faiss", "pyarrow", "scipy", "numpy", "duckdb", "networkx", "igraph", "regex"]


def test_the_commands_are_these(run: Run) -> None:
    assert list(module.COMMANDS) == NAMES
    text = run("--help").stdout
    assert "Examples:\n" in text
    for command in dict.fromkeys(name.split()[0] for name in NAMES):
        (line,) = [line for line in text.splitlines() if line.startswith(f"  {command} ")]
        assert line.endswith("."), f"the first sentence of {command} does not fit a line"
        assert not line.endswith("...")


@pytest.mark.parametrize("command", NAMES)
def test_every_command_shows_examples(run: Run, command: str) -> None:
    done = run(*command.split(), "--help")
    assert done.exit_code == 0
    usage, _, examples = done.stdout.partition("Examples:\n")
    assert usage.startswith(f"Usage: hippo {command} ")
    assert any(f"hippo {command}" in line for line in examples.splitlines())
    assert done.stdout == run(*command.split(), "-h").stdout


@pytest.mark.parametrize("command", NAMES)
def test_every_parameter_is_explained(command: str) -> None:
    from hippo.cli.app import app

    found = typer.main.get_command(app)
    for name in command.split():
        found = found.commands[name]  # type: ignore[attr-defined]  # a group
    for parameter in found.params:
        assert parameter.help, f"{command}: {parameter.name}"


@pytest.mark.parametrize("command", NAMES)
def test_examples_are_commands_that_parse(run: Run, command: str) -> None:
    """Every option in an example exists."""
    for example in module.COMMANDS[command][1]:
        _, _, words = example.partition(f"hippo {command}")
        known = run(*command.split(), "--help").stdout
        for word in words.split():
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
for command in {["", *NAMES]!r}:
    app([*command.split(), "--help"], standalone_mode=False)
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout.splitlines()[-1]) == []
