"""An OpenAI-compatible server on this machine that can be told to fail, and counts what it was asked for.

For tests of code that talks to a language model over HTTP. It can also run as a process of its own, so that clients can
be killed while it lives:

```sh
python -m hippo.testing.server --port 0 --latency 0.2 --fault-rate 0.2 --seed 1
```

prints its base URL as the first line and serves until it gets SIGTERM or SIGINT.
"""

import argparse
import asyncio
import importlib
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

from hippo.errors import MissingExtraError
from hippo.testing.faults import KINDS, NO_FAULTS, TRANSIENT, FaultPlan, Faults
from hippo.testing.responder import Respond, respond
from hippo.testing.server_app import Endpoints
from hippo.testing.server_model import Model, Options
from hippo.testing.server_stats import Ledger, ServerStats

if TYPE_CHECKING:
    from uvicorn import Server

__all__ = ["LLMServer", "main"]

_HOST = "127.0.0.1"
_IDLE = 3600  # seconds: a client must never find a kept connection closed, except by a fault


class LLMServer:
    """The server, running in a thread of its own from `start` to `stop`, or as a context.

    It listens on the loopback interface only. Endpoints: POST `/v1/chat/completions` (whole or streamed), GET
    `/v1/models`, files and batches under `/v1/files` and `/v1/batches`, GET `/health`, GET `/stats`, POST
    `/reset`. A token is a word.

    Args:
        respond: Makes the reply to a request (whose `prompt` is ""); runs in the server's thread and should be quick.
        latency: Seconds before each answer.
        faults: Which requests fail, and how; None: none, but for `fail_next`.
        seed: Of the faults.
        port: 0: any free one.
        api_key: Key that clients must send; None: any or none.
        models: Names of the models that there are; None: any.
        reject: Parameters that are refused with status 400, each with the message to give, such as
            `{"max_tokens": "Use 'max_completion_tokens' instead."}`.
        structured: Whether replies can be held to a JSON schema; if not, asking for it is refused with status 400.
        strict: Whether a request is refused with status 400 where OpenAI's API does so: unknown parameters, both names
            for the limit of tokens, a schema that cannot be followed strictly, JSON asked for by no message. False: as
            lenient as many a local server.
        batch_delay: Seconds that a batch takes.
        batch_limits: Most requests of a batch, and most bytes of its file.
        pace: Seconds before each event of a reply that is streamed.

    Examples:
        >>> import json, urllib.request
        >>> with LLMServer(respond=lambda request: request.messages[-1].content.upper()) as server:
        ...     body = {"model": "any", "messages": [{"role": "user", "content": "hello"}]}
        ...     reply = urllib.request.urlopen(f"{server.base_url}/chat/completions", json.dumps(body).encode())
        ...     text = json.load(reply)["choices"][0]["message"]["content"]
        >>> text, server.stats().replies
        ('HELLO', 1)
    """

    def __init__(
        self,
        *,
        respond: Respond = respond,
        latency: float = 0.0,
        faults: Faults | None = None,
        seed: int = 0,
        port: int = 0,
        api_key: str | None = None,
        models: Sequence[str] | None = None,
        reject: Mapping[str, str] | None = None,
        structured: bool = True,
        strict: bool = True,
        batch_delay: float = 0.0,
        batch_limits: tuple[int, int] = (50_000, 200_000_000),
        pace: float = 0.0,
    ) -> None:
        options = Options(
            respond, latency, api_key, models, reject or {}, structured, strict, batch_delay, batch_limits, pace
        )
        self._ledger = Ledger()
        self._plan = FaultPlan(faults, seed)
        self._endpoints = Endpoints(Model(options, self._plan, self._ledger))
        self._port = port
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens, without a path; the port is known once it has started."""
        return f"http://{_HOST}:{self._port}"

    @property
    def base_url(self) -> str:
        """What clients of the OpenAI API are given as base URL."""
        return f"{self.url}/v1"

    @property
    def faults(self) -> Faults | None:
        """Which requests fail, and how; can be set while it runs."""
        return self._plan.faults

    @faults.setter
    def faults(self, faults: Faults | None) -> None:
        self._plan.faults = faults or NO_FAULTS

    def start(self) -> Self:
        """Listen and serve.

        Raises:
            MissingExtraError: Starlette or uvicorn is not installed.
            OSError: The port is taken.
            RuntimeError: It is running.
        """
        if self._thread is not None:
            raise RuntimeError(f"the server is running at {self.url}")
        for package in ("starlette", "uvicorn"):
            try:
                importlib.import_module(package)
            except ImportError as error:
                raise MissingExtraError("LLMServer", package, "testing") from error
        import uvicorn

        config = uvicorn.Config(
            self._endpoints.application(),
            log_config=None,
            log_level="critical",  # faults on purpose are no news
            access_log=False,
            lifespan="off",
            timeout_keep_alive=_IDLE,
            timeout_graceful_shutdown=0,
        )
        self._server = server = uvicorn.Server(config)
        listener = socket.create_server((_HOST, self._port), backlog=1024)
        self._port = listener.getsockname()[1]
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(_serve(server, listener, ready)), name="hippo-llm-server", daemon=True
        )
        self._thread.start()
        ready.wait()
        return self

    def stop(self) -> None:
        """Stop serving and free the port; requests under way are broken off. The counters stay readable."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
            self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stats(self) -> ServerStats:
        """What it has seen since it was made, or reset."""
        return self._ledger.stats()

    def reset(self) -> None:
        """Set all counters to 0 and forget what `fail_next` was told."""
        self._ledger.reset()
        self._plan.clear()

    def fail_next(self, kind: str, times: int = 1) -> None:
        """Let the next `times` requests for completions fail with a fault of `hippo.testing.faults.KINDS`.

        Raises:
            ConfigError: There is no such kind.
        """
        self._plan.fail_next(kind, times)


async def _serve(server: "Server", listener: socket.socket, ready: threading.Event) -> None:
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    while not (server.started or serving.done()):
        await asyncio.sleep(0.001)
    ready.set()
    await serving


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; the first line of the output is the base URL."""
    parser = argparse.ArgumentParser(
        prog="python -m hippo.testing.server", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--fault-rate", type=float, default=0.0, help="share of the requests that fail")
    parser.add_argument("--fault-kinds", default=",".join(TRANSIENT), help=f"of {','.join(KINDS)}")
    parser.add_argument("--lasting", default="", help="those of them that a request has each time, by commas")
    parser.add_argument("--retry-after", type=float, default=0.1, help="seconds in the Retry-After header")
    parser.add_argument("--hang", type=float, default=5.0, help='seconds that the fault "timeout" takes')
    parser.add_argument("--instead-wait", type=float, help="seconds: nothing fails, but takes as long; see `Faults`")
    parser.add_argument("--seed", type=int, default=0, help="of the faults")
    parser.add_argument("--batch-delay", type=float, default=0.0, help="seconds that a batch takes")
    given = parser.parse_args(arguments)
    kinds = tuple(given.fault_kinds.split(","))
    faults = Faults(
        rate=given.fault_rate,
        kinds=kinds,
        lasting=tuple(filter(None, given.lasting.split(","))),
        retry_after=given.retry_after,
        hang=given.hang,
        instead_wait=given.instead_wait,
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = LLMServer(
        latency=given.latency, faults=faults, seed=given.seed, port=given.port, batch_delay=given.batch_delay
    )
    with server:
        sys.stdout.write(f"{server.base_url}\n")
        sys.stdout.flush()
        stop.wait()


if __name__ == "__main__":
    main()
