"""Results of `hippo eval --json`, drawn: recall by k, time by size, cost."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hippo.errors import DocumentError, InputError
from hippo.plots.figure import COLOURS, MARKERS, figure, plain

__all__ = ["Drawn", "draw_results", "read_json_results"]

_KINDS = ("Recall", "All")


@dataclass(frozen=True, slots=True)
class Drawn:
    """What charts show of one result.

    Attributes:
        name: What the result is called.
        questions: Number of questions.
        passages: Number of passages that were searched; None: unknown.
        measures: By profile and name such as "Recall@5": mean, low and high, from 0 to 1.
        latency: By profile: milliseconds a question, median.
        cost: By profile: dollars a question; 0 where a model has no price.
        tokens: By profile: tokens a question, in and out.
    """

    name: str
    questions: int
    passages: int | None
    measures: Mapping[str, Mapping[str, tuple[float, float, float]]]
    latency: Mapping[str, float] = field(default_factory=dict)
    cost: Mapping[str, float] = field(default_factory=dict)
    tokens: Mapping[str, float] = field(default_factory=dict)


def read_json_results(path: str | Path) -> Drawn:
    """A result of `hippo eval --json`, or of `python -m pipelines.benchmark --out`; it is named after the file.

    Raises:
        DocumentError: There is no such file, or it holds something else.
    """
    source = Path(path)
    try:
        data = json.loads(source.read_text("utf-8"))
        return _drawn(source.stem, data)
    except FileNotFoundError as error:
        raise DocumentError(str(path), "no such file") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise DocumentError(str(path), f"holds no result of `hippo eval --json`: {error!r}") from error


def _drawn(name: str, data: Mapping[str, Any]) -> Drawn:
    cost, table, passages = data.get("cost", {}), data, data.get("passages")
    if "recall" in data:  # of the benchmark, which measures time beside the encoder's
        table, passages = data["recall"], data["index"]["chunks"]
    measures = {
        profile: {measure: (one["mean"], one["low"], one["high"]) for measure, one in found.items()}
        for profile, found in table["profiles"].items()
    }
    questions = int(table["questions"])
    latency = {one: float(found["median_ms"]) for one, found in cost.get("query", {}).get("retrieval", {}).items()}
    dollars, tokens = {}, {}
    for profile, outcome in table.get("outcomes", {}).items():
        if outcome.get("latency"):
            latency[profile] = float(outcome["latency"]["median_ms"])
        uses = outcome.get("usage", {}).values()
        if uses:
            dollars[profile] = sum(use["cost"] for use in uses) / questions
            tokens[profile] = sum(use["input_tokens"] + use["output_tokens"] for use in uses) / questions
    return Drawn(name, questions, passages, measures, latency, dollars, tokens)


def draw_results(results: Sequence[Drawn], folder: str | Path) -> list[Path]:
    """Write `recall.svg`, `latency.svg` and `cost.svg`, those for which there are data, into a folder.

    Args:
        results: The results, at least one.
        folder: Made if need be; none of the files may be in it.

    Returns:
        The files.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: There is no result, nothing to draw, or a file exists or cannot be written.
    """
    if not results:
        raise InputError("there is no result to draw")
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    profiles = list(dict.fromkeys(profile for one in results for profile in one.measures))
    style = {
        profile: {"color": COLOURS[row % len(COLOURS)], "marker": MARKERS[row % len(MARKERS)]}
        for row, profile in enumerate(profiles)
    }
    made = []
    for name, draw, there in (
        ("recall", _recall, any(_cuts(one, kind) for one in results for kind in _KINDS)),
        ("latency", _latency, any(one.latency for one in results)),
        ("cost", _cost, any(one.cost for one in results)),
    ):
        if there:
            made.append(place / f"{name}.svg")
            draw(results, style, made[-1])
    if not made:
        raise InputError("the results hold neither recall nor time nor cost")
    return made


_Style = Mapping[str, Mapping[str, str]]


def _cuts(result: Drawn, kind: str) -> list[int]:
    """Cut-offs that a kind of recall was measured at."""
    names = {name for one in result.measures.values() for name in one}
    found = (name.partition("@") for name in names)
    return sorted(int(cut) for measure, _, cut in found if measure == kind and cut.isdecimal())


def _recall(results: Sequence[Drawn], style: _Style, path: Path) -> None:
    """A chart for each result and kind: recall by k, with intervals as bands."""
    panels = [(one, kind) for one in results for kind in _KINDS if _cuts(one, kind)]
    best = [
        f"{one.name}, {profile}: {name} {100 * mean:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
        for one in results
        for profile, measures in one.measures.items()
        for name, (mean, low, high) in measures.items()
    ]
    title = "Recall by k, with 95 % intervals, in percent"
    with figure(path, len(panels), title=title, description="; ".join(best)) as axes:
        for ax, (one, kind) in zip(axes, panels, strict=True):
            cuts = _cuts(one, kind)
            for profile, measures in one.measures.items():
                points = [(k, *measures[f"{kind}@{k}"]) for k in cuts if f"{kind}@{k}" in measures]
                k, mean, low, high = zip(*points, strict=True)
                scaled = [[100 * value for value in values] for values in (mean, low, high)]
                ax.plot(k, scaled[0], label=plain(profile), **style[profile])
                ax.fill_between(k, scaled[1], scaled[2], color=style[profile]["color"], alpha=0.12, linewidth=0)
            ax.set_title(plain(f"{one.name}: {one.questions:,} questions"))
            ax.set_xlabel("k")
            ax.set_xticks(cuts, [str(cut) for cut in cuts])
            ax.set_ylabel({"Recall": "Recall@k, percent", "All": "all gold passages among k, percent"}[kind])
            ax.set_ylim(0, 102)
        axes[-1].legend(fontsize="small")


def _latency(results: Sequence[Drawn], style: _Style, path: Path) -> None:
    """Milliseconds of a question by number of passages."""
    told = [
        f"{profile}, {one.passages or 0:,} passages: {one.latency[profile]:.1f}"
        for one in results
        for profile in style
        if profile in one.latency
    ]
    with figure(path, 1, title="Milliseconds of a question, median", description="; ".join(told)) as (ax,):
        for profile, look in style.items():
            points = sorted((one.passages or 0, one.latency[profile]) for one in results if profile in one.latency)
            if points:
                ax.plot(*zip(*points, strict=True), label=plain(profile), **look)
        ax.set_xscale("symlog", linthresh=10)
        ax.set_yscale("log")
        ax.set_xlabel("passages in the index")
        ax.set_ylabel("median of a question, ms")
        ax.legend(fontsize="small")


def _cost(results: Sequence[Drawn], style: _Style, path: Path) -> None:
    """Dollars and tokens of a question, by result and profile."""
    rows = [(one, profile) for one in results for profile in style if profile in one.cost]
    told = "; ".join(
        f"{one.name}, {profile}: {one.cost[profile]:.4g} dollars, {one.tokens[profile]:.0f} tokens"
        for one, profile in rows
    )
    with figure(path, 2, title="Cost of a question", description=told) as (dollars, tokens):
        for ax, values, title in (
            (dollars, [one.cost[profile] for one, profile in rows], "dollars a question"),
            (tokens, [one.tokens[profile] for one, profile in rows], "tokens a question"),
        ):
            ax.barh(range(len(rows)), values, color=[style[profile]["color"] for _, profile in rows])
            ax.set_yticks(range(len(rows)), [plain(f"{one.name}, {profile}") for one, profile in rows])
            ax.invert_yaxis()
            ax.set_xlabel(title)
