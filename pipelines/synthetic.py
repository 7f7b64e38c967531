"""Graphs like those that indexing makes, of any size, for measuring: passages, popular entities, three kinds of edges.

    python -m pipelines.synthetic --compare my-index        statistics of an index beside those of a graph of its size
    python -m pipelines.synthetic --nodes 1000000           statistics of a large one, and how long it took to make

**Mentions.** Passages stand in a row by topic and mention entities one after another. A mention names an entity that
is new, or repeats an earlier mention: one from nearby, or any. Repeating the first mention of an entity makes another
new one with probability δ; with every draw from all mentions that is the process of Pitman and Yor (1997), whose
entities grow as Heaps' law says and are popular as Zipf's law says. Draws point to earlier mentions, so all of them are
resolved at once, by pointer doubling.

**Edges.** `contains` joins a passage to what it mentions, `relation` its first entity to all others and neighbours to
each other, as facts do, `synonym` pairs of entities. Rows are shuffled: those of an index follow hashes and names.

**Questions** seed a few facts around a passage, and the passages that are most like it by a score that is normally
distributed over all others; the gain follows from that score as in `hippo.retrieval.rank.gains`.
"""

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.graph.build import assemble, count_pairs
from hippo.graph.model import Graph
from pipelines.common import new_parser, publish, table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.protocols import Float64, Int64

__all__ = ["Questions", "Recipe", "make_graph", "make_questions", "statistics"]

_QUANTILES = (0.1, 0.5, 0.9, 0.99)
_PASSAGE_SEEDS = 200
_FACTS = 10


@dataclass(frozen=True, slots=True)
class Recipe:
    """Parameters of a graph, fitted to the development indexes.

    Attributes:
        mentions: Median number of mentions of a passage; it is log-normal.
        spread: Standard deviation of its logarithm.
        new: Probability that a mention is new whatever came before.
        discount: δ: probability that a repeat of a first mention is new.
        near: Share of repeats that are drawn from the mentions nearby.
        reach: Mentions that count as nearby.
        synonyms: Synonym edges per entity.
    """

    mentions: float = 12.5
    spread: float = 0.55
    new: float = 0.27
    discount: float = 0.77
    near: float = 0.65
    reach: int = 100
    synonyms: float = 0.1


@dataclass(frozen=True, slots=True)
class Questions:
    """Restart vectors and gains of m questions: float64 `(n, m)` each."""

    restart: "Float64"
    gain: "Float64"


def make_graph(nodes: int, *, seed: int = 0, recipe: Recipe | None = None) -> Graph:
    """A graph of about this many nodes; equal arguments give equal graphs.

    Args:
        nodes: Entities and passages together, at least 100.
        seed: Of all draws.
        recipe: Its parameters; None: those of the development indexes.
    """
    recipe = recipe or Recipe()
    random = np.random.default_rng(seed)
    passages = _passages(nodes, recipe, seed)
    owner, entity, count = _mentions(passages, recipe, random)
    entity = random.permutation(count).astype(np.int32)[entity]
    # Mentions of a passage are adjacent: its first entity is related to all others, neighbours to each other.
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    title = entity[np.repeat(first, np.diff(np.append(first, len(owner))))]
    inside = np.diff(owner, prepend=-1) == 0
    relation = count_pairs(
        np.concatenate([title[inside], entity[:-1][inside[1:]]]).astype(np.int64),
        np.concatenate([entity[inside], entity[1:][inside[1:]]]).astype(np.int64),
        count,
    )
    contains = entity.astype(np.int64), random.permutation(passages)[owner] + count, np.ones(len(owner), np.float32)
    one, other = random.integers(0, count, (2, int(recipe.synonyms * count)))
    likeness = count_pairs(one, other, count)
    alike = random.uniform(0.8, 1.0, len(likeness[0])).astype(np.float32)
    pairs = {"contains": contains, "relation": relation, "synonym": (likeness[0], likeness[1], alike)}
    return assemble(count, passages, pairs)


