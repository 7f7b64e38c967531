"""A whole retrieval without its encoder, one question at a time and in a batch, beside the published way, in turns.

    python -m pipelines.bench_query --index my-index --questions data/sample.json

Questions are encoded before, and their vectors repeated, so that no model runs while times are taken. The published way
is that of HippoRAG 2 (arXiv 2502.14802) on the same vectors and the same graph: all similarities, min-max, five facts,
every passage a seed, PRPACK with the restart vector as a list and the weights as an attribute, a full sort. Its loops
over nodes in Python are arrays here, which is to its advantage. In each round every question is asked alone and in the
published way, in turns, then as many as fill a batch at once; what hippo remembers of questions is forgotten before.
Printed are milliseconds of a question in the median, with the 10th and the 90th percentile, by the clock and of the
processor (all threads together), how much faster than the published way each is, by the median of the processor, and
the stages of hippo's own ways. Below stands what the arithmetic of it takes, timed in the same run: all vectors of
passages and facts times that of the question, by BLAS in float32, and as many products of the graph with a vector, by
SciPy, as there were sweeps; in a batch with 16 vectors at once.
"""

import os
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo import Hippo
from hippo.backends.pagerank.measure_kernel import WIDTH
from hippo.config import load_config
from hippo.evaluation import load_questions
from hippo.evaluation.latency import in_turns
from hippo.parts import make_encoder
from hippo.retrieval.profiles import PROFILES, resolve_profile
from hippo.snapshot.contents import Contents
from pipelines.asked import forget, show_stages, stages
from pipelines.common import new_parser, publish, table
from pipelines.machine import copy_rate, measured
from pipelines.replay import replayed

if TYPE_CHECKING:
    from hippo.protocols import Float32, Float64
    from hippo.types import Retrieval

_K = 20
_SEED_FACTS = 5
_PASSAGE_WEIGHT = 0.05
_PRODUCTS = 30
"""Times that a product is timed."""


def main() -> None:
    """Parse arguments, measure, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--index", type=Path, required=True, help="folder of the index")
    parser.add_argument("--questions", type=Path, required=True, help="questions, as `hippo eval` reads them")
    parser.add_argument("--encoder", default="minilm", help="the one that the index was made with")
    parser.add_argument("--config", type=Path, help="hippo.toml, where there is one")
    parser.add_argument("--profile", default="hippo", help="how to rank")
    parser.add_argument("--batch", type=int, default=64, help="questions of a batch")
    parser.add_argument("--limit", type=int, default=100, help="first questions only")
    parser.add_argument("--rounds", type=int, default=3, help="times that every question is asked")
    parser.add_argument("--peer-threads", type=int, default=1, help="OpenMP threads of PRPACK; one is fastest")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(arguments.peer_threads)
    result = measured(run(arguments))
    publish(arguments, result, report(result))


def run(arguments: Namespace) -> dict[str, Any]:
    """Encode, ask, compare."""
    encoder = make_encoder(load_config(arguments.config, {"encoder": {"name": arguments.encoder}}))
    if encoder is None:
        raise SystemExit("--encoder none: the published way needs vectors")
    questions = [one.text for one in load_questions(arguments.questions, limit=arguments.limit)]
    replay = replayed(arguments.index, encoder, questions, arguments.config, arguments.profile)
    with Hippo.open(arguments.index, encoder=replay, config=arguments.config) as memory:
        return measure(memory, questions, replay.encode(questions), arguments)


def measure(memory: Hippo, questions: Sequence[str], vectors: "Float32", arguments: Namespace) -> dict[str, Any]:
    """Times of all ways."""
    contents = memory.contents()
    published = Published(contents)
    rows = {text: row for row, text in enumerate(questions)}
    found: dict[str, list[Retrieval]] = {"alone": [], "batch": []}
    ways: dict[str, Callable[[str], object]] = {
        "alone": lambda question: found["alone"].append(memory.retrieve(question, k=_K, profile=arguments.profile)),
        "published": lambda question: published.rank(vectors[rows[question]]),
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in (*ways, "batch")}
    batch = [questions[place % len(questions)] for place in range(arguments.batch)]
    for turn in range(arguments.rounds + 1):  # the first one warms up
        forget()
        for question, name in in_turns(questions if turn else questions[:20], list(ways)):
            taken = _timed(lambda: ways[name](question))  # noqa: B023  (called at once)
            if turn:
                times[name].append(taken)
        forget()
        wall, processor = _timed(
            lambda: found["batch"].extend(memory.retrieve_many(batch, k=_K, profile=arguments.profile))
        )
        if turn:
            times["batch"].append((wall / len(batch), processor / len(batch)))
        else:
            found["alone"].clear()
            found["batch"].clear()
    peer = np.median([processor for _, processor in times["published"]])
    return {
        "passages": contents.n_chunks,
        "facts": contents.facts.num_rows,
        "nodes": contents.graph.n_nodes,
        "questions": len(questions),
        "batch": arguments.batch,
        "profile": arguments.profile,
        "ways": {name: _summary(taken, float(peer)) for name, taken in times.items()},
        "stages": {name: stages(retrievals) for name, retrievals in found.items()},
        "arithmetic": arithmetic(contents, vectors, found["alone"], arguments),
        "copy_gb_per_second": copy_rate(),
    }


def arithmetic(
    contents: Contents, vectors: "Float32", found: "Sequence[Retrieval]", arguments: Namespace
) -> dict[str, Any]:
    """Milliseconds of the processor for the products that a question needs, alone and in a batch, and their bytes."""
    scored = [np.array(contents.vectors[name], np.float32) for name in ("passage", "fact")]
    matrix = contents.graph.adjacency(resolve_profile(arguments.profile).kind_weights)
    sweeps = float(np.median([one.parameters.get("sweeps", 0) for one in found]))
    together = np.resize(vectors, (arguments.batch, vectors.shape[1])).T.copy()
    asked = {1: together[:, 0].copy(), arguments.batch: together}
    swept = {1: np.ones(matrix.shape[0]), arguments.batch: np.ones((matrix.shape[0], min(WIDTH, arguments.batch)))}
    result: dict[str, Any] = {
        "sweeps": sweeps,
        "vector_bytes": sum(one.nbytes for one in scored),
        "graph_bytes": matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes,
    }
    for name, size in (("alone", 1), ("batch", arguments.batch)):
        product = _middle(lambda: [one @ asked[size] for one in scored]) / size  # noqa: B023  (called at once)
        sweep = _middle(lambda: matrix @ swept[size]) / (swept[size].size / matrix.shape[0])  # noqa: B023
        result[name] = {"vectors_ms": product, "walk_ms": sweeps * sweep, "ms": product + sweeps * sweep}
    return result


def _middle(work: Callable[[], object]) -> float:
    """Milliseconds of the processor, median."""
    return float(np.median([1e3 * _timed(work)[1] for _ in range(_PRODUCTS)]))


class Published:
    """Ranking as HippoRAG 2 does it, facts unfiltered.

    Args:
        contents: The index.
    """

    def __init__(self, contents: Contents) -> None:
        import igraph

        profile = PROFILES["hipporag2"]
        self._passages = np.array(contents.vectors["passage"], np.float32)
        self._facts = np.array(contents.vectors["fact"], np.float32)
        self._fact_entities = contents.fact_entities
        self._counts = np.maximum(contents.entities.column("chunks").to_numpy(), 1)
        self._graph = contents.graph
        matrix = contents.graph.adjacency(profile.kind_weights)
        rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        upper = rows < matrix.indices
        self._network = igraph.Graph(n=matrix.shape[0], edges=np.column_stack((rows, matrix.indices))[upper])
        self._network.es["weight"] = matrix.data[upper]
        self._damping = profile.damping

    def rank(self, query: "Float32") -> list[int]:
        """Rows of the best passages."""
        scores = _minmax(self._facts @ query)
        best = np.argsort(scores)[::-1][:_SEED_FACTS]
        indptr, indices = self._fact_entities
        weights, occurrences = np.zeros((2, self._graph.n_entities))
        for fact in best:
            for entity in indices[indptr[fact] : indptr[fact + 1]]:
                weights[entity] += scores[fact] / self._counts[entity]
                occurrences[entity] += 1
        weights /= np.maximum(occurrences, 1)
        weights[np.argsort(weights)[::-1][_SEED_FACTS:]] = 0.0
        reset = np.concatenate([weights, _minmax(self._passages @ query) * _PASSAGE_WEIGHT])
        found = self._network.personalized_pagerank(
            vertices=range(self._graph.n_nodes),
            damping=self._damping,
            directed=False,
            weights="weight",
            reset=reset.tolist(),
            implementation="prpack",
        )
        order: list[int] = np.argsort(np.array(found)[self._graph.passages])[::-1][:_K].tolist()
        return order


def _minmax(values: "Float32") -> "Float64":
    low, high = float(values.min()), float(values.max())
    return (values.astype(np.float64) - low) / (high - low) if high > low else np.ones(len(values))


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the wall and of the processor."""
    wall, processor = perf_counter(), process_time()
    work()
    return perf_counter() - wall, process_time() - processor


