"""An index from files: the stages of indexing on an executor, then one assembler."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from hippo.config import Config, load_config
from hippo.documents import Columns
from hippo.errors import ConfigError
from hippo.execution import stages
from hippo.execution.assemble import Assembled, assemble
from hippo.execution.local import LocalExecutor
from hippo.execution.read import PART_DOCUMENTS, find_units, read
from hippo.execution.report import BuildReport, Log, Parts
from hippo.execution.served import check_executor, served
from hippo.execution.shards import read_shard
from hippo.execution.stage import Executor, Plan, Row, Stage
from hippo.execution.vllm import VllmServers, check_asked
from hippo.identity import Identity
from hippo.ids import text_hash
from hippo.indexing.clock import Clock
from hippo.indexing.runs import recorded
from hippo.llm import Caller
from hippo.parts import make_encoder
from hippo.place import checked_place
from hippo.protocols import Extractor, ProgressCallback
from hippo.snapshot import remove_old
from hippo.storage import Folder, LocalFolder, open_folder
from hippo.store.distinct import distinct
from hippo.types import ChangeReport, Skipped

__all__ = ["build_index", "extract_only"]

_NAMES = 1024
"""Entities that are embedded together, in the mean."""


def build_index(
    sources: Sequence[str | Path],
    index: str | Path,
    *,
    work: str | Path,
    executor: Executor | None = None,
    config: "Config | Mapping[str, Any] | str | Path | None" = None,
    overrides: Mapping[str, Any] | None = None,
    columns: Columns | None = None,
    suffixes: Collection[str] | None = None,
    part_documents: int = PART_DOCUMENTS,
    resources: Mapping[str, Mapping[str, float]] | None = None,
    trace: bool = False,
    progress: ProgressCallback | None = None,
) -> BuildReport:
    """Index files as `Hippo.add_files` does, with the work of extraction and embedding spread over workers.

    Everything that a worker makes is a shard in the folder `work`, whose name says what it was made from. A run that
    was broken off goes on from there, also with another executor and another number of workers; the index is the same
    in every case.

    Args:
        sources: Files and folders: paths, or URLs such as "s3://bucket/corpus".
        index: Folder of the index, on this machine; made if it does not exist.
        work: Folder of the shards, a path or URL that all workers can reach.
        executor: Where stages run; None: in this process.
        config: A `Config`, a mapping like the TOML file, or the path of one.
        overrides: A mapping like the TOML file that is stronger.
        columns: Names of columns of tables.
        suffixes: Only files with these suffixes; None: all that can be read.
        part_documents: Documents that go through the stages together, in the mean. What a worker has under way when it
            dies is lost: fewer, where extraction is paid for.
        resources: `cpus` and `gpus` of a worker by stage, on Ray: `{"embed": {"gpus": 1}}`.
        trace: Leave a small file for every shard that is made, below `trace/` in `work`.
        progress: Is told of every step.

    Raises:
        ConfigError: The configuration is wrong, or a server that it wants started cannot be.
        DocumentError: A source does not exist or holds nothing that can be read.
        DuplicateDocumentError: Two documents have one id.
        IndexBusyError: Another process is writing to the index.
        IndexMismatchError: The index was made with another encoder or chunking.
        StorageError: A folder cannot be read or written.
    """
    root = checked_place(index)
    stored = Identity.read(root)
    settings = load_config(config, overrides, stored=stored.settings if stored else None)
    encoder = make_encoder(settings)
    identity = Identity.of(settings, encoder.fingerprint if encoder else None)
    if stored is not None:
        stored.check(str(root), identity)
    extractor, servers = _extractor_of(settings, executor)
    clock = Clock(progress)
    plan = Plan(open_folder(work), settings, columns or Columns(), {"part_documents": part_documents}, trace)
    chosen = resources or {}
    fingerprints = {"encoder": encoder.fingerprint if encoder else None, "extractor": extractor.fingerprint}
    with recorded(root, "build_index", settings, **fingerprints) as run:
        with executor or LocalExecutor() as executor:
            parts = _run(plan, executor, sources, suffixes, clock, chosen, servers, embedding=encoder is not None)
            names = _embed_names(plan, executor, parts, clock, chosen) if encoder else []
        made = assemble(
            root,
            plan.work,
            parts.rows,
            names,
            extractor=extractor,
            encoder=encoder,
            config=settings,
            identity=identity,
            clock=clock,
        )
        parts.skipped += made.repeated
        report = parts.report(executor, clock, _change(made, parts, clock))
        run.report = report.index
    remove_old(root, keep=1 + settings.indexing.keep_snapshots)
    return report


def extract_only(
    sources: Sequence[str | Path],
    *,
    work: str | Path,
    executor: Executor | None = None,
    config: "Config | Mapping[str, Any] | str | Path | None" = None,
    overrides: Mapping[str, Any] | None = None,
    columns: Columns | None = None,
    suffixes: Collection[str] | None = None,
    part_documents: int = PART_DOCUMENTS,
    resources: Mapping[str, Mapping[str, float]] | None = None,
    progress: ProgressCallback | None = None,
) -> BuildReport:
    """The first three stages of `build_index` alone: facts of files, as shards that it finds.

    Arguments and errors are those of `build_index`.
    """
    settings = load_config(config, overrides)
    _, servers = _extractor_of(settings, executor)
    clock = Clock(progress)
    plan = Plan(open_folder(work), settings, columns or Columns(), {"part_documents": part_documents})
    with executor or LocalExecutor() as executor:
        parts = _run(plan, executor, sources, suffixes, clock, resources or {}, servers, embedding=False)
    return parts.report(executor, clock, None)


def _extractor_of(settings: Config, executor: Executor | None) -> tuple[Extractor, VllmServers | None]:
    """The extractor, and the servers that are to be started for it; what either lacks is said now."""
    callers: list[Caller] = []
    extractor = stages.extractor_of(settings, callers)
    servers = VllmServers.of(settings, "extraction") if callers else None
    if not callers:
        name = settings.extractor.name
        check_asked(settings, "extraction", f"the extractor {name!r} asks no language model. Choose one that does")
    check_executor(servers, executor)
    return extractor, servers


def _stage(name: str, work: Any, resources: Mapping[str, Mapping[str, float]]) -> Stage:
    return Stage(name, work, **resources.get(name, {}))


def _check(resources: Mapping[str, Mapping[str, float]]) -> None:
    for name, values in resources.items():
        if name not in ("read", "chunk", "extract", "embed"):
            raise ConfigError("keyword", f"resources.{name}", "unknown stage. Known: read, chunk, extract, embed")
        for key in values:
            if key not in ("cpus", "gpus"):
                raise ConfigError("keyword", f"resources.{name}.{key}", "unknown resource. Known: cpus, gpus")


def _run(
    plan: Plan,
    executor: Executor,
    sources: Sequence[str | Path],
    suffixes: Collection[str] | None,
    clock: Clock,
    resources: Mapping[str, Mapping[str, float]],
    servers: VllmServers | None,
    *,
    embedding: bool,
) -> Parts:
    """Read, chunk, extract and embed."""
    _check(resources)
    began = perf_counter()
    units, skipped = find_units(
        sources, suffixes=suffixes, columns=plan.columns, max_bytes=plan.config.documents.max_bytes
    )
    parts = Parts([], skipped, Log())
    first = executor.run(plan, [_stage("read", read, resources)], units)
    rows = sorted(_told(first, clock, "read", len(units), "skipped"), key=lambda row: (row["unit"], row["place"]))
    for row in rows:
        parts.log.take(row)
        parts.skipped += [Skipped(*one) for one in row.pop("skipped", [])]
    rows = [row for row in rows if "part" in row]
    clock.seconds["read"] = perf_counter() - began
    steps = [_stage("chunk", stages.chunk, resources), _stage("extract", stages.extract, resources)]
    if embedding:
        steps.append(_stage("embed", stages.embed, resources))
    with served(plan, servers if rows else None, executor, clock) as asking:
        began = perf_counter()
        for row in _told(executor.run(asking, steps, rows), clock, "stages", len(rows)):
            parts.rows.append(parts.log.take(row))
        clock.seconds["stages"] = perf_counter() - began
    parts.rows.sort(key=lambda row: (row["unit"], row["place"]))
    return parts


def _told(rows: Iterator[Row], clock: Clock, name: str, total: int | None, key: str | None = None) -> Iterator[Row]:
    """Rows as they come, each told; or only those with a key."""
    done = 0
    for row in rows:
        yield row
        if key is None or key in row:
            done += 1
            clock.tell(name, done, total)


def _embed_names(
    plan: Plan,
    executor: Executor,
    parts: Parts,
    clock: Clock,
    resources: Mapping[str, Mapping[str, float]],
) -> list[Row]:
    """Embed every entity once, in groups that a new entity changes only where it stands."""
    began = perf_counter()
    stage = Stage("names", stages.embed_names, **resources.get("embed", {}))
    groups = _name_groups(plan.work, parts.rows, plan.config.indexing.memory)
    made = executor.run(plan, [stage], groups)
    rows = [parts.log.take(row) for row in _told(made, clock, "names", None)]
    clock.seconds["names"] = perf_counter() - began
    return rows


def _name_groups(work: Folder, rows: Sequence[Row], memory: int) -> Iterator[Row]:
    """Keys of all entities that parts name, each once, in order, cut where the hash of a key says so."""
    named = (chunk for row in rows for chunk in read_shard(work, f"names/{row['names']}.parquet").column("key").chunks)
    group: list[str] = []
    # Names of entities are not left where nobody looks, should this process be killed.
    folder = work.path if isinstance(work, LocalFolder) else None
    for keys in distinct(named, memory, folder):
        for key in keys.to_pylist():
            group.append(key)
            if len(group) >= 4 * _NAMES or int(text_hash(key)[:8], 16) % _NAMES == 0:
                yield {"keys": group}
                group = []
    if group:
        yield {"keys": group}


def _change(made: Assembled, parts: Parts, clock: Clock) -> ChangeReport:
    """What became of the index."""
    published = made.published
    counts = published.counts
    return ChangeReport(
        made.added,
        made.changed,
        made.unchanged,
        tuple(parts.skipped),
        published.failed,
        counts["chunks"],
        counts["facts"],
        counts["entities"],
        published.embedded,
        dict(sorted(made.dropped.items())),
        dict(clock.seconds),
        published.snapshot,
        pending=published.pending,
    )