def make_questions(graph: Graph, count: int, *, seed: int = 0) -> Questions:
    """Seeds and gains of questions like those of the profile `hippo`.

    Args:
        graph: The graph.
        count: Number of questions.
        seed: Of all draws.
    """
    random = np.random.default_rng(seed)
    restart = np.zeros((graph.n_nodes, count), order="F")
    gain = np.empty((graph.n_nodes, count), order="F")
    degree = np.diff(graph.indptr)
    for column in range(count):
        # Chosen by their mentions, since those are what questions ask about.
        start = int(graph.indices[random.integers(len(graph.indices))])
        around = _around(graph, start, random)
        scores = random.standard_normal(graph.n_passages)
        near = around[around >= graph.n_entities] - graph.n_entities
        scores[near] += 3.0
        best = np.argpartition(-scores, min(_PASSAGE_SEEDS, len(scores) - 1))[:_PASSAGE_SEEDS]
        restart[best + graph.n_entities, column] = _softmax(2.0 * scores[best]) * 0.2
        entities = _named(graph, best[np.argsort(-scores[best])][:_FACTS] + graph.n_entities, random)
        weights = np.concatenate([np.full(len(part), 0.7**place) for place, part in enumerate(entities)])
        rows = np.concatenate(entities)
        shares = weights / degree[rows]
        np.add.at(restart[:, column], rows, shares / shares.sum() * 0.8)
        gain[: graph.n_entities, column] = np.maximum(degree[: graph.n_entities], 1) ** -0.25
        gain[graph.n_entities :, column] = np.exp(np.clip(scores - 3.0, -8.0, 0.0))
    return Questions(restart / restart.sum(axis=0), gain)


def statistics(graph: Graph) -> dict[str, float]:
    """What graphs are compared by."""
    entities, nodes = graph.n_entities, graph.n_nodes
    rows = np.repeat(np.arange(nodes, dtype=np.int32), np.diff(graph.indptr))
    found: dict[str, float] = {
        "entities per passage": entities / graph.n_passages,
        "entries per node": len(graph.indices) / nodes,
    }
    for kind in ("relation", "contains", "synonym"):
        found[f"{kind} edges per entity"] = graph.edge_counts[kind] / entities
    contains = np.bincount(rows, graph.weights["contains"] != 0, minlength=nodes)
    related = np.bincount(rows, graph.weights["relation"] != 0, minlength=nodes)[:entities]
    for name, degrees in (
        ("entities of a passage", contains[entities:]),
        ("passages of an entity", contains[:entities]),
        ("relations of an entity", related),
    ):
        for part in _QUANTILES:
            found[f"{name}, {part:.0%}"] = float(np.quantile(degrees, part))
    popular = np.sort(contains[:entities])[::-1]
    for rank in (1, 10, 100, 1000):
        found[f"passages of the entity of rank {rank}, share"] = float(popular[rank - 1] / graph.n_passages)
    found["entities in one passage, share"] = float((contains[:entities] == 1).mean())
    found["passages that share two rarer entities with a passage"] = _shared(graph, contains)
    return found


