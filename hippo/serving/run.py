"""Running the server until it is told to stop."""

import logging
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from hippo.config import ServeConfig
from hippo.engine import Hippo
from hippo.serving.app import create_app, create_explorer
from hippo.serving.logs import set_up
from hippo.snapshot.current import check_root

__all__ = ["explore", "serve", "url_of"]

_LOG = logging.getLogger("hippo.serving")
_SWITCH = 0.001
"""Seconds after which a thread that computes lets the one that answers connections go on."""


def serve(
    path: str | os.PathLike[str],
    *,
    host: str | None = None,
    port: int | None = None,
    token_file: str | os.PathLike[str] | None = None,
    log: str | None = None,
    started: Callable[[str], None] | None = None,
    **options: Any,
) -> None:
    """Serve a memory over HTTP until SIGTERM or SIGINT; requests under way are answered first.

    Args:
        path: Folder of the index; it may be a new one.
        host: Address to listen on; None: `serve.host` of the configuration. The other arguments likewise.
        port: Port to listen on; 0: any free one.
        token_file: File of tokens.
        log: "text" or "json".
        started: Is told the URL once connections are accepted.
        options: Keywords of `Hippo.open`.

    Raises:
        ConfigError: A value is wrong, or the address can be reached by other machines and there are no tokens.
        OSError: The port is taken.
    """
    given = {
        "host": host,
        "port": port,
        "token_file": None if token_file is None else os.fspath(token_file),
        "log": log,
    }
    named = {key: value for key, value in given.items() if value is not None}
    overrides = dict(options.pop("overrides", None) or {})
    overrides["serve"] = {**overrides.get("serve", {}), **named}
    with Hippo.open(path, overrides=overrides, **options) as memory:
        settings = memory.config.serve
        app = create_app(memory)
        set_up(settings.log)
        _run(app, memory, settings, started or (lambda _: None))


def explore(
    path: str | os.PathLike[str],
    *,
    port: int = 8787,
    write: bool = False,
    started: Callable[[str], None] | None = None,
    **options: Any,
) -> None:
    """Show an index in a browser, on this machine alone, until SIGTERM or SIGINT.

    The address holds a token, made anew each time, so that other users of the machine see nothing.

    Args:
        path: Folder of the index.
        port: Port to listen on; 0: any free one.
        write: Whether synonyms may be accepted and rejected, and documents changed.
        started: Is told the address of the page once connections are accepted.
        options: Keywords of `Hippo.open`.

    Raises:
        IndexPathError: There is no index.
        OSError: The port is taken.
    """
    check_root(Path(path))
    token = secrets.token_urlsafe(24)
    with Hippo.open(path, **options) as memory:
        settings = replace(memory.config.serve, host="127.0.0.1", port=port)
        app = create_explorer(memory, token, write=write)
        _run(app, memory, settings, lambda url: started(f"{url}/#token={token}") if started else None)


def _run(app: FastAPI, memory: Hippo, settings: ServeConfig, started: Callable[[str], None]) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(_listener(settings.host, settings.port))
        url = url_of(settings.host, listener.getsockname()[1])
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=round(settings.grace),
        )
        stack.callback(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(_SWITCH)
        if threading.current_thread() is threading.main_thread():
            # uvicorn raises the signal that ended it once more; it has been obeyed.
            for number in (signal.SIGTERM, signal.SIGINT):
                stack.callback(signal.signal, number, signal.signal(number, lambda *_: None))
        server = _Server(config, lambda: _tell(url, memory, started))
        server.run(sockets=[listener])
        _LOG.info("stopped")


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_start()


def _tell(url: str, memory: Hippo, started: Callable[[str], None]) -> None:
    _LOG.info("serving", extra={"fields": {"index": str(memory.path), "url": url}})
    started(url)


def _listener(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot listen on {host} port {port}: {error.strerror}") from error
    return listener


def url_of(host: str, port: int) -> str:
    """The URL of a server.

    Examples:
        >>> url_of("localhost", 8787), url_of("::1", 8787)
        ('http://localhost:8787', 'http://[::1]:8787')
    """
    name = host.strip("[]")
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"
