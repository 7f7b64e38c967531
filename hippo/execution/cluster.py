"""Stages on a Ray cluster: each is a pool of actors, and Ray Data sends the rows through them.

Rows are small, since texts and vectors are in shards: so little is held in Ray's object store, and a row whose worker
died is done again by another one at little cost.
"""

import json
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from hippo import errors
from hippo.errors import HippoError, InputError, MissingExtraError
from hippo.execution.stage import Plan, Row, Stage, Worker

__all__ = ["RayExecutor"]

_SHARE = 0.9
"""Of the processors of the cluster that workers may take together; the rest is for whoever hands out the rows."""
_HELD = 64 * 2**20
"""Characters of rows that are handed to Ray together. Most jobs have fewer; names of entities may be many."""
_ERROR = "error"
"""Key of a row that tells of an error."""
_ATTEMPTS = 3
"""How often a cluster is started that does not come up in time."""


class RayExecutor:
    """Runs stages on Ray (https://docs.ray.io).

    A cluster that this process is connected to is used as it is. Otherwise one is connected to, or started here, when
    the executor is entered or first needed, and let go of when it is left, by the outermost `with`.

    Args:
        workers: Actors of each stage.
        address: Of a cluster: "auto", "ray://…" or a host with port; None: what the variable RAY_ADDRESS names, else
            one is started on this machine.
        num_cpus: Processors of a cluster that is started; None: as many as there are.
        object_store: Bytes of memory for its object store; rows need little.

    Attributes:
        reserved: Processors of the cluster that are left to something else.

    Raises:
        InputError: There are no workers.
    """

    name = "ray"

    def __init__(
        self,
        workers: int = 1,
        address: str | None = None,
        num_cpus: int | None = None,
        *,
        object_store: int = 200_000_000,
    ) -> None:
        if workers < 1:
            raise InputError(f"workers must be at least 1, got {workers}")
        self.workers = workers
        self._address = address or os.environ.get("RAY_ADDRESS") or None
        self._num_cpus, self._object_store = num_cpus, object_store
        self._ours = False
        self._entered = 0
        self.reserved = 0.0

    @property
    def here(self) -> bool:
        """Whether the cluster was started by this executor, on this machine alone."""
        return self._ours and self._address is None

    def __enter__(self) -> Self:
        ray = _ray()
        if not ray.is_initialized():
            self._connect(ray)
            self._ours = True
        self._entered += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._entered -= 1
        if self._ours and not self._entered:
            self._ours = False
            _ray().shutdown()

    def run(self, plan: Plan, stages: Sequence[Stage], rows: Iterable[Row]) -> Iterator[Row]:
        """See `hippo.execution.Executor`."""
        ray: Any = None
        for given in _slices(rows):
            ray = ray or _ray()
            if ray.is_initialized():
                yield from self._run(ray, plan, stages, given)
            else:
                with self:
                    yield from self._run(ray, plan, stages, given)

    def _connect(self, ray: Any) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "configure_logging": True, "logging_level": "warning"}
        if self._address is None:
            options |= {
                "address": "local",  # and none that happens to run on this machine
                "num_cpus": self._num_cpus,
                "object_store_memory": self._object_store,
                "include_dashboard": False,
            }
        else:
            options["address"] = self._address
        for attempt in range(_ATTEMPTS):
            try:
                ray.init(**options)
                return
            except Exception as error:  # a bare Exception where a node does not come up in time, as on a busy machine
                ray.shutdown()
                if attempt == _ATTEMPTS - 1 or not self._late(error):
                    where = self._address or "of this machine"
                    raise InputError(f"the Ray cluster {where!r} cannot be used: {error}") from error

    def _late(self, error: Exception) -> bool:
        """Whether a cluster that was to be started here did not come up within the time that Ray allows."""
        return self._address is None and "timed out" in str(error)

    def _run(self, ray: Any, plan: Plan, stages: Sequence[Stage], given: list[dict[str, str]]) -> Iterator[Row]:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        workers = min(self.workers, len(given))
        free = float(ray.cluster_resources().get("CPU", 1.0)) - self.reserved
        share = _SHARE * free / (workers * len(stages))
        dataset = ray.data.from_items(given, override_num_blocks=len(given))
        for stage in stages:
            dataset = dataset.map_batches(
                _Actor,
                fn_constructor_args=(plan, stage),
                batch_size=None,
                batch_format="pyarrow",
                compute=ray.data.ActorPoolStrategy(size=workers),
                num_cpus=min(1.0, round(share, 3)) if stage.cpus is None else stage.cpus,
                num_gpus=stage.gpus or None,
            )
        for sent in dataset.iter_rows():
            row = json.loads(sent["row"])
            if _ERROR in row:
                raise _error(*row[_ERROR])
            yield row


def _slices(rows: Iterable[Row]) -> Iterator[list[dict[str, str]]]:
    """Rows as text, as many at a time as the driver is to hold."""
    given: list[dict[str, str]] = []
    held = 0
    for row in rows:
        given.append({"row": json.dumps(row)})
        held += len(given[-1]["row"])
        if held > _HELD:
            yield given
            given, held = [], 0
    if given:
        yield given


class _Actor:
    """A worker, as Ray Data calls it."""

    def __init__(self, plan: Plan, stage: Stage) -> None:
        self._worker = Worker(plan, stage)

    def __call__(self, batch: Any) -> dict[str, list[str]]:
        given = [json.loads(text) for text in batch.column("row").to_pylist()]
        return {"row": [json.dumps(made) for row in given for made in self._made(row)]}

    def _made(self, row: Row) -> Iterator[Row]:
        """Rows that the stage makes of a row; an error of hippo is one too, since Ray would wrap it."""
        if _ERROR in row:
            yield row
            return
        try:
            yield from self._worker(row)
        except HippoError as error:
            yield {_ERROR: [type(error).__name__, json.loads(json.dumps(error.args, default=str))]}


def _error(name: str, values: Sequence[Any]) -> HippoError:
    """The error that a worker met."""
    kind = getattr(errors, name, HippoError)
    return kind(*values) if issubclass(kind, HippoError) else HippoError(*values)


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere unless somebody asks for it
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError("the executor 'ray'", "ray[data]", "ray") from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # what fails is raised
    return ray
