"""What a run did: gathered from the logs that rows bring along."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from hippo.execution.stage import Executor, Row, peak_memory
from hippo.indexing.clock import Clock
from hippo.types import ChangeReport, Skipped, Usage
from hippo.types.plain import Plain

__all__ = ["BatchReport", "BuildReport", "Log", "Parts", "StageReport"]


@dataclass(frozen=True, slots=True)
class StageReport(Plain):
    """What the workers of a stage did.

    Attributes:
        made: Rows for which shards were made.
        found: Rows whose shards were there already.
        seconds: Working time of all workers together.
        processor: Processor time of all workers together: what is left where nothing is waited for.
        workers: Number of processes that took part.
        peak: Most bytes of memory that one of them held by then.
    """

    made: int
    found: int
    seconds: float
    processor: float
    workers: int
    peak: int


@dataclass(frozen=True, slots=True)
class BuildReport(Plain):
    """What a run did.

    Attributes:
        executor: "local" or "ray".
        workers: Workers of each stage.
        parts: Lists of documents that went through the stages together.
        stages: What was done, by stage.
        chunks: Chunks of all parts.
        facts: Facts of all parts.
        skipped: Inputs that held no usable document, each with its reason.
        failed: Chunks that could not be extracted; the next run tries them again.
        usage: What language models took.
        seconds: Wall time by step.
        processor: Processor time of this process by step of the assembler.
        peak: Most bytes of memory that this process has held so far.
        index: What the index was changed by; None where no index was made.
    """

    executor: str
    workers: int
    parts: int
    stages: Mapping[str, StageReport]
    chunks: int
    facts: int
    skipped: tuple[Skipped, ...]
    failed: int
    usage: Usage
    seconds: Mapping[str, float]
    processor: Mapping[str, float]
    peak: int
    index: ChangeReport | None = None


@dataclass(frozen=True, slots=True)
class BatchReport(Plain):
    """What a run over questions did.

    Attributes:
        executor: "local" or "ray".
        workers: Workers of each stage.
        stages: What was done, by stage.
        questions: Number of questions.
        failed: Those of them that failed; the next run tries them again.
        usage: What language models took.
        seconds: Wall time by step.
        peak: Most bytes of memory that this process has held so far.
    """

    executor: str
    workers: int
    stages: Mapping[str, StageReport]
    questions: int
    failed: int
    usage: Usage
    seconds: Mapping[str, float]
    peak: int


@dataclass(slots=True)
class Log:
    """Gathers what rows tell."""

    made: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    processor: Counter[str] = field(default_factory=Counter)
    peak: dict[str, int] = field(default_factory=dict)
    workers: dict[str, set[str]] = field(default_factory=dict)

    def take(self, row: Row) -> Row:
        """A row without its log, which is added up."""
        for entry in row.pop("log", []):
            stage = entry["stage"]
            (self.made if entry["made"] else self.found)[stage] += 1
            self.seconds[stage] += entry["seconds"]
            self.processor[stage] += entry["processor"]
            self.peak[stage] = max(self.peak.get(stage, 0), entry["peak"])
            self.workers.setdefault(stage, set()).add(entry["worker"])
        return row

    def stages(self) -> dict[str, StageReport]:
        """What was done, by stage."""
        return {
            name: StageReport(
                self.made[name],
                self.found[name],
                self.seconds[name],
                self.processor[name],
                len(self.workers[name]),
                self.peak[name],
            )
            for name in self.workers
        }


@dataclass(slots=True)
class Parts:
    """What came out of the stages."""

    rows: list[Row]
    skipped: list[Skipped]
    log: Log

    @property
    def failed(self) -> int:
        """Chunks that could not be extracted."""
        return sum(len(row["failed"]) for row in self.rows)

    def report(self, executor: Executor, clock: Clock, index: ChangeReport | None) -> BuildReport:
        """What a run did."""
        usage = sum((Usage(**row["usage"]) for row in self.rows), Usage())
        chunks, facts = (sum(row[name] for row in self.rows) for name in ("chunks", "facts"))
        done = (chunks, facts, tuple(self.skipped), self.failed, usage)
        stages_ = self.log.stages()
        times = (clock.seconds, clock.processor)
        return BuildReport(
            executor.name, executor.workers, len(self.rows), stages_, *done, *times, peak_memory(), index
        )