def _passages(nodes: int, recipe: Recipe, seed: int) -> int:
    """How many passages give a number of nodes: by a small trial, since entities grow almost as mentions do."""
    trial = max(10, min(nodes // 10, 50_000))
    count = _mentions(trial, recipe, np.random.default_rng(seed))[2]
    return max(10, round(nodes / (1 + count / trial)))


def _mentions(passages: int, recipe: Recipe, random: Any) -> "tuple[Int64, NDArray[np.int32], int]":
    """Passage and entity of each mention, each pair once and in the order of passages; number of entities."""
    sizes = np.maximum(1, np.rint(recipe.mentions * np.exp(recipe.spread * random.standard_normal(passages))))
    owner = np.repeat(np.arange(passages), sizes.astype(np.int64))
    total = len(owner)
    place = np.arange(total, dtype=np.int32)
    earlier = (random.random(total, np.float32) * place).astype(np.int32)
    close = random.random(total, np.float32) < recipe.near
    steps = 1 + (random.random(total, np.float32) * np.minimum(place, recipe.reach)).astype(np.int32)
    earlier[close] = np.maximum(place[close] - steps[close], 0)
    fresh = random.random(total, np.float32) < recipe.new
    fresh[0] = True
    # new[t] = fresh[t] or (coin[t] and new[earlier[t]]), along chains of pointers whose length doubles.
    passing = random.random(total, np.float32) < recipe.discount
    known, target = fresh.copy(), earlier.copy()
    while (open_ := passing & ~known).any():
        rows = np.flatnonzero(open_)
        known[rows], passing[rows] = known[target[rows]], passing[target[rows]]
        target[rows] = target[target[rows]]
    target = np.where(known, place, earlier)
    while True:
        further = target[target]
        if np.array_equal(further, target):
            break
        target = further
    roots, entity = np.unique(target, return_inverse=True)
    _, kept = np.unique(owner * len(roots) + entity, return_index=True)
    kept.sort()
    return owner[kept], entity[kept].astype(np.int32), len(roots)


def _around(graph: Graph, start: int, random: Any) -> "Int64":
    """Nodes two random steps away, most of them of the topic."""
    found = [np.array([start])]
    for _ in range(2):
        nodes = found[-1][random.permutation(len(found[-1]))[:30]]
        found.append(
            np.concatenate([graph.indices[graph.indptr[node] : graph.indptr[node + 1]][:40] for node in nodes])
        )
    return np.unique(np.concatenate(found)).astype(np.int64)


def _named(graph: Graph, passages: "Int64", random: Any) -> "list[Int64]":
    """Up to four entities of each passage: those of a fact."""
    found = []
    for node in passages:
        entities = graph.indices[graph.indptr[node] : graph.indptr[node + 1]]
        found.append(entities[random.permutation(len(entities))[:4]].astype(np.int64))
    return found


def _softmax(scores: "Float64") -> "Float64":
    weights = np.exp(scores - scores.max())
    shares: Float64 = weights / weights.sum()
    return shares


def _shared(graph: Graph, contains: "Int64", sample: int = 400) -> float:
    """Passages that have two or more entities of at most 20 passages in common with a passage, on average."""
    entities = graph.n_entities
    chosen = np.unique(np.linspace(entities, graph.n_nodes - 1, sample).astype(np.int64))
    counts = []
    for node in chosen:
        mine = graph.indices[graph.indptr[node] : graph.indptr[node + 1]]
        others = [graph.indices[graph.indptr[one] : graph.indptr[one + 1]] for one in mine if contains[one] <= 20]
        joined = np.concatenate([np.empty(0, np.int32), *others])
        _, times = np.unique(joined[(joined >= entities) & (joined != node)], return_counts=True)
        counts.append(int((times >= 2).sum()))
    return float(np.mean(counts))


def main() -> None:
    """Make, measure, print."""
    parser = new_parser(__doc__)
    parser.add_argument("--nodes", type=int, default=100_000, help="size of the graph, where there is no index")
    parser.add_argument("--seed", type=int, default=0, help="of all draws")
    parser.add_argument("--compare", type=Path, action="append", default=[], help="folder of an index; repeatable")
    arguments = parser.parse_args()
    columns: dict[str, dict[str, float]] = {}
    for folder in arguments.compare:
        found = _indexed(folder)
        columns[folder.name] = statistics(found)
        columns[f"like {folder.name}"] = statistics(make_graph(found.n_nodes, seed=arguments.seed))
    if not columns:
        began = perf_counter()
        graph = make_graph(arguments.nodes, seed=arguments.seed)
        seconds = perf_counter() - began
        columns["made"] = {"nodes": graph.n_nodes, "entries": len(graph.indices), "seconds": seconds}
        columns["made"] |= statistics(graph)
    rows = [[name, *(f"{column[name]:.4g}" for column in columns.values())] for name in next(iter(columns.values()))]
    publish(arguments, columns, table(["", *columns], rows))


def _indexed(folder: Path) -> Graph:
    from hippo.snapshot import Snapshot
    from hippo.snapshot.contents import read_contents

    with Snapshot.open(folder) as snapshot:
        return read_contents(snapshot).graph


if __name__ == "__main__":
    main()
