"""What a change of an index did, for people."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hippo.cli.output import console, counted, printable, warn
from hippo.errors import ExtractionError

if TYPE_CHECKING:
    from hippo import ChangeReport

__all__ = ["check_extraction", "list_left_out", "show_report"]

_LISTED = 10


def show_report(report: "ChangeReport", path: Path) -> None:
    """Print it: results on standard output, what needs attention on standard error."""
    out = console()
    deleted = f", {report.deleted} deleted" if report.deleted else ""
    deleted += f", {report.forgotten} forgotten" if report.forgotten else ""
    out.print(
        f"{counted(report.added, 'document')} added, {report.changed} changed, {report.unchanged} unchanged{deleted}"
    )
    counts = ", ".join(
        (
            counted(report.chunks, "passage"),
            counted(report.facts, "fact"),
            counted(report.entities, "entity", "entities"),
        )
    )
    out.print(printable(f"{path} now holds {counts} ({sum(report.seconds.values()):.1f} s)"))
    list_left_out("skipped", [(item.source, item.reason) for item in report.skipped])
    for use, usage in report.usage.items():
        unknown = " and more of unknown price" if usage.unpriced else ""
        out.print(
            f"{use}: {usage.requests} calls, {usage.replayed} from the cache, {usage.input_tokens} tokens in, "
            f"{usage.output_tokens} out, ${usage.cost:.4f}{unknown}",
            soft_wrap=True,
        )
    if report.dropped:
        counts = ", ".join(f"{count} x {reason}" for reason, count in report.dropped.items())
        out.print(printable(f"dropped in extraction: {counts}"), soft_wrap=True)
    if report.stopped:
        are = "passage is" if report.pending == 1 else "passages are"
        warn(f"{report.stopped}. {report.pending} {are} left")
    list_left_out("failed, will be tried again", [(item.chunk_id, item.reason) for item in report.failed])


def check_extraction(report: "ChangeReport", extractor: str) -> None:
    """Raise an error if nothing came of extraction: the index has no facts, or the model did not answer."""
    failed = len(report.failed)
    if failed and (report.outage or failed == report.chunks):
        reasons = Counter(item.reason for item in report.failed).most_common(_LISTED)
        said = "; ".join(f"{count} x {reason}" for reason, count in reasons)
        problem = f"none of {failed} passages could be extracted: {said}"
        raise ExtractionError(extractor, f"{problem}. What was done is kept: run the same command again to go on")


def list_left_out(what: str, items: Sequence[tuple[str, str]]) -> None:
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
