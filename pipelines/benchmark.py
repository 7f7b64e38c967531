"""Recall and cost of retrieval profiles on a benchmark, with intervals.

    python -m pipelines.benchmark --dataset data --name sample --profiles hippo,dense,bm25 --out runs/sample.json

With --ablations the profile `hippo` is also run with one of its parts left out at a time
(`hippo.evaluation.ablations`). `hippo eval INDEX --dataset DIR/NAME` measures the same, but for the cost beside the
encoder's.

Files are those of `hippo.evaluation.datasets`. Every passage is one chunk, as in the published systems. The index is
kept in --index and used again by the next run; indexing time is reported by the run that makes it.

    python -m pipelines.benchmark --dataset data --name sample --read --llm openai:gpt-4o-mini

also lets a language model answer from the five best passages of each profile, and scores its answers. Replies are kept
in the index, so that a run that was broken off goes on where it stood, and one that two profiles share is paid once.
What an answer costs with each of them is therefore measured apart, without those replies, on --timed questions.
"""

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hippo import ChangeReport, Hippo, ProgressBars
from hippo.config import load_config
from hippo.evaluation import evaluate, load_dataset, without
from hippo.evaluation.read import check_answers
from hippo.parts import make_encoder
from hippo.retrieval.profiles import resolve_profile
from pipelines.common import new_parser, publish
from pipelines.cost import query_cost, reading_cost, show_cost
from pipelines.machine import measured
from pipelines.replay import TimedEncoder

_CUTS = (2, 5, 10, 20)
_TIMED = 100
"""Questions that retrieval is timed on."""


def main() -> None:
    """Parse arguments, run, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--dataset", type=Path, required=True, help="folder of NAME.json and NAME_corpus.json")
    parser.add_argument("--name", required=True, help="name of the dataset")
    parser.add_argument(
        "--profiles", default="hippo,dense,bm25,hybrid", help="comma-separated; the first is the baseline"
    )
    parser.add_argument("--ablations", action="store_true", help="add hippo with one part left out at a time")
    parser.add_argument("--encoder", default="minilm", help="name of the encoder, or none")
    parser.add_argument("--extractor", default="pattern", help="name of the extractor")
    parser.add_argument("--read", action="store_true", help="let a language model answer, and score its answers")
    parser.add_argument("--timed", type=int, default=20, help="with --read: questions to measure costs on; 0: none")
    parser.add_argument("--llm", help="language model, NAME:MODEL (default: the configuration's)")
    parser.add_argument("--config", type=Path, help="hippo.toml with further options")
    parser.add_argument("--index", type=Path, help="folder of the index (default: runs/NAME-ENCODER-EXTRACTOR)")
    parser.add_argument("--limit", type=int, help="first questions only")
    parser.add_argument("--no-rankings", action="store_true", help="leave the rankings out of the results")
    arguments = parser.parse_args()
    result = measured(run(arguments))
    if arguments.no_rankings:
        del result["rankings"]
    publish(arguments, result, result.pop("text"))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Index, retrieve, read, compare."""
    dataset = load_dataset(arguments.dataset, arguments.name, limit=arguments.limit)
    if arguments.read:
        check_answers(dataset.questions)
    overrides: dict[str, Any] = {
        "chunking": {"method": "document"},
        "encoder": {"name": arguments.encoder},
        "extractor": {"name": arguments.extractor},
        "llm": {"name": arguments.llm} if arguments.llm else {},
        "retrieval": {"profiles": ablations()} if arguments.ablations else {},
    }
    config = load_config(arguments.config, overrides)
    made = make_encoder(config)
    encoder = TimedEncoder(made) if made else None
    if encoder:
        encoder.encode(["warm up"])
        encoder.seconds = 0.0
    folder = arguments.index or Path("runs") / f"{arguments.name}-{arguments.encoder}-{arguments.extractor}"
    names = [*arguments.profiles.split(","), *(ablations() if arguments.ablations else ())]
    questions = [question.text for question in dataset.questions]
    cost: dict[str, Any] = {}
    with Hippo.open(folder, encoder=encoder, config=config) as memory:
        with ProgressBars() as bars:
            report = memory.add(dataset.documents, progress=bars)
        if report.added and encoder:
            cost["indexing"] = indexing_cost(report, encoder)
        found = evaluate(memory, dataset.questions, systems=names, ks=_CUTS)
        reading = evaluate(memory, dataset.questions, systems=names, read=True).table() if arguments.read else None
        if encoder:
            cost["query"] = query_cost(memory, folder, questions[:_TIMED], names, encoder)
    if arguments.read and arguments.timed > 0:
        uncached = load_config(arguments.config, {**overrides, "llm": {**overrides["llm"], "cache": False}})
        with Hippo.open(folder, encoder=encoder, config=uncached) as memory:
            cost["reading"] = reading_cost(memory, questions[: arguments.timed], names)
    table = found.table()
    title = f"{dataset.name}: {len(questions)} questions, {len(dataset.documents)} passages"
    parts = [f"{title}\n{table.to_text()}", reading.to_text() if reading else "", show_cost(cost)]
    return {
        "text": "\n\n".join(filter(None, parts)),
        "dataset": dataset.name,
        "config": asdict(config),
        "index": {"chunks": report.chunks, "facts": report.facts, "entities": report.entities},
        "recall": table.to_dict(),
        **({"reading": reading.to_dict()} if reading else {}),
        "cost": cost,
        "rankings": {name: one.rankings for name, one in found.systems.items()},
    }


def ablations() -> Mapping[str, Mapping[str, Any]]:
    """The profile `hippo` without each of its parts, as profiles of a configuration."""
    base = resolve_profile("hippo")
    return {
        name: {
            "base": "hippo",
            **{key: value for key, value in made.to_dict().items() if key != "name" and value != base.to_dict()[key]},
        }
        for name, made in without(base, ["all"]).items()
    }


def indexing_cost(report: ChangeReport, encoder: TimedEncoder) -> dict[str, Any]:
    """Seconds by stage, and how all of them compare with those in the encoder."""
    total = sum(report.seconds.values())
    return {
        "seconds": {name: round(value, 2) for name, value in report.seconds.items()},
        "total_s": round(total, 2),
        "encoder_calls_s": round(encoder.seconds, 2),
        "ratio": round(total / encoder.seconds, 3),
    }


if __name__ == "__main__":
    main()
