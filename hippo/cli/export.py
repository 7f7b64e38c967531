"""`hippo export`: the graph and tables of an index for other programs."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hippo.cli.options import IndexArgument, JsonOption, open_existing
from hippo.cli.output import console, print_json, printable, warn

if TYPE_CHECKING:
    from hippo.export import Export
    from hippo.snapshot.contents import Contents

__all__ = ["EXAMPLES", "export"]

EXAMPLES = (
    "hippo export my-index",
    "hippo export my-index graph.graphml",
    "hippo export my-index tables --format parquet",
    "hippo export my-index dump --format jsonl",
    "hippo index copy dump/documents.jsonl",
)


class Format(StrEnum):
    """What to write."""

    GRAPHML = "graphml"
    PARQUET = "parquet"
    JSONL = "jsonl"


def export(
    index: IndexArgument,
    out: Annotated[
        Path | None,
        typer.Argument(
            metavar="OUT",
            help="File (graphml) or folder (parquet, jsonl) to make; must not exist. Default: named after the index.",
            show_default=False,
        ),
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", help="graphml: the graph; parquet, jsonl: all tables.")
    ] = Format.GRAPHML,
    json_: JsonOption = False,
) -> None:
    """Write the graph or the tables of an index for other programs.

    The graph goes into a GraphML file; documents, chunks, facts, entities and edges into a folder of Parquet or JSON
    lines files, of which documents.jsonl can be indexed again. OUT appears when it is complete.
    """
    from hippo.export import write_graphml, write_jsonl, write_parquet

    writers: dict[Format, Callable[[Contents, Path], Export]] = {
        Format.GRAPHML: write_graphml,
        Format.PARQUET: write_parquet,
        Format.JSONL: write_jsonl,
    }
    name = index.resolve().name
    target = out or Path(f"{name}.graphml" if format_ is Format.GRAPHML else f"{name}-{format_}")
    with open_existing(index) as memory:
        written = writers[format_](memory.contents(), target)
    if json_:
        print_json(written.to_dict())
        return
    rows = ", ".join(f"{count:,} {name}" for name, count in written.rows.items())
    console().print(printable(f"{written.path}: {rows}"), soft_wrap=True)
    for reason, count in written.removed.items():
        if count:
            warn(f"{count} {reason} left out, which the format cannot hold")
