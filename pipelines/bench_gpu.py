"""A CUDA device beside the processor: block PageRank, exact search and encoding, in turns in one process.

    python -m pipelines.bench_gpu
    python -m pipelines.bench_gpu --device cpu --nodes 20000 --vectors 20000 --passages 32

Where torch sees no CUDA device it says so, measures nothing, and ends with status 3. `--device cpu` runs the same code
on the processor: PageRank by torch, where the other column is what hippo does without a device.

Seconds are those of the clock, of a whole call with its transfers: a block of questions is walked on a graph of
`pipelines.synthetic`, until the order of 20 passages is proven; questions are compared with all vectors, one and many
at a time; passages are read by all-MiniLM-L6-v2. Each is done --rounds times, in turns, after once that does not count.
What memory allows is measured in the same run: gigabytes a second that a large copy reads and writes there. Beside it
stands what each part has to move at least: the graph and some vectors of each question for a sweep, in the precision
of that sweep, and all vectors for a search: in float16 on the device, which torch searches, in float32 on the
processor, which FAISS does. Where FAISS sees the device, its exact search there is measured beside. `product` is the
product of graph and block alone, without the other parts of a sweep.
"""

import math
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.backends.pagerank.cuda import TorchArrays
from hippo.backends.pagerank.measure_kernel import WIDTH
from hippo.backends.pagerank.power import PowerPageRank, solve
from hippo.backends.pagerank.problem import Problem
from hippo.backends.pagerank.solver import Solver
from hippo.errors import HippoError
from hippo.evaluation.latency import in_turns
from hippo.protocols import PageRankResult, VectorIndex, Walk
from hippo.retrieval.profiles import PROFILES
from pipelines.common import new_parser, publish, table
from pipelines.life.corpus import documents
from pipelines.machine import copy_rate, measured, spread
from pipelines.synthetic import make_graph, make_questions

if TYPE_CHECKING:
    from hippo.protocols import Float32, Int64

__all__ = ["NO_DEVICE", "TorchPageRank", "main", "measure"]

NO_DEVICE = 3
"""Exit status where there is no device."""
_TOP = 20
_COPIED = 2**32
"""Bytes that are copied: more than caches hold."""


class TorchPageRank(Solver):
    """Block power iteration by torch on one device, whatever the size: what `PowerPageRank` does on CUDA.

    Args:
        device: As torch names it.
    """

    def __init__(self, device: str) -> None:
        self._arrays = TorchArrays(device)

    def solve(self, problem: Problem) -> PageRankResult:
        """Scores of the block of questions that a problem holds."""
        return solve(problem, self._arrays, 200, 1, problem.shape[1], sys.maxsize)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do a part of the work.

    Attributes:
        run: Does it.
        moved: Bytes that have to be moved, given what `run` returned; 0: unknown.
    """

    run: Callable[[], Any]
    moved: Callable[[Any], float] = lambda _: 0.0


def main() -> None:
    """Parse arguments, measure, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="what to measure")
    parser.add_argument("--nodes", type=int, default=1_000_000, help="size of the graph")
    parser.add_argument("--questions", type=int, default=64, help="questions that are walked and searched together")
    parser.add_argument("--vectors", type=int, default=1_000_000, help="vectors that are searched; 0: none")
    parser.add_argument("--dimension", type=int, default=384, help="length of a vector")
    parser.add_argument("--passages", type=int, default=512, help="passages that are encoded; 0: none")
    parser.add_argument("--rounds", type=int, default=5, help="times that each is measured")
    arguments = parser.parse_args()
    why = _missing(arguments.device)
    if why:
        print(f"{why}: nothing was measured. With --device cpu the processor runs the same code.", file=sys.stderr)
        sys.exit(NO_DEVICE)
    result = measured(measure(arguments))
    publish(arguments, result, report(result))


def measure(arguments: Namespace) -> dict[str, Any]:
    """Every part on the device and on the processor."""
    rates = {device: _copy_rate(device, arguments.rounds) for device in dict.fromkeys((arguments.device, "cpu"))}
    parts: dict[str, dict[str, Any]] = {}
    for name, make in (("walk", _walk), ("search", _search), ("encode", _encode)):
        try:
            for label, ways, about in make(arguments):
                parts[label] = _in_turns(ways, arguments, rates) | about
        except HippoError as error:
            parts[name] = {"missing": str(error)}
    return {"device": _name(arguments.device), "copy_gb_per_second": rates, "parts": parts}


_Part = tuple[str, dict[str, Way], dict[str, Any]]


