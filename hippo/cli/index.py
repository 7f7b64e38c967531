"""`hippo index`: add files and folders to an index."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hippo.cli.options import ConfigOption, IndexArgument, JsonOption, LLMOption, QuietOption, WaitOption
from hippo.cli.output import console, counted, print_json, progress_bars
from hippo.cli.report import check_extraction, list_left_out, show_report
from hippo.errors import InputError

if TYPE_CHECKING:
    from hippo import Estimate

__all__ = ["EXAMPLES", "index"]

EXAMPLES = (
    "hippo index my-index notes/ report.pdf",
    "hippo index my-index notes/ --suffix md --suffix txt",
    "hippo index my-index notes/ --sync --wait 600",
    "hippo index my-index contracts/ --namespace tenant-a",
    "hippo index tickets tickets.csv --text-column body --id-column number --title-column subject",
    "hippo index my-index notes/ --encoder none --json",
    "hippo index my-index --extractor pattern+llm --llm openai:gpt-4o-mini --dry-run",
    "hippo index my-index --extractor pattern+llm --llm openai:gpt-4o-mini --max-cost 2.50",
    "hippo index musique corpus/ --openie openie_results_ner_gpt-4o-mini.json --chunking document",
    "HIPPO_CHUNKING__MAX_TOKENS=128 hippo index my-index notes/",
)


def index(
    index: IndexArgument,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH",
            help="Files and folders to add. None: go on with what the index holds, as after another --extractor.",
            show_default=False,
        ),
    ] = None,
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
            help="pattern, spacy:MODEL, llm, imported, several as pattern+llm, or a plug-in's. Chunks that another one "
            "has done are done again. Default: the index's, or pattern.",
            show_default=False,
        ),
    ] = None,
    llm: LLMOption = None,
    openie: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Published openie_results_ner_*.json to take facts from; means --extractor imported.",
            show_default=False,
        ),
    ] = None,
    max_cost: Annotated[
        float | None,
        typer.Option(metavar="DOLLARS", help="Stop before more is spent; run again to go on.", show_default=False),
    ] = None,
    batch: Annotated[
        bool | None,
        typer.Option("--batch", help="Ask through the provider's batches: half the price.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would take: calls, tokens, money, time.")
    ] = False,
    sync: Annotated[
        bool, typer.Option("--sync", help="Also delete what was read from these folders and has vanished from them.")
    ] = False,
    wait: WaitOption = None,
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
    metadata_as_text: Annotated[
        bool,
        typer.Option(
            "--metadata-as-text", help="Keep metadata in CSV, TSV and front matter as text, also numbers and booleans."
        ),
    ] = False,
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
    options, but for the language model of an index that has facts from one.
    """
    from hippo import Columns, Hippo
    from hippo.snapshot.current import check_root

    memory = Hippo.open(
        index,
        encoder=encoder,
        extractor=extractor or ("imported" if openie else None),
        llm=llm,
        config=config,
        overrides=_given(
            chunking={"method": chunking, "max_tokens": max_tokens, "language": language},
            extractor={"imported": {"path": str(openie.absolute())} if openie else None},
            llm={"max_cost": max_cost, "batch": batch},
        ),
        wait=wait,
    )
    columns = Columns(
        text_column,
        id_column,
        title_column,
        timestamp_column,
        tuple(metadata_column) if metadata_column else None,
        typed=not metadata_as_text,
    )
    with memory, progress_bars(quiet=quiet, as_json=json_) as progress:
        if not paths:
            check_root(index)
            if sync:
                raise InputError("--sync needs the folders that the index is to be equal to")
        if dry_run:
            estimate = (
                memory.estimate_files(*paths, suffixes=suffix or None, columns=columns, sync=sync, progress=progress)
                if paths
                else memory.estimate([], progress=progress)
            )
        elif paths:
            change = memory.sync if sync else memory.add_files
            report = change(*paths, suffixes=suffix or None, columns=columns, progress=progress)
        else:
            report = memory.add([], progress=progress)
    if json_:
        print_json((estimate if dry_run else report).to_dict())
    elif dry_run:
        _show_estimate(estimate)
    else:
        show_report(report, index)
    if not dry_run:
        check_extraction(report, memory.config.extractor.name)


def _given(**sections: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Sections with the values that were given."""
    given = {
        name: {key: value for key, value in values.items() if value is not None} for name, values in sections.items()
    }
    return {name: values for name, values in given.items() if values}


def _show_estimate(estimate: "Estimate") -> None:
    out = console()
    gone = f", {estimate.deleted} to delete" if estimate.deleted else ""
    added = counted(estimate.added, "document")
    out.print(f"{added} to add, {estimate.changed} changed, {estimate.unchanged} unchanged{gone}")
    out.print(f"{counted(estimate.chunks, 'passage')} to extract, about {counted(estimate.texts, 'text')} to embed")
    if estimate.calls or estimate.replayed:
        cost = "of unknown price (set llm.input_price)" if estimate.cost is None else f"${estimate.cost:.4f}"
        out.print(
            f"about {estimate.calls} calls, {estimate.input_tokens} tokens in, {estimate.output_tokens} out: {cost}; "
            f"{estimate.replayed} replies are cached",
            soft_wrap=True,
        )
    out.print(", ".join(f"{stage} about {seconds:.0f} s" for stage, seconds in estimate.seconds.items()))
    list_left_out("skipped", [(item.source, item.reason) for item in estimate.skipped])
