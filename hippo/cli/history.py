"""`hippo history`: versions of documents."""

from datetime import datetime
from typing import Annotated

import typer

from hippo.cli.options import ConfigOption, IndexArgument, JsonOption, open_existing
from hippo.cli.output import console, counted, print_json, printable, warn

__all__ = ["EXAMPLES", "history"]

EXAMPLES = ("hippo history my-index report.pdf", "hippo history my-index --json")


def history(
    index: IndexArgument,
    document: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Id of a document. Default: all.", show_default=False)
    ] = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """List versions of documents, older ones too.

    A version is in force from its start to its end. It starts with its timestamp if that is later than all that was
    known of the document, else when it was added, and ends where the next one starts or when the document was deleted.
    """
    with open_existing(index, config) as memory:
        versions = memory.history(document)
    if json_:
        print_json([version.to_dict() for version in versions])
        return
    if not versions:
        warn("the index knows no version" + ("" if document is None else f" of {document}"))
    out = console()
    for version in versions:
        span = f"{_said(version.started, 'ever')} to {_said(version.ended, 'now')}"
        title = f"  {version.title}" if version.title else ""
        end = f", {version.ending}" if version.ending else ""
        out.print(
            printable(f"{version.document_id}  {span}{end}  {counted(version.passages, 'passage')}{title}"),
            soft_wrap=True,
        )


def _said(time: datetime | None, otherwise: str) -> str:
    return otherwise if time is None else time.replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")
