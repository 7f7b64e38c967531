"""Many questions to an index: passages for each, and answers if a language model reads them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hippo.config import Config
from hippo.engine import Hippo
from hippo.errors import IndexEmptyError, InputError, LLMBudgetError, LLMRefusedError
from hippo.evaluation.questions import RawQuestion
from hippo.evaluation.rank import retrieve_each
from hippo.execution.local import LocalExecutor
from hippo.execution.report import BatchReport, Log
from hippo.execution.served import check_executor, served, servers_of
from hippo.execution.shards import key_of
from hippo.execution.stage import Executor, Plan, Row, Stage, Work, peak_memory
from hippo.execution.vllm import check_asked
from hippo.indexing.clock import Clock
from hippo.protocols import ProgressCallback
from hippo.redact import redacted
from hippo.retrieval.profiles import resolve_profile
from hippo.snapshot import Snapshot
from hippo.snapshot.current import check_root
from hippo.storage import address_of, open_folder, placed
from hippo.types import Answer, Retrieval, Usage

__all__ = ["answer_batch", "look_at", "opened", "shaping"]

_VERSION = 3


def answer_batch(
    questions: Sequence[RawQuestion],
    index: str | Path,
    *,
    work: str | Path,
    executor: Executor | None = None,
    config: "Config | Mapping[str, Any] | str | Path | None" = None,
    overrides: Mapping[str, Any] | None = None,
    read: bool = True,
    k: int = 5,
    profile: str | None = None,
    batch: int = 32,
    progress: ProgressCallback | None = None,
) -> tuple[list[dict[str, Any]], BatchReport]:
    """Answer questions, spread over workers; a run that was broken off goes on where it stood.

    Args:
        questions: The questions, as `hippo.evaluation.questions.load_questions` reads them; ids are unique.
        index: Folder of the index, which all workers can reach.
        work: Folder of the shards, a path or URL that all workers can reach.
        executor: Where stages run; None: in this process.
        config: A `Config`, a mapping like the TOML file, or the path of one.
        overrides: A mapping like the TOML file that is stronger.
        read: Whether a language model answers; False: passages alone.
        k: Passages for a question.
        profile: Name of the profile; None: that of the configuration.
        batch: Questions that a worker takes at a time, at least 1.
        progress: Is told of every step.

    Returns:
        For each question, in order, `id`, `question`, `passages` (rank, score, document_id, chunk_id, title) and with
        `read` also `answer`, `answered`, `citations`; in the place of one that failed, `error` (its type and message),
        which the next run tries again. And what was done.

    Raises:
        ConfigError: The configuration is wrong, or a server that it wants started cannot be.
        IndexPathError: There is no index.
        LLMRefusedError: The language model refuses every request.
        LLMBudgetError: The limit on what may be spent was reached.
    """
    if batch < 1:
        raise InputError(f"batch must be at least 1, got {batch}")
    settings, state = look_at(index, config, overrides)
    chosen = resolve_profile(profile or settings.retrieval.profile, settings.retrieval.profiles)
    servers = servers_of(settings, [chosen], read=read)
    if servers is None and not read:
        check_asked(settings, "reader", "passages alone are asked for. Let them be read, too")
    check_executor(servers, executor)
    about = [state, k, profile, read, shaping(settings, "reader")]
    options = {"index": placed(index), "read": read, "k": k, "profile": profile, "about": about}
    plan = Plan(open_folder(work), settings, options=options)
    rows = [
        {"place": start, "questions": [[one.id, one.text] for one in questions[start : start + batch]]}
        for start in range(0, len(questions), batch)
    ]
    clock, log = Clock(progress), Log()
    found: dict[int, Row] = {}
    with (
        executor or LocalExecutor() as executor,
        served(plan, servers if rows else None, executor, clock) as asking,
        clock.stage("answer"),
    ):
        for row in executor.run(asking, [Stage("answer", answer)], rows):
            found[row["place"]] = log.take(row)
            clock.tell("answer", len(found), len(rows))
    ordered = [found[place] for place in sorted(found)]
    usage = sum((Usage(**row["usage"]) for row in ordered), Usage())
    answers = [one for row in ordered for one in _lines(plan, row["answer"])]
    failed = sum("error" in one for one in answers)
    stages = log.stages()
    report = BatchReport(
        executor.name, executor.workers, stages, len(answers), failed, usage, clock.seconds, peak_memory()
    )
    return answers, report


def answer(plan: Plan) -> Work:
    """The stage that answers. Takes rows with `questions` (ids and texts); yields `answer` (name of the shard)."""
    memory = opened(plan)
    options = plan.options

    def work(row: Row) -> Iterator[Row]:
        key = key_of("answer", _VERSION, row["questions"], options["about"])
        name = f"answer/{key}.jsonl"
        known = {one["id"]: one for one in _lines(plan, name)} if plan.work.exists(name) else {}
        wanted = [(id_, text) for id_, text in row["questions"] if "error" in known.get(id_, {"error": None})]
        usage = Usage()
        if wanted:
            before = _usage(memory)
            known |= {one["id"]: one for one in _answers(memory, wanted, options)}
            usage = Usage(*(getattr(_usage(memory), part) - getattr(before, part) for part in Usage.__slots__))
            lines = [json.dumps(known[id_], ensure_ascii=False) for id_, _ in row["questions"]]
            plan.work.write(name, "".join(f"{line}\n" for line in lines).encode())
            plan.count("answer", key)
        yield {"place": row["place"], "answer": name, "usage": usage.to_dict(), "made": bool(wanted)}

    return work


def shaping(config: Config, *further: str) -> dict[str, Any]:
    """What of a configuration shapes what is found: not where servers are, nor who starts them, but with what.

    Args:
        config: The configuration.
        further: Sections that shape what is made of it.
    """
    names = ("retrieval", "recognition", "reranking", "llm", *further)
    sections = {name: asdict(getattr(config, name)) for name in names}
    llm = sections["llm"]
    for tables in (llm["options"], *llm["uses"].values()):
        own = tables.get("endpoints", {})
        own.pop("urls", None)
        table = own.pop("vllm", None)
        # Quantization, a template of chats, an adapter: they change replies.
        if isinstance(table, Mapping) and table.get("arguments"):
            own["arguments"] = list(table["arguments"])
    shown: dict[str, Any] = redacted(sections)
    return shown


def opened(plan: Plan) -> Hippo:
    """The index that a plan's option `index` names, open in this worker until its process ends."""
    return Hippo.open(plan.options["index"], config=plan.config)


