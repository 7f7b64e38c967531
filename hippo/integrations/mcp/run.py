"""Running a server: over standard input and output, or over HTTP."""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Any

import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings

from hippo.errors import InputError

__all__ = ["serve_http", "serve_stdio"]

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_GRACE = 5
"""Seconds that requests under way have to end once the server is told to stop."""


def serve_stdio(server: MCPServer[Any]) -> None:
    """Serve until standard input ends. Nothing but the protocol goes to standard output, whatever prints."""
    server.run("stdio")


def serve_http(
    server: MCPServer[Any],
    *,
    host: str = "127.0.0.1",
    port: int = 8765,
    allowed_hosts: Sequence[str] = (),
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve streamable HTTP at `/mcp` until interrupted.

    Requests whose `Host` or `Origin` names another machine are refused, so that no web page can reach the server
    through a browser (DNS rebinding). There are no passwords: beyond this machine, put a proxy that asks for one in
    front.

    Args:
        server: From `make_server`.
        host: Address to listen on.
        port: Its port; 0: any that is free.
        allowed_hosts: Names, as clients write them, under which the server may be reached besides those of this
            machine: `memory.example.org` or `memory.example.org:8765`.
        ready: Is told the address once connections are accepted.

    Raises:
        InputError: `host` can be reached from other machines, and `allowed_hosts` does not say by which name.
        OSError: The address cannot be listened on.
    """
    if not _is_loopback(host) and not allowed_hosts:
        problem = "can be reached from other machines; say by which names, so that requests for others are refused"
        raise InputError(f"the address {host!r} {problem} (--allow-host NAME)")
    names = [f"{name}:*" for name in _LOOPBACK]
    names += [name for given in allowed_hosts for name in ([given] if _has_port(given) else [given, f"{given}:*"])]
    security = TransportSecuritySettings(
        allowed_hosts=names,
        allowed_origins=[f"{scheme}://{name}" for name in names for scheme in ("http", "https")],
    )
    app = server.streamable_http_app(transport_security=security, host=host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener:
        settings = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE)
        shown = f"[{host}]" if ":" in host else host
        if ready is not None:
            ready(f"http://{shown}:{listener.getsockname()[1]}/mcp")
        uvicorn.Server(settings).run(sockets=[listener])


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _has_port(name: str) -> bool:
    return name.rpartition(":")[2].isdigit() and not name.endswith("]")
