"""`hippo consolidate`: gists, joined facts and contradictions."""

from typing import Annotated

import typer

from hippo.cli.options import (
    ConfigOption,
    IndexArgument,
    JsonOption,
    LLMOption,
    QuietOption,
    WaitOption,
    open_existing,
)
from hippo.cli.output import console, counted, print_json, progress_bars

__all__ = ["EXAMPLES", "consolidate"]

EXAMPLES = (
    "hippo consolidate my-index",
    "hippo consolidate my-index --kind gists --abstractive --llm openai:gpt-4o-mini",
)


def consolidate(
    index: IndexArgument,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND",
            help="What is made: facts, gists, contradictions. May be repeated. Default: all.",
            show_default=False,
        ),
    ] = None,
    abstractive: Annotated[
        bool, typer.Option("--abstractive", help="Have a language model put gists into its own words.")
    ] = False,
    llm: LLMOption = None,
    wait: WaitOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make gists, join facts, set contradictions side by side.

    Gists are of sessions and of entities. What is made are documents that are marked, point to their sources and go
    when these go. They are results with --derived, and in hippo context. What was remembered is
    merged first.
    """
    opened = open_existing(index, config, llm=llm, wait=wait)
    with opened as memory, progress_bars(quiet=quiet, as_json=json_) as progress:
        done = memory.consolidate(kinds=kind or None, abstractive=abstractive, progress=progress)
    if json_:
        print_json(done.to_dict())
        return
    kinds = {"joined fact": done.facts, "gist": done.gists, "contradiction": done.contradictions}
    made = ", ".join(counted(number, one) for one, number in kinds.items())
    console().print(f"{made}; {done.made} new, {done.removed} removed", soft_wrap=True)
