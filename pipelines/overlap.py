"""Extraction by a language model and embedding, beside each other and one after the other, in turns."""

import tempfile
from argparse import Namespace
from pathlib import Path
from typing import Any

from hippo import Document, Hippo
from hippo.protocols import Encoder
from hippo.testing import ScriptedLLM
from pipelines.common import table
from pipelines.machine import spread

__all__ = ["measure_overlap", "report_overlap"]

_WAYS = ("beside", "after")


def measure_overlap(arguments: Namespace, corpus: list[Document], encoder: Encoder) -> dict[str, Any]:
    """Build the index with a scripted model that answers after a while, in both ways, round by round.

    Args:
        arguments: Those of `pipelines.bench_index`.
        corpus: What is indexed.
        encoder: Makes the vectors, of all texts.
    """
    _built(corpus[:16], encoder, arguments, beside=True)
    rounds = [
        {way: _built(corpus, encoder, arguments, beside=way == "beside") for way in _WAYS}
        for _ in range(arguments.rounds)
    ]
    ratios = {
        name: spread([_ratio(one, parts) for one in rounds]) for name, parts in (("ratio", False), ("to_sum", True))
    }
    found = rounds[0]["beside"]
    return {
        "encoder": encoder.fingerprint,
        **{name: found[name] for name in ("passages", "facts", "entities", "encoded")},
        "latency": arguments.latency,
        "concurrency": arguments.concurrency,
        "rounds": rounds,
        "seconds": {
            way: {name: spread([one[way][name] for one in rounds]) for name in ("extract", "embed", "whole")}
            for way in _WAYS
        },
        **{name: one["median"] for name, one in ratios.items()},
        **{f"{name}_spread": one for name, one in ratios.items()},
    }


def _ratio(found: dict[str, dict[str, float]], parts: bool) -> float:
    """Both stages beside each other, to the longer of them alone, or to their sum."""
    alone = [found["after"][name] for name in ("extract", "embed")]
    both: float = found["beside"]["extract"] + found["beside"]["embed"]
    return both / (sum(alone) if parts else max(alone))


def _built(corpus: list[Document], encoder: Encoder, arguments: Namespace, *, beside: bool) -> dict[str, Any]:
    llm = ScriptedLLM(latency=arguments.latency)
    llm.in_process = not beside  # type: ignore[attr-defined]  # what says that nothing can be done meanwhile
    config = {
        "chunking": {"method": "document"},
        "llm": {"concurrency": arguments.concurrency},
    }
    with (
        tempfile.TemporaryDirectory(prefix="hippo-bench-") as scratch,
        Hippo.open(Path(scratch) / "index", encoder=encoder, extractor="llm", llm=llm, config=config) as memory,
    ):
        found = memory.add(corpus)
    seconds = {name: round(found.seconds[name], 3) for name in ("extract", "embed")}
    return {
        "passages": found.chunks,
        "facts": found.facts,
        "entities": found.entities,
        "encoded": found.embedded,
        **seconds,
        "beside": round(found.beside.get("embed", 0.0), 3),
        "whole": round(sum(found.seconds.values()), 3),
    }


def report_overlap(result: dict[str, Any]) -> str:
    """The result as text."""
    counts = ", ".join(f"{result[name]} {name}" for name in ("passages", "facts", "entities"))
    names = {"beside": "one beside the other", "after": "one after the other"}
    rows = []
    for way, name in names.items():
        seconds = result["seconds"][way]
        rows.append((name, *(_cell(seconds[stage]) for stage in ("extract", "embed", "whole"))))
    ratios = (
        "{median:.2f} ({p10:.2f} to {p90:.2f})".format(**result[f"{name}_spread"]) for name in ("ratio", "to_sum")
    )
    asked = f"replies after {result['latency']} s, {result['concurrency']} at a time"
    return "\n".join(
        [
            f"{counts}; {result['encoded']} texts encoded with {result['encoder']}; {asked}",
            table(["seconds by the clock, 10 to 90 %", "extract", "embed", "whole add"], rows),
            "both stages beside each other, to the longer one alone: {}; to their sum: {}".format(*ratios),
        ]
    )


def _cell(value: dict[str, float]) -> str:
    return f"{value['median']:.2f} ({value['p10']:.2f} to {value['p90']:.2f})"