def _summary(taken: Sequence[tuple[float, float]], peer: float) -> dict[str, float]:
    wall, processor = np.array(taken).T * 1e3
    low, middle, high = np.quantile(wall, [0.1, 0.5, 0.9]).tolist()
    found = {"median_ms": middle, "p10_ms": low, "p90_ms": high}
    low, middle, high = np.quantile(processor, [0.1, 0.5, 0.9]).tolist()
    found |= {"processor_ms": middle, "processor_p10_ms": low, "processor_p90_ms": high}
    return {**found, "times_faster": 1e3 * peer / found["processor_ms"]}


def report(result: dict[str, Any]) -> str:
    """The result as text."""
    names = {"alone": "alone", "batch": f"in batches of {result['batch']}", "published": "the published way"}
    rows = [
        [
            names[name],
            f"{way['median_ms']:.2f}",
            f"{way['p10_ms']:.2f} to {way['p90_ms']:.2f}",
            f"{way['processor_ms']:.2f}",
            f"{way['processor_p10_ms']:.2f} to {way['processor_p90_ms']:.2f}",
            f"{way['times_faster']:.1f}",
        ]
        for name, way in result["ways"].items()
    ]
    counts = (f"{result[name]} {name}" for name in ("passages", "facts", "nodes", "questions"))
    header = ["a question", "ms", "10 to 90 %", "processor ms", "10 to 90 %", "times faster"]
    needed = result["arithmetic"]
    products = [
        [names[name], *(f"{needed[name][part]:.2f}" for part in ("vectors_ms", "walk_ms", "ms"))]
        for name in ("alone", "batch")
    ]
    by_stage = show_stages({names[name]: one for name, one in result["stages"].items()})
    sums = table(["products alone, ms", "vectors", f"{needed['sweeps']:.0f} sweeps", "together"], products)
    return "\n\n".join([f"{', '.join(counts)}\n{table(header, rows)}", by_stage, sums])


if __name__ == "__main__":
    main()