def _walk(arguments: Namespace) -> list[_Part]:
    graph = make_graph(arguments.nodes)
    profile = PROFILES["hipporag2"]
    walk = Walk(graph.adjacency(profile.kind_weights), profile.damping, None, symmetric=True)
    restart = make_questions(graph, arguments.questions).restart
    matrix = walk.adjacency
    size = float(matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes)
    column = 8.0 * graph.n_nodes
    on_cpu = PowerPageRank(device="cpu")
    relaxed = on_cpu.relaxes(len(matrix.data))
    engines: dict[str, Solver] = {"device": TorchPageRank(arguments.device), "cpu": on_cpu}
    heads: dict[str, Int64] = {}

    def ask(name: str) -> PageRankResult:
        result = engines[name].rank(walk, restart, top=_TOP, candidates=graph.passages)
        heads[name] = np.argsort(-result.scores[graph.passages], axis=0, kind="stable")[:_TOP]
        return result

    def moved(name: str) -> Callable[[PageRankResult], float]:
        if name == "cpu" and relaxed:
            return lambda result: _relaxed(result.iterations, matrix)
        width = arguments.questions
        if name == "cpu":
            width = min(WIDTH, math.ceil(width / (os.cpu_count() or 1)))
        return lambda result: _swept(result.iterations, width, size, column)

    ways = {name: Way(lambda name=name: ask(name), moved(name)) for name in engines}  # type: ignore[misc]
    block = np.ascontiguousarray(restart)
    arrays = TorchArrays(arguments.device)
    tensor, there = arrays.matrix(_graph_of(walk)), arrays.put(block)
    products = {
        "device": Way(lambda: _done(tensor @ there), lambda _: size + 2 * column * arguments.questions),
        "cpu": Way(lambda: matrix @ block, lambda _: size + 2 * column * arguments.questions),
    }
    for name in engines:
        ask(name)
    about = {"nodes": graph.n_nodes, "entries": len(matrix.data), "questions": arguments.questions}
    same = float((heads["device"] == heads["cpu"]).all(axis=0).mean())
    return [("walk", ways, {**about, "same_order": same}), ("product", products, about)]


