"""Do the PageRank engines agree with the exact solution?

    python -m pipelines.engines --out runs/engines.json

Walks on the graph families of the conformance suite and on random passage-entity graphs: plain and query-aware, three
dampings, several restart vectors each. Two passes: to a tolerance, for the largest difference of a score; and for the
order of the top 20, of which every certified column must equal the head of the exact ranking.
"""

import math
from typing import Any

import numpy as np

from hippo import registry
from hippo.graph.pagerank import exact_pagerank
from hippo.protocols import Walk
from hippo.testing.pagerank import GRAPHS, bipartite_graph, restart_block
from pipelines.common import new_parser, publish, table

_ENGINES = ("push", "power", "igraph", "auto")
_DAMPINGS = (0.3, 0.6, 0.85)
_TOP = 20


def walks() -> list[tuple[Walk, Any]]:
    """Walks and restart blocks."""
    graphs = [*GRAPHS.values(), *(bipartite_graph(300, 900, 3000, seed=seed) for seed in range(3))]
    found = []
    for graph in graphs:
        restart = restart_block(graph.shape[0])
        gain = 10 ** np.random.default_rng(7).uniform(-3, 0, restart.shape)
        for damping in _DAMPINGS:
            found += [(Walk(graph, damping, gains), restart) for gains in (None, gain)]
    return found


def compare(name: str) -> dict[str, Any]:
    """One engine against the oracle."""
    # Push would leave most of these small graphs to power; here it has to do all the work itself.
    engine = registry.create("pagerank", name, **({"max_work": math.inf} if name == "push" else {}))
    worst, columns, certified, same = 0.0, 0, 0, 0
    engines: set[str] = set()
    for walk, restart in walks():
        exact = exact_pagerank(walk, restart)
        worst = max(worst, float(np.abs(engine.rank(walk, restart, tolerance=1e-9).scores - exact).max()))
        head = engine.rank(walk, restart, top=_TOP)
        engines.add(head.engine)
        columns += restart.shape[1]
        for column in np.flatnonzero(head.certified):
            certified += 1
            best = [np.argsort(-scores[:, column], kind="stable")[:_TOP].tolist() for scores in (head.scores, exact)]
            same += best[0] == best[1]
    return {
        "engine": name,
        "worked": sorted(engines),
        "columns": columns,
        "largest_difference": worst,
        "certified": certified,
        "certified_with_the_exact_top_20": same,
    }


def main() -> None:
    """Compare, print, write."""
    arguments = new_parser(__doc__).parse_args()
    results = [compare(name) for name in _ENGINES]
    header = ["engine", "largest difference", "columns", "certified", "of these equal to the exact top 20"]
    rows = [
        [
            row["engine"],
            f"{row['largest_difference']:.0e}",
            row["columns"],
            row["certified"],
            row["certified_with_the_exact_top_20"],
        ]
        for row in results
    ]
    publish(arguments, results, table(header, rows))


if __name__ == "__main__":
    main()
