"""What a corpus of any size takes, computed from what `pipelines.scale_costs` has measured on a smaller one.

    python -m pipelines.scale_plan
    python -m pipelines.scale_plan costs.json --passages 100000000 --per-index 10000000 --processors 256 --gpus 16
    python -m pipelines.scale_plan a.json b.json --price-cpu 0.04 --price-gpu 2.00 --llm-rate 40

FILE is what `pipelines.scale_costs --out FILE` wrote; of several, each figure is that of the last which has it. They
are by default the two runs that docs/scale.md speaks of. Columns that say "measured" are from there, all others are
computed: every cost grows with the passages of an index, and the search for synonyms, at the most, with their square.
What the options say of GPUs, language models, networks and prices is assumed: set what you have measured or pay.
"""

import argparse
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.common import new_parser, publish, read, table

__all__ = ["MEASURED", "assumed", "merged", "parser", "plan", "show"]

_FIGURES = Path(__file__).parents[1] / "docs" / "figures"
MEASURED = (_FIGURES / "scale-stages.json", _FIGURES / "scale-million.json")
"""The runs that docs/scale.md speaks of."""

_MOVES = {
    "read": ("corpus", "read"),
    "chunk": ("read", "chunk"),
    "extract": ("chunk", "extract"),
    "embed": ("chunk", "extract", "embed", "names"),
    "names": ("names",),
    "assemble": ("read", "chunk", "extract", "embed"),
}
"""What each stage reads and writes of the storage that workers share. Vectors of names are among those of `embed`."""
_SYNONYMS = "synonyms"
_ROW = 500
"""Bytes that the driver holds for a part."""


def main() -> None:
    """Parse arguments, compute, print, write."""
    arguments = parser().parse_args()
    result = plan(merged([read(path) for path in arguments.files]), **assumed(arguments))
    publish(arguments, result, show(result))


def parser() -> argparse.ArgumentParser:
    """The options: what is planned, and what cannot be measured without the machines."""
    made = new_parser(__doc__)
    made.add_argument("files", nargs="*", type=Path, default=MEASURED, metavar="FILE", help="JSON of scale_costs")
    for name, kind, default, text in (
        ("passages", int, 10**8, "passages of the corpus"),
        ("per-index", int, 10**7, "passages of one index"),
        ("part", int, 256, "documents of a part"),
        ("dimension", int, 384, "length of a vector"),
        ("processors", int, 64, "processors that work at the same time"),
        ("gpus", int, 8, "GPUs that embed or run language models"),
        ("gpu-texts", float, 2000.0, "assumed: texts that a GPU embeds in a second"),
        ("llm-requests", float, 2.0, "requests to a language model for a passage"),
        ("llm-rate", float, 20.0, "assumed: requests that a language model answers in a second, on one GPU"),
        ("network", float, 10.0, "assumed: gigabits a second to the storage, all workers together"),
        ("price-cpu", float, 0.05, "assumed: dollars for an hour of a processor"),
        ("price-gpu", float, 2.5, "assumed: dollars for an hour of a GPU"),
        ("price-disk", float, 25.0, "assumed: dollars for a terabyte and month"),
    ):
        made.add_argument(f"--{name}", type=kind, default=default, metavar="N", help=f"{text} (default: {default:,})")
    return made


def assumed(arguments: argparse.Namespace) -> dict[str, Any]:
    """The keywords of `plan` from the options."""
    names = "passages per_index part dimension processors gpus gpu_texts llm_requests llm_rate network price_cpu"
    return {name: getattr(arguments, name) for name in [*names.split(), "price_gpu", "price_disk"]}


