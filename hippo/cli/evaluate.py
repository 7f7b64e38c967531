"""`hippo eval`: how well an index answers questions with known passages."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hippo.cli.options import (
    ConfigOption,
    IndexArgument,
    JsonOption,
    LLMOption,
    RecognitionOption,
    RerankingOption,
    StepsOption,
    open_existing,
)
from hippo.cli.output import console, print_json, printable
from hippo.cli.waiting import waiting
from hippo.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from hippo.evaluation import Table
    from hippo.evaluation.compare import Interval

__all__ = ["EXAMPLES", "evaluate", "show_table"]

EXAMPLES = (
    "hippo eval my-index questions.json",
    "hippo eval my-index questions.jsonl --profile hippo --profile bm25 -k 5 -k 20",
    "hippo eval my-index questions.json --recognition llm --steps 3 --llm openai:gpt-4o-mini",
    "hippo eval my-index questions.json --read --llm openai:gpt-4o-mini",
    "hippo eval my-index questions.json --json > results.json",
)


def evaluate(
    index: IndexArgument,
    questions: Annotated[
        Path,
        typer.Argument(
            metavar="QUESTIONS",
            help="A .json or .jsonl file of questions with gold passages, as MuSiQue, HotpotQA and 2WikiMultihopQA "
            "have them, or with document ids under `gold`.",
            show_default=False,
        ),
    ],
    profile: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Profile to measure; the first one is the baseline. May be repeated. Default: hippo, dense (if the "
            "index has vectors), bm25.",
            show_default=False,
        ),
    ] = None,
    k: Annotated[
        list[int] | None,
        typer.Option(
            "-k",
            metavar="N",
            help="Cut-off. May be repeated. Default: 2, 5, 10, with --read as far as --answer-k reaches.",
            show_default=False,
        ),
    ] = None,
    recognition: RecognitionOption = None,
    reranking: RerankingOption = None,
    steps: StepsOption = None,
    read: Annotated[
        bool, typer.Option("--read", help="Let a language model answer from the passages, and score its answers.")
    ] = False,
    answer_k: Annotated[
        int | None,
        typer.Option(
            "--answer-k",
            metavar="N",
            help="With --read: number of passages that it reads for a question. Default: 5.",
            show_default=False,
        ),
    ] = None,
    reasoning: Annotated[
        bool | None,
        typer.Option("--reasoning", help="With --read: let it think before it answers.", show_default=False),
    ] = None,
    llm: LLMOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Measure profiles on questions whose gold passages are known.

    Recall@k is the share of the gold documents among the first k; All@k the share of questions with every gold document
    among them. Intervals are 95 % bootstrap intervals over questions.

    With --read a language model answers every question from the passages of each profile. EM is the share of the
    answers that are one of the accepted answers, but for case, punctuation and articles; F1 the harmonic mean of
    precision and recall of their words. Questions that it could not answer score 0 and are counted. Replies are kept in
    the index: measuring again costs nothing.
    """
    from hippo.evaluation import load_questions
    from hippo.evaluation.run import evaluate as measure
    from hippo.evaluation.run import match_questions

    if not read and (answer_k is not None or reasoning):
        raise InputError("--answer-k and --reasoning are about answers, and none are read. Add --read")
    with open_existing(index, config, llm=llm, recognition=recognition, reranking=reranking) as memory:
        matched = match_questions(memory, load_questions(questions))
        with waiting(memory, as_json=json_):
            table = measure(
                memory,
                matched,
                profiles=profile or None,
                ks=k or None,
                steps=steps,
                read=read,
                answer_k=5 if answer_k is None else answer_k,
                reasoning=reasoning,
            )
    if json_:
        print_json(table.to_dict())
    else:
        show_table(console(), table)


def show_table(out: "Console", table: "Table") -> None:
    """A row per measure, a column per profile: mean and interval, and below it the difference to the first profile.

    Below the table stands what became of the questions where language models took part.
    """
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    grid.add_column("percent", no_wrap=True)
    for row in table.rows:
        grid.add_column(printable(row.name))
    for column, measure in enumerate(table.columns):
        cells = []
        for row in table.rows:
            cell = row.cells[column]
            text = Text.assemble((f"{100 * cell.value.mean:.1f}", "bold"), f" {_interval(cell.value)}")
            if cell.difference is not None:
                text.append(f"\n{100 * cell.difference.mean:+.1f} {_interval(cell.difference)}", "dim")
            cells.append(text)
        grid.add_row(measure, *cells)
    out.print(grid)
    note = f"\n{table.questions} questions; in brackets {100 * table.confidence:g} % intervals"
    if len(table.rows) > 1:
        note += f"; second lines: difference to {table.rows[0].name}"
    out.print(printable("\n".join([note, *table.notes()])), soft_wrap=True)


def _interval(interval: "Interval") -> str:
    return f"[{100 * interval.low:.1f}, {100 * interval.high:.1f}]"
