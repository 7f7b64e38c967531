"""Recall@5 over a grid of options, and what choosing them on all sets but one gives on that one.

    python -m pipelines.sweep musique_train hotpotqa_train 2wikimultihopqa_train --datasets DIR --index runs/diagnose \
        --option query_gain=0.3,0.5,0.7 --option kind_weights.titles=4,8,16

Options are those of a profile, by default of `hippo`; `hippo tune` chooses them for one index. Every passage is one
chunk. Indexes are kept in --index and used again: those of `pipelines.diagnose` are the same.

Rankings are kept beside the indexes, and the points of the grid are spread over the workers of an executor.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hippo import Hippo, ProgressBars
from hippo.evaluation import load_dataset, recall_at
from hippo.evaluation.tuning import grid
from hippo.execution import rank_batch
from hippo.retrieval.profiles import resolve_profile
from pipelines.common import new_parser, publish, table
from pipelines.jobs import add_executor, executor_of

__all__ = ["left_out"]

_K = 5


def main() -> None:
    """Parse arguments, run, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="datasets")
    parser.add_argument("--datasets", type=Path, required=True, help="folder of the datasets")
    parser.add_argument("--option", action="append", required=True, metavar="KEY=V,V", type=_option, help="one axis")
    parser.add_argument("--profile", default="hippo", help="profile that is changed")
    parser.add_argument("--encoder", default="minilm", help="name of the encoder, or none")
    parser.add_argument("--index", type=Path, default=Path("runs/diagnose"), help="folder for the indexes, used again")
    add_executor(parser)
    arguments = parser.parse_args()
    points = grid(resolve_profile(arguments.profile), dict(arguments.option))
    recall: dict[str, dict[str, float]] = {label: {} for label in points}
    config = {"chunking": {"method": "document"}, "encoder": {"name": arguments.encoder}}
    for name in arguments.names:
        dataset = load_dataset(arguments.datasets, name)
        texts, golds = zip(*((question.text, question.gold) for question in dataset.questions), strict=True)
        with Hippo.open(arguments.index / name, config=config) as memory, ProgressBars() as bars:
            memory.add(dataset.documents, progress=bars)
            rankings, _ = rank_batch(
                texts,
                memory.path,
                work=arguments.index / f"{name}.work",
                profiles=[replace(profile, name=label) for label, profile in points.items()],
                k=_K,
                executor=executor_of(arguments),
                progress=bars,
            )
        for label, found in rankings.items():
            ranked = [one if isinstance(one, list) else [] for one in found]
            recall[label][name] = round(100 * float(recall_at(_K, ranked, golds).mean()), 2)
    result = {"recall": recall, "left_out": left_out(recall)}
    publish(arguments, result, show(result, arguments.names))


def left_out(recall: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, Any]]:
    """For each set: what is best in the mean of the others, its recall on this one, and the best that there is."""
    names = list(next(iter(recall.values())))
    found = {}
    for name in names if len(names) > 1 else ():
        chosen = max(recall, key=lambda label: sum(value for other, value in recall[label].items() if other != name))
        best = max(one[name] for one in recall.values())
        found[name] = {"chosen": chosen, "recall": recall[chosen][name], "best": best}
    return found


def show(result: Mapping[str, Any], names: Sequence[str]) -> str:
    """The result as text."""
    recall, out = result["recall"], result["left_out"]
    rows = [
        [label, *(f"{one[name]:.1f}" for name in names), f"{sum(one.values()) / len(one):.2f}"]
        for label, one in recall.items()
    ]
    lines = [[name, one["chosen"], f"{one['recall']:.1f}", f"{one['best']:.1f}"] for name, one in out.items()]
    parts = [table([f"Recall@{_K}", *names, "mean"], rows)]
    return "\n\n".join(
        [*parts, *([table(["left out", "chosen on the others", "gives", "best"], lines)] if lines else [])]
    )


def _option(text: str) -> tuple[str, list[float]]:
    key, equals, values = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"must be KEY=VALUE,VALUE, got {text!r}")
    kinds = [
        int(value) if value.lstrip("-").isdigit() and "." not in key else float(value) for value in values.split(",")
    ]
    return key, kinds


if __name__ == "__main__":
    main()
