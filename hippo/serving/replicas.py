"""The server as a Ray Serve deployment: several replicas behind one address, each with the index mapped into memory.

Every replica looks for newer snapshots by itself and goes over to them between two questions, as the single server
does, so none of them has to be restarted, and no request is dropped.
"""

import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

from hippo.config import ServeConfig, load_config
from hippo.config.read import FILE_VARIABLE
from hippo.errors import ConfigError, MissingExtraError
from hippo.serving.tokens import Tokens
from hippo.storage import placed

__all__ = ["deployment", "serve_replicas"]

_NAME = "hippo"


def deployment(
    path: str | os.PathLike[str],
    *,
    replicas: int = 2,
    cpus: float = 1.0,
    settings: ServeConfig | None = None,
    **options: Any,
) -> Any:
    """The application of `create_app` as one of Ray Serve, for `ray.serve.run` or a Serve configuration of yours.

    Args:
        path: Folder of the index, which every node can reach; or the URL of a published one, which each node caches.
        replicas: Number of replicas, at least 1.
        cpus: Processors that a replica takes.
        settings: Limits; None: the section `serve` of the configuration.
        options: Keywords of `Hippo.open`, as plain values.

    Raises:
        ConfigError: There are no replicas.
        MissingExtraError: Ray Serve is not installed.
    """
    if replicas < 1:
        raise ConfigError("keyword", "replicas", f"must be at least 1, got {replicas}")
    serve = _ray_serve()
    limits = settings or load_config(options.get("config"), options.get("overrides")).serve
    # Workers of a cluster have a working folder of their own.
    place = placed(path)
    config = options.get("config") or os.environ.get(FILE_VARIABLE) or None
    if isinstance(config, str | os.PathLike):
        options["config"] = placed(config)

    # Here, where their files and variables are; only hashes travel.
    tokens = Tokens.read(limits.token_file, os.environ)
    tokens.check(limits.host)

    def build() -> Any:
        # In the replica: memories and their locks do not travel.
        from hippo.engine import Hippo
        from hippo.serving.app import create_app
        from hippo.serving.logs import set_up

        app = create_app(Hippo.open(place, **options), tokens=tokens, settings=limits)
        set_up(limits.log)
        return app

    return serve.deployment(
        serve.ingress(build)(),
        name=_NAME,
        num_replicas=replicas,
        max_ongoing_requests=limits.concurrency,
        ray_actor_options={"num_cpus": cpus},
        graceful_shutdown_timeout_s=limits.grace,
        health_check_period_s=5,
    ).bind()


def serve_replicas(
    path: str | os.PathLike[str],
    *,
    replicas: int = 2,
    address: str | None = None,
    cpus: float = 1.0,
    host: str | None = None,
    port: int | None = None,
    token_file: str | os.PathLike[str] | None = None,
    log: str | None = None,
    started: Callable[[str], None] | None = None,
    **options: Any,
) -> None:
    """Serve an index by several replicas until SIGTERM or SIGINT; requests under way are answered first.

    Args:
        path: Folder of the index, or the URL of a published one.
        replicas: Number of replicas.
        address: Of a Ray cluster; None: what the variable RAY_ADDRESS names, else one is started on this machine and
            ended afterwards.
        cpus: Processors that a replica takes.
        host: Address to listen on; None: `serve.host` of the configuration. The next two likewise.
        port: Port to listen on; 0: any free one.
        token_file: File of tokens.
        log: "text" or "json". Replicas write to their standard error, which Ray keeps in the session's folder `logs`.
        started: Is told the URL once requests are answered.
        options: Keywords of `Hippo.open`.

    Raises:
        ConfigError: A value is wrong, or the address can be reached by other machines and there are no tokens.
        MissingExtraError: Ray Serve is not installed.
    """
    serve = _ray_serve()
    import ray

    from hippo.serving.run import url_of

    token_path = None if token_file is None else os.path.abspath(token_file)  # noqa: PTH100  (a URL has none)
    given = {"host": host, "port": port, "token_file": token_path, "log": log}
    overrides = dict(options.pop("overrides", None) or {})
    named = {key: value for key, value in given.items() if value is not None}
    overrides["serve"] = {**overrides.get("serve", {}), **named}
    settings = load_config(options.get("config"), overrides).serve
    application = deployment(path, replicas=replicas, cpus=cpus, overrides=overrides, **options)
    ours = not ray.is_initialized()
    if ours:
        _connect(ray, address)
    try:
        number = settings.port or _free_port(settings.host)
        listening = {"host": settings.host.strip("[]"), "port": number}
        serve.start(http_options={**listening, "request_timeout_s": settings.change_timeout})
        serve.run(application, name=_NAME, route_prefix="/")
        if started:
            started(url_of(settings.host, number))
        _wait()
    finally:
        serve.shutdown()
        if ours:
            ray.shutdown()


def _connect(ray: Any, address: str | None) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "warning"}
    address = address or os.environ.get("RAY_ADDRESS") or None
    here = {"address": "local", "include_dashboard": False, "object_store_memory": 200_000_000}
    ray.init(**options, **(here if address is None else {"address": address}))


def _wait() -> None:
    """Until SIGTERM or SIGINT."""
    ended = threading.Event()
    before = {number: signal.signal(number, lambda *_: ended.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        while not ended.wait(0.5):
            pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host.strip("[]"), 0))
        number: int = probe.getsockname()[1]
        return number


def _ray_serve() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere unless somebody asks for it
    try:
        from ray import serve
    except ImportError as error:
        raise MissingExtraError("serving by replicas", "ray[serve]", "ray") from error
    return serve
