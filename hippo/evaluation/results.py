"""What an evaluation found, question by question, and the same in a Parquet file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.errors import DocumentError, InputError
from hippo.evaluation.outcome import Outcome
from hippo.evaluation.questions import Question
from hippo.evaluation.report import Table, comparison_table
from hippo.export.place import new_file

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Float64 = NDArray[np.float64]

__all__ = ["Evaluation", "Measured", "read_results"]

_META = b"hippo.evaluation"
_VERSION = 1
_COLUMNS = ("question_id", "question", "system", "answers", "gold", "ranking", "answer", "problem")


@dataclass(frozen=True, slots=True)
class Measured:
    """One system on all questions, in their order.

    Attributes:
        rankings: Ids of documents, best first; empty where there is none.
        scores: By measure: float64, one value per question, higher is better.
        answers: What it answered; None: nothing, or no answers were asked for.
        problems: Why there is no result for a question, which then scores 0; None: there is one.
        outcome: Sums of these, time and cost; None: the results were read from a file.
    """

    rankings: tuple[tuple[str, ...], ...]
    scores: "Mapping[str, Float64]"
    answers: tuple[str | None, ...]
    problems: tuple[str | None, ...]
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Several systems on the same questions.

    Attributes:
        questions: The questions.
        systems: What each gave, by name; the first one is the baseline.
        confidence: Of intervals, in (0, 1).
        passages: Number of passages that were searched; None: unknown.
        told: Whether `Table.outcomes` says what became of questions: where language models took part, a question
            failed, or time was measured.
    """

    questions: tuple[Question, ...]
    systems: Mapping[str, Measured]
    confidence: float = 0.95
    passages: int | None = None
    told: Mapping[str, Outcome] = field(default_factory=dict)

    def table(self, *, only: "Sequence[bool] | NDArray[np.bool_] | None" = None, seed: int = 0) -> Table:
        """Means with intervals, and differences to the baseline with intervals and tests.

        Args:
            only: Which questions count, one truth value each, at least one true; None: all.
            seed: Of the resampling.
        """
        kept = np.ones(len(self.questions), bool) if only is None else np.asarray(only, bool)
        scores = {
            name: {measure: values[kept] for measure, values in one.scores.items()}
            for name, one in self.systems.items()
        }
        made = comparison_table(scores, confidence=self.confidence, seed=seed)
        return replace(made, outcomes=self.told if only is None else {}, passages=self.passages)

    def to_arrow(self) -> "pa.Table":
        """A row for each system and question.

        Columns: question_id, question, system, answers (accepted), gold (ids), ranking (ids), answer, problem, and one
        for each measure, float64.
        """
        import pyarrow as pa

        rows: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
        measures: dict[str, list[float]] = {}
        for name, one in self.systems.items():
            for row, question in enumerate(self.questions):
                asked = (question.id, question.text, name, list(question.answers), sorted(question.gold))
                given = (list(one.rankings[row]), one.answers[row], one.problems[row])
                for column, value in zip(_COLUMNS, (*asked, *given), strict=True):
                    rows[column].append(value)
            for measure, scores in one.scores.items():
                measures.setdefault(measure, []).extend(scores.tolist())
        text, texts = pa.string(), pa.list_(pa.string())
        types = (text, text, text, texts, texts, texts, text, text)
        columns = [pa.array(rows[column], kind) for column, kind in zip(_COLUMNS, types, strict=True)]
        columns += [pa.array(values, pa.float64()) for values in measures.values()]
        info = {"version": _VERSION, "confidence": self.confidence, "passages": self.passages}
        table = pa.table(dict(zip([*_COLUMNS, *measures], columns, strict=True)))
        return table.replace_schema_metadata({_META: json.dumps(info).encode()})

    def write(self, path: str | Path) -> None:
        """Write `to_arrow` as a Parquet file, whole or not at all.

        Raises:
            InputError: There is something at `path`, its folder does not exist, or the disk refused.
        """
        import pyarrow.parquet as pq

        with new_file(Path(path)) as temporary:
            pq.write_table(self.to_arrow(), temporary)


def read_results(path: str | Path) -> Evaluation:
    """What `Evaluation.write` wrote.

    Raises:
        DocumentError: There is no such file, it holds something else, or a system has a question twice.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read()
    except FileNotFoundError as error:
        raise DocumentError(str(path), "no such file") from error
    except (OSError, pa.ArrowException) as error:
        raise DocumentError(str(path), f"cannot be read as Parquet: {error}") from error
    info = (table.schema.metadata or {}).get(_META)
    if info is None or not set(_COLUMNS) <= set(table.column_names):
        raise DocumentError(str(path), "holds no results of `hippo eval --out`")
    data = json.loads(info)
    if data["version"] > _VERSION:
        raise DocumentError(str(path), f"has the version {data['version']}; this hippo reads up to {_VERSION}")
    measures = [name for name in table.column_names if name not in _COLUMNS]
    found: dict[str, dict[str, Any]] = {}
    questions: dict[str, Question] = {}
    for record in table.to_pylist():
        identity = record["question_id"]
        questions.setdefault(
            identity,
            Question(identity, record["question"], tuple(record["answers"]), frozenset(record["gold"])),
        )
        rows = found.setdefault(record["system"], {})
        if identity in rows:
            raise DocumentError(str(path), f"system {record['system']!r} has the question {identity!r} twice")
        rows[identity] = record
    systems = {}
    for name, records in found.items():
        if records.keys() != questions.keys():
            raise DocumentError(str(path), f"system {name!r} has other questions than the first one")
        ordered = [records[identity] for identity in questions]
        systems[name] = Measured(
            tuple(tuple(record["ranking"]) for record in ordered),
            {measure: np.array([record[measure] for record in ordered], np.float64) for measure in measures},
            tuple(record["answer"] for record in ordered),
            tuple(record["problem"] for record in ordered),
        )
    if not systems:
        raise InputError(f"{path} holds no question")
    return Evaluation(tuple(questions.values()), systems, data["confidence"], data["passages"])
