"""How an index grows: building, opening and asking at several sizes, and what a million passages would take.

    python -m pipelines.bench_scale --passages 10000,100000
    python -m pipelines.bench_scale --passages 1000000 --dimension 64 --folder /data/scale

Passages are made up (`pipelines.life.corpus`), vectors hashed. Each size is built by a process of its own and asked by
another, so that what each keeps in memory is its own. Printed are seconds and peak memory of building; seconds until
the index is open and until its first answer; milliseconds of a question, its encoding not counted, as the median and
the 99th percentile, when it is asked first and when all are asked again; memory of the reader; stages of a question.
Times are those of the processor in all threads, which others at work on the machine disturb less; the time of opening
and of stages is that of the clock. From two sizes on, the last line continues the line
through the two largest (in logarithms) to --to passages: a guess, not a measurement. With --folder, indexes are kept
and not built again.
"""

import json
import math
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from hippo import Hippo
from hippo.testing import HashingEncoder
from pipelines.asked import ask as ask_all
from pipelines.asked import show_stages
from pipelines.common import new_parser, publish, read, table, write
from pipelines.life.corpus import documents, question
from pipelines.machine import copy_rate, measured
from pipelines.query_cost import peak_memory
from pipelines.replay import MeteredEncoder

__all__ = ["ask", "build", "continued", "main"]

_COLUMNS = {
    "passages": "passages",
    "nodes": "nodes",
    "build_s": "build s",
    "build_mib": "build MiB",
    "disk_mib": "disk MiB",
    "open_s": "open s",
    "first_s": "first answer s",
    "median_ms": "median ms",
    "p90_ms": "90 % ms",
    "p99_ms": "99 % ms",
    "again_median_ms": "again ms",
    "again_p99_ms": "99 % ms",
    "reader_mib": "reader MiB",
}
_CONFIG = {"chunking": {"method": "document"}}


def main() -> None:
    """Parse arguments, measure, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--passages", default="1000,10000", help="sizes, separated by commas")
    parser.add_argument("--dimension", type=int, default=64, help="length of a vector")
    parser.add_argument("--questions", type=int, default=200, help="questions asked, one at a time")
    parser.add_argument("--to", type=int, default=1_000_000, help="size that the last line guesses at")
    parser.add_argument("--folder", type=Path, help="where indexes are kept; default: a temporary folder")
    parser.add_argument("--step", choices=["build", "ask"], help="what the process of one size does")
    arguments = parser.parse_args()
    if arguments.step:
        step: Callable[..., dict[str, Any]] = build if arguments.step == "build" else ask
        json.dump(step(arguments.folder, int(arguments.passages), arguments.dimension, arguments.questions), sys.stdout)
        return
    with tempfile.TemporaryDirectory(prefix="hippo-scale-") as scratch:
        sizes = sorted(map(int, arguments.passages.split(",")))
        rows = [_measured(size, arguments.folder or Path(scratch), arguments) for size in sizes]
    guess = continued(rows[-2], rows[-1], arguments.to) if len(rows) > 1 else None
    shown = [[_cell(row[name]) for name in _COLUMNS] for row in rows]
    shown += (
        [["guess: " + _cell(guess["passages"]), *(_cell(guess[name]) for name in list(_COLUMNS)[1:])]] if guess else []
    )
    result = measured({"sizes": rows, "guess": guess, "copy_gb_per_second": copy_rate()})
    by_stage = show_stages({f"{row['passages']:,} passages": row["stages"] for row in rows})
    publish(arguments, result, f"{table(list(_COLUMNS.values()), shown)}\n\n{by_stage}")


def build(folder: Path, passages: int, dimension: int, _questions: int) -> dict[str, Any]:
    """Build an index of made-up passages in this process."""
    began = process_time()
    with Hippo.open(folder, encoder=HashingEncoder(dimension=dimension), config=_CONFIG) as memory:
        memory.add(documents(range(passages)))
        seconds, status = process_time() - began, memory.status()
        nodes = memory.contents().graph.n_nodes
    stages = {"build_s": seconds, "build_mib": peak_memory(), "disk_mib": sum(status.bytes.values()) / 2**20}
    return {"passages": passages, "nodes": nodes, "facts": status.facts, **stages}


def ask(folder: Path, passages: int, dimension: int, questions: int) -> dict[str, Any]:
    """Open an index in this process, and ask questions that are spread over it."""
    meter = MeteredEncoder(HashingEncoder(dimension=dimension))
    began, cpu = perf_counter(), process_time()
    with Hippo.open(folder, encoder=meter, config=_CONFIG) as memory:
        memory.contents()
        opened = perf_counter() - began
        memory.retrieve(question(0))
        first = process_time() - cpu
        asked = [question(place * passages // (questions + 1)) for place in range(1, questions + 1)]
        found = ask_all(memory, asked, lambda: meter.seconds["cpu"])
    return {"open_s": opened, "first_s": first, **found, "reader_mib": peak_memory()}


def _measured(passages: int, folder: Path, arguments: Namespace) -> dict[str, Any]:
    """One size: its index built, unless it is kept, and asked."""
    index, notes = folder / str(passages), folder / f"{passages}.json"
    if not notes.is_file():
        write(notes, _in_process("build", index, passages, arguments))
    return {**read(notes), **_in_process("ask", index, passages, arguments)}


def _in_process(step: str, index: Path, passages: int, arguments: Namespace) -> dict[str, Any]:
    options = {"--passages": passages, "--dimension": arguments.dimension, "--questions": arguments.questions}
    words = [str(word) for pair in {**options, "--folder": index, "--step": step}.items() for word in pair]
    command = [sys.executable, "-m", "pipelines.bench_scale", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603  (our own module)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def continued(less: dict[str, Any], more: dict[str, Any], passages: int) -> dict[str, float]:
    """Values at a larger size, if each went on to grow as a power of the size; none shrinks.

    Args:
        less: A size and its values.
        more: A larger one.
        passages: The size asked for.

    Examples:
        >>> continued({"passages": 10, "s": 1.0}, {"passages": 100, "s": 10.0}, 1000)
        {'passages': 1000.0, 's': 100.0}
    """
    further = math.log(passages / more["passages"]) / math.log(more["passages"] / less["passages"])
    values = [name for name, value in more.items() if isinstance(value, int | float) and less[name]]
    return {name: round(more[name] * max(more[name] / less[name], 1.0) ** further, 6) for name in values}


def _cell(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


if __name__ == "__main__":
    main()
