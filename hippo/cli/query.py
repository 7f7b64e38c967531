"""`hippo query`: ask an index."""

import sys
from typing import Annotated

import typer

from hippo.cli.evidence import show_path, show_retrieval
from hippo.cli.options import ConfigOption, IndexArgument, JsonOption, open_existing
from hippo.cli.output import console, print_json, printable
from hippo.errors import InputError

__all__ = ["EXAMPLES", "query"]

EXAMPLES = (
    'hippo query my-index "Who founded the company that built the bridge?"',
    'hippo query my-index "Where was her teacher born?" -k 10 --explain',
    'hippo query my-index "Where was her teacher born?" --profile bm25 --json',
    "hippo query my-index - --json < questions.txt",
)


def query(
    index: IndexArgument,
    question: Annotated[
        str,
        typer.Argument(
            metavar="QUESTION",
            help="The question; - reads many from standard input, one a line.",
            show_default=False,
        ),
    ],
    k: Annotated[int, typer.Option("-k", metavar="N", help="Number of passages.")] = 5,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="hippo, dense, bm25, hybrid or one of the configuration. Default: the configuration's, or hippo.",
            show_default=False,
        ),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show the path of evidence to every passage.")] = False,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Rank the passages of an index for a question.

    Passages come best first, with --explain each with the path of evidence that led to it. With --json a question gives
    one object; questions from standard input give a list.
    """
    questions = _standard_input() if question == "-" else [question]
    with open_existing(index, config) as memory:
        found = memory.retrieve_many(questions, k=k, profile=profile, explain=explain)
    if json_:
        print_json([one.to_dict() for one in found] if question == "-" else found[0].to_dict())
        return
    out = console()
    for number, retrieval in enumerate(found):
        if question == "-":
            out.print(printable(("\n" if number else "") + retrieval.question), style="bold")
        show_retrieval(out, retrieval)
        if explain:
            for hit in retrieval.hits:
                show_path(out, hit)


def _standard_input() -> list[str]:
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"standard input must be UTF-8: {error}") from error
    questions = [line.strip() for line in text.split("\n") if line.strip()]
    if not questions:
        raise InputError("standard input holds no question; write one a line")
    return questions
