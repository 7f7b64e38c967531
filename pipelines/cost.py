"""What a question costs with each of several profiles: seconds, tokens, money.

Profiles take turns on the same questions, and another one begins at each question, so that none of them finds warm what
another has paid for. Differences are paired by question.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from hippo import Hippo, Usage
from hippo.errors import LLMBudgetError, LLMError, LLMRefusedError, QuestionError
from hippo.evaluation import paired_difference
from hippo.evaluation.latency import in_turns
from hippo.retrieval.profiles import resolve_profile
from pipelines.common import table
from pipelines.replay import TimedEncoder

__all__ = ["query_cost", "reading_cost", "show_cost", "summary"]


def summary(seconds: Mapping[str, Sequence[float]]) -> dict[str, dict[str, Any]]:
    """Milliseconds of each profile, and how they differ from the first one's in the mean over questions.

    Args:
        seconds: By profile; the same questions in the same order for all, at least one.
    """
    baseline = next(iter(seconds.values()))
    result: dict[str, dict[str, Any]] = {}
    for name, values in seconds.items():
        milliseconds = np.array(values) * 1e3
        result[name] = {
            "median_ms": round(float(np.median(milliseconds)), 2),
            "p95_ms": round(float(np.percentile(milliseconds, 95)), 2),
        }
        if values is not baseline:
            change = paired_difference(np.array(baseline) * 1e3, milliseconds)
            result[name]["difference_ms"] = [round(value, 2) for value in (change.mean, change.low, change.high)]
    return result


def query_cost(
    memory: Hippo, folder: Path, questions: Sequence[str], profiles: Sequence[str], encoder: TimedEncoder
) -> dict[str, Any]:
    """Cost of retrieval beside the encoder's, measured in a process without a model.

    Args:
        memory: The index, open.
        folder: Its folder.
        questions: What to ask.
        profiles: Which to time; those that ask a language model are left out.
        encoder: Makes the vectors of the questions.
    """
    custom = memory.config.retrieval.profiles
    timed = [name for name in profiles if resolve_profile(name, custom).recognition in (None, "none")]
    for name in timed:  # whatever of the questions a profile wants to have encoded is then known
        memory.retrieve_many(questions, profile=name)
    known = encoder.queries | dict(zip(questions, encoder.encode(questions, kind="query_to_passage"), strict=True))
    texts = [*questions, *(text for text in known if text not in set(questions))]
    with tempfile.TemporaryDirectory() as scratch:
        vectors, config = Path(scratch) / "vectors.npz", Path(scratch) / "config.json"
        np.savez(
            vectors,
            questions=np.array(questions),
            texts=np.array(texts),
            fingerprint=np.array(encoder.fingerprint),
            vectors=np.stack([known[text] for text in texts]),
        )
        settings = {"chunking": asdict(memory.config.chunking), "retrieval": {"profiles": dict(custom)}}
        config.write_text(json.dumps(settings), encoding="utf-8")
        command = [sys.executable, "-m", "pipelines.query_cost", str(folder), str(vectors), "--config", str(config)]
        command += ["--profiles", ",".join(timed)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603  (our own module)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured | {"retrieval": summary(measured.pop("seconds"))}


def reading_cost(memory: Hippo, questions: Sequence[str], profiles: Sequence[str]) -> dict[str, Any]:
    """Cost of answers, retrieval included.

    Args:
        memory: The index, open without a cache of replies: one that was paid for by one profile would be free for the
            next that finds the same passages.
        questions: What to ask.
        profiles: Which to ask. A question that any of them could not answer counts for none.
    """
    seconds: dict[str, list[float]] = {name: [] for name in profiles}
    usages: dict[str, list[Usage]] = {name: [] for name in profiles}
    failed: set[str] = set()
    _usage(memory, questions[0], profiles[0])  # not counted: connections, imports
    for question, name in in_turns(questions, profiles):
        began = perf_counter()
        usage = _usage(memory, question, name)
        seconds[name].append(perf_counter() - began)
        usages[name].append(usage or Usage())
        if usage is None:
            failed.add(question)
    kept = [row for row, question in enumerate(questions) if question not in failed]
    if not kept:
        return {"questions": 0, "failed": len(failed)}
    result = summary({name: [values[row] for row in kept] for name, values in seconds.items()})
    for name, taken in usages.items():
        total = sum((taken[row] for row in kept), start=Usage())
        result[name] |= {
            "input_tokens": round(total.input_tokens / len(kept)),
            "output_tokens": round(total.output_tokens / len(kept)),
            "dollars": None if total.unpriced else total.cost / len(kept),
        }
    return {"questions": len(kept), "failed": len(failed), "answers": result}


def _usage(memory: Hippo, question: str, profile: str) -> Usage | None:
    """What an answer took; None: it could not be had."""
    try:
        return sum(memory.ask(question, profile=profile).usage.values(), start=Usage())
    except (LLMRefusedError, LLMBudgetError):
        raise
    except (LLMError, QuestionError):
        return None


def show_cost(cost: Mapping[str, Any]) -> str:
    """The costs as text."""
    parts = []
    if indexing := cost.get("indexing"):
        totals = [(name, value) for name, value in indexing.items() if name != "seconds"]
        parts.append(table(["indexing", "seconds"], [*indexing["seconds"].items(), *totals]))
    if query := cost.get("query"):
        rows = [(name, value) for name, value in query.items() if name != "retrieval"]
        parts += [table(["asking", ""], rows), _show_profiles("retrieval", query["retrieval"])]
    if answers := cost.get("reading", {}).get("answers"):
        parts.append(_show_profiles("reading, in the mean", answers))
    return "\n\n".join(parts)


def _show_profiles(title: str, profiles: Mapping[str, Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(name for values in profiles.values() for name in values))
    rows = [[name, *(_cell(values.get(column)) for column in columns)] for name, values in profiles.items()]
    return table([title, *columns], rows)


def _cell(value: Any) -> object:
    if isinstance(value, list):
        mean, low, high = value
        return f"{mean:+} [{low}, {high}]"
    return "" if value is None else value
