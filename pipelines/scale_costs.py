"""What scale costs, measured for each item; `pipelines.scale_plan` computes from it what any corpus takes.

    python -m pipelines.scale_costs --passages 2000 --out costs.json
    python -m pipelines.scale_costs --passages 1000000 --dimension 64 --workers 2 --questions 100 --folder /data/scale
    python -m pipelines.scale_costs --passages 1000000 --questions 100 --ask /data/scale/index

Makes passages by rule, indexes them by shards with the hashing encoder, and prints processor time and bytes for each
passage, by stage, with the peak memory of driver and workers. Stages whose shards are in --folder already cost next to
nothing: measure in a new one. With --questions, a process of its own opens the index and asks that many: it
prints seconds until it is open, milliseconds of a question as median and 99th percentile, when they are asked first
and when all are asked again, by stage, and its memory. With --ask an index that is there is asked, and no more. With
--ray it also prints, in the same run, what a row costs on each executor, of a stage that does nothing, and of one that
waits 50 ms for each of 64 calls at the same time; where two workers do their best, a row takes half of that.
"""

import asyncio
import json
import multiprocessing
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from hippo import Hippo, ProgressBars
from hippo.execution import Executor, LocalExecutor, Plan, RayExecutor, Row, Stage, build_index
from hippo.execution.stage import Work, peak_memory
from hippo.storage import LocalFolder
from pipelines.asked import ask, show_stages
from pipelines.common import new_parser, publish, table
from pipelines.machine import copy_rate, measured

__all__ = ["main", "measure", "nothing", "waiting"]

_PER_FILE = 20_000
_CALLS = 64
_LATENCY = 0.05


def main() -> None:
    """Parse arguments, measure, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--passages", type=int, default=2000, help="passages to make and index")
    parser.add_argument("--workers", type=int, default=1, help="processes of the build")
    parser.add_argument("--dimension", type=int, default=256, help="length of a vector")
    parser.add_argument("--memory", type=int, help="bytes that the assembler aims to hold: indexing.memory")
    parser.add_argument("--questions", type=int, default=0, help="questions that are asked afterwards")
    parser.add_argument("--ask", type=Path, help="index of so many passages that an earlier run made: ask it, no more")
    parser.add_argument("--ray", action="store_true", help="also measure what Ray adds to a row")
    parser.add_argument("--rows", type=int, default=400, help="rows of that measurement")
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder, removed afterwards)")
    arguments = parser.parse_args()
    if arguments.ask:
        reader = read(arguments.ask, arguments.passages, arguments.questions or 100)
        result = measured({"passages": arguments.passages, "reader": reader, "copy_gb_per_second": copy_rate()})
        publish(arguments, result, "\n\n".join(_shown_reader(reader)))
        return
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="hippo-scale-"))
    try:
        result = measure(arguments.passages, arguments.workers, folder, arguments.dimension, arguments.memory)
        if arguments.questions:
            result["reader"] = read(folder / "index", arguments.passages, arguments.questions)
        if arguments.ray:
            result["rows"] = row_costs(arguments.rows, folder)
    finally:
        if arguments.folder is None:
            shutil.rmtree(folder)
    publish(arguments, result, show(result))


def measure(
    passages: int, workers: int, folder: Path, dimension: int = 256, memory: int | None = None
) -> dict[str, Any]:
    """Index generated passages; seconds and bytes for each, by stage."""
    settings: dict[str, Any] = {
        "encoder": {"name": "hashing", "hashing": {"dimension": dimension}},
        "chunking": {"method": "document"},
    }
    if memory:
        settings["indexing"] = {"memory": memory}
    sources = _corpus(folder / "corpus", passages)
    began, worked = perf_counter(), process_time()
    with ProgressBars() as bars:
        report = build_index(
            sources,
            folder / "index",
            work=folder / "work",
            executor=LocalExecutor(workers),
            overrides=settings,
            part_documents=256,
            progress=bars,
        )
    index = report.index
    assert index is not None  # noqa: S101  (an index was asked for)
    shards = {one.name: _size(one) / passages for one in (folder / "work").iterdir()}
    return {
        "passages": passages,
        "workers": workers,
        "dimension": dimension,
        "facts": index.facts / passages,
        "entities": index.entities / passages,
        "processor": {name: one.processor / passages for name, one in report.stages.items()},
        "assemble": {name: one / passages for name, one in report.processor.items()},
        "bytes": {
            "corpus": _size(folder / "corpus") / passages,
            "store": _size(folder / "index" / "store.duckdb") / passages,
            "snapshot": _size(folder / "index" / "snapshots") / passages,
        },
        "shards": dict(sorted(shards.items())),
        "peak_driver": report.peak,
        "peak_worker": max(one.peak for one in report.stages.values()),
        "wall": perf_counter() - began,
        "driver": (process_time() - worked) / passages,
    }


def read(index: Path, passages: int, questions: int) -> dict[str, Any]:
    """Open an index in a process of its own and ask: seconds, MiB, and what `pipelines.asked.ask` measures."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as pool:
        return pool.submit(_asked, index, passages, questions).result()


