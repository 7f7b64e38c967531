"""`hippo status`: what an index holds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hippo.cli.options import IndexArgument, JsonOption, open_existing
from hippo.cli.output import console, print_json, printable

if TYPE_CHECKING:
    from hippo.types import Run, Status

__all__ = ["EXAMPLES", "status"]

EXAMPLES = (
    "hippo status my-index",
    "hippo status my-index --runs",
    "hippo status my-index --plot graph.svg",
    "hippo status my-index --json",
)


def status(
    index: IndexArgument,
    runs: Annotated[
        bool, typer.Option("--runs", help="Also list the runs that changed the index, the newest first.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.svg",
            help="Also draw the graph's figures: neighbours of nodes, kinds of edge, pieces.",
            show_default=False,
        ),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Show what an index holds and what it was made with.

    That is: numbers of documents, passages, facts, entities and edges, encoder and extractor, size on disk, and chunks
    whose extraction failed and will be tried again.
    """
    with open_existing(index) as memory:
        found = memory.status()
        made = memory.runs() if runs else []
        graph = memory.statistics() if plot is not None else None
    if plot is not None and graph is not None:
        from hippo.plots import draw_statistics

        draw_statistics(graph, plot)
    if json_:
        more = {"runs": [run.to_dict() for run in made]} if runs else {}
        print_json({**found.to_dict(), **more, **({"graph": graph.to_dict()} if graph is not None else {})})
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
        *_searches(found),
        ("encoder", found.encoder or "none"),
        *([("vectors", found.storage)] if found.storage else []),
        ("extractor", found.extractor or "none"),
        *((f"{part} on disk", f"{size / 2**20:,.1f} MiB") for part, size in sorted(found.bytes.items())),
        ("pending passages", f"{found.pending:,}"),
        *([("wait to be merged", f"{found.waiting:,}")] if found.waiting else []),
        *((f"failed: {reason}", f"{count:,}") for reason, count in sorted(found.failed.items())),
    ]
    if graph is not None:
        rows += [
            ("pieces of the graph", f"{graph.components:,}, the largest of {max(graph.largest, default=0):,} nodes"),
            ("nodes without neighbours", f"{graph.isolated:,}"),
            ("plot", str(plot)),
        ]
    width = max(len(label) for label, _ in rows)
    out = console()
    for label, value in rows:
        out.print(printable(f"{label:<{width}}  {value}"), soft_wrap=True)
    for run in made:
        out.print(printable(_line(run)), soft_wrap=True)


def _searches(found: "Status") -> list[tuple[str, str]]:
    """What searches by parts have found, where not all is compared."""
    rows = []
    if found.synonym_search.get("method") == "buckets":
        recall, pairs = found.synonym_search["recall"], found.synonym_search["pairs"]
        rows.append(("search of synonyms", f"buckets; found {recall:.1%} of {pairs:,} similar pairs"))
    for kind, about in sorted(found.vector_search.items()):
        rows.append((f"search of {kind}s", f"{about['kind']}; finds {about['recall']:.1%} of the nearest"))
    return rows


def _line(run: "Run") -> str:
    """A run in one line."""
    report = run.report or {}
    done = [f"{report[name]} {name}" for name in ("added", "changed", "deleted") if report.get(name)]
    cost = sum(one["cost"] for one in report.get("usage", {}).values())
    told = [*done, *([f"${cost:.4f}"] if cost else []), *([run.problem] if run.problem else [])]
    return f"{run.id}  {run.command:<9}  {run.outcome:<7}  {run.seconds:7.1f} s  {', '.join(told) or 'nothing changed'}"
