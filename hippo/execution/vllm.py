"""A vLLM server (https://docs.vllm.ai) as a child process: what it is started with, when it is well, how it ends."""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from time import sleep
from typing import IO, Any, Self, cast

from hippo.backends.llm.openai import OpenAILLM
from hippo.config import Config
from hippo.config.load import KEYWORD
from hippo.errors import ConfigError, LLMUnavailableError
from hippo.execution import keeper
from hippo.types import Completion, LLMRequest

__all__ = ["VllmServer", "VllmServers", "check_asked", "client_of"]

_WHAT = "language model 'endpoints'"
_HOST = "127.0.0.1"
_STEP = 0.2
_TAIL = 2000
"""Bytes of a server's log that an error shows."""


@dataclass(frozen=True, slots=True)
class VllmServers:
    """The servers that a job starts on a Ray cluster: the table `[llm.endpoints.vllm]`.

    Attributes:
        model: The model that all of them serve: `llm.endpoints.model`.
        options: The further options of `[llm.endpoints]`, for those who ask.
        servers: Number of servers.
        gpus: GPUs of each. Over more than one, which has to be a whole number, the model is split (tensor parallelism);
            of a server with a part of one, `--gpu-memory-utilization` has to be among the arguments. 0: processors.
        cpus: Processors of each.
        arguments: Further arguments of `vllm serve`, such as `["--max-model-len", "8192"]`.
        startup: Most seconds until all of them answer.
    """

    model: str
    options: Mapping[str, Any]
    servers: int = 1
    gpus: float = 1.0
    cpus: float = 1.0
    arguments: tuple[str, ...] = ()
    startup: float = 1800.0

    @classmethod
    def of(cls, config: Config, use: str) -> Self | None:
        """The servers that a configuration asks for; None where its language model for a use needs none.

        Raises:
            ConfigError: The table is wrong.
        """
        settings = config.llm.of(use)
        name, _, named = settings.name.partition(":")
        own = dict(settings.options.get("endpoints", {}))
        table = own.pop("vllm", None)
        if name != "endpoints" or table is None:
            return None
        model = named or own.get("model") or ""
        own.pop("model", None)

        def check(holds: bool, key: str, problem: str) -> None:
            if not holds:
                raise ConfigError(config.places.of(f"llm.{key}") or "configuration", f"llm.{key}", problem)

        check(isinstance(table, Mapping), "endpoints.vllm", f"must be a table, got {table!r}")
        check(not own.pop("urls", ()), "endpoints.urls", "not with endpoints.vllm: servers run, or are started")
        names = isinstance(model, str) and bool(model.strip()) and not model.startswith("-")
        check(names, "endpoints.model", f"must name a model, got {model!r}")
        known = [one.name for one in fields(cls) if one.name not in ("model", "options")]
        for key, value in table.items():
            place = f"endpoints.vllm.{key}"
            check(key in known, place, f"no such option. Known: {', '.join(known)}")
            if key == "arguments":
                listed = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
                check(listed, place, f"must be a list of texts, got {value!r}")
            else:
                least = {"servers": 1, "gpus": 0}.get(key, 0.001)
                kinds = int if key == "servers" else int | float
                right = isinstance(value, kinds) and not isinstance(value, bool) and least <= value < float("inf")
                whole = "a whole number" if key == "servers" else "a number"
                check(right, place, f"must be {whole} of {least} or more, got {value!r}")
        gpus = table.get("gpus", 1)
        check(gpus <= 1 or gpus == int(gpus), "endpoints.vllm.gpus", f"above 1 it must be a whole number, got {gpus}")
        return cls(model, own, **{**table, "arguments": tuple(table.get("arguments", ()))})

    def command(self, program: str, port: int) -> list[str]:
        """What starts a server on this machine.

        Examples:
            >>> " ".join(VllmServers("qwen", {}, gpus=2, arguments=("--seed", "1")).command("vllm", 8000))
            'vllm serve qwen --host 127.0.0.1 --port 8000 --uvicorn-log-level warning --tensor-parallel-size 2 --seed 1'
        """
        listening = ["--host", _HOST, "--port", str(port), "--uvicorn-log-level", "warning"]
        split = ["--tensor-parallel-size", str(int(self.gpus))] if self.gpus > 1 else []
        return [program, "serve", self.model, *listening, *split, *self.arguments]


