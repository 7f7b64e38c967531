"""`hippo entities`, `neighbors`, `paths`, `passages`: look around in the graph of an index."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from hippo.cli.evidence import show_steps
from hippo.cli.options import AsOfOption, ConfigOption, IndexArgument, JsonOption, WhereOption, open_existing
from hippo.cli.output import console, print_json, printable, warn

if TYPE_CHECKING:
    from hippo.types.plain import Plain

__all__ = [
    "ENTITIES_EXAMPLES",
    "NEIGHBORS_EXAMPLES",
    "PASSAGES_EXAMPLES",
    "PATHS_EXAMPLES",
    "entities",
    "neighbors",
    "passages",
    "paths",
]

ENTITIES_EXAMPLES = (
    'hippo entities my-index "Ada Lovelace"',
    "hippo entities my-index london -k 20 --json",
    "hippo entities my-index -k 100",
)
NEIGHBORS_EXAMPLES = (
    'hippo neighbors my-index "Ada Lovelace"',
    'hippo neighbors my-index "Ada Lovelace" --kind relation -k 20',
)
PATHS_EXAMPLES = ('hippo paths my-index "Ada Lovelace" London', 'hippo paths my-index "Ada Lovelace" London --steps 6')
PASSAGES_EXAMPLES = (
    "hippo passages my-index 0d1f2e3c4b5a69788796a5b4c3d2e1f0",
    "hippo passages my-index 0d1f2e3c4b5a69788796a5b4c3d2e1f0 --before 1 --after 2",
)

EntityArgument = Annotated[str, typer.Argument(metavar="ENTITY", help="Name of an entity.", show_default=False)]


def entities(
    index: IndexArgument,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="A name, or words of one. Default: what most passages mention.", show_default=False
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", metavar="N", help="Number of entities.")] = 10,
    where: WhereOption = None,
    as_of: AsOfOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Find entities by name.

    The one of that very name comes first, then those whose names hold its words, then those with similar names. Without
    a name, those that most passages mention are listed.
    """
    with open_existing(index, config) as memory:
        found = memory.entities(name, k=k, where=where, as_of=as_of)
    if _printed(found, json_=json_, nothing=f"no entity with a name like {name!r}" if name else "no entities"):
        return
    out = console()
    for one in found:
        how = f" ({one.similarity:.2f})" if one.match == "similar" else ""
        out.print(printable(f"{one.name}  {one.match}{how}, in {one.passages:,} passages"), soft_wrap=True)


def neighbors(
    index: IndexArgument,
    entity: EntityArgument,
    k: Annotated[int, typer.Option("-k", metavar="N", help="Most of each kind.")] = 10,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="KIND",
            help="relation, synonym, titles or contains; can be repeated.",
            show_default=False,
        ),
    ] = None,
    where: WhereOption = None,
    as_of: AsOfOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Show what the graph joins to an entity.

    That is: entities that facts relate to it, entities of similar names, and passages that mention it, each with the
    sentence that says so.
    """
    with open_existing(index, config) as memory:
        found = memory.neighbors(entity, k=k, kinds=kinds or None, where=where, as_of=as_of)
    if _printed(found, json_=json_, nothing=f"nothing of these kinds is joined to {entity!r}"):
        return
    from rich.padding import Padding
    from rich.text import Text

    out = console()
    for one in found:
        out.print(
            Text.assemble(printable(f"{one.kind:<8}  "), (printable(one.name), "bold"), (f"  {one.weight:g}", "dim")),
            soft_wrap=True,
        )
        if one.sentence:
            out.print(Padding(Text(printable(" ".join(one.sentence.split())), "italic"), (0, 0, 0, 4), expand=False))


def paths(
    index: IndexArgument,
    source: Annotated[str, typer.Argument(metavar="FROM", help="Name of an entity.", show_default=False)],
    target: Annotated[str, typer.Argument(metavar="TO", help="Name of another.", show_default=False)],
    k: Annotated[int, typer.Option("-k", metavar="N", help="Number of paths.")] = 3,
    steps: Annotated[int, typer.Option("--steps", metavar="N", help="Most edges of a path, at most 8.")] = 4,
    where: WhereOption = None,
    as_of: AsOfOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Show the strongest ways from one entity to another.

    Every step comes with its kind, its probability and the sentence that says so.
    """
    with open_existing(index, config) as memory:
        found = memory.paths(source, target, k=k, steps=steps, where=where, as_of=as_of)
    if _printed(found, json_=json_, nothing=f"no path of at most {steps} steps"):
        return
    out = console()
    for number, one in enumerate(found, 1):
        out.print(("\n" if number > 1 else "") + f"{number}  {one.probability:.2g}", style="dim")
        out.print(printable(f"    {one.steps[0].source}"), style="bold", soft_wrap=True)
        show_steps(out, one.steps)


def passages(
    index: IndexArgument,
    chunk: Annotated[str, typer.Argument(metavar="ID", help="Id of a passage.", show_default=False)],
    before: Annotated[int, typer.Option("--before", metavar="N", help="Passages before it.")] = 0,
    after: Annotated[int, typer.Option("--after", metavar="N", help="Passages after it.")] = 0,
    as_of: AsOfOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Show a passage, and what comes before and after it.

    The ids of passages are in what query, ask, neighbors and paths print with --json.
    """
    with open_existing(index, config) as memory:
        found = memory.passages(chunk, before=before, after=after, as_of=as_of)
    if json_:
        print_json([one.to_dict() for one in found])
        return
    out = console()
    for one in found:
        mark = " *" if one.chunk_id == chunk and len(found) > 1 else ""
        out.print(printable(f"{one.title or one.document_id}  {one.position}{mark}"), style="bold", soft_wrap=True)
        out.print(printable(one.text), soft_wrap=True)


def _printed(found: "Sequence[Plain]", *, json_: bool, nothing: str) -> bool:
    """Whether all that there is to print is printed."""
    if json_:
        print_json([one.to_dict() for one in found])
    elif not found:
        warn(nothing)
    return json_ or not found
