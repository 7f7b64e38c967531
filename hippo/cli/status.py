"""`hippo status`: what an index holds."""

from hippo.cli.options import IndexArgument, JsonOption, open_existing
from hippo.cli.output import console, print_json, printable

__all__ = ["EXAMPLES", "status"]

EXAMPLES = ("hippo status my-index", "hippo status my-index --json")


def status(index: IndexArgument, json_: JsonOption = False) -> None:
    """Show what an index holds and what it was made with.

    That is: numbers of documents, passages, facts, entities and edges, encoder and extractor, size on disk, and chunks
    whose extraction failed and will be tried again.
    """
    with open_existing(index) as memory:
        found = memory.status()
    if json_:
        print_json(found.to_dict())
        return
    rows = [
        ("path", found.path),
        ("snapshot", found.snapshot or "none: nothing has been published yet"),
        ("documents", f"{found.documents:,}"),
        ("passages", f"{found.chunks:,}"),
        ("facts", f"{found.facts:,}"),
        ("entities", f"{found.entities:,}"),
        *([("older versions", f"{found.versions:,}")] if found.versions else []),
        *((f"{kind} edges", f"{count:,}") for kind, count in sorted(found.edges.items())),
        ("encoder", found.encoder or "none"),
        ("extractor", found.extractor or "none"),
        *((f"{part} on disk", f"{size / 2**20:,.1f} MiB") for part, size in sorted(found.bytes.items())),
        ("pending passages", f"{found.pending:,}"),
        *((f"failed: {reason}", f"{count:,}") for reason, count in sorted(found.failed.items())),
    ]
    width = max(len(label) for label, _ in rows)
    out = console()
    for label, value in rows:
        out.print(printable(f"{label:<{width}}  {value}"), soft_wrap=True)
