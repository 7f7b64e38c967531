"""Personalized PageRank on large graphs: push and block power beside igraph's PRPACK, in turns in one process.

    python -m pipelines.bench_ppr --nodes 1000000
    python -m pipelines.bench_ppr --nodes 1000000,10000000 --peer-most 2000000 --block 0

Graphs and questions are those of `pipelines.synthetic`. Two walks: the published one (d = 0.5, plain, its weights of
edges) and that of the profile `hippo` (query-aware). PRPACK is called as the published system calls it: weights as an
attribute of the edges, the restart vector as a list. Every question goes to every engine, another one first each time;
with --peer-questions PRPACK gets the first ones alone, of which the ratio is.
Times are processor time of all threads, so that other work on the machine does not tell for those that are short.
For push, and for `auto`, which takes the engine that it holds for cheaper and ends where the order can be trusted,
the seeds are given, so the time is all that a question costs on a graph that is loaded; for a block it is that
of a call with all questions at once, to `power` and to `auto`, which chooses for them. The order of the first
passages (--top) is compared with PRPACK's. Of push it also says how many nodes it reached and pushed, and what a push
took, beside one read at a random place of an array of a number for each node, timed in the same run.

With --check N the order that `push` stops at is compared with a walk to a tolerance of 1e-12, for N questions.
"""

import os
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import process_time
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.evaluation.latency import in_turns
from hippo.graph.model import Graph
from hippo.protocols import PageRank, Walk
from hippo.retrieval.profiles import PROFILES
from pipelines.common import new_parser, publish, table
from pipelines.machine import measured, random_read_ns
from pipelines.synthetic import Questions, make_graph, make_questions

if TYPE_CHECKING:
    from hippo.protocols import Float64, Int64

_TOP = 20
_WALKS = {"published": "hipporag2", "hippo": "hippo"}


@dataclass(frozen=True)
class Task:
    """One walk on one graph, and its questions."""

    kind: str
    graph: Graph
    walk: Walk
    questions: Questions
    top: int

    @property
    def name(self) -> str:
        """What it is called where it is printed."""
        return f"{self.graph.n_nodes:.1e} nodes, {self.kind}"

    def gain(self, column: int) -> "Float64 | None":
        """Gain of a question, float64 `(n, 1)`; None: the plain walk."""
        return None if self.walk.gain is None else self.walk.gain[:, [column]]

    def head(self, scores: "Float64") -> list[int]:
        """The best passages by their scores."""
        best: Int64 = np.argsort(-scores, kind="stable")[: self.top]
        return list(map(int, best))


