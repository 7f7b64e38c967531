"""`hippo convert`: what another system extracted, for an index of hippo."""

from pathlib import Path
from typing import Annotated

import typer

from hippo.cli.options import ConfigOption, JsonOption
from hippo.cli.output import console, print_json, printable, warn

__all__ = ["EXAMPLES", "convert"]

EXAMPLES = (
    "hippo convert rag_storage converted",
    "hippo convert ragtest/output converted",
    "hippo index my-index converted/documents.jsonl --openie converted/openie.json --chunking document",
)


def convert(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="Working folder of LightRAG, or output folder of GraphRAG.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to make, for the two files.", show_default=False)],
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Take over what LightRAG or GraphRAG has extracted.

    Passages go into documents.jsonl, each a document of its own, entities and relations into openie.json. The last line
    says how to index them. No language model is asked. Tables and graphs are parsed in a process of their own, within
    the limits in [documents] of the configuration.
    """
    from hippo.config import load_config
    from hippo.documents import Limits
    from hippo.migration import convert as run

    settings = load_config(config).documents
    made = run(folder, out, limits=Limits(settings.memory, settings.seconds), max_bytes=settings.max_bytes)
    if json_:
        print_json(made.to_dict())
        return
    said = f"{made.passages} passages, {made.entities} entities, {made.relations} relations of {made.system}"
    for reason, count in made.dropped.items():
        warn(f"dropped: {count} x {reason}")
    command = f"hippo index INDEX {made.documents} --openie {made.openie} --chunking document"
    console().print(printable(f"{said}\n{command}"), soft_wrap=True)
