"""`hippo delete` and `hippo update`: documents that an index holds."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hippo.cli.options import (
    ConfigOption,
    IndexArgument,
    JsonOption,
    LLMOption,
    MissingOkOption,
    QuietOption,
    WaitOption,
    open_existing,
)
from hippo.cli.output import console, counted, print_json, printable, progress_bars
from hippo.cli.report import check_extraction, show_report
from hippo.errors import DocumentError, InputError

__all__ = ["DELETE_EXAMPLES", "UPDATE_EXAMPLES", "delete", "json_object", "update"]

DELETE_EXAMPLES = (
    "hippo delete my-index report.pdf notes/old.md",
    "hippo delete my-index --where \"year < 2020 and lang = 'en'\" --dry-run",
    "hippo delete my-index customers/1234.md --forget",
)
UPDATE_EXAMPLES = (
    "hippo update my-index report.pdf --metadata '{\"year\": 2024}'",
    "hippo update my-index notes/today.md --text-file today.txt --timestamp 2024-05-01",
)
_LISTED = 10


def delete(
    index: IndexArgument,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids of documents.", show_default=False)] = None,
    where: Annotated[
        str | None,
        typer.Option(
            metavar="CONDITION",
            help="In place of ids: all documents whose metadata satisfy this: \"year >= 2020 and lang = 'en'\".",
            show_default=False,
        ),
    ] = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Leave nothing of them: no older version, no cached vector or reply.")
    ] = False,
    missing_ok: MissingOkOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the documents that would go.")] = False,
    wait: WaitOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Delete documents with all that came from them.

    That is their passages, facts and edges, and names that only they used. Readers see the index with all of them or
    without any. What was known before can still be asked for with --as-of, unless --forget is given.
    """
    with open_existing(index, config, wait=wait) as memory, progress_bars(quiet=quiet, as_json=json_) as progress:
        if dry_run:
            doomed = memory.select(*ids or (), where=where, missing_ok=missing_ok, forget=forget)
        else:
            report = memory.delete(*ids or (), where=where, missing_ok=missing_ok, forget=forget, progress=progress)
    if dry_run and json_:
        print_json({"documents": doomed})
    elif dry_run:
        out = console()
        out.print(f"{counted(len(doomed), 'document')} would be deleted" + (":" if doomed else ""))
        for one in doomed[:_LISTED]:
            out.print(printable(f"  {one}"), soft_wrap=True)
        if len(doomed) > _LISTED:
            out.print(f"  and {len(doomed) - _LISTED} more")
    elif json_:
        print_json(report.to_dict())
    else:
        show_report(report, index)


def update(
    index: IndexArgument,
    document: Annotated[str, typer.Argument(metavar="ID", help="Id of the document.", show_default=False)],
    text_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File with its new text; - reads standard input.", show_default=False),
    ] = None,
    title: Annotated[
        str | None,
        typer.Option(metavar="TITLE", help="Its new title, with --text-file; empty: none.", show_default=False),
    ] = None,
    metadata: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="JSON object that takes the place of its metadata.", show_default=False),
    ] = None,
    timestamp: Annotated[
        str | None, typer.Option(metavar="TIME", help="Date or time, ISO 8601; empty: none.", show_default=False)
    ] = None,
    llm: LLMOption = None,
    wait: WaitOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Give a document a new text, title, metadata or timestamp.

    What is not named stays as it was. Passages whose text and title stay are not extracted again. A new title takes the
    text too, since passages are cut so that both fit in. A document that was read from a file is replaced by what the
    file holds when it is indexed again.
    """
    changes: dict[str, Any] = {}
    if text_file is not None:
        changes["text"] = _read(text_file)
    if title is not None:
        changes["title"] = title or None
    if metadata is not None:
        changes["metadata"] = json_object(metadata)
    if timestamp is not None:
        changes["timestamp"] = timestamp or None
    if not changes:
        raise InputError("nothing to update: give --text-file, --title, --metadata or --timestamp")
    opened = open_existing(index, config, llm=llm, wait=wait)
    with opened as memory, progress_bars(quiet=quiet, as_json=json_) as progress:
        report = memory.update(document, **changes, progress=progress)
        extractor = memory.config.extractor.name
    if json_:
        print_json(report.to_dict())
    else:
        show_report(report, index)
    check_extraction(report, extractor)


def _read(file: Path) -> str:
    try:
        # Decoded here, for the locale's way of reading may let through what is no UTF-8.
        return (sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(str(file), f"it cannot be read as UTF-8 text: {error}") from error


def json_object(text: str) -> dict[str, Any]:
    """The JSON object of the option --metadata.

    Raises:
        InputError: It is none.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"--metadata: {text[:80]!r} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"--metadata: {text[:80]!r} is no JSON object")
    return value