def main() -> None:
    """Parse arguments, measure, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--nodes", default="1000000", help="sizes, separated by commas")
    parser.add_argument("--walk", action="append", choices=list(_WALKS), help="repeatable; both without it")
    parser.add_argument("--questions", type=int, default=10, help="questions asked one at a time")
    parser.add_argument("--block", type=int, default=64, help="questions asked at once; 0: none")
    parser.add_argument("--repeats", type=int, default=3, help="times that the block is asked")
    parser.add_argument("--peer-most", type=int, default=10**9, help="most nodes that PRPACK is run on")
    parser.add_argument("--peer-questions", type=int, help="PRPACK is asked the first ones alone; without: all")
    parser.add_argument("--peer-threads", type=int, default=1, help="OpenMP threads of PRPACK; one is fastest")
    parser.add_argument("--check", type=int, default=0, help="questions for the comparison with the exact order")
    parser.add_argument("--top", type=int, default=_TOP, help="passages whose order counts")
    parser.add_argument("--slack", type=float, default=1.0, help="of push: 1: a proof; more: see `PushPageRank`")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(arguments.peer_threads)
    results = [row for nodes in arguments.nodes.split(",") for row in measure(int(nodes), arguments)]
    header = ["graph and walk", "engine", "ms a question", "10 to 90 %", "times faster", "same order", "ended by"]
    header += ["pushes", "ns a push", "ns a read"]
    publish(arguments, measured({"rows": results}), table(header, [_row(one) for one in results]))


def measure(nodes: int, arguments: Namespace) -> list[dict[str, Any]]:
    """All engines on both walks of one graph."""
    graph = make_graph(nodes)
    rows = []
    for name in arguments.walk or _WALKS:
        profile = PROFILES[_WALKS[name]]
        questions = make_questions(graph, max(arguments.questions, arguments.check, 1))
        gain = questions.gain if profile.query_gain else None
        walk = Walk(graph.adjacency(profile.kind_weights), profile.damping, gain, symmetric=True)
        task = Task(name, graph, walk, questions, arguments.top)
        rows += _singles(task, arguments)
        if arguments.check:
            rows.append(_check(task, arguments))
        if arguments.block and graph.n_nodes <= arguments.peer_most:
            rows += _block(task, arguments, make_questions(graph, arguments.block, seed=1))
    return rows


def _singles(task: Task, arguments: Namespace) -> list[dict[str, Any]]:
    pushed: dict[int, tuple[int, int]] = {}
    engines: dict[str, Callable[[int], tuple[list[int], str]]] = {
        "push": _push(task, arguments, pushed),
        "auto": _auto(task),
    }
    if task.graph.n_nodes <= arguments.peer_most:
        engines["PRPACK"] = _prpack(task)
    for engine in engines.values():
        engine(0)
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    found: dict[tuple[str, int], tuple[list[int], str]] = {}
    compared = range(min(arguments.questions, arguments.peer_questions or arguments.questions))
    for column, name in in_turns([str(column) for column in range(arguments.questions)], list(engines)):
        if name == "PRPACK" and int(column) not in compared:
            continue
        began = process_time()
        found[name, int(column)] = engines[name](int(column))
        seconds[name].append(process_time() - began)
    columns = range(arguments.questions)
    ended = Counter(found["push", column][1] for column in columns)
    row = _summary(task, "push", seconds["push"]) | {"stopped": dict(ended)}
    if pushed:
        spent = [1e9 * seconds["push"][column] / pushes for column, (_, pushes) in pushed.items()]
        reached, pushes = np.median([*pushed.values()], axis=0).tolist()
        row |= {"reached": reached, "pushes": pushes, "push_ns": float(np.median(spent))}
        row["random_read_ns"] = random_read_ns(task.graph.n_nodes)["median"]
    auto = _summary(task, "auto", seconds["auto"])
    auto["stopped"] = dict(Counter(found["auto", column][1] for column in columns))
    if "PRPACK" not in engines:
        return [row, auto]
    for one in (row, auto):
        name = one["engine"]
        one["same_top"] = float(np.mean([found[name, column][0] == found["PRPACK", column][0] for column in compared]))
        one["times_faster"] = float(np.median(np.array(seconds["PRPACK"]) / np.array(seconds[name])[compared]))
    return [row, auto, _summary(task, "PRPACK", seconds["PRPACK"])]


def _push(
    task: Task, arguments: Namespace, pushed: dict[int, tuple[int, int]] | None = None
) -> Callable[[int], tuple[list[int], str]]:
    """Push as a way to ask; nodes reached and pushes of a question that it did not leave to `power` go to `pushed`."""
    from hippo.backends.pagerank.push import PushPageRank

    engine, passages = PushPageRank(threads=1, slack=arguments.slack), task.graph.passages
    seeds = _seeds(task)

    def ask(column: int) -> tuple[list[int], str]:
        walk = Walk(task.walk.adjacency, task.walk.damping, task.gain(column))
        local = engine.spread(walk, *seeds[column], top=task.top, candidates=passages, highest=1.0)
        if local is None:
            swept = engine.rank(walk, task.questions.restart[:, [column]], top=task.top, candidates=passages)
            return task.head(swept.scores[passages, 0]), "power"
        if pushed is not None:
            pushed[column] = len(local.nodes), local.pushes
        chosen = local.nodes >= passages.start
        reached, scores = local.nodes[chosen], local.scores[chosen]
        return (reached[np.lexsort((reached, -scores))][: task.top] - passages.start).tolist(), local.stopped

    return ask


def _seeds(task: Task) -> "list[tuple[Int64, Float64]]":
    """Nodes of each restart vector, and their parts of it."""
    nodes = [np.flatnonzero(restart) for restart in task.questions.restart.T]
    return [(rows, task.questions.restart[rows, column]) for column, rows in enumerate(nodes)]


def _auto(task: Task) -> Callable[[int], tuple[list[int], str]]:
    """The engine that chooses; where the walk has a gain it is given the whole restart vector."""
    from hippo.backends.pagerank.auto import AutoPageRank

    engine, passages, seeds = AutoPageRank(threads=1), task.graph.passages, _seeds(task)

    def ask(column: int) -> tuple[list[int], str]:
        gain = task.gain(column)
        walk = Walk(task.walk.adjacency, task.walk.damping, gain)
        if gain is None:
            result = engine.rank_seeds(walk, [seeds[column]], top=task.top, candidates=passages)
            scores = result.scores[:, 0]
            reached = np.flatnonzero(scores)
            return reached[np.lexsort((reached, -scores[reached]))][: task.top].tolist(), result.stopped[0]
        result = engine.rank(walk, task.questions.restart[:, [column]], top=task.top, candidates=passages)
        return task.head(result.scores[passages, 0]), result.stopped[0]

    return ask


def _prpack(task: Task) -> Callable[[int], tuple[list[int], str]]:
    import igraph

    matrix = task.walk.adjacency
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int32), np.diff(matrix.indptr))
    upper = (rows < matrix.indices) & (matrix.data > 0)
    first, second, weights = rows[upper], matrix.indices[upper], matrix.data[upper]
    network = igraph.Graph(n=matrix.shape[0], edges=np.column_stack((first, second)))
    network.es["weight"] = weights

    def ask(column: int) -> tuple[list[int], str]:
        gain = task.gain(column)
        if gain is not None:
            network.es["weight"] = weights * gain[first, 0] * gain[second, 0]
        reset = task.questions.restart[:, column].tolist()
        scores = network.personalized_pagerank(
            vertices=range(matrix.shape[0]),
            damping=task.walk.damping,
            directed=False,
            weights="weight",
            reset=reset,
            implementation="prpack",
        )
        return task.head(np.array(scores)[task.graph.passages]), "tolerance"

    return ask


def _check(task: Task, arguments: Namespace) -> dict[str, Any]:
    """How often push ends at the exact order, and how."""
    count = arguments.check
    from hippo.backends.pagerank.power import PowerPageRank

    ask, same, ended = _push(task, arguments), Counter[str](), Counter[str]()
    for start in range(0, count, 16):
        columns = list(range(start, min(start + 16, count)))
        gain = None if task.walk.gain is None else task.walk.gain[:, columns]
        walk = Walk(task.walk.adjacency, task.walk.damping, gain)
        exact = PowerPageRank(max_iterations=1000).rank(walk, task.questions.restart[:, columns], tolerance=1e-12)
        for place, column in enumerate(columns):
            best, stopped = ask(column)
            ended[stopped] += 1
            same[stopped] += best == task.head(exact.scores[task.graph.passages, place])
    return {
        "task": task.name,
        "engine": f"push, {count} beside the exact order",
        "same_top": sum(same.values()) / count,
        "stopped": dict(ended),
        "same_by_end": dict(same),
    }


def _block(task: Task, arguments: Namespace, questions: Questions) -> list[dict[str, Any]]:
    from hippo.backends.pagerank.auto import AutoPageRank
    from hippo.backends.pagerank.power import PowerPageRank

    gain = questions.gain if task.walk.gain is not None else None
    walk = Walk(task.walk.adjacency, task.walk.damping, gain)
    few = Task(task.kind, task.graph, walk, questions, task.top)
    engines: dict[str, PageRank] = {"auto": AutoPageRank(), "power": PowerPageRank()}
    peer, count, passages = _prpack(few), arguments.block, task.graph.passages
    warm = Walk(walk.adjacency, walk.damping, None if gain is None else gain[:, :3])
    for engine in engines.values():  # whatever is compiled, and known of the graph from the first question on
        engine.rank(warm, questions.restart[:, :3], top=task.top, candidates=passages)
    seconds: dict[str, list[float]] = {name: [] for name in (*engines, "PRPACK")}
    same: dict[str, list[bool]] = {name: [] for name in engines}
    results = {}
    for repeat in range(arguments.repeats):
        for name, engine in engines.items():
            began = process_time()
            results[name] = engine.rank(walk, questions.restart, top=task.top, candidates=passages)
            seconds[name].append((process_time() - began) / count)
        for column in range(repeat, count, max(1, count // 4)):
            began = process_time()
            best, _ = peer(column)
            seconds["PRPACK"].append(process_time() - began)
            for name, result in results.items():
                same[name].append(best == task.head(result.scores[passages, column]))
    rows = []
    for name, result in results.items():
        label = f"{name} ({result.engine})" if name == "auto" else name
        row = _summary(task, f"{label}, {count} at once", seconds[name])
        row |= {"stopped": dict(Counter(result.stopped)), "same_top": float(np.mean(same[name]))}
        row["times_faster"] = float(np.median(seconds["PRPACK"]) / np.median(seconds[name]))
        rows.append(row)
    return rows


def _summary(task: Task, engine: str, seconds: Sequence[float]) -> dict[str, Any]:
    low, middle, high = (1000 * np.quantile(seconds, [0.1, 0.5, 0.9])).tolist()
    about = {"task": task.name, "nodes": task.graph.n_nodes, "walk": task.kind, "engine": engine}
    return {**about, "median_ms": middle, "p10_ms": low, "p90_ms": high}


def _row(result: dict[str, Any]) -> list[str]:
    ended = ", ".join(f"{name} {count}" for name, count in sorted(result.get("stopped", {}).items()))
    return [
        result["task"],
        result["engine"],
        f"{result['median_ms']:.1f}" if "median_ms" in result else "",
        f"{result['p10_ms']:.1f} to {result['p90_ms']:.1f}" if "median_ms" in result else "",
        f"{result['times_faster']:.0f}" if "times_faster" in result else "",
        f"{result['same_top']:.1%}" if "same_top" in result else "",
        ended,
        f"{result['pushes']:,.0f}" if "pushes" in result else "",
        f"{result['push_ns']:.0f}" if "pushes" in result else "",
        f"{result['random_read_ns']:.1f}" if "pushes" in result else "",
    ]


if __name__ == "__main__":
    main()
