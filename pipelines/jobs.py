"""What the jobs that run on an executor share: their options, and a table of what was done."""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from hippo import Columns
from hippo.errors import HippoError
from hippo.execution import BatchReport, BuildReport, Executor, LocalExecutor, RayExecutor
from hippo.storage import address_of, open_folder
from pipelines.common import new_parser, table

__all__ = [
    "add_executor",
    "add_sources",
    "add_vllm",
    "build_options",
    "executor_of",
    "fetched",
    "job_parser",
    "llm_of",
    "put",
    "resources_of",
    "show_batch",
    "show_build",
    "told",
]


def job_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that say where a job runs, and with what settings."""
    parser = new_parser(description)
    add_executor(parser)
    parser.add_argument("--config", type=Path, help="hippo.toml with settings; see hippo init")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    return parser


def add_executor(parser: argparse.ArgumentParser) -> None:
    """The options that say where a job runs."""
    parser.add_argument("--executor", choices=["local", "ray"], default="local", help="where stages run")
    parser.add_argument("--workers", type=int, default=1, help="workers of each stage")
    parser.add_argument(
        "--address", help="of a Ray cluster: auto, ray://HOST:PORT; default: $RAY_ADDRESS, else one is started here"
    )
    parser.add_argument("--num-cpus", type=int, help="processors of a Ray cluster that is started here")


def add_vllm(parser: argparse.ArgumentParser) -> None:
    """The options that start vLLM servers."""
    parser.add_argument("--vllm", metavar="MODEL", help="language model that vLLM servers are started with, on Ray")
    parser.add_argument("--vllm-servers", type=int, metavar="N", help="number of servers (default: 1)")
    parser.add_argument("--vllm-gpus", type=float, metavar="N", help="GPUs of each (default: 1)")
    parser.add_argument(
        "--vllm-argument", action="append", metavar="ARG", help="of vllm serve: --vllm-argument=--max-model-len=8192"
    )


def llm_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The section `llm` that the options ask for, as an override; empty: none."""
    given = {"servers": arguments.vllm_servers, "gpus": arguments.vllm_gpus, "arguments": arguments.vllm_argument}
    table = {key: value for key, value in given.items() if value is not None}
    if arguments.vllm and arguments.llm:
        raise SystemExit("error: --llm names a model that runs, --vllm one that is started: give one of them")
    if table and not arguments.vllm:
        raise SystemExit("error: --vllm-servers, --vllm-gpus and --vllm-argument need --vllm MODEL")
    if arguments.vllm:
        # Whatever a file says of places is not meant.
        return {"llm": {"name": "endpoints", "endpoints": {"model": arguments.vllm, "urls": [], "vllm": table}}}
    return {"llm": {"name": arguments.llm}} if arguments.llm else {}


@contextmanager
def fetched(place: str) -> Iterator[Path]:
    """A file as one on this machine: itself, or a copy of what a URL names."""
    if (url := address_of(place)) is None:
        yield Path(place)
        return
    folder, _, name = url.rpartition("/")
    with tempfile.TemporaryDirectory(prefix="hippo-") as here:
        open_folder(folder).download(name, Path(here) / name)
        yield Path(here) / name


def put(place: str, text: str) -> None:
    """Write a text file, on this machine or where a URL says; it is there whole or not at all."""
    url = address_of(place)
    folder, name = (url.rpartition("/")[::2]) if url else (str(Path(place).parent), Path(place).name)
    open_folder(folder).write(name, text.encode())


