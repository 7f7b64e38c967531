"""What a measurement was taken on, what it was asked for, how far its figures spread, and what memory allows."""

import importlib.metadata
import os
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

__all__ = ["copy_rate", "facts", "measured", "random_read_ns", "spread"]

_PACKAGES = "hippo-memory numpy scipy numba torch faiss-cpu faiss-gpu-cu12 igraph sentence-transformers duckdb".split()
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_COPIED = 2**28
"""Bytes that are copied: more than caches hold."""


def measured(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result with the command that it is of, and the machine."""
    return {"command": _command(), "machine": facts(), **result}


def facts() -> dict[str, Any]:
    """Processor, cores and threads, memory, system, versions of packages, and how busy the machine is."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": {name: os.environ[name] for name in _THREADS if name in os.environ},
        "memory_gib": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def spread(values: Sequence[float], digits: int = 4) -> dict[str, float]:
    """Median, 10th and 90th percentile, and number of values.

    Examples:
        >>> spread([1.0, 2.0, 6.0])
        {'median': 2.0, 'p10': 1.2, 'p90': 5.2, 'runs': 3}
    """
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9]).tolist()
    rounded = {name: round(value, digits) for name, value in (("median", middle), ("p10", low), ("p90", high))}
    return {**rounded, "runs": len(values)}


def copy_rate(rounds: int = 5) -> dict[str, float]:
    """Gigabytes a second that one thread reads and writes when it copies more than caches hold, by the clock."""
    source = np.ones(_COPIED // 8)
    target = np.empty_like(source)
    seconds = []
    for _ in range(rounds + 1):
        began = perf_counter()
        np.copyto(target, source)
        seconds.append(perf_counter() - began)
    return spread([2e-9 * source.nbytes / one for one in seconds[1:]])


def random_read_ns(count: int, rounds: int = 5) -> dict[str, float]:
    """Nanoseconds of one thread's processor time for a read at a random place of `count` numbers of 8 bytes."""
    random = np.random.default_rng(0)
    numbers, reads = np.ones(count), 2**20
    found = np.empty(reads)
    spent = []
    for _ in range(rounds):
        places = random.integers(0, count, reads)
        began = process_time()
        np.take(numbers, places, out=found)
        spent.append(1e9 * (process_time() - began) / reads)
    return spread(spent)


def _command() -> str:
    """The command as it was given; of files and folders elsewhere the name only."""
    main = sys.modules["__main__"].__spec__
    program = f"python -m {main.name}" if main else Path(sys.argv[0]).name
    words, skipped = [], False
    for word in sys.argv[1:]:
        option, given, value = word.partition("=") if word.startswith("--") else ("", "", word)
        if skipped or word == "--json" or option == "--out":
            skipped = word == "--out"
            continue
        words.append(option + given + (Path(value).name if Path(value).is_absolute() else value))
    return " ".join([program, *map(shlex.quote, words)])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory() -> float | None:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
