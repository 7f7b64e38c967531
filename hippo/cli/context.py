"""`hippo context`: what an index knows about a question, packed for a reader."""

import sys
from typing import Annotated

import typer

from hippo.cli.options import (
    AsOfOption,
    ConfigOption,
    IndexArgument,
    JsonOption,
    NewestWinsOption,
    ProfileOption,
    RecencyOption,
    WhereOption,
    open_existing,
)
from hippo.cli.output import print_json, printable
from hippo.cli.remember import SessionOption

__all__ = ["EXAMPLES", "context"]

EXAMPLES = (
    'hippo context my-index "Where does Ann live?" --budget 500',
    'hippo context my-index "Where does Ann live?" --kind facts --kind triples --json',
)


def context(
    index: IndexArgument,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="The question.", show_default=False)],
    budget: Annotated[int, typer.Option("--budget", metavar="TOKENS", help="Most tokens, about.")] = 2000,
    k: Annotated[int, typer.Option("-k", metavar="N", help="Passages that are considered, and as many facts.")] = 20,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND",
            help="What may be in it: facts, triples, gists, passages. May be repeated. Default: all.",
            show_default=False,
        ),
    ] = None,
    session: SessionOption = None,
    profile: ProfileOption = None,
    where: WhereOption = None,
    as_of: AsOfOption = None,
    recency: RecencyOption = None,
    newest_wins: NewestWinsOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Pack what is known about a question for a reader.

    Facts with their dates and sources come first, then summaries, then passages where facts do not suffice. No language
    model is asked.
    """
    with open_existing(index, config) as memory:
        found = memory.context(
            question,
            budget_tokens=budget,
            k=k,
            kinds=kind or None,
            session=session,
            profile=profile,
            where=where,
            as_of=as_of,
            recency_half_life=recency,
            newest_wins=newest_wins,
        )
    if json_:
        print_json(found.to_dict())
    else:
        sys.stdout.write(printable(found.text))