def _search(arguments: Namespace) -> list[_Part]:
    from hippo.backends.vectors.faiss import FaissVectorIndex, count_gpus
    from hippo.backends.vectors.torch import TorchVectorIndex

    if not arguments.vectors:
        return []
    random = np.random.default_rng(0)
    vectors = random.standard_normal((arguments.vectors, arguments.dimension), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    there = TorchVectorIndex(vectors, device=arguments.device)
    indexes: dict[str, tuple[VectorIndex, int]] = {"search": (there, there.nbytes)}
    if arguments.device != "cpu" and count_gpus():
        indexes["search by FAISS"] = FaissVectorIndex(vectors, kind="flat", gpu=True), vectors.nbytes
    here = FaissVectorIndex(vectors, kind="flat", gpu=False)

    def way(index: VectorIndex, asked: "Float32", size: int) -> Way:
        return Way(lambda: index.search(asked, _TOP), lambda _: float(size))

    parts: list[_Part] = []
    for name, (index, size) in indexes.items():
        for count in (1, arguments.questions):
            # Between two vectors each: copies of vectors would be found too easily.
            asked = vectors[:count] + vectors[-count:]
            asked /= np.linalg.norm(asked, axis=1, keepdims=True)
            ways = {"device": way(index, asked, size), "cpu": way(here, asked, vectors.nbytes)}
            same = (index.search(asked, _TOP)[0] == here.search(asked, _TOP)[0]).all(axis=1)
            about = {"vectors": arguments.vectors, "dimension": arguments.dimension, "questions": count}
            parts.append((f"{name}, {count} at once", ways, {**about, "same_order": float(same.mean())}))
    return parts


def _encode(arguments: Namespace) -> list[_Part]:
    from hippo.backends.encoders.minilm import MiniLM

    if not arguments.passages:
        return []
    encoders = {"device": MiniLM(device=arguments.device), "cpu": MiniLM(device="cpu")}
    texts = [one.text for one in documents(range(arguments.passages))]
    tokens = sum(encoders["cpu"].count(texts))
    ways = {name: Way(lambda encoder=encoder: encoder.encode(texts)) for name, encoder in encoders.items()}  # type: ignore[misc]
    return [("encode", ways, {"passages": len(texts), "tokens": tokens})]


def _in_turns(ways: dict[str, Way], arguments: Namespace, rates: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Milliseconds of each way, how many times faster the device is, and the share of what memory allows."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    moved = {name: way.moved(way.run()) for name, way in ways.items()}
    for _, name in in_turns([str(number) for number in range(arguments.rounds)], list(ways)):
        began = perf_counter()
        ways[name].run()
        seconds[name].append(perf_counter() - began)
    found: dict[str, Any] = {name: {"ms": spread([1e3 * one for one in taken])} for name, taken in seconds.items()}
    for name, device in (("device", arguments.device), ("cpu", "cpu")):
        if moved[name]:
            rate = spread([1e-9 * moved[name] / one for one in seconds[name]])
            share = round(rate["median"] / rates[device]["median"], 4)
            found[name] |= {"bytes": moved[name], "gb_per_second": rate, "share_of_copy": share}
    found["times_faster"] = spread([a / b for a, b in zip(seconds["cpu"], seconds["device"], strict=True)])
    return found


def _swept(iterations: "Int64", width: int, matrix: float, column: float) -> float:
    """Bytes of all sweeps: the graph once for each block, and of each question three vectors read and one written."""
    blocks = [iterations[start : start + width] for start in range(0, len(iterations), width)]
    return float(sum(int(block.max()) * matrix for block in blocks) + 4 * column * int(iterations.sum()))


def _relaxed(iterations: "Int64", matrix: Any) -> float:
    """Bytes of all relaxations: sweeps of a block in float32, and the last one, which is measured, in float64.

    Of each question a sweep reads two float32 vectors and writes one; the last reads one of each precision.
    """
    last = float(matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes)
    blocks = [iterations[start : start + WIDTH] for start in range(0, len(iterations), WIDTH)]
    graphs = sum((int(block.max()) - 1) * (last - matrix.data.nbytes / 2) + last for block in blocks)
    return float(graphs + 12 * matrix.shape[0] * int(iterations.sum()))


def _copy_rate(device: str, rounds: int) -> dict[str, float]:
    """Gigabytes a second that a copy within the memory of a device reads and writes."""
    if device == "cpu":
        return copy_rate(rounds)
    import torch

    size = min(_COPIED, torch.cuda.mem_get_info()[0] // 4)
    source = torch.ones(size // 8, dtype=torch.float64, device=device)
    target, seconds = torch.empty_like(source), []
    for _ in range(rounds + 1):
        began = perf_counter()
        _done(target.copy_(source))
        seconds.append(perf_counter() - began)
    return spread([2e-9 * source.nbytes / one for one in seconds[1:]])


def _done(tensor: Any) -> Any:
    """The tensor, once it has been computed."""
    if tensor.device.type == "cuda":
        import torch

        torch.cuda.synchronize()
    return tensor


def _graph_of(walk: Walk) -> Any:
    from hippo.backends.pagerank.problem import graph_of

    return graph_of(walk.adjacency, symmetric=True)


def _missing(device: str) -> str:
    """Why a device cannot be measured; empty if it can."""
    try:
        import torch
    except ImportError:
        return "torch is not installed"
    return "torch sees no CUDA device" if device == "cuda" and not torch.cuda.is_available() else ""


def _name(device: str) -> str:
    import torch

    return f"cuda, {torch.cuda.get_device_name()}" if device == "cuda" else f"cpu, {torch.get_num_threads()} threads"


def report(result: dict[str, Any]) -> str:
    """The result as text."""
    rows = [_row(name, part) for name, part in result["parts"].items() if "missing" not in part]
    lines = [
        f"device: {result['device']}",
        *(f"a copy on {name}: {rate['median']:.1f} GB/s" for name, rate in result["copy_gb_per_second"].items()),
        table(["part", "device ms", "10 to 90 %", "cpu ms", "10 to 90 %", "times faster", "of the copy", "cpu"], rows),
        *(f"{name}: {part['missing']}" for name, part in result["parts"].items() if "missing" in part),
    ]
    encoded = result["parts"].get("encode", {})
    if "tokens" in encoded:
        speeds = (f"{1e3 * encoded['tokens'] / encoded[name]['ms']['median']:,.0f}" for name in ("device", "cpu"))
        lines.append("tokens a second, device and cpu: " + ", ".join(speeds))
    for what, prefix in (("passages", "walk"), ("vectors", "search")):
        parts = [part for name, part in result["parts"].items() if name.startswith(prefix)]
        if same := [part["same_order"] for part in parts if "same_order" in part]:
            lines.append(f"the same {_TOP} {what} in the same order: {min(same):.0%}")
    return "\n".join(lines)


def _row(name: str, part: dict[str, Any]) -> Sequence[str]:
    cells = []
    for way in ("device", "cpu"):
        ms = part[way]["ms"]
        cells += [f"{ms['median']:.1f}", f"{ms['p10']:.1f} to {ms['p90']:.1f}"]
    shares = (f"{part[way]['share_of_copy']:.0%}" if "share_of_copy" in part[way] else "" for way in ("device", "cpu"))
    return [name, *cells, f"{part['times_faster']['median']:.2f}", *shares]


if __name__ == "__main__":
    main()
