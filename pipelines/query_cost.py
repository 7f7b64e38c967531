"""What retrieval costs beside the encoder: time and memory of a process that loads no model.

    python -m pipelines.query_cost INDEX VECTORS.npz --profiles hippo,bm25

`pipelines.benchmark` runs it. VECTORS.npz holds `questions`, `texts` with their `vectors`, and the `fingerprint` of
the encoder; the texts are the questions and what of them is encoded apart.
Printed is JSON: seconds to open the index and retrieve for the first time, seconds of each later retrieval by profile,
and peak memory. Profiles take turns; a first retrieval with each is not counted.
"""

import argparse
import json
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from hippo import Hippo
from pipelines.replay import ReplayEncoder


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", help="folder of the index")
    parser.add_argument("vectors", help="file of questions and their vectors")
    parser.add_argument("--profiles", default="hippo", help="comma-separated; the first makes the first retrieval")
    parser.add_argument("--config", type=Path, help="JSON file of settings")
    arguments = parser.parse_args()
    config = json.loads(arguments.config.read_text(encoding="utf-8")) if arguments.config else {}
    json.dump(measure(arguments.index, arguments.vectors, arguments.profiles.split(","), config), sys.stdout)


def measure(index: str, vectors_file: str, profiles: Sequence[str], config: dict[str, Any]) -> dict[str, Any]:
    """Open, retrieve, time."""
    stored = np.load(vectors_file, allow_pickle=False)
    questions = [str(question) for question in stored["questions"]]
    encoder = ReplayEncoder(str(stored["fingerprint"]), [str(text) for text in stored["texts"]], stored["vectors"])
    base = peak_memory()
    began = perf_counter()
    with Hippo.open(index, encoder=encoder, config=config) as memory:
        memory.retrieve(questions[0], profile=profiles[0])
        first = perf_counter() - began
        for name in profiles:
            memory.retrieve(questions[0], profile=name)
        seconds: dict[str, list[float]] = {name: [] for name in profiles}
        for row, question in enumerate(questions):
            first_one = row % len(profiles)  # as `in_turns`, which would bring a package into this process
            for name in (*profiles[first_one:], *profiles[:first_one]):
                began = perf_counter()
                memory.retrieve(question, profile=name)
                seconds[name].append(perf_counter() - began)
    return {
        "open_and_first_retrieval_s": round(first, 4),
        "peak_memory_mib": peak_memory(),
        "memory_before_opening_mib": base,
        "torch_loaded": "torch" in sys.modules,
        "seconds": seconds,
    }


def peak_memory() -> float:
    """Largest resident memory of this process so far, in MiB; `getrusage` would count that of the parent too."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return round(int(line.split()[1]) / 1024, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


if __name__ == "__main__":
    main()
