"""Profiles compared on many questions, whose rankings come from workers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hippo.config import Config
from hippo.errors import InputError, LLMBudgetError, LLMRefusedError
from hippo.evaluation.metrics import full_chain_recall_at, recall_at
from hippo.evaluation.questions import Question
from hippo.evaluation.rank import rank_documents
from hippo.evaluation.report import Table, comparison_table
from hippo.execution.answers import look_at, opened, shaping
from hippo.execution.local import LocalExecutor
from hippo.execution.report import BatchReport, Log
from hippo.execution.served import check_executor, served, servers_of
from hippo.execution.shards import key_of
from hippo.execution.stage import Executor, Plan, Row, Stage, Work, peak_memory
from hippo.indexing.clock import Clock
from hippo.protocols import ProgressCallback
from hippo.retrieval.profiles import Profile, resolve_profile
from hippo.storage import open_folder, placed
from hippo.types import Usage

__all__ = ["evaluate_batch", "rank_batch"]

_VERSION = 2


def rank_batch(
    questions: Sequence[str],
    index: str | Path,
    *,
    work: str | Path,
    profiles: Sequence[str | Profile],
    k: int,
    executor: Executor | None = None,
    config: "Config | Mapping[str, Any] | str | Path | None" = None,
    batch: int = 64,
    progress: ProgressCallback | None = None,
) -> tuple[dict[str, list[list[str] | str]], BatchReport]:
    """Rankings of documents by several profiles, spread over workers; what was ranked before is found.

    Args:
        questions: The questions.
        index: Folder of the index, which all workers can reach.
        work: Folder of the shards, a path or URL that all workers can reach.
        profiles: Profiles, or names of some.
        k: Documents of a ranking.
        executor: Where stages run; None: in this process.
        config: A `Config`, a mapping like the TOML file, or the path of one.
        batch: Questions that a worker takes at a time, at least 1.
        progress: Is told of every step.

    Returns:
        By name of the profile a ranking for each question, ids of documents, best first; or why there is none.
        And what was done.

    Raises:
        ConfigError: The configuration is wrong, or a server that it wants started cannot be.
        IndexPathError: There is no index.
        InputError: `batch` is below 1.
        UnknownNameError: There is no such profile.
    """
    if batch < 1:
        raise InputError(f"batch must be at least 1, got {batch}")
    settings, state = look_at(index, config, None)
    chosen = [resolve_profile(one, settings.retrieval.profiles) for one in profiles]
    servers = servers_of(settings, chosen, read=False)
    check_executor(servers, executor)
    options = {"index": placed(index), "k": k, "about": [state, k, shaping(settings)]}
    plan = Plan(open_folder(work), settings, options=options)
    rows = [
        {"profile": profile.to_dict(), "place": place, "questions": list(questions[place : place + batch])}
        for profile in chosen
        for place in range(0, len(questions), batch)
    ]
    clock, log = Clock(progress), Log()
    found: dict[tuple[str, int], list[list[str] | str]] = {}
    with (
        executor or LocalExecutor() as runner,
        served(plan, servers if rows else None, runner, clock) as asking,
        clock.stage("rank"),
    ):
        for row in runner.run(asking, [Stage("rank", rank)], rows):
            log.take(row)
            found[row["profile"], row["place"]] = row["rankings"]
            clock.tell("rank", len(found), len(rows))
    rankings = {
        profile.name: [one for place in range(0, len(questions), batch) for one in found[profile.name, place]]
        for profile in chosen
    }
    failed = sum(isinstance(one, str) for ranked in rankings.values() for one in ranked)
    done = (len(questions), failed, Usage(), clock.seconds, peak_memory())
    return rankings, BatchReport(runner.name, runner.workers, log.stages(), *done)


def rank(plan: Plan) -> Work:
    """The stage that ranks. Takes rows with `profile` and `questions`; yields `rankings`."""
    memory = opened(plan)
    k, about = plan.options["k"], plan.options["about"]

    def work(row: Row) -> Iterator[Row]:
        profile = row["profile"]
        key = key_of("rank", _VERSION, about, profile, row["questions"])
        name = f"rank/{key}.json"
        made = not plan.work.exists(name)
        if made:
            given = rank_documents(memory, row["questions"], k=k, profile=Profile(**profile))
            for one in given:
                if isinstance(one, LLMRefusedError | LLMBudgetError):
                    raise one
            rankings = [one if isinstance(one, list) else f"{type(one).__name__}: {one}" for one in given]
            if not any(isinstance(one, str) for one in rankings):  # what failed is tried again
                plan.work.write(name, json.dumps(rankings).encode())
                plan.count("rank", key)
        else:
            rankings = json.loads(plan.work.read(name))
        yield {"profile": profile["name"], "place": row["place"], "rankings": rankings, "made": made}

    return work


def evaluate_batch(
    questions: Sequence[Question],
    index: str | Path,
    *,
    profiles: Sequence[str | Profile] = ("hippo", "dense", "bm25"),
    ks: Sequence[int] = (2, 5, 10),
    confidence: float = 0.95,
    **options: Any,
) -> tuple[Table, BatchReport]:
    """Recall@k and All@k of several profiles, as `hippo.evaluation.evaluate` has them, from rankings of many workers.

    Args:
        questions: Questions whose gold documents the index holds.
        index: Folder of the index.
        profiles: Profiles, or names of some; the first is the baseline of differences.
        ks: Cut-offs in documents.
        confidence: Of the intervals, in (0, 1).
        options: Further keywords of `rank_batch`.

    Returns:
        A table in which a question that could not be ranked scores 0, and what was done.
    """
    if not questions or not ks:
        raise InputError("there is no question, or no cut-off, to evaluate")
    texts, golds = [one.text for one in questions], [one.gold for one in questions]
    found, report = rank_batch(texts, index, profiles=profiles, k=max(ks), **options)
    scores = {}
    for name, rankings in found.items():
        ranked = [one if isinstance(one, list) else [] for one in rankings]
        scores[name] = {f"Recall@{k}": recall_at(k, ranked, golds) for k in ks}
        scores[name] |= {f"All@{k}": full_chain_recall_at(k, ranked, golds) for k in ks}
    return comparison_table(scores, confidence=confidence), report
