"""vLLM servers for a job on Ray: an actor for each, which Ray places where there are GPUs, and starts again if it dies.

```
workers ─► EndpointsLLM ─► ServedLLM ─► Ray ─► actor ─► vllm serve, on the actor's machine alone
```

Requests go to actors and not to addresses: one that was started again on another machine is asked as before, and
nothing listens on the network.
"""

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from time import monotonic, sleep
from typing import Any, Self

from hippo.config import USES, Config
from hippo.errors import ConfigError, HippoError, LLMError, LLMReplyLostError, LLMUnavailableError
from hippo.execution.cluster import RayExecutor
from hippo.execution.stage import Executor, Plan
from hippo.execution.vllm import VllmServer, VllmServers, client_of
from hippo.indexing.clock import Clock
from hippo.parts import filter_takes_llm
from hippo.retrieval.profiles import Profile
from hippo.types import Completion, LLMRequest

__all__ = ["ServedLLM", "check_executor", "served", "servers_of"]

_WHAT = "language model 'endpoints'"
_REQUESTS = 10_000
"""Requests that an actor has under way at most; how many there are is up to those who ask."""
_STEP, _PATIENCE = 0.2, 15.0
_PAUSE = 10.0
"""Seconds before a server that did not come up again is tried once more."""
_LOOK = 1.0
"""Seconds between two looks of a process whether a server is up."""


class _Servers:
    """All servers of a job, to wait for one of them; asked how they do by one at a time in each process.

    Args:
        actors: Handles of their actors.
        startup: Most seconds to wait.
    """

    def __init__(self, actors: Sequence[Any], startup: float) -> None:
        self._actors, self._startup = actors, startup
        self._looked, self._goes_on = float("-inf"), False

    async def wait(self) -> None:
        """Until one of them answers, or none can be hoped for any more; at once where one does."""
        until = monotonic() + self._startup
        while not await self._look() and monotonic() < until:
            await asyncio.sleep(_LOOK)

    async def _look(self) -> bool:
        if monotonic() - self._looked >= _LOOK:
            # Whoever comes meanwhile waits for what is found.
            self._looked, self._goes_on = monotonic(), False
            states = await asyncio.gather(*(self._state(one) for one in self._actors))
            self._goes_on = "well" in states or all(one == "missing" for one in states)
        return self._goes_on

    async def _state(self, actor: Any) -> str:
        import ray

        try:
            async with asyncio.timeout(_PATIENCE):
                state: str = (await actor.state.remote())[0]
                return state
        except (TimeoutError, ray.exceptions.RayActorError):
            return "starting"