def _asked(index: Path, passages: int, questions: int) -> dict[str, Any]:
    began = perf_counter()
    with Hippo.open(index) as memory:
        memory.contents()
        opened = perf_counter() - began
        memory.retrieve(_question(0))
        first = perf_counter() - began
        found = ask(memory, [_question(place * passages // (questions + 1)) for place in range(1, questions + 1)])
    return {"open_s": opened, "first_s": first, **found, "reader_mib": round(peak_memory() / 2**20, 1)}


def _question(number: int) -> str:
    return f"What did the friend found whom {_passage(number)['title']} met?"


def row_costs(rows: int, folder: Path) -> dict[str, dict[str, float]]:
    """Seconds that a run takes to begin, and for each row, by executor and stage: the line through two runs.

    Args:
        rows: Rows of the longer run of the stage that does nothing; a fifth of them make the shorter one, and an eighth
            of both are sent through the stage that waits.
        folder: Where to work.
    """
    plan = Plan(LocalFolder(folder / "rows"))
    found = {}
    executors: list[Executor] = [LocalExecutor(1), LocalExecutor(2), RayExecutor(2, num_cpus=2)]
    for executor in executors:
        with executor:
            for work, most in ((nothing, rows), (waiting, rows // 8)):
                stage, seconds = Stage(work.__name__, work), {}
                for count in (max(most // 5, 1), most):
                    began = perf_counter()
                    done = sum(1 for _ in executor.run(plan, [stage], _rows(count)))
                    seconds[done] = perf_counter() - began
                (few, short), (many, long) = sorted(seconds.items())
                each = max((long - short) / (many - few), 0.0)  # what it costs to begin varies by more than little
                label = f"{executor.name}, {executor.workers} workers: {work.__name__}"
                found[label] = {"begin": max(short - few * each, 0.0), "row": each}
    return found


def nothing(_: Plan) -> Work:
    """A stage that does nothing."""

    def work(row: Row) -> Iterator[Row]:
        yield row

    return work


def waiting(_: Plan) -> Work:
    """A stage that waits 50 ms for each call of a row, all calls of the row at the same time."""

    async def call() -> None:
        await asyncio.sleep(_LATENCY)

    async def calls() -> None:
        await asyncio.gather(*(call() for _ in range(_CALLS)))

    def work(row: Row) -> Iterator[Row]:
        asyncio.run(calls())
        yield row

    return work


def _rows(count: int) -> list[Row]:
    return [{"place": place} for place in range(count)]


def _corpus(folder: Path, passages: int) -> list[Path]:
    """Files of passages made by rule: names come back as in texts, some often and most seldom."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for first in range(0, passages, _PER_FILE):
        path = folder / f"{first:09d}.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for number in range(first, min(first + _PER_FILE, passages)):
                file.write(json.dumps({"id": f"{number:09d}", **_passage(number)}) + "\n")
        paths.append(path)
    return paths


def _passage(number: int) -> dict[str, str]:
    person, place, friend = f"Ada {_word(number)}", f"Port {_word(number % 997)}", f"Boris {_word(number // 7)}"
    work = f"{_word(number * 31)} Works"
    text = f"{person} was born in {place} in {1700 + number % 300}. {person} met {friend}, who founded {work}."
    return {"title": person, "text": text}


def _word(number: int) -> str:
    """A pronounceable name of its own for each number."""
    syllables = ("ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "va")
    parts = []
    while True:
        parts.append(syllables[number % len(syllables)])
        number //= len(syllables)
        if not number:
            return "".join(parts).capitalize() + "n"


def _size(path: Path) -> int:
    files: Sequence[Path] = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(one.stat().st_size for one in files)


def show(result: dict[str, Any]) -> str:
    """The result as text."""
    head = f"{result['passages']} passages, {result['workers']} workers, {result['wall']:.0f} s: for each passage "
    head += f"{result['facts']:.1f} facts, {result['entities']:.1f} new entities"
    stages = [[name, f"{1000 * one:.3f}"] for name, one in result["processor"].items()]
    stages += [[f"assemble: {name}", f"{1000 * one:.3f}"] for name, one in result["assemble"].items()]
    sizes = [*result["bytes"].items(), *((f"shards: {name}", one) for name, one in result["shards"].items())]
    memory = f"driver, assembler included, {result['peak_driver'] / 2**20:.0f} MiB, "
    memory += f"a worker {result['peak_worker'] / 2**20:.0f} MiB"
    lines = [
        head,
        table(["stage", "ms of a processor a passage"], stages),
        table(["on disk", "bytes a passage"], [[name, f"{one:,.0f}"] for name, one in sizes]),
        *_shown_reader(result.get("reader")),
        f"processor time of the driver, assembler included: {1000 * result['driver']:.3f} ms a passage",
        f"peak memory: {memory}",
    ]
    if "rows" in result:
        rows = [[name, f"{one['begin']:.2f}", f"{1000 * one['row']:.1f}"] for name, one in result["rows"].items()]
        lines.append(table(["stage on an executor", "seconds to begin", "ms a row"], rows))
    return "\n\n".join(lines)


def _shown_reader(reader: dict[str, Any] | None) -> list[str]:
    if reader is None:
        return []
    times = f"median {reader['median_ms']:.1f} ms, 99 % within {reader['p99_ms']:.1f} ms of processor time"
    again = f"asked again: {reader['again_median_ms']:.1f} and {reader['again_p99_ms']:.1f} ms"
    opened = f"a reader opens it in {reader['open_s']:.2f} s, has its first answer after {reader['first_s']:.1f} s"
    held = f"it held {reader['reader_mib']:.0f} MiB at most, mapped files included"
    waits = f"{reader['read_mib']:.0f} MiB came from the disk, for {reader['page_faults']['major']} waits"
    by_stage = show_stages({"again": reader["stages"], "slowest, first": reader["slowest"]})
    return [f"{opened}; questions: {times}; {again}; {waits}; {held}", by_stage]


if __name__ == "__main__":
    main()
