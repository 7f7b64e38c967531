"""Recall@5 over a grid of configurations, and what choosing them on all sets but one gives on that one.

    python -m pipelines.sweep musique_train hotpotqa_train 2wikimultihopqa_train --datasets DIR --index runs/diagnose \
        --option query_gain=0.3,0.5,0.7 --option kind_weights.titles=4,8,16
    python -m pipelines.sweep sample --datasets data --index runs/sweep --config hippo.toml --executor ray --workers 4 \
        --setting extractor.name=pattern,pattern+spacy --setting graph.synonym_threshold=0.8,0.9

An --option is one of a profile, by default of `hippo`; `hippo tune` chooses them for one index. A --setting is a key of
the configuration: each combination of settings has an index of its own, and what they share is made once, since shards
beside the indexes say what they were made from. Every passage is one chunk, whatever a file says. Indexes and rankings
are kept in --index and used again: without --setting, those of `pipelines.diagnose` are the same. In Python:
`hippo.execution.build_index` and `rank_batch`.
"""

import argparse
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hippo import ProgressBars
from hippo.config import Config, load_config
from hippo.evaluation import Dataset, load_dataset, recall_at
from hippo.evaluation.tuning import grid
from hippo.execution import Executor, build_index, rank_batch
from hippo.execution.shards import key_of
from hippo.protocols import ProgressCallback
from hippo.retrieval.profiles import resolve_profile
from pipelines.common import publish, table
from pipelines.jobs import executor_of, job_parser, told

__all__ = ["left_out", "settings_grid"]

_K = 5

Axes = Mapping[str, Sequence[Any]]


def main() -> None:
    """Parse arguments, run, print, write."""
    parser = job_parser(__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="datasets")
    parser.add_argument("--datasets", type=Path, required=True, help="folder of the datasets")
    parser.add_argument("--option", action="append", default=[], metavar="KEY=V,V", type=_option, help="one axis")
    parser.add_argument(
        "--setting", action="append", default=[], metavar="SECTION.KEY=V,V", type=_setting, help="one axis"
    )
    parser.add_argument("--profile", default="hippo", help="profile that is changed")
    parser.add_argument("--encoder", help="name of the encoder, or none (default: the configuration's)")
    parser.add_argument("--index", type=Path, default=Path("runs/diagnose"), help="folder for the indexes, used again")
    arguments = parser.parse_args()
    if not arguments.option and not arguments.setting:
        parser.error("nothing is varied: give an --option or a --setting")
    base = {"chunking": {"method": "document"}}
    if arguments.encoder:
        base["encoder"] = {"name": arguments.encoder}
    recall: dict[str, dict[str, float]] = {}
    runs: dict[str, dict[str, Any]] = {}
    with told(), ProgressBars(quiet=arguments.quiet) as bars, executor_of(arguments) as executor:
        configs = {
            label: load_config(arguments.config, _over(base, changes))
            for label, changes in settings_grid(dict(arguments.setting)).items()
        }
        for name in arguments.names:
            dataset = load_dataset(arguments.datasets, name)
            for label, config in configs.items():
                axes = (arguments.profile, dict(arguments.option))
                found, run = _one(dataset, arguments.index, label, config, axes, executor, bars)
                for point, value in found.items():
                    recall.setdefault(" ".join(filter(None, (label, point))), {})[name] = value
                runs.setdefault(name, {})[label] = run
    result = {"recall": recall, "left_out": left_out(recall), "runs": runs}
    publish(arguments, result, show(result, arguments.names))


