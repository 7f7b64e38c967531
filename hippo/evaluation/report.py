"""Tables of results: one row per system, one column per measure, differences to the first row with intervals."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.errors import InputError
from hippo.evaluation.compare import Difference, Interval, bootstrap_interval, paired_difference
from hippo.evaluation.metrics import recall_at
from hippo.evaluation.outcome import Outcome

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Cell", "Row", "Table", "comparison_table", "retrieval_table"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A mean over questions, and how it differs from that of the first row (None in the first row itself)."""

    value: Interval
    difference: Difference | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One system: its name, and one cell per column."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Results of several systems on the same questions.

    Attributes:
        columns: Names of the measures.
        rows: The first one is the baseline of the differences.
        questions: Number of questions.
        confidence: Of all intervals, in (0, 1).
        outcomes: What became of the questions, how long they took, and what language models took, by name of the row;
            empty where nothing of this is to be told.
        passages: Number of passages that were searched; None: unknown.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    questions: int
    confidence: float
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    passages: int | None = None

    def notes(self) -> list[str]:
        """A line for each of the outcomes."""
        return [f"{name}: {outcome.to_text()}" for name, outcome in self.outcomes.items()]

    def to_markdown(self) -> str:
        """A Markdown table, then the notes. Means and differences are in percent: `73.4 (+1.8 [-0.2, 3.9])`."""
        lines = [["profile", *self.columns], ["---", *["---:"] * len(self.columns)], *self._body()]
        grid = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]
        return "\n".join([*grid, *([""] if self.outcomes else []), *(f"* {note}" for note in self.notes())])

    def to_text(self) -> str:
        """The same in aligned columns, for a terminal."""
        lines = [["profile", *self.columns], *self._body()]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        grid = ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in lines]
        return "\n".join([*grid, *self.notes()])

    def to_dict(self) -> dict[str, Any]:
        """Plain data: per profile and measure `mean`, `low`, `high`, and `difference` with these and both p-values.

        `outcomes`, where there are any: see `hippo.evaluation.outcome.Outcome`.
        """
        outcomes = {name: outcome.to_dict() for name, outcome in self.outcomes.items()}
        return {
            "questions": self.questions,
            "confidence": self.confidence,
            "profiles": {
                row.name: {
                    column: _plain(cell.value) | {"difference": cell.difference and _plain(cell.difference)}
                    for column, cell in zip(self.columns, row.cells, strict=True)
                }
                for row in self.rows
            },
            **({"outcomes": outcomes} if outcomes else {}),
            **({"passages": self.passages} if self.passages is not None else {}),
        }

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    def _body(self) -> list[list[str]]:
        return [[row.name, *map(_percent, row.cells)] for row in self.rows]


def comparison_table(
    scores: "Mapping[str, Mapping[str, ArrayLike]]", *, confidence: float = 0.95, samples: int = 10_000, seed: int = 0
) -> Table:
    """A table of any measures that give one number per question.

    Args:
        scores: From profile to measure to values, float `(n,)`. All profiles have the same measures of the same n
            questions in the same order; the first profile is the baseline.
        confidence: Of the intervals, in (0, 1).
        samples: Bootstrap samples.
        seed: Of the bootstrap.

    Raises:
        InputError: There is no profile, or profiles differ in measures or number of questions.
    """
    if not scores:
        raise InputError("there are no results to compare")
    first_name, first = next(iter(scores.items()))
    lengths = {np.size(values) for measures in scores.values() for values in measures.values()}
    if len(lengths) != 1:
        raise InputError(f"all measures must be of the same questions, got {sorted(lengths)} values")
    rows = []
    for name, measures in scores.items():
        if measures.keys() != first.keys():
            raise InputError(f"profiles must have the same measures, got {list(first)} and {list(measures)}")
        cells = []
        for measure, baseline in first.items():
            value = bootstrap_interval(measures[measure], confidence=confidence, samples=samples, seed=seed)
            difference = None
            if name != first_name:
                difference = paired_difference(
                    baseline, measures[measure], confidence=confidence, samples=samples, seed=seed
                )
            cells.append(Cell(value, difference))
        rows.append(Row(name, tuple(cells)))
    return Table(tuple(first), tuple(rows), lengths.pop(), confidence)


def retrieval_table(
    rankings: Mapping[str, Sequence[Sequence[str]]],
    golds: Sequence[Collection[str]],
    *,
    ks: Sequence[int] = (2, 5, 10, 20),
    confidence: float = 0.95,
    samples: int = 10_000,
    seed: int = 0,
) -> Table:
    """Recall@k of several profiles on the same questions.

    Args:
        rankings: From profile to one ranking of document ids per question; the first profile is the baseline.
        golds: Gold document ids of each question.
        ks: One column each.
        confidence: Of the intervals, in (0, 1).
        samples: Bootstrap samples.
        seed: Of the bootstrap.

    Raises:
        InputError: See `hippo.evaluation.metrics.recall_at` and `comparison_table`.
    """
    scores = {profile: {f"Recall@{k}": recall_at(k, ranked, golds) for k in ks} for profile, ranked in rankings.items()}
    return comparison_table(scores, confidence=confidence, samples=samples, seed=seed)


def _percent(cell: Cell) -> str:
    text = f"{100 * cell.value.mean:.1f}"
    change = cell.difference
    if change is None:
        return text
    return f"{text} ({100 * change.mean:+.1f} [{100 * change.low:.1f}, {100 * change.high:.1f}])"


def _plain(interval: Interval) -> dict[str, float]:
    data = {"mean": interval.mean, "low": interval.low, "high": interval.high}
    if isinstance(interval, Difference):
        data |= {"p_value": interval.p_value, "p_random": interval.p_random}
    return data
