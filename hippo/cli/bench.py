"""`hippo bench`: what this machine reaches with an index."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hippo.cli.options import ConfigOption, IndexArgument, JsonOption, ProfileOption, as_profile, open_existing
from hippo.cli.output import console, print_json, printable

if TYPE_CHECKING:
    from hippo.evaluation.speed import Speed, Stages

__all__ = ["EXAMPLES", "bench"]

EXAMPLES = (
    "hippo bench my-index",
    "hippo bench my-index --questions questions.json --batch 256",
    "hippo bench my-index --profile hipporag2 --json",
)


def bench(
    index: IndexArgument,
    questions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSON file of questions, as for `hippo eval`; else facts are asked.",
            show_default=False,
        ),
    ] = None,
    profile: ProfileOption = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Number of passages.")] = 5,
    batch: Annotated[int, typer.Option(min=1, help="Questions asked at once.")] = 64,
    rounds: Annotated[int, typer.Option(min=1, help="Times that everything is measured.")] = 3,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Measure what this machine reaches with an index.

    That is: passages and tokens that the encoder takes a second, and milliseconds of a question by stage, asked alone
    and in a batch, its encoding not counted.
    """
    from hippo.evaluation.questions import load_questions
    from hippo.evaluation.speed import measure_speed

    asked = None if questions is None else [question.text for question in load_questions(questions)]
    with open_existing(index, config) as memory:
        chosen = as_profile(profile) if profile else None
        found = measure_speed(memory, questions=asked, profile=chosen, k=k, batch=batch, rounds=rounds)
    if json_:
        print_json(found.to_dict())
        return
    out = console()
    for label, value in _rows(found):
        out.print(printable(f"{label:<26}  {value}"), soft_wrap=True)


def _rows(found: "Speed") -> list[tuple[str, str]]:
    size = f"{found.passages:,} passages, {found.facts:,} facts, {found.nodes:,} nodes, {found.edges:,} edges"
    rows = [("index", size), ("processors", str(found.cores)), ("engine", found.engine or "none")]
    if found.encoding is not None:
        encoding = found.encoding
        tokens = "" if encoding.tokens_per_second is None else f", {encoding.tokens_per_second:,.0f} tokens"
        rows += [
            ("encoder", encoding.name),
            ("encoded a second", f"{encoding.texts_per_second:,.1f} passages{tokens}"),
            ("a question encoded", f"{encoding.question_ms:.2f} ms"),
        ]
    return [*rows, ("a question alone", _line(found.alone)), (f"in a batch of {found.batch}", _line(found.in_batch))]


def _line(stages: "Stages") -> str:
    parts = f"search {stages.search:.2f}, walk {stages.walk:.2f}, hits {stages.hits:.2f}"
    return f"{stages.total:.2f} ms: {parts}"