class ServedLLM:
    """A server of an actor as a language model.

    Args:
        model: Name of the model.
        fingerprint: Model and options, wherever the server is.
        actor: Handle of the actor.
        servers: All servers of the job.
        timeout: Seconds that a reply may take. Waiting for a server is not part of it.
    """

    def __init__(self, model: str, fingerprint: str, actor: Any, servers: _Servers, timeout: float) -> None:
        self.model, self.fingerprint = model, fingerprint
        self._actor, self._servers, self._timeout = actor, servers, timeout

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: a configuration that is copied names the same server."""
        return self

    async def complete(self, request: LLMRequest) -> Completion:
        """The reply to a request. See `hippo.protocols.LLM`.

        Raises:
            LLMUnavailableError: It gave none; told once a server is up that can be asked instead, be it this one.
        """
        try:
            async with asyncio.timeout(self._timeout):
                return await self._reply(request)
        except TimeoutError as error:
            raise LLMReplyLostError(self.model, f"no reply within {self._timeout:g} seconds", None) from error
        except LLMUnavailableError:
            await self._servers.wait()
            raise

    async def _reply(self, request: LLMRequest) -> Completion:
        import ray

        under_way = self._actor.complete.remote(request)
        try:
            reply: Completion | LLMError = await under_way
        except asyncio.CancelledError:
            ray.cancel(under_way)
            raise
        except ray.exceptions.RayActorError as error:
            raise LLMUnavailableError(self.model, "its server died and is started again", None) from error
        if isinstance(reply, LLMError):
            raise reply
        return reply


class _Actor:
    """A server, as Ray holds it. An error is returned, since Ray would wrap it."""

    def __init__(self, servers: VllmServers) -> None:
        import ray

        self._again = ray.get_runtime_context().was_current_actor_reconstructed
        self._server: VllmServer | None = None
        self._problem = ""
        try:
            self._server = VllmServer(servers, self._ended)
        except (HippoError, OSError) as error:
            self._problem = str(error.args[-1] if isinstance(error, ConfigError) else error)

    async def state(self) -> tuple[str, str]:
        """How the server does, and the end of what it has printed."""
        if self._server is None:
            return "missing", self._problem
        return self._server.state, self._server.said

    async def complete(self, request: LLMRequest) -> Completion | LLMError:
        """The reply to a request, or why there is none."""
        if self._server is None:
            return LLMUnavailableError("vllm", self._problem, None)
        try:
            return await self._server.complete(request)
        except LLMError as error:
            return error

    async def stop(self) -> None:
        """End the server."""
        if self._server is not None:
            await asyncio.to_thread(self._server.stop)

    def _ended(self, answered: bool) -> None:
        """End the actor with its server, so that Ray starts both again; but the first start may fail, and is told."""
        if answered or self._again:
            if not answered:
                sleep(_PAUSE)
            os._exit(1)


def servers_of(config: Config, profiles: Sequence[Profile], *, read: bool) -> VllmServers | None:
    """The servers that questions need; None: none.

    Args:
        config: The configuration.
        profiles: What they are asked with. Recognition may ask a language model.
        read: Whether a language model answers.

    Raises:
        ConfigError: The table is wrong, or reader and recognition want different servers.
    """
    walks = [one for one in profiles if one.ranking == "walk" and one.linking == "facts"]
    filters = any(filter_takes_llm(config, one.recognition or config.recognition.name) for one in walks)
    uses = [use for use, used in (("reader", read), ("recognition", filters)) if used]
    wanted = [found for use in uses if (found := VllmServers.of(config, use)) is not None]
    if any(one != wanted[0] for one in wanted):
        problem = "a job starts servers of one kind, and reader and recognition want different ones: start one of them"
        raise ConfigError(_WHAT, "vllm", f"{problem} yourself and name its address in llm.endpoints.urls of its use")
    return wanted[0] if wanted else None


def check_executor(servers: VllmServers | None, executor: Executor | None) -> None:
    """Make sure that an executor can start servers, if some are asked for.

    Raises:
        ConfigError: It cannot.
    """
    if servers is not None and not isinstance(executor, RayExecutor):
        problem = (
            "servers are started on a Ray cluster alone: use the executor 'ray' (on one machine, too), or start "
            f"`vllm serve {servers.model}` yourself and name its address in llm.endpoints.urls"
        )
        raise ConfigError(_WHAT, "vllm", problem)


@contextmanager
def served(plan: Plan, servers: VllmServers | None, executor: Executor, clock: Clock) -> Iterator[Plan]:
    """The plan with the servers that its language model asks, which run as long as this context.

    Args:
        plan: The plan.
        servers: The servers; None: the plan needs none, and stays as it is.
        executor: On whose cluster they run; it has been entered.
        clock: Is told how many are up.

    Raises:
        ConfigError: A server cannot be started, or not in time.
    """
    check_executor(servers, executor)
    if servers is None or not isinstance(executor, RayExecutor):
        yield plan
        return
    import ray

    if executor.here:  # and no machine will join it
        _check_room(ray, servers)
    kind = ray.remote(_Actor).options(
        num_cpus=servers.cpus, num_gpus=servers.gpus, max_restarts=-1, max_concurrency=_REQUESTS
    )
    actors = [kind.remote(servers) for _ in range(servers.servers)]
    try:
        with clock.stage("servers"):
            _await(ray, actors, servers, clock)
        _check_room(ray, servers)
        executor.reserved += servers.cpus * servers.servers
        try:
            yield _with_models(plan, servers, actors)
        finally:
            executor.reserved -= servers.cpus * servers.servers
    finally:
        _end(ray, actors)


def _await(ray: Any, actors: list[Any], servers: VllmServers, clock: Clock) -> None:
    """Until every server answers."""
    until = monotonic() + servers.startup
    while True:
        asked = [actor.state.remote() for actor in actors]
        ready, _ = ray.wait(asked, num_returns=len(asked), timeout=1.0)
        told = []
        for one in ready:
            with suppress(ray.exceptions.RayActorError):  # its machine died, and Ray starts it on another
                told.append(ray.get(one))
        for state, said in told:
            if state == "missing":
                raise ConfigError(_WHAT, "vllm", said)
            if state == "ended":
                raise ConfigError(_WHAT, "vllm", f"`vllm serve {servers.model}` ended at once. It said: {said}")
        up = sum(state == "well" for state, _ in told)
        clock.tell("servers", up, len(actors))
        if up == len(actors):
            return
        if monotonic() > until:
            raise ConfigError(_WHAT, "vllm", _late(ray, servers, up, len(told), [said for _, said in told]))
        sleep(_STEP)


def _late(ray: Any, servers: VllmServers, up: int, placed: int, said: list[str]) -> str:
    head = f"after {servers.startup:g} s {up} of {servers.servers} servers answer"
    if placed < servers.servers:
        return f"{head}, and {servers.servers - placed} have no place: {_room(ray, servers)[1]}"
    return f"{head}. Allow more time (llm.endpoints.vllm.startup), or see what one said: {said[0]}"


def _check_room(ray: Any, servers: VllmServers) -> None:
    enough, told = _room(ray, servers)
    if not enough:
        raise ConfigError(_WHAT, "vllm", told)


def _room(ray: Any, servers: VllmServers) -> tuple[bool, str]:
    """Whether a cluster has room for servers and for a worker besides, and what it has."""
    have = ray.cluster_resources()
    gpus, cpus = float(have.get("GPU", 0.0)), float(have.get("CPU", 0.0))
    count = servers.servers
    told = (
        f"{count} servers with {servers.gpus:g} GPUs and {servers.cpus:g} processors each, and workers besides, are "
        f"wanted of {gpus:g} GPUs and {cpus:g} processors. Set servers, gpus or cpus of llm.endpoints.vllm to less"
    )
    return servers.gpus * count <= gpus and servers.cpus * count < cpus, told


def _end(ray: Any, actors: list[Any]) -> None:
    """End servers, then actors; those of an actor that is gone end by themselves."""
    ray.wait([actor.stop.remote() for actor in actors], num_returns=len(actors), timeout=_PATIENCE)
    for actor in actors:
        with suppress(ray.exceptions.RayError):
            ray.kill(actor, no_restart=True)


def _with_models(plan: Plan, servers: VllmServers, actors: Sequence[Any]) -> Plan:
    """The plan, whose language model asks these, in every use that they were started for."""
    llm = plan.config.llm
    uses = dict(llm.uses)
    fingerprint, all_ = client_of(servers).fingerprint, _Servers(actors, servers.startup)
    for use in USES:
        if VllmServers.of(plan.config, use) == servers:
            timeout = llm.of(use).timeout
            models = [ServedLLM(servers.model, fingerprint, actor, all_, timeout) for actor in actors]
            own = {**uses.get(use, {}).get("endpoints", {}), "model": servers.model, "llms": models}
            # Each keeps to the time-out itself; besides, it may wait for a server.
            uses[use] = {**uses.get(use, {}), "endpoints": own, "timeout": timeout + servers.startup}
    return replace(plan, config=replace(plan.config, llm=replace(llm, uses=uses)))
