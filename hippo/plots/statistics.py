"""The shape of a graph, drawn: neighbours of nodes, kinds of edge, pieces."""

from pathlib import Path
from typing import Any

from hippo.graph.statistics import GraphStatistics
from hippo.plots.figure import COLOURS, figure, plain

__all__ = ["draw_statistics"]


def draw_statistics(statistics: GraphStatistics, path: str | Path) -> None:
    """Write an SVG file of three charts.

    Args:
        statistics: Of a graph: `Hippo.statistics()`.
        path: The file, which must not exist.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: The file exists or cannot be written.
    """
    description = f"{statistics.components:,} pieces, {statistics.isolated:,} nodes alone. Pairs joined: " + ", ".join(
        f"{name} {count:,}" for name, count in statistics.edges.items()
    )
    with figure(Path(path), 3, title="The shape of a graph", description=description) as (degrees, kinds, pieces):
        _draw_degrees(degrees, statistics)
        names = list(statistics.edges)
        _bars(kinds, names, [statistics.edges[name] for name in names])
        kinds.set_title("pairs joined by kind of edge")
        sizes = statistics.largest
        _bars(pieces, [str(place) for place in range(1, len(sizes) + 1)], list(sizes))
        pieces.set_title(f"nodes of the largest of {statistics.components:,} pieces")
        pieces.set_xlabel(f"{statistics.isolated:,} nodes stand alone")


def _draw_degrees(axes: Any, statistics: GraphStatistics) -> None:
    longest = max(statistics.degrees.values(), key=len)
    width = 0.4
    for place, (name, bins) in enumerate(statistics.degrees.items()):
        left = [number + (place - 0.5) * width for number in range(len(bins))]
        label = f"{name}: {statistics.mean_degree[name]:.1f} in the mean, {statistics.max_degree[name]:,} at most"
        axes.bar(left, [one.nodes for one in bins], width, color=COLOURS[place], label=label)
    labels = [str(one.low) if one.low == one.high else f"{one.low}-{one.high}" for one in longest]
    axes.set_xticks(range(len(labels)), labels, rotation=45)
    axes.set_yscale("symlog", linthresh=1)
    most = max((one.nodes for bins in statistics.degrees.values() for one in bins), default=1)
    axes.set_ylim(top=100 * most)  # The legend stands above the bars.
    axes.set_title("nodes by number of neighbours")
    axes.legend(fontsize="small")


def _bars(axes: Any, names: list[str], values: list[int]) -> None:
    axes.bar(range(len(names)), values, color=COLOURS[0])
    axes.set_xticks(range(len(names)), [plain(name) for name in names])
    axes.set_yscale("symlog", linthresh=1)
