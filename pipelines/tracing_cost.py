"""What tracing costs a retrieval: without OpenTelemetry, with it but not configured, and recording.

    python -m pipelines.tracing_cost --repeats 20

Each way is a process of its own, in which questions of the sample corpus are asked. What tracing takes where nothing is
configured is too little to be seen in the time of a retrieval, so its calls are counted and timed by themselves.
"""

import argparse
import importlib
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from hippo import Hippo, tracing
from hippo.evaluation import load_dataset
from pipelines.common import new_parser, publish, table

_WAYS = ("absent", "not configured", "recording")


def main() -> None:
    """Parse arguments, run, print, write; or measure one way, in a child."""
    parser = new_parser(__doc__)
    parser.add_argument("--repeats", type=int, default=20, help="retrievals of each of 20 questions")
    parser.add_argument("--way", choices=_WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--index", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        json.dump(measure(arguments.way, arguments.index, arguments.repeats), sys.stdout)
        return
    result = run(arguments.repeats)
    head = ["OpenTelemetry", "retrieval ms", "spans", "a call us", "share %"]
    rows = [
        [way, *(figures[key] for key in ("ms", "spans", "call_us", "share_percent"))] for way, figures in result.items()
    ]
    publish(arguments, result, table(head, rows))


def run(repeats: int) -> dict[str, Any]:
    """Index the sample, measure each way."""
    dataset = load_dataset(Path(__file__).parents[1] / "data", "sample")
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        with Hippo.open(Path(folder) / "index", encoder="hashing") as memory:
            memory.add(dataset.documents)
        for way in _WAYS:
            command = [sys.executable, "-m", "pipelines.tracing_cost", "--way", way, "--index", f"{folder}/index"]
            command += ["--repeats", str(repeats)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  (our own module)
            found[way] = json.loads(done.stdout)
    return found


def measure(way: str, index: Path, repeats: int) -> dict[str, Any]:
    """Median time of a retrieval, spans of one, and what a call of tracing takes when it records nothing."""
    if way == "not configured":
        importlib.import_module("opentelemetry.trace")
        importlib.import_module("opentelemetry.metrics")
    elif way == "recording":
        record()
    questions = [
        question.text for question in load_dataset(Path(__file__).parents[1] / "data", "sample").questions[:20]
    ]
    calls = 0
    with Hippo.open(index) as memory:
        memory.retrieve(questions[0])
        counted = tracing._configured

        def count() -> bool:
            nonlocal calls
            calls += 1
            return counted()

        tracing._configured = count
        memory.retrieve(questions[0])
        tracing._configured = counted
        took = []
        for question in questions * repeats:
            began = perf_counter()
            memory.retrieve(question)
            took.append(perf_counter() - began)
    began = perf_counter()
    for _ in range(10_000):
        with tracing.span("hippo.example"):
            pass
    call = (perf_counter() - began) / 10_000
    middle = statistics.median(took)
    return {
        "ms": round(1000 * middle, 3),
        "spans": calls,
        "call_us": round(1e6 * call, 2),
        "share_percent": round(100 * calls * call / middle, 3),
    }


def record() -> None:
    """Keep spans and durations in memory, as a process does that wants them."""
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(InMemorySpanExporter()))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider())


if __name__ == "__main__":
    main()