def merged(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Several measurements as one: each figure is that of the last which has it."""
    found: dict[str, Any] = {}
    for run in runs:
        found |= run
    return found


def plan(measured: Mapping[str, Any], **given: Any) -> dict[str, Any]:
    """Time, cost, storage, memory and network of a corpus.

    Args:
        measured: What `pipelines.scale_costs.measure` returns.
        given: The options of `parser`, by name.

    Returns:
        `assumed` (what was given), `stages` (milliseconds a passage as measured, processor and GPU hours, hours on the
        machines that were given, dollars, terabytes to and from the shared storage), `storage` (bytes a passage as
        measured and with the wanted dimension, terabytes), `memory` (bytes), `network` (terabytes, hours), `counts`.
    """
    passages, per_index = given["passages"], min(given["per_index"], given["passages"])
    indexes = math.ceil(passages / per_index)
    grows = per_index / measured["passages"]
    vectors = 1 + measured["facts"] + measured["entities"]
    hour = passages / 3600
    wider = 4 * (given["dimension"] - measured["dimension"]) * vectors
    shards = {**measured["shards"], "embed": measured["shards"]["embed"] + wider}
    sizes = {**shards, "corpus": measured["bytes"]["corpus"]}
    stages: dict[str, dict[str, Any]] = {}

    def add(name: str, by: str, hours: float, units: int, millis: float | None = None, moves: str = "") -> None:
        price = given["price_gpu" if by == "GPU" else "price_cpu"]
        moved = sum(sizes[one] for one in _MOVES.get(moves, ())) * passages / 1e12
        used = {"by": by, "hours": hours, "wall": hours / max(1, units), "dollars": hours * price, "moved": moved}
        stages[name] = {"measured": millis, **used}

    for name, seconds in measured["processor"].items():
        label = {"extract": "extract, by rules", "embed": "embed, hashing encoder"}.get(name, name)
        add(label, "processor", seconds * hour, given["processors"], 1000 * seconds, name)
    steps = measured["assemble"]
    rest = sum(seconds for name, seconds in steps.items() if name != _SYNONYMS)
    together = min(indexes, given["processors"])
    add("assemble, but for synonyms", "processor", rest * hour, together, 1000 * rest, "assemble")
    add("synonyms, at most", "processor", steps[_SYNONYMS] * max(1, grows) * hour, together, 1000 * steps[_SYNONYMS])
    add("or: embed with a model", "GPU", vectors * hour / given["gpu_texts"], given["gpus"])
    add("or: extract with a model", "GPU", given["llm_requests"] * hour / given["llm_rate"], given["gpus"])

    searched = (given["dimension"] - measured["dimension"]) * (1 + measured["facts"])  # FAISS, 8 bits
    more = {"corpus": 0.0, "shards": wider, "store": wider, "snapshot": wider + searched}
    storage = {
        name: {"measured": one, "wanted": one + more[name], "terabytes": (one + more[name]) * passages / 1e12}
        for name, one in {**measured["bytes"], "shards": sum(measured["shards"].values())}.items()
    }
    terabytes = sum(one["moved"] for one in stages.values())
    return {
        "assumed": given,
        "counts": {"indexes": indexes, "vectors": vectors * passages, "parts": math.ceil(passages / given["part"])},
        "stages": stages,
        "storage": storage,
        "memory": {
            "shards of a part, on disk": sum(shards.values()) * given["part"],
            "a worker, measured": measured["peak_worker"],
            "rows in the driver": _ROW * passages / given["part"],
            f"assembler of {measured['passages']:,}, measured": measured["peak_driver"],
            f"assembler of {per_index:,}": measured["peak_driver"] * max(1, grows) + searched * per_index,
        },
        "network": {"terabytes": terabytes, "hours": terabytes * 8e3 / given["network"] / 3600},
        "measured": {"passages": measured["passages"], "dimension": measured["dimension"]},
    }


def show(result: Mapping[str, Any]) -> str:
    """The result as text."""
    given, counts, network = result["assumed"], result["counts"], result["network"]
    stages = [
        [
            name,
            "" if one["measured"] is None else f"{one['measured']:.3f}",
            f"{_short(one['hours'])} {one['by']}",
            _short(one["wall"]),
            _short(one["dollars"]),
            f"{one['moved']:.2f}" if one["moved"] else "",
        ]
        for name, one in result["stages"].items()
    ]
    storage = [
        [name, f"{one['measured']:,.0f}", f"{one['wanted']:,.0f}", f"{one['terabytes']:.2f}"]
        for name, one in result["storage"].items()
    ]
    memory = [[name, f"{one / 2**20:,.0f}"] for name, one in result["memory"].items()]
    monthly = sum(one["terabytes"] for name, one in result["storage"].items() if name != "shards") * given["price_disk"]
    head = f"{given['passages']:,} passages in {counts['indexes']:,} indexes of {given['per_index']:,}; "
    head += f"{counts['vectors']:.2g} vectors, {counts['parts']:,} parts of {given['part']}"
    moved = f"network: {network['terabytes']:.2f} TB to and from the storage, {network['hours']:.1f} hours at "
    moved += f"{given['network']:g} Gbit/s"
    wall = f"on {given['processors']}, or {given['gpus']} GPUs"
    dimension = result["measured"]["dimension"]
    sizes = ["on disk", f"bytes measured, {dimension} dimensions", f"with {given['dimension']}", "TB"]
    tables = [
        table(["stage", "ms measured", "hours", wall, "dollars", "TB moved"], stages),
        table(sizes, storage),
        table(["memory", "MiB"], memory),
    ]
    return "\n\n".join([head, *tables, moved, f"kept, without shards: {monthly:,.0f} dollars a month"])


def _short(number: float) -> str:
    return f"{number:,.2f}" if number < 10 else f"{number:,.0f}"


if __name__ == "__main__":
    main()
