"""Ranked passages, and the evidence that led to them, for a reader."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from hippo.cli.output import printable, warn

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console

    from hippo import Hit, PathStep, Retrieval, Usage

__all__ = ["name", "show_path", "show_recognition", "show_retrieval", "show_steps", "taken", "warn_of_no_match"]

_HASH = re.compile(r"[0-9a-f]{32}")
"""Id of a document that was given none: says nothing to a person."""
_WIDTH = 60
"""Characters of a passage that name it where it has no title."""
_MOST_KEYS = 20
"""Keys of metadata that are listed."""


def name(hit: "Hit") -> str:
    """Title of a passage, or how it begins."""
    text = hit.title or " ".join(hit.text.split())
    return printable(text if hit.title or len(text) <= _WIDTH else f"{text[:_WIDTH]}…")


def taken(usage: "Mapping[str, Usage]") -> str:
    """What language models took, all uses together."""
    from hippo import Usage

    total = sum(usage.values(), start=Usage())
    unknown = " and more of unknown price" if total.unpriced else ""
    return (
        f"{total.requests} calls, {total.replayed} from the cache, {total.input_tokens} tokens in, "
        f"{total.output_tokens} out, ${total.cost:.4f}{unknown}"
    )


def warn_of_no_match(documents: "pa.Table", where: str) -> None:
    """Say that no document satisfies a condition, and which of its names no document has."""
    from hippo.filters import known_keys, missing_fields, parse_where

    condition = parse_where(where)
    warn(f"no document satisfies the condition {condition}")
    if missing := missing_fields(condition, documents):
        keys = ", ".join(known_keys(documents)[:_MOST_KEYS]) or "none"
        warn(f"no document has {', '.join(missing)}; keys of metadata that there are: {keys}")


def show_retrieval(out: "Console", retrieval: "Retrieval", *, gold: Collection[str] = (), texts: bool = True) -> None:
    """Passages with rank, title and score.

    Args:
        out: Where to.
        retrieval: The passages.
        gold: Ids of documents to mark with a star.
        texts: Whether to show what the passages say.
    """
    from rich.padding import Padding
    from rich.text import Text

    for hit in retrieval.hits:
        star = " *" if hit.document_id in gold else ""
        line = Text(f"{hit.rank:>2}  ")
        line.append(name(hit), "bold").append(star, "bold green").append(f"  {hit.score:.4f}", "dim")
        if hit.timestamp:
            line.append(f"  {hit.timestamp.date()}", "dim")
        if hit.superseded_by:
            line.append("  superseded", "dim")
        if texts and not _HASH.fullmatch(hit.document_id):
            line.append(f"  {printable(hit.document_id)}", "dim")
        out.print(line, soft_wrap=True)
        if texts:
            out.print(Padding(Text(printable(" ".join(hit.text.split()))), (0, 0, 0, 4), expand=False))


def show_recognition(out: "Console", retrieval: "Retrieval") -> None:
    """What recognition memory and further rounds did, and which times were found in the question: a line each."""
    found = retrieval.recognition
    if found is not None:
        none = f"kept none of {found.shown} facts" if found.shown else "had no facts to choose from"
        said = {"kept": f"kept {len(found.kept)} of {found.shown} facts", "none": none}
        text = said.get(found.outcome, f"failed: {found.reason}")
        if found.fallback and found.shown:
            text += f"; instead: {found.fallback}"
        out.print(printable(f"recognition {text}"), style="dim", soft_wrap=True)
    for number, step in enumerate(retrieval.steps, 1):
        out.print(printable(f"round {number}: {step.query}"), style="dim", soft_wrap=True)
    for time in retrieval.parameters.get("times", ()):
        bounds = " to ".join(time.get(end, "")[:10] or "…" for end in ("start", "end"))
        place = f"passage {time['event']}" if "event" in time else "the newest"
        stretch = place if bounds == "… to …" else bounds
        out.print(printable(f"time “{time['text']}”: {time['order']}, {stretch}"), style="dim", soft_wrap=True)


def show_path(out: "Console", hit: "Hit") -> None:
    """The strongest path from the question to a passage: every step with its kind, probability and sentence."""
    from rich.text import Text

    path = hit.explanation.path if hit.explanation else ()
    out.print(Text.assemble("\nPath to ", (name(hit), "bold"), f" (rank {hit.rank})"), soft_wrap=True)
    source = hit.explanation.source if hit.explanation else None
    if source is not None and source.seeds is not None:
        line = f"    {source.name}: {source.seeds:.0%} of the seeds, {source.uncapped:.0%} without the cap on sources"
        out.print(printable(line), soft_wrap=True)
    if hit.explanation is not None:
        parts = {"its age": hit.explanation.recency, "its age and recalls": hit.explanation.retention}
        for what, factor in {**parts, "the time asked about": hit.explanation.time}.items():
            if factor is not None:
                out.print(f"    × {factor:.2f} for {what}", soft_wrap=True)
    if not path:
        out.print("    none: this profile does not walk, or no activation arrives by a path strong enough")
        return
    out.print(Text("    question", "dim"))
    show_steps(out, path)


def show_steps(out: "Console", steps: "Sequence[PathStep]") -> None:
    """Steps of a path, each with its kind, probability and sentence."""
    from rich.padding import Padding
    from rich.text import Text

    for step in steps:
        target, how = printable(step.target), printable(f"  {step.kind} {step.probability:.3f}")
        out.print(Text.assemble("    → ", (target, "bold"), (how, "dim")), soft_wrap=True)
        if step.sentence or step.kind == "seed":
            sentence = printable(" ".join((step.sentence or "").split()))
            whole = "the passage as a whole resembles the question" if step.chunk_id else "the question names it"
            said = f"“{sentence}”" if sentence else whole
            out.print(Padding(Text(said, "italic"), (0, 0, 0, 8), expand=False))
