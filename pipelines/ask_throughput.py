"""How much faster many questions are answered at once than one at a time.

    python -m pipelines.ask_throughput --questions 200 --concurrency 50 --latency 0.2 --out runs/ask_throughput.json
    python -m pipelines.ask_throughput --questions 20 --latency 0.05

Questions of the sample corpus are asked against `hippo.testing.server`, in a process of its own, which takes some time
for each answer as a provider does; first one after another, then all of them by one call, each after questions that are
not counted. Replies are not cached.
"""

import argparse
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from hippo import Answer, Hippo
from hippo.evaluation import load_dataset
from pipelines.common import new_parser, publish, server, table


def main() -> None:
    """Parse arguments, run, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--questions", type=int, default=200, help="number of questions")
    parser.add_argument("--concurrency", type=int, default=50, help="requests under way at a time")
    parser.add_argument("--latency", type=float, default=0.2, help="seconds that the server takes to answer")
    arguments = parser.parse_args()
    result = run(arguments)
    rows = [[name.replace("_", " "), value] for name, value in result.items()]
    publish(arguments, result, table(["measure", "value"], rows))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Index the sample, ask both ways."""
    dataset = load_dataset(Path(__file__).parents[1] / "data", "sample")
    texts = list(islice(cycle(question.text for question in dataset.questions), arguments.questions))
    with tempfile.TemporaryDirectory() as folder, server(arguments.latency) as url:
        config = {
            "llm": {
                "name": "openai:test",
                "openai": {"base_url": f"{url}/v1"},
                "concurrency": arguments.concurrency,
                "cache": False,
            }
        }
        with Hippo.open(folder, encoder="hashing", config=config) as memory:
            memory.add(dataset.documents)
            memory.ask(texts[0])  # connections, first imports
            began = time.perf_counter()
            alone = [memory.ask(text) for text in texts]
            serial = time.perf_counter() - began
            memory.ask_many(texts[: arguments.concurrency])
            began = time.perf_counter()
            together = memory.ask_many(texts)
            at_once = time.perf_counter() - began
    same = sum(
        isinstance(right, Answer) and left.text == right.text for left, right in zip(alone, together, strict=True)
    )
    return {
        "questions": len(texts),
        "concurrency": arguments.concurrency,
        "latency_s": arguments.latency,
        "one_at_a_time_s": round(serial, 2),
        "at_once_s": round(at_once, 2),
        "ratio": round(serial / at_once, 1),
        "same_answers": same,
    }


if __name__ == "__main__":
    main()
