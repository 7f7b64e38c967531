"""Recall and cost of retrieval profiles on a benchmark, with intervals.

    python -m pipelines.benchmark --dataset data --name sample --profiles hippo,dense,bm25 --out runs/sample.json

Files are those of `hippo.evaluation.datasets`. Every passage is one chunk, as in the published systems. The index is
kept in --index and used again by the next run; indexing time is reported by the run that makes it.

    python -m pipelines.benchmark --dataset data --name sample --read --llm openai:gpt-4o-mini

also lets a language model answer from the five best passages of each profile, and scores its answers.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from hippo import Hippo, ProgressBars
from hippo.config import load_config
from hippo.evaluation import Dataset, load_dataset, retrieval_table
from hippo.evaluation.read import check_answers
from hippo.evaluation.run import evaluate
from hippo.parts import make_encoder
from pipelines.replay import TimedEncoder

_CUTS = (2, 5, 10, 20)


def main() -> None:
    """Parse arguments, run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True, help="folder of NAME.json and NAME_corpus.json")
    parser.add_argument("--name", required=True, help="name of the dataset")
    parser.add_argument(
        "--profiles", default="hippo,dense,bm25,hybrid", help="comma-separated; the first is the baseline"
    )
    parser.add_argument("--encoder", default="minilm", help="name of the encoder, or none")
    parser.add_argument("--extractor", default="pattern", help="name of the extractor")
    parser.add_argument("--read", action="store_true", help="let a language model answer, and score its answers")
    parser.add_argument("--llm", help="language model, NAME:MODEL (default: the configuration's)")
    parser.add_argument("--config", type=Path, help="hippo.toml with further options")
    parser.add_argument("--index", type=Path, help="folder of the index (default: runs/NAME-ENCODER-EXTRACTOR)")
    parser.add_argument("--limit", type=int, help="first questions only")
    parser.add_argument("--out", type=Path, help="JSON file for the results")
    arguments = parser.parse_args()
    result = run(arguments)
    print(result.pop("text"))
    print(json.dumps(result["cost"], indent=1))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Index, retrieve, read, compare."""
    dataset = load_dataset(arguments.dataset, arguments.name, limit=arguments.limit)
    if arguments.read:
        check_answers(dataset.questions)
    overrides = {
        "chunking": {"method": "document"},
        "encoder": {"name": arguments.encoder},
        "extractor": {"name": arguments.extractor},
        **({"llm": {"name": arguments.llm}} if arguments.llm else {}),
    }
    config = load_config(arguments.config, overrides)
    made = make_encoder(config)
    encoder = TimedEncoder(made) if made else None
    if encoder:
        encoder.encode(["warm up"])
        encoder.seconds = 0.0
    folder = arguments.index or Path("runs") / f"{arguments.name}-{arguments.encoder}-{arguments.extractor}"
    cost: dict[str, Any] = {}
    with Hippo.open(folder, encoder=encoder, config=config) as memory:
        with ProgressBars() as bars:
            report = memory.add(dataset.documents, progress=bars)
        if report.added and encoder:
            total = sum(report.seconds.values())
            cost["indexing"] = {
                "seconds": {name: round(value, 2) for name, value in report.seconds.items()},
                "total_s": round(total, 2),
                "encoder_calls_s": round(encoder.seconds, 2),
                "ratio": round(total / encoder.seconds, 3),
            }
        names = arguments.profiles.split(",")
        questions = [question.text for question in dataset.questions]
        rankings = {
            name: [
                [hit.document_id for hit in found.hits]
                for found in memory.retrieve_many(questions, k=max(_CUTS), profile=name)
            ]
            for name in names
        }
        reading = evaluate(memory, dataset.questions, profiles=names, read=True) if arguments.read else None
        if encoder:
            cost["query"] = query_cost(memory, dataset, encoder, folder)
    golds = [question.gold for question in dataset.questions]
    table = retrieval_table(rankings, golds, ks=_CUTS)
    text = f"{dataset.name}: {len(questions)} questions, {len(dataset.documents)} passages\n{table.to_text()}"
    return {
        "text": f"{text}\n\n{reading.to_text()}" if reading else text,
        "dataset": dataset.name,
        "config": asdict(config),
        "machine": {"python": platform.python_version(), "system": platform.system(), "processor": platform.machine()},
        "index": {"chunks": report.chunks, "facts": report.facts, "entities": report.entities},
        "recall": table.to_dict(),
        **({"reading": reading.to_dict()} if reading else {}),
        "cost": cost,
        "rankings": rankings,
    }


def query_cost(memory: Hippo, dataset: Dataset, encoder: TimedEncoder, folder: Path) -> dict[str, Any]:
    """Cost of answering, measured in a process without a model."""
    questions = [question.text for question in dataset.questions][:100]
    with tempfile.TemporaryDirectory() as scratch:
        vectors, config = Path(scratch) / "vectors.npz", Path(scratch) / "config.json"
        np.savez(
            vectors,
            questions=np.array(questions),
            fingerprint=np.array(encoder.fingerprint),
            vectors=encoder.encode(questions, kind="query_to_passage"),
        )
        config.write_text(json.dumps({"chunking": asdict(memory.config.chunking)}), encoding="utf-8")
        command = [sys.executable, "-m", "pipelines.query_cost", str(folder), str(vectors), str(config)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  (our own module)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


if __name__ == "__main__":
    main()
