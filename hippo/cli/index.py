"""`hippo index`: add files and folders to an index."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hippo.cli.options import ConfigOption, IndexArgument, JsonOption, QuietOption
from hippo.cli.output import console, print_json, printable, progress_bars, warn

if TYPE_CHECKING:
    from hippo import AddReport

__all__ = ["EXAMPLES", "index"]

EXAMPLES = (
    "hippo index my-index notes/ report.pdf",
    "hippo index my-index notes/ --suffix md --suffix txt",
    "hippo index tickets tickets.csv --text-column body --id-column number --title-column subject",
    "hippo index my-index notes/ --encoder none --json",
    "HIPPO_CHUNKING__MAX_TOKENS=128 hippo index my-index notes/",
)
_LISTED = 10


def index(
    index: IndexArgument,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files and folders to add.", show_default=False)],
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="minilm, hashing, sentence-transformers:MODEL, none or a plug-in's. Default: the index's, or minilm.",
            show_default=False,
        ),
    ] = None,
    extractor: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="pattern, spacy:MODEL or a plug-in's. Default: the index's, or pattern.",
            show_default=False,
        ),
    ] = None,
    config: ConfigOption = None,
    suffix: Annotated[
        list[str] | None,
        typer.Option(metavar="SUFFIX", help="Only files with this suffix. May be repeated.", show_default=False),
    ] = None,
    text_column: Annotated[str, typer.Option(metavar="COLUMN", help="Column of tables that holds the text.")] = "text",
    id_column: Annotated[str, typer.Option(metavar="COLUMN", help="Column that holds the document's id.")] = "id",
    title_column: Annotated[str, typer.Option(metavar="COLUMN", help="Column that holds the title.")] = "title",
    timestamp_column: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column that holds a date or time in ISO 8601.")
    ] = "timestamp",
    metadata_column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Column kept as metadata. May be repeated. Default: all others.",
            show_default=False,
        ),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            metavar="CODE",
            help="Language for splitting sentences, ISO 639-1. Default: rules made for English.",
            show_default=False,
        ),
    ] = None,
    chunking: Annotated[
        str | None,
        typer.Option(metavar="METHOD", help="sentences or document. Default: sentences.", show_default=False),
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="Most tokens of a chunk. Default: 256.", show_default=False)
    ] = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Add the documents of files and folders to an index.

    The index is made if need be. Documents that it holds already are left alone, changed ones replaced; files and rows
    that hold no usable document are left out and listed. An index keeps what it was made with: later calls need no
    options.
    """
    from hippo import Columns, Hippo

    overrides = {"method": chunking, "max_tokens": max_tokens, "language": language}
    given = {key: value for key, value in overrides.items() if value is not None}
    memory = Hippo.open(
        index, encoder=encoder, extractor=extractor, config=config, overrides={"chunking": given} if given else None
    )
    columns = Columns(
        text_column, id_column, title_column, timestamp_column, tuple(metadata_column) if metadata_column else None
    )
    with memory, progress_bars(quiet=quiet, as_json=json_) as progress:
        report = memory.add_files(*paths, suffixes=suffix or None, columns=columns, progress=progress)
    if json_:
        print_json(report.to_dict())
    else:
        _show(report, index)


def _show(report: "AddReport", path: Path) -> None:
    out = console()
    out.print(f"{report.added} documents added, {report.changed} changed, {report.unchanged} unchanged")
    counts = f"{report.chunks} passages, {report.facts} facts, {report.entities} entities"
    out.print(printable(f"{path} now holds {counts} ({sum(report.seconds.values()):.1f} s)"))
    _list_left_out("skipped", [(item.source, item.reason) for item in report.skipped])
    _list_left_out("failed, will be tried again", [(item.chunk_id, item.reason) for item in report.failed])


def _list_left_out(what: str, items: Sequence[tuple[str, str]]) -> None:
    """The first few on standard error, and how many there are for each reason."""
    if not items:
        return
    warn(f"{len(items)} {what}:")
    for source, reason in items[:_LISTED]:
        warn(f"  {source}: {reason}")
    if len(items) > _LISTED:
        warn(f"  and {len(items) - _LISTED} more; by reason:")
        for reason, count in Counter(reason for _, reason in items).most_common(_LISTED):
            warn(f"  {count} x {reason}")
