"""`hippo serve` in a process of its own, over a small index, with a language model behind the test server."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from hippo import Hippo
from hippo.testing import LLMServer, respond
from hippo.types import LLMRequest

DOCUMENTS = [
    {"id": "bridge", "title": "Iron Bridge", "text": "The Iron Bridge was built by Steelworks Smith of Hull."},
    {"id": "works", "title": "Steelworks Smith", "text": "Steelworks Smith was founded by Ada Smith in 1850."},
    {"id": "ada", "title": "Ada Smith", "text": "Ada Smith was born in Riga and studied in Berlin."},
    {"id": "riga", "title": "Riga", "text": "Riga is the capital of Latvia.", "metadata": {"kind": "city"}},
]
QUESTION = "Where was the founder of Steelworks Smith born?"


class Running:
    """A server that runs, and a client for it."""

    def __init__(self, process: "subprocess.Popen[str]", url: str, errors: Path) -> None:
        self.process, self.url, self._errors = process, url, errors
        self.port = int(url.rpartition(":")[2])
        self.client = httpx.Client(base_url=url, timeout=60)

    def post(self, path: str, body: Any, **more: Any) -> httpx.Response:
        return self.client.post(path, json=body, **more)

    def log(self) -> str:
        return self._errors.read_text()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log().splitlines()]

    def wait_until(self, holds: Callable[[], Any]) -> None:
        """Wait for what it does in the background."""
        end = time.monotonic() + 60
        while not holds():
            assert self.process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)

    def is_healthy(self) -> bool:
        """Whether it goes on answering."""
        found = self.post("/retrieve", {"question": QUESTION, "k": 2})
        return self.process.poll() is None and found.status_code == 200 and len(found.json()["hits"]) == 2


Start = Callable[..., Running]


@contextmanager
def running(path: Path, errors: Path, *options: str, **variables: str) -> Iterator[Running]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HIPPO_")}
    with errors.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hippo", "serve", str(path), "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**environment, "OPENAI_API_KEY": "none", **variables},
        )
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert re.fullmatch(r"http://\S+:\d+", url), errors.read_text()
            one = Running(process, url, errors)
            with one.client:
                yield one
        finally:
            process.terminate()
            process.communicate(timeout=60)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts servers; arguments are the index, options, and variables. They stop with the test."""
    with ExitStack() as stack:

        def make(path: Path, *options: str, **variables: str) -> Running:
            errors = tmp_path / f"errors-{len(list(tmp_path.glob('errors-*')))}"
            return stack.enter_context(running(path, errors, *options, **variables))

        yield make


def new_index(path: Path) -> Path:
    with Hippo.open(path, encoder="hashing") as memory:
        memory.add(DOCUMENTS)
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., AbstractContextManager[Running]]:
    """Runs a server for as long as a module wants it, over an index of its own; arguments are variables."""

    def make(**variables: str) -> AbstractContextManager[Running]:
        folder = tmp_path_factory.mktemp("run")
        return running(new_index(folder / "index"), folder / "errors", **variables)

    return make


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index of one's own."""
    return new_index(tmp_path / "index")


@pytest.fixture(scope="module")
def prompts() -> list[LLMRequest]:
    """What `llm` was asked, in order."""
    return []


@pytest.fixture(scope="module")
def llm(prompts: list[LLMRequest]) -> Iterator[LLMServer]:
    def answer(request: LLMRequest) -> str:
        prompts.append(request)
        return respond(request)

    with LLMServer(respond=answer) as server:
        yield server


@pytest.fixture(scope="module")
def shared_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of `server`."""
    return new_index(tmp_path_factory.mktemp("serving") / "index")


@pytest.fixture(scope="module")
def server(shared_index: Path, llm: LLMServer) -> Iterator[Running]:
    """One server for the tests of a module that leave it as it is."""
    options = ("--llm", "openai:test", "--log", "json")
    variables = {"HIPPO_LLM__OPENAI__BASE_URL": llm.base_url, "HIPPO_LLM__ATTEMPTS": "1"}
    with running(shared_index, shared_index.parent / "errors", *options, **variables) as one:
        yield one


@pytest.fixture
def documents() -> list[dict[str, Any]]:
    """What the index holds."""
    return DOCUMENTS


@pytest.fixture(scope="session")
def asking() -> Callable[[LLMServer], dict[str, str]]:
    """Makes variables that point a server to a language model."""
    return _with_llm


def _with_llm(server: LLMServer) -> dict[str, str]:
    return {
        "HIPPO_LLM__NAME": "openai:test",
        "HIPPO_LLM__OPENAI__BASE_URL": server.base_url,
        "HIPPO_LLM__ATTEMPTS": "1",
        "HIPPO_LLM__CACHE": "false",
    }