def executor_of(arguments: argparse.Namespace) -> Executor:
    """The executor that the options name."""
    if arguments.executor == "ray":
        return RayExecutor(arguments.workers, arguments.address, arguments.num_cpus)
    return LocalExecutor(arguments.workers)


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Options for input, extraction and embedding."""
    parser.add_argument(
        "sources", nargs="+", metavar="PATH", help="files and folders, or URLs such as s3://bucket/corpus"
    )
    parser.add_argument("--work", required=True, help="folder or URL of the shards, which all workers can reach")
    parser.add_argument("--extractor", help="name of the extractor")
    parser.add_argument("--encoder", help="name of the encoder, or none")
    parser.add_argument("--llm", help="language model, NAME:MODEL")
    add_vllm(parser)
    parser.add_argument("--chunking", choices=["sentences", "document"], help="how documents become passages")
    parser.add_argument("--suffix", action="append", help="only files with this suffix; repeatable")
    for name in ("text", "id", "title", "timestamp"):
        parser.add_argument(f"--{name}-column", default=name, metavar="COLUMN", help=f"column that holds the {name}")
    parser.add_argument("--part", type=int, default=64, metavar="N", help="documents of a part, in the mean")
    parser.add_argument(
        "--resource", action="append", default=[], metavar="STAGE.KIND=N", help="cpus or gpus of a worker: embed.gpus=1"
    )


def build_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Keywords of `hippo.execution.build_index` and `extract_only` from the options."""
    named = {"extractor": arguments.extractor, "encoder": arguments.encoder}
    overrides: dict[str, Any] = {section: {"name": name} for section, name in named.items() if name} | llm_of(arguments)
    if arguments.chunking:
        overrides["chunking"] = {"method": arguments.chunking}
    return {
        "work": arguments.work,
        "executor": executor_of(arguments),
        "config": arguments.config,
        "overrides": overrides,
        "columns": Columns(
            arguments.text_column, arguments.id_column, arguments.title_column, arguments.timestamp_column
        ),
        "suffixes": arguments.suffix,
        "part_documents": arguments.part,
        "resources": resources_of(arguments.resource),
    }


def resources_of(options: list[str]) -> dict[str, dict[str, float]]:
    """What workers of each stage take.

    Examples:
        >>> resources_of(["embed.gpus=1", "extract.cpus=0.5"])
        {'embed': {'gpus': 1.0}, 'extract': {'cpus': 0.5}}
    """
    found: dict[str, dict[str, float]] = {}
    for option in options:
        name, equals, number = option.partition("=")
        stage, dot, kind = name.partition(".")
        try:
            found.setdefault(stage, {})[kind] = float(number)
        except ValueError:
            dot = ""
        if not (equals and dot):
            raise SystemExit(f"--resource must be STAGE.KIND=NUMBER, got {option!r}")
    return found


def show_build(report: BuildReport) -> str:
    """A report as text."""
    rows = [
        [name, one.made, one.found, f"{one.seconds:.1f}", one.workers, f"{one.peak / 2**20:.0f}"]
        for name, one in report.stages.items()
    ]
    head = ["stage", "made", "found", "seconds", "workers", "peak MiB"]
    lines = [
        f"{report.executor}, {report.workers} workers: {report.parts} parts, {report.chunks} passages",
        f"{report.facts} facts, {report.failed} failed, {len(report.skipped)} left out",
        table(head, rows),
        "wall seconds: " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in report.seconds.items()),
        f"peak memory of this process: {report.peak / 2**20:.0f} MiB",
    ]
    if report.index:
        one = report.index
        lines.append(
            f"snapshot {one.snapshot}: {one.added} documents added, {one.changed} changed, {one.unchanged} unchanged; "
            f"{one.chunks} passages, {one.facts} facts, {one.entities} entities"
        )
    if report.usage.requests:
        lines.append(f"{report.usage.requests} requests to language models, ${report.usage.cost:.2f}")
    return "\n".join(lines)


def show_batch(report: BatchReport) -> str:
    """A report as text."""
    rows = [
        [name, one.made, one.found, f"{one.seconds:.1f}", one.workers, f"{one.peak / 2**20:.0f}"]
        for name, one in report.stages.items()
    ]
    lines = [
        f"{report.executor}, {report.workers} workers: {report.questions} questions, {report.failed} failed",
        table(["stage", "made", "found", "seconds", "workers", "peak MiB"], rows),
    ]
    if report.usage.requests:
        lines.append(f"{report.usage.requests} requests to language models, ${report.usage.cost:.2f}")
    return "\n".join(lines)


@contextmanager
def told() -> Iterator[None]:
    """Errors of hippo end a job with one line and status 1; standard output is left to the result."""
    try:
        with redirect_stdout(sys.stderr):  # Ray tells there of workers that died.
            yield
    except HippoError as error:
        raise SystemExit(f"error: {error}") from error