def _one(
    dataset: Dataset,
    folder: Path,
    label: str,
    config: Config,
    axes: tuple[str, Axes],
    executor: Executor,
    progress: ProgressCallback,
) -> tuple[dict[str, float], dict[str, Any]]:
    """Recall at every point of a profile's options, with one configuration of the index; and what was done."""
    name, work = dataset.name, folder / f"{dataset.name}.work"
    index = folder / (f"{name}-{key_of('setting', 1, label)[:12]}" if label else name)
    built = build_index(
        [_corpus(dataset, work / "corpus.jsonl")],
        index,
        work=work,
        config=config,
        executor=executor,
        progress=progress,
    )
    profile, options = axes
    points = grid(resolve_profile(profile, config.retrieval.profiles), options)
    texts, golds = zip(*((question.text, question.gold) for question in dataset.questions), strict=True)
    rankings, ranked = rank_batch(
        texts,
        index,
        work=work,
        profiles=[replace(one, name=point or profile) for point, one in points.items()],
        k=_K,
        executor=executor,
        config=config,
        progress=progress,
    )
    recall = {}
    for point in points:
        found = [one if isinstance(one, list) else [] for one in rankings[point or profile]]
        recall[point] = round(100 * float(recall_at(_K, found, golds).mean()), 2)
    return recall, {"index": built.to_dict(), "rankings": ranked.to_dict()}


def _corpus(dataset: Dataset, path: Path) -> Path:
    """The documents of a data set as a file, which stays as it is if it holds them already."""
    rows = [{"id": one.id, "title": one.title, "text": one.text} for one in dataset.documents]
    text = "".join(f"{json.dumps(row)}\n" for row in rows)
    if not path.exists() or path.read_text("utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return path


def settings_grid(axes: Axes) -> dict[str, dict[str, Any]]:
    """Every combination of settings, with a name: mappings like the TOML file. Without axes there is one, named "".

    Examples:
        >>> settings_grid({"extractor.name": ["pattern"], "graph.synonym_threshold": [0.8, 0.9]})[
        ...     "extractor.name=pattern graph.synonym_threshold=0.9"
        ... ]
        {'extractor': {'name': 'pattern'}, 'graph': {'synonym_threshold': 0.9}}
    """
    made = {}
    for values in itertools.product(*axes.values()):
        found: dict[str, Any] = {}
        for key, value in zip(axes, values, strict=True):
            table_ = found
            *sections, last = key.split(".")
            for one in sections:
                table_ = table_.setdefault(one, {})
            table_[last] = value
        made[" ".join(f"{key}={value}" for key, value in zip(axes, values, strict=True))] = found
    return made


def _over(weaker: Mapping[str, Any], stronger: Mapping[str, Any]) -> dict[str, Any]:
    return {**weaker, **{section: {**weaker.get(section, {}), **keys} for section, keys in stronger.items()}}


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
    if lines:
        parts.append(table(["left out", "chosen on the others", "gives", "best"], lines))
    parts.append(table(["run", "stage", "made", "found", "seconds", "failed"], list(_done(result["runs"]))))
    return "\n\n".join(parts)


def _done(runs: Mapping[str, Mapping[str, Any]]) -> Iterator[list[str | int]]:
    """Lines of the run report, by data set and settings."""
    for name, by_label in runs.items():
        for label, run in by_label.items():
            for report in run.values():
                for stage, one in report["stages"].items():
                    about = " ".join(filter(None, (name, label)))
                    yield [about, stage, one["made"], one["found"], f"{one['seconds']:.1f}", report["failed"]]


def _axis(text: str) -> tuple[str, list[str]]:
    key, equals, values = text.partition("=")
    if not (key and equals and values):
        raise argparse.ArgumentTypeError(f"must be KEY=VALUE,VALUE, got {text!r}")
    return key, values.split(",")


def _option(text: str) -> tuple[str, list[float]]:
    key, values = _axis(text)
    return key, [int(one) if one.lstrip("-").isdigit() and "." not in key else float(one) for one in values]


def _setting(text: str) -> tuple[str, list[Any]]:
    key, values = _axis(text)
    if "." not in key:
        raise argparse.ArgumentTypeError(f"must be SECTION.KEY=VALUE,VALUE, got {text!r}")
    return key, [_value(one) for one in values]


def _value(text: str) -> Any:
    """A number, true or false, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


if __name__ == "__main__":
    main()
