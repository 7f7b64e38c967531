"""The charts of docs/benchmarks.md, made of what the benchmarks wrote: `docs/figures/*.json` to `*.svg`.

    python -m pipelines.charts
    python -m pipelines.charts --figures runs --to charts

Equal files give equal charts, byte by byte. A chart whose files are not there is left out, and named.
`python docs/generate.py` does the same for the documentation, with the tables of its pages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hippo.plots.figure import COLOURS, INK, MARKERS, figure
from pipelines.common import new_parser, publish, read

__all__ = ["CHARTS", "FIGURES", "SETS", "Chart", "draw", "main"]

FIGURES = Path(__file__).parents[1] / "docs" / "figures"
"""Where the documentation has its figures."""
SETS = {"recall-musique": "MuSiQue", "recall-hotpotqa": "HotpotQA", "recall-2wiki": "2WikiMultihopQA"}
"""Files of recall, and what their sets are called."""
_WAYS = {"published": "the published way", "alone": "hippo, one question", "batch": "hippo, in a batch"}
_ENGINES = {"PRPACK": "PRPACK", "push": "push", "auto": "auto"}

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart.

    Attributes:
        files: What it is made of, without `.json`.
        draw: Writes the SVG file.
    """

    files: tuple[str, ...]
    draw: Callable[[Data, Path], None]


def main() -> None:
    """Parse arguments, draw, print."""
    parser = new_parser(__doc__)
    parser.add_argument("--figures", type=Path, default=FIGURES, help="folder of the JSON files")
    parser.add_argument("--to", type=Path, help="folder for the charts (default: that of --figures)")
    arguments = parser.parse_args()
    made = draw(arguments.figures, arguments.to or arguments.figures)
    left_out = {name: list(chart.files) for name, chart in CHARTS.items() if name not in made}
    result = {"charts": {name: str(path) for name, path in made.items()}, "left_out": left_out}
    lines = [str(path) for path in made.values()]
    lines += [f"left out: {name}, which needs {', '.join(files)}" for name, files in left_out.items()]
    publish(arguments, result, "\n".join(lines))


