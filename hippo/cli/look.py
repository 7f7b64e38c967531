"""`hippo list` and `hippo get`: what an index holds."""

from typing import Annotated

import typer

from hippo.cli.evidence import warn_of_no_match
from hippo.cli.options import IndexArgument, JsonOption, WhereOption, open_existing
from hippo.cli.output import console, print_json, printable
from hippo.types import Fact, StoredDocument

__all__ = ["GET_EXAMPLES", "LIST_EXAMPLES", "get", "list_documents"]

LIST_EXAMPLES = (
    "hippo list my-index",
    "hippo list my-index --where \"year >= 2020 and lang = 'en'\" --json",
)
GET_EXAMPLES = ("hippo get my-index report.pdf", "hippo get my-index notes/today.md --json")


def list_documents(index: IndexArgument, where: WhereOption = None, json_: JsonOption = False) -> None:
    """List the documents of an index.

    A line has the id, number of passages, time and title of a document, with tabs between; with --json also metadata,
    length and source.
    """
    with open_existing(index) as memory:
        found = memory.documents(where=where)
        if where is not None and not found:
            warn_of_no_match(memory.contents().documents, where)
    if json_:
        print_json([one.to_dict() for one in found])
        return
    for one in found:
        when = one.timestamp.isoformat() if one.timestamp else "-"
        fields = (one.id, str(one.passages), when, one.title or "")
        typer.echo("\t".join(" ".join(printable(field).split()) for field in fields).rstrip())


def get(
    index: IndexArgument,
    document: Annotated[str, typer.Argument(metavar="ID", help="Id of the document.", show_default=False)],
    json_: JsonOption = False,
) -> None:
    """Show a document with all that the index knows from it.

    That is its text, put together from its passages, its metadata, and the facts that were found in each passage.
    """
    with open_existing(index) as memory:
        found = memory.get(document)
    if json_:
        print_json(found.to_dict())
        return
    out = console()
    for line in _lines(found):
        out.print(printable(line), soft_wrap=True)


def _lines(found: StoredDocument) -> list[str]:
    known = {"title": found.title, "time": found.timestamp, "source": found.source, **found.metadata}
    lines = [found.id, *(f"  {key}: {value}" for key, value in known.items() if value is not None)]
    for chunk in found.chunks:
        lines += [f"\npassage {chunk.position} ({chunk.id})", chunk.text.strip()]
        lines += [f"  fact: {_fact(fact)}" for fact in found.facts.get(chunk.id, ())]
    return lines


def _fact(fact: Fact) -> str:
    text = " ".join(fact.text.split())
    return f"{text}  [{', '.join(fact.entities)}]" if fact.entities else text
