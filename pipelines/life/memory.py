"""Memory of many reader processes on one snapshot: what they share is counted once.

    python -m pipelines.life.memory --passages 10000 --processes 10 --out runs/memory.json
    python -m pipelines.life.memory --passages 300 --processes 2

Every process opens the index and asks all questions, then waits; by then all of them are at work. Measured is what
Linux says of each (`/proc/PID/smaps_rollup`): its resident memory, its private memory, and its share of it all, in
which a page of n processes counts 1/n (PSS). The sum of the shares is what they take together. What the program itself
takes shows in a reader of an index of one passage, which is measured beside them.
"""

import multiprocessing
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hippo import Hippo
from hippo.snapshot import Snapshot
from pipelines.common import new_parser, publish, table
from pipelines.life.built import built
from pipelines.life.corpus import question

__all__ = ["held", "main", "measure"]


def main() -> None:
    """Parse arguments, measure, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--passages", type=int, default=10_000, help="in the index")
    parser.add_argument("--processes", type=int, default=10)
    parser.add_argument("--questions", type=int, default=50, help="that each process asks")
    parser.add_argument("--folder", type=Path, help="where the index is kept; default: a temporary folder")
    arguments = parser.parse_args()
    if not Path("/proc/self/smaps_rollup").exists():
        sys.exit("this system does not say what processes share; Linux does")
    with tempfile.TemporaryDirectory(prefix="hippo-memory-") as scratch:
        folder = arguments.folder or Path(scratch)
        result = measure(arguments, built(folder, arguments.passages), built(folder, 1))
    publish(arguments, result, _shown(result))


def measure(arguments: Namespace, root: Path, smallest: Path) -> dict[str, Any]:
    """One reader of an index of one passage, one reader, many readers."""
    with Snapshot.open(root) as snapshot:
        size = sum(size for size, _ in snapshot.sums.values())
    alone, _ = held(1, _read, root, arguments.questions)
    many, _ = held(arguments.processes, _read, root, arguments.questions)
    return {
        "passages": arguments.passages,
        "snapshot_mib": _mib(size),
        "one_passage": held(1, _read, smallest, arguments.questions)[0],
        "one": alone,
        "many": many,
        "together_to_one": round(many["pss_mib"] / alone["pss_mib"], 2),
        "each_more_mib": round((many["pss_mib"] - alone["pss_mib"]) / max(1, arguments.processes - 1), 1),
    }


def held(count: int, read: Callable[..., Any], *given: Any) -> tuple[dict[str, Any], list[Any]]:
    """What processes hold once all of them have read.

    Args:
        count: How many processes.
        read: What each does, at the top of a module, given an `ExitStack` that is left once it is measured.
        given: Its further arguments.

    Returns:
        Sums over all processes, in MiB, and what `read` returned in each.
    """
    context = multiprocessing.get_context("spawn")
    done, processes, ends = context.Event(), [], []
    for _ in range(count):
        end, told = context.Pipe(duplex=False)
        processes.append(context.Process(target=_hold, args=(read, given, told, done), daemon=True))
        processes[-1].start()
        told.close()  # A process that dies leaves no other end, and nobody waits for it.
        ends.append(end)
    results = [end.recv() for end in ends]
    found = [_rollup(one.pid or 0) for one in processes]
    done.set()
    for one in processes:
        one.join()
    total = {key: sum(one[key] for one in found) for key in found[0]}
    private = total["Private_Clean"] + total["Private_Dirty"]
    return {
        "processes": count,
        "rss_mib": _mib(total["Rss"]),
        "pss_mib": _mib(total["Pss"]),
        "private_mib": _mib(private),
    }, results


def _hold(read: Callable[..., Any], given: Sequence[Any], told: Any, done: Any) -> None:
    """Read, and wait to be measured."""
    with ExitStack() as stack:
        told.send(read(stack, *given))
        done.wait()


def _read(stack: ExitStack, root: Path, questions: int) -> None:
    """A reader."""
    memory = stack.enter_context(Hippo.open(root))
    for number in range(questions):
        memory.retrieve(question(number), explain=True)


def _rollup(pid: int) -> dict[str, int]:
    """Bytes by kind of memory."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    return {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}


def _mib(size: int) -> float:
    return round(size / 2**20, 1)


def _shown(result: dict[str, Any]) -> str:
    named = {"one, of one passage": "one_passage", "one": "one", "all": "many"}
    rows = [
        [name, *(result[key][part] for part in ("processes", "rss_mib", "private_mib", "pss_mib"))]
        for name, key in named.items()
    ]
    text = table(["readers", "processes", "resident MiB", "private MiB", "share MiB"], rows)
    more = (
        f"each further reader takes {result['each_more_mib']} MiB; all together {result['together_to_one']} times one"
    )
    return f"{result['passages']} passages, snapshot of {result['snapshot_mib']} MiB\n{text}\n{more}"


if __name__ == "__main__":
    main()