def check_asked(config: Config, use: str, remedy: str) -> None:
    """See that nobody told a job to start servers which it would not ask; a file may have the table for other jobs.

    Args:
        config: The configuration.
        use: Of the language model, which the job does not ask.
        remedy: What to change where it was itself told to start servers for it.

    Raises:
        ConfigError: The table is wrong, or a keyword gave it.
    """
    place = config.places.of("llm.endpoints.vllm")
    if place == KEYWORD and VllmServers.of(config, use) is not None:
        raise ConfigError(place, "llm.endpoints.vllm", f"nothing would ask the servers: {remedy}")


def client_of(servers: VllmServers, port: int = 8000) -> OpenAILLM:
    """What asks a server on this machine. Its fingerprint holds model and options, as that of `EndpointsLLM` does.

    Raises:
        ConfigError: An option cannot be used.
    """
    # Where this variable is set, vLLM wants the key that it holds.
    options = {"api_key_env": "VLLM_API_KEY", **servers.options}
    return OpenAILLM(model=servers.model, base_url=f"http://{_HOST}:{port}/v1", **options)


class VllmServer:
    """`vllm serve` as a child of this process, which it does not outlive; it listens on this machine alone.

    Args:
        servers: What it is started with.
        ended: Is told when the server has ended without being asked to, and whether it ever answered; by a thread.

    Raises:
        ConfigError: There is no command `vllm` on this machine.
    """

    def __init__(self, servers: VllmServers, ended: Callable[[bool], None] | None = None) -> None:
        program = shutil.which("vllm") or shutil.which("vllm", path=str(Path(sys.executable).parent))
        if program is None:
            problem = (
                f"the machine {socket.gethostname()!r} has no command `vllm`. Install vLLM on every machine that is to "
                "serve (pip install vllm), or start `vllm serve` yourself and name its address in llm.endpoints.urls"
            )
            raise ConfigError(_WHAT, "vllm", problem)
        self._port = _free_port()
        self._client = client_of(servers, self._port)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (for as long as the server)
        self._told, self._said = ended, ""
        self._lock = threading.Lock()
        self._well, self._over, self._stopping = threading.Event(), threading.Event(), threading.Event()
        self._keeper = subprocess.Popen(  # noqa: S603  (a list, and no shell)
            [sys.executable, "-I", keeper.__file__, *servers.command(program, self._port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        self._keeper.wait()  # It goes on by itself.
        for work in (self._wait, self._look):
            threading.Thread(target=work, daemon=True).start()

    @property
    def state(self) -> str:
        """How it does: "starting", "well" or "ended"."""
        return "ended" if self._over.is_set() else "well" if self._well.is_set() else "starting"

    @property
    def said(self) -> str:
        """The end of what it has printed."""
        with self._lock:
            if not self._log.closed:
                file = self._log.fileno()
                # Without moving to a place: the server writes at the same one.
                found = os.pread(file, _TAIL, max(0, os.fstat(file).st_size - _TAIL))
                self._said = found.decode(errors="replace").strip()
            return self._said

    async def complete(self, request: LLMRequest) -> Completion:
        """The reply to a request. See `hippo.protocols.LLM`.

        Raises:
            LLMUnavailableError: It does not answer, or not yet.
        """
        if self.state != "well":
            raise LLMUnavailableError(self._client.model, f"its server is not up: {self.state}", None)
        return await self._client.complete(request)

    def stop(self) -> None:
        """End the server, with all that it has started, and wait until it is gone."""
        self._stopping.set()
        self._let_go()
        self._over.wait()

    def _wait(self) -> None:
        """Until the keeper closes its output, as it does when the server has ended."""
        with cast("IO[bytes]", self._keeper.stdout) as output:
            output.read()
        _ = self.said
        with self._lock:
            self._log.close()
        self._over.set()
        self._let_go()
        if self._told and not self._stopping.is_set():
            self._told(self._well.is_set())

    def _let_go(self) -> None:
        """Close the pipe that the keeper watches."""
        with suppress(BrokenPipeError):
            cast("IO[bytes]", self._keeper.stdin).close()

    def _look(self) -> None:
        """Until it is well, or has ended."""
        while not self._over.is_set() and not self._is_well():
            sleep(_STEP)
        if not self._over.is_set():
            self._well.set()

    def _is_well(self) -> bool:
        connection = http.client.HTTPConnection(_HOST, self._port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