def look_at(
    index: str | Path, config: "Config | Mapping[str, Any] | str | Path | None", overrides: Mapping[str, Any] | None
) -> tuple[Config, str]:
    """The configuration with which an index is opened, and what tells its content from any other.

    Args:
        index: Folder of the index, or the URL of a published one.
        config: As for `Hippo.open`, and so is the next one.
        overrides: A mapping that is stronger.

    Raises:
        IndexEmptyError: Nothing has been published.
        IndexPathError: There is no index.
    """
    if address_of(index) is None:
        check_root(Path(index))
    with Hippo.open(index, config=config, overrides=overrides) as memory:
        if memory.snapshot is None:
            raise IndexEmptyError(str(index))
        with Snapshot.open(memory.path, memory.snapshot, verify=False) as snapshot:
            state = key_of("state", 1, {name: sha256 for name, (_, sha256) in snapshot.sums.items()})
        return memory.config, state


def _answers(memory: Hippo, wanted: Sequence[tuple[str, str]], options: Mapping[str, Any]) -> list[dict[str, Any]]:
    texts, k, profile = [text for _, text in wanted], options["k"], options["profile"]
    outcomes: Sequence[Any]
    if options["read"]:
        outcomes = memory.ask_many(texts, k=k, profile=profile)
    else:
        outcomes = retrieve_each(memory, texts, k=k, profile=profile or memory.config.retrieval.profile)
    for one in outcomes:
        if isinstance(one, LLMRefusedError | LLMBudgetError):
            raise one
    return [{"id": id_, "question": text, **_plain(one)} for (id_, text), one in zip(wanted, outcomes, strict=True)]


def _plain(outcome: Answer | Retrieval | Exception) -> dict[str, Any]:
    if isinstance(outcome, Exception):
        return {"error": {"type": type(outcome).__name__, "message": str(outcome)}}
    if isinstance(outcome, Retrieval):
        names = ("rank", "score", "document_id", "chunk_id", "title")
        return {"passages": [{name: getattr(hit, name) for name in names} for hit in outcome.hits]}
    cited = [one.to_dict() for one in outcome.citations]
    return {"answer": outcome.text, "answered": outcome.answered, "citations": cited, **_plain(outcome.retrieval)}


def _lines(plan: Plan, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in plan.work.read(name).decode().split("\n") if line]


def _usage(memory: Hippo) -> Usage:
    return sum(memory.usage.values(), Usage())
