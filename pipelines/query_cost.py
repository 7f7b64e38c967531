"""What answering questions costs beside the encoder: `python -m pipelines.query_cost INDEX VECTORS.npz [CONFIG.json]`.

Runs in a process of its own, without torch, on question vectors made before. Prints JSON: seconds to open the index and
retrieve the first time, median and 95th percentile of later retrievals, and peak memory.
"""

import json
import resource
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

from hippo import Hippo
from pipelines.replay import ReplayEncoder


def peak_memory() -> float:
    """Largest resident memory of this process so far, in MiB; `getrusage` would count that of the parent too."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return round(int(line.split()[1]) / 1024, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def main(index: str, vectors_file: str, config_file: str) -> None:
    """Measure and print."""
    stored = np.load(vectors_file, allow_pickle=False)
    questions = [str(question) for question in stored["questions"]]
    encoder = ReplayEncoder(str(stored["fingerprint"]), questions, stored["vectors"])
    config = json.loads(Path(config_file).read_text(encoding="utf-8"))
    base = peak_memory()
    began = perf_counter()
    with Hippo.open(index, encoder=encoder, config=config) as memory:
        memory.retrieve(questions[0])
        first = perf_counter() - began
        seconds = []
        for question in questions:
            began = perf_counter()
            memory.retrieve(question)
            seconds.append(perf_counter() - began)
    json.dump(
        {
            "open_and_first_retrieval_s": round(first, 4),
            "retrieve_median_ms": round(float(np.median(seconds)) * 1e3, 2),
            "retrieve_p95_ms": round(float(np.percentile(seconds, 95)) * 1e3, 2),
            "peak_memory_mib": peak_memory(),
            "memory_before_opening_mib": base,
            "torch_loaded": "torch" in sys.modules,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main(*sys.argv[1:4])