def draw(figures: Path, folder: Path) -> dict[str, Path]:
    """Draw every chart whose files are there; one that exists is replaced.

    Args:
        figures: Folder of the JSON files.
        folder: Folder for the SVG files; made if need be.

    Returns:
        The files by name of the chart.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for name, chart in CHARTS.items():
        files = {one: figures / f"{one}.json" for one in chart.files}
        if all(path.is_file() for path in files.values()):
            path = folder / f"chart-{name}.svg"
            path.unlink(missing_ok=True)
            chart.draw({one: read(file) for one, file in files.items()}, path)
            made[name] = path
    return made


def _recall(data: Data, path: Path) -> None:
    tables = {SETS[name]: one["recall"]["profiles"] for name, one in data.items()}
    profiles = list(next(iter(tables.values())))
    told = "; ".join(
        f"{name}: " + ", ".join(f"{one} {_percent(found[one]['Recall@5'])}" for one in profiles)
        for name, found in tables.items()
    )
    title = "Recall@5 by set and profile, with 95 % intervals"
    least = min(100 * found[one]["Recall@5"]["low"] for found in tables.values() for one in profiles)
    with figure(path, len(tables), title=title, description=told, width=3.0, height=2.6) as axes:
        for ax, (name, found) in zip(axes, tables.items(), strict=True):
            for row, profile in enumerate(profiles):
                mean, low, high = (100 * found[profile]["Recall@5"][part] for part in ("mean", "low", "high"))
                _point(ax, mean, row, (low, high), row, across=True)
            ax.set_yticks(range(len(profiles)), profiles if ax is axes[0] else [""] * len(profiles))
            ax.invert_yaxis()
            ax.set_title(name, fontsize="medium")
            ax.set_xlim(least - 2, 100)
            ax.set_xlabel("Recall@5, percent")


def _question(data: Data, path: Path) -> None:
    found = data["query"]
    ways, parts = found["ways"], found["stages"]
    told = "; ".join(
        f"{label}: {ways[way]['processor_ms']:.2f} ({ways[way]['processor_p10_ms']:.2f} to "
        f"{ways[way]['processor_p90_ms']:.2f})"
        for way, label in _WAYS.items()
    )
    title = "Milliseconds of processor for a question without its encoder, median and 10th to 90th percentile"
    with figure(path, 2, title=title, description=told, width=4.2, height=2.4) as (whole, stages):
        for row, way in enumerate(_WAYS):
            one = ways[way]
            whole.barh(row, one["processor_ms"], color=COLOURS[row], height=0.6)
            spread = one["processor_p10_ms"], one["processor_p90_ms"]
            _whisker(whole, one["processor_ms"], row, spread)
        whole.set_yticks(range(len(_WAYS)), list(_WAYS.values()))
        whole.set_xlabel("ms of processor")
        for row, way in enumerate(("alone", "batch")):
            left = 0.0
            for place, (stage, one) in enumerate(parts[way].items()):
                label = stage if row == 0 else None
                stages.barh(row, one["median"], left=left, color=COLOURS[3 + place], height=0.6, label=label)
                left += one["median"]
            needed = found["arithmetic"][way]["ms"]
            label = "products alone" if row == 0 else None
            stages.plot([needed, needed], [row - 0.4, row + 0.4], color=INK, linestyle=":", label=label)
        stages.set_yticks([0, 1], ["one question", "in a batch"])
        stages.set_xlabel("ms by the clock, by stage")
        stages.legend(fontsize="x-small")
        for ax in (whole, stages):
            ax.invert_yaxis()


def _pagerank(data: Data, path: Path) -> None:
    rows = [row for row in data["pagerank"]["rows"] if row["engine"] in _ENGINES]
    told = "; ".join(
        f"{row['engine']}, {row['nodes']:,} nodes: {row['median_ms']:.1f} ({row['p10_ms']:.1f} to {row['p90_ms']:.1f})"
        for row in rows
    )
    title = "Milliseconds of processor for one question's PageRank by nodes of the graph, 10th to 90th percentile"
    with figure(path, 1, title=title, description=told, width=5.2, height=3.0) as (ax,):
        for place, engine in enumerate(_ENGINES):
            some = [row for row in rows if row["engine"] == engine]
            ax.plot([r["nodes"] for r in some], [r["median_ms"] for r in some], color=COLOURS[place], label=engine)
            for row in some:
                _point(ax, row["nodes"], row["median_ms"], (row["p10_ms"], row["p90_ms"]), place)
        ax.set_xscale("log")
        _logarithmic(ax)
        ax.set_xlabel("nodes")
        ax.set_ylabel("ms a question")
        ax.legend(fontsize="small")


def _growth(data: Data, path: Path) -> None:
    sizes, million = data["growth"]["sizes"], data["million"]
    asked = [*sizes, {"passages": million["passages"], **million["reader"]}]
    panels = (
        ("build, s of processor", {"": "build_s"}, sizes),
        ("open, s", {"": "open_s"}, asked),
        ("ask, ms of processor", {"median": "median_ms", "99 of 100": "p99_ms"}, asked),
    )
    told = "; ".join(
        f"{one['passages']:,} passages: opened in {one['open_s']:.2f} s, a question takes {one['median_ms']:.1f} ms, "
        f"99 of 100 at most {one['p99_ms']:.1f} ms"
        for one in asked
    )
    title = "Building, opening and asking an index by its passages"
    with figure(path, len(panels), title=title, description=told, width=2.9, height=2.6) as axes:
        for ax, (label, names, rows) in zip(axes, panels, strict=True):
            for place, (name, key) in enumerate(names.items()):
                style = {"color": COLOURS[place], "marker": MARKERS[place], "label": name}
                ax.plot([one["passages"] for one in rows], [one[key] for one in rows], **style)
            ax.set_xscale("log")
            ax.set_xlim(asked[0]["passages"] / 2, 2 * million["passages"])
            ax.set_xlabel("passages")
            ax.set_title(label, fontsize="medium")
        for ax in (axes[0], axes[-1]):
            _logarithmic(ax)
        axes[1].set_ylim(bottom=0)
        axes[-1].legend(fontsize="small")


def _indexing(data: Data, path: Path) -> None:
    found = data["indexing"]
    rows = [
        ("encoder calls, processor", found["seconds"]["encoder"]["cpu"], 0),
        ("all else, processor", found["seconds"]["indexing"]["cpu"], 1),
        *((f"{name}, clock", one, 2) for name, one in found["stages"].items() if one["median"] >= 0.005),
    ]
    told = "; ".join(f"{name}: {one['median']:.2f} ({one['p10']:.2f} to {one['p90']:.2f})" for name, one, _ in rows)
    title = f"Seconds of indexing {found['passages']:,} passages beside its encoder calls"
    with figure(path, 1, title=title, description=told, width=5.2, height=0.8 + 0.22 * len(rows)) as (ax,):
        for row, (_, one, colour) in enumerate(rows):
            _point(ax, one["median"], row, (one["p10"], one["p90"]), colour, across=True)
        ax.set_yticks(range(len(rows)), [name for name, _, _ in rows])
        ax.set_xscale("log")
        ax.invert_yaxis()
        ax.set_xlabel("seconds")


def _point(ax: Any, x: float, y: float, spread: tuple[float, float], place: int, *, across: bool = False) -> None:
    """A median with its interval, drawn across or upwards."""
    ax.plot(x, y, MARKERS[place], color=COLOURS[place])
    ends = ([*spread], [y, y]) if across else ([x, x], [*spread])
    ax.plot(*ends, color=COLOURS[place], linewidth=1.5)


def _logarithmic(ax: Any) -> None:
    """Heights by their logarithms, with plain numbers beside them."""
    from matplotlib.ticker import LogLocator, NullFormatter

    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())


def _whisker(ax: Any, x: float, y: float, spread: tuple[float, float]) -> None:
    ax.plot(spread, [y, y], color=INK, linewidth=1)
    ax.annotate(f"{x:.3g}", (max(x, spread[1]), y), (4, 0), textcoords="offset points", va="center")


def _percent(found: Mapping[str, float]) -> str:
    return f"{100 * found['mean']:.1f} [{100 * found['low']:.1f}, {100 * found['high']:.1f}]"


CHARTS = {
    "recall": Chart(tuple(SETS), _recall),
    "question": Chart(("query",), _question),
    "pagerank": Chart(("pagerank",), _pagerank),
    "growth": Chart(("growth", "million"), _growth),
    "indexing": Chart(("indexing",), _indexing),
}
"""Charts by name."""

if __name__ == "__main__":
    main()
