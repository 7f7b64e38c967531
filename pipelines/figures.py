"""The tables of docs/benchmarks.md, made of what the benchmarks wrote.

    python -m pipelines.figures
    python -m pipelines.figures --figures runs --json

Prints Markdown by name of the part of the page. `python docs/generate.py` writes it there.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipelines.aims import aims, limits
from pipelines.charts import FIGURES, SETS
from pipelines.common import markdown, new_parser, publish, read

__all__ = ["load", "main", "parts"]

_FILES = (*SETS, "query", "integrations", "pagerank", "growth", "million", "indexing", "encoder", "device")
_CUTS = ("Recall@2", "Recall@5", "Recall@10", "Recall@20")
_PROFILES = ("hippo", "dense", "bm25", "hybrid")
_WAYS = {"published": "the published way", "alone": "alone", "batch": "in a batch of {batch}"}

Data = Mapping[str, Any]


def main() -> None:
    """Parse arguments, make, print."""
    parser = new_parser(__doc__)
    parser.add_argument("--figures", type=Path, default=FIGURES, help="folder of the JSON files")
    arguments = parser.parse_args()
    made = parts(load(arguments.figures))
    publish(arguments, made, "\n\n".join(f"## {name}\n\n{text}" for name, text in made.items()))


def load(folder: Path) -> dict[str, Any]:
    """The files of a folder, by name without `.json`."""
    return {name: read(folder / f"{name}.json") for name in _FILES}


def parts(data: Data) -> dict[str, str]:
    """Markdown by name of the part."""
    made: dict[str, Callable[[Data], str]] = {
        "recall": _recall, "question": _question, "indexing": _indexing, "growth": _growth, "pagerank": _pagerank,
        "encoder": _encoder, "device": _device, "aims": aims, "limits": limits, "measured": _measured,
    }  # fmt: skip
    return {name: make(data) for name, make in made.items()}


def _recall(data: Data) -> str:
    rows: list[list[str]] = []
    for name, label in SETS.items():
        found = data[name]["recall"]["profiles"]
        for profile in _PROFILES:
            cells = [_interval(found[profile][cut]) for cut in _CUTS]
            rows.append(["" if rows and profile != _PROFILES[0] else f"{label} (train)", f"`{profile}`", *cells])
    return markdown(["set", "profile", *_CUTS], rows, 2)


def _interval(one: Data) -> str:
    mean, low, high = (100 * one[part] for part in ("mean", "low", "high"))
    text = f"{mean:.1f} [{low:.1f}, {high:.1f}]"
    if one["difference"] is None:
        return text
    parts = (f"{100 * one['difference'][part]:+.1f}" for part in ("mean", "low", "high"))
    mean_, low_, high_ = (part.replace("-", "−") for part in parts)
    return f"{text}<br>{mean_} [{low_}, {high_}]"


def _question(data: Data) -> str:
    found = data["query"]
    rows = [
        [
            label.format(batch=found["batch"]),
            f"{one['processor_ms']:.2f}",
            f"{one['processor_p10_ms']:.2f} to {one['processor_p90_ms']:.2f}",
            f"{one['median_ms']:.2f}",
            f"{one['times_faster']:.1f}",
        ]
        for way, label in _WAYS.items()
        for one in (found["ways"][way],)
    ]
    return markdown(["a question", "ms of processor", "10 to 90 %", "ms by the clock", "times faster"], rows)


def _indexing(data: Data) -> str:
    found = data["indexing"]
    rows = [
        [
            f"{found['passages']:,}",
            *(_spread(found["seconds"][name]["cpu"]) for name in ("encoder", "indexing")),
            _spread(found["ratio_spread"], 4),
        ]
    ]
    return markdown(["passages", "encoder calls, s of processor", "all else, s of processor", "ratio"], rows, 0)


def _growth(data: Data) -> str:
    million = data["million"]
    asked = [*data["growth"]["sizes"], {"passages": million["passages"], **million["reader"]}]
    rows = [
        [
            f"{one['passages']:,}",
            f"{one['build_s']:.1f}" if "build_s" in one else "",
            f"{one['open_s']:.2f}",
            f"{one['median_ms']:.1f} ({one['p10_ms']:.1f} to {one['p90_ms']:.1f})",
            f"{one['p99_ms']:.0f}",
            f"{one['again_p99_ms']:.0f}",
            f"{one['reader_mib']:,.0f}",
        ]
        for one in asked
    ]
    header = ["passages", "build, s", "open, s", "a question, ms", "99 of 100, ms", "asked again", "reader, MiB"]
    return markdown(header, rows, 0)


def _pagerank(data: Data) -> str:
    rows: list[list[str]] = []
    for one in data["pagerank"]["rows"]:
        faster = f"{one['times_faster']:.1f}" if "times_faster" in one else ""
        same = f"{one['same_top']:.0%}" if "same_top" in one else ""
        spread = f"{one['p10_ms']:.1f} to {one['p90_ms']:.1f}"
        rows.append([f"{one['nodes']:,}", one["engine"], f"{one['median_ms']:.1f}", spread, faster, same])
    header = ["nodes", "engine", "ms a question", "10 to 90 %", "times faster than PRPACK", "same 20 passages"]
    return markdown(header, rows, 2)


def _encoder(data: Data) -> str:
    found = data["encoder"]
    rows = [
        [name, f"{found['tokens_per_second'][name]:,}", _spread(times)] for name, times in found["times_plain"].items()
    ]
    return markdown(["encoder", "tokens a second of processor", "times plain (10 to 90 %)"], rows)


def _device(data: Data) -> str:
    found = data["device"]
    rows: list[list[str]] = []
    for name, part in found["parts"].items():
        if "missing" in part:
            rows.append([name, part["missing"], "", "", "", ""])
            continue
        ways = [part["device"], part["cpu"]]
        shares = [f"{way['share_of_copy']:.0%}" if "share_of_copy" in way else "" for way in ways]
        rows.append([name, *(_spread(way["ms"], 1) for way in ways), f"{part['times_faster']['median']:.2f}", *shares])
    header = [
        "part",
        f"{found['device']}, ms",
        "processor, ms",
        "times faster",
        "of its copy",
        "processor: of its copy",
    ]
    return markdown(header, rows)


def _measured(data: Data) -> str:
    rows: list[list[str]] = []
    for name, one in data.items():
        machine = one["machine"]
        about = f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']:.0f} GiB"
        rows.append([f"`{name}.json`", f"`{one['command']}`", about, f"{machine['load']}"])
    return markdown(["figures", "command", "machine", "load"], rows, 3)


def _spread(one: Data, digits: int = 2) -> str:
    middle, low, high = (f"{one[part]:,.{digits}f}" for part in ("median", "p10", "p90"))
    return f"{middle} ({low} to {high})"


if __name__ == "__main__":
    main()
