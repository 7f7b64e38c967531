"""`hippo link` and `hippo links`: edges that people make."""

from typing import Annotated

import typer

from hippo.cli.options import ConfigOption, IndexArgument, JsonOption, open_existing
from hippo.cli.output import console, print_json, printable

__all__ = ["LINKS_EXAMPLES", "LINK_EXAMPLES", "link", "links"]

LINK_EXAMPLES = (
    "hippo link my-index report.pdf notes/today.md --kind cites",
    'hippo link my-index chat-7/000000012 "Ada Lovelace" --weight 2',
    "hippo link my-index report.pdf notes/today.md --remove",
)
LINKS_EXAMPLES = ("hippo links my-index", "hippo links my-index report.pdf --json")

End = typer.Argument(metavar="NAME", help="Id of a document or passage, or name of an entity.", show_default=False)


def link(
    index: IndexArgument,
    first: Annotated[str, End],
    second: Annotated[str, End],
    kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="What joins them. Default: link; to remove: all kinds.", show_default=False),
    ] = None,
    weight: Annotated[float, typer.Option(metavar="NUMBER", help="Weight of the edge, above 0.")] = 1.0,
    remove: Annotated[bool, typer.Option("--remove", help="Take the link away.")] = False,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Join two documents, passages or entities by a link.

    A link is an edge of a kind of its own. The walk goes over it as over any other; a profile's kind_weights say how
    much it counts. A document stands for its first passage.
    """
    with open_existing(index, config) as memory:
        if remove:
            found = memory.unlink(first, second, kind=kind)
        else:
            found = [memory.link(first, second, kind=kind or "link", weight=weight)]
    if json_:
        print_json([one.to_dict() for one in found])
        return
    word = "removed" if remove else "linked"
    console().print(f"{len(found)} {word}")


def links(
    index: IndexArgument,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Only those of this one. Default: all.", show_default=False)
    ] = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """List the links of an index."""
    with open_existing(index, config) as memory:
        found = memory.links(name)
    if json_:
        print_json([one.to_dict() for one in found])
        return
    out = console()
    for one in found:
        out.print(printable(f"{one.kind}  {one.weight:g}  {one.first}  {one.second}"), soft_wrap=True)
