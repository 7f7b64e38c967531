"""A small index, made once, and a way to run commands in this process."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hippo import Hippo
from hippo.cli.app import app

Run = Callable[..., Result]

DOCUMENTS = [
    {"id": "bridge", "title": "Iron Bridge", "text": "The Iron Bridge was built by Steelworks Smith of Hull."},
    {"id": "works", "title": "Steelworks Smith", "text": "Steelworks Smith was founded by Ada Smith in 1850."},
    {"id": "ada", "title": "Ada Smith", "text": "Ada Smith was born in Riga and studied in Berlin."},
    {"id": "riga", "title": "Riga", "text": "Riga is the capital of Latvia on the river Daugava."},
    {"id": "esc", "title": "Odd \x1b[31m title", "text": "The text of Odd Title holds \x1b[2J control characters."},
]


@pytest.fixture(scope="session")
def index_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "index"
    with Hippo.open(path, encoder="hashing") as memory:
        memory.add(DOCUMENTS)
    return path


@pytest.fixture(scope="session")
def wordless_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index without vectors."""
    path = tmp_path_factory.mktemp("cli") / "wordless"
    with Hippo.open(path, encoder="none") as memory:
        memory.add(DOCUMENTS)
    return path


@pytest.fixture
def run() -> Run:
    def invoke(*arguments: object, stdin: str | bytes | None = None, **environment: str) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin, env=environment)

    return invoke
