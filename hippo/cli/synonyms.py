"""`hippo synonyms`: which names are taken for one, and what is decided about them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hippo.cli.options import ConfigOption, IndexArgument, JsonOption, QuietOption, WaitOption, open_existing
from hippo.cli.output import console, counted, print_json, printable, progress_bars
from hippo.errors import InputError

if TYPE_CHECKING:
    from hippo import Hippo, Synonym
    from hippo.protocols import ProgressCallback
    from hippo.types import ChangeReport, SynonymName

__all__ = ["EXAMPLES", "synonyms"]

EXAMPLES = (
    "hippo synonyms my-index",
    'hippo synonyms my-index "Ada Lovelace" --json',
    'hippo synonyms my-index --accept "Ada Lovelace" "Countess of Lovelace"',
    'hippo synonyms my-index --reject "Paris" "Paris Hilton"',
    "hippo synonyms my-index --export decisions.jsonl",
)
_Pair = tuple[str, str] | None


def synonyms(
    index: IndexArgument,
    entity: Annotated[
        str | None,
        typer.Argument(metavar="ENTITY", help="Only pairs of this name, in any spelling.", show_default=False),
    ] = None,
    accept: Annotated[
        _Pair, typer.Option(metavar="A B", help="Take two names for one: an edge of weight 1.", show_default=False)
    ] = None,
    reject: Annotated[
        _Pair, typer.Option(metavar="A B", help="Keep two names apart: no edge.", show_default=False)
    ] = None,
    reset: Annotated[
        _Pair, typer.Option(metavar="A B", help="Forget what was decided about two names.", show_default=False)
    ] = None,
    import_: Annotated[
        Path | None,
        typer.Option(
            "--import", metavar="FILE", help="Take over the decisions of a file of JSON lines.", show_default=False
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write all decisions to a file of JSON lines.", show_default=False),
    ] = None,
    missing_ok: Annotated[
        bool, typer.Option("--missing-ok", help="Decide also about names that the index does not hold.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Most pairs that are listed.")] = 50,
    wait: WaitOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """List pairs of names taken for one, or decide about them.

    Listed are the pairs whose vectors are similar and those that were decided about, with an example of each name.
    Decisions stay whatever happens to the documents, and when the index is rebuilt.
    """
    chosen = [name for name, value in _named(accept, reject, reset, import_, export).items() if value is not None]
    if len(chosen) > 1 or (chosen and entity is not None):
        raise InputError(f"one thing at a time: {' or '.join(chosen)}{' or a list' if entity is not None else ''}")
    with open_existing(index, config, wait=wait) as memory, progress_bars(quiet=quiet, as_json=json_) as progress:
        if not chosen:
            _list(memory, entity, limit, as_json=json_)
            return
        if export is not None:
            count = memory.export_synonyms(export)
            _done({"decisions": count, "file": str(export)}, f"{count} decisions written to {export}", as_json=json_)
            return
        report = _decide(memory, progress, accept, reject, reset, import_, missing_ok=missing_ok)
        decisions = memory.synonym_decisions()
    data = {"snapshot": report.snapshot, "decisions": [one.to_dict() for one in decisions]}
    _done(data, f"{len(decisions)} decisions, snapshot {report.snapshot}", as_json=json_)


def _named(accept: _Pair, reject: _Pair, reset: _Pair, import_: Path | None, export: Path | None) -> dict[str, object]:
    return {"--accept": accept, "--reject": reject, "--reset": reset, "--import": import_, "--export": export}


def _decide(
    memory: "Hippo",
    progress: "ProgressCallback",
    accept: _Pair,
    reject: _Pair,
    reset: _Pair,
    import_: Path | None,
    *,
    missing_ok: bool,
) -> "ChangeReport":
    if accept is not None:
        return memory.accept_synonym(*accept, missing_ok=missing_ok, progress=progress)
    if reject is not None:
        return memory.reject_synonym(*reject, missing_ok=missing_ok, progress=progress)
    if reset is not None:
        return memory.reset_synonym(*reset, progress=progress)
    return memory.import_synonyms(import_ or "", progress=progress)


def _list(memory: "Hippo", entity: str | None, limit: int, *, as_json: bool) -> None:
    found = memory.synonyms(entity)
    if as_json:
        print_json({"synonyms": [one.to_dict() for one in found[:limit]], "more": max(0, len(found) - limit)})
        return
    out = console()
    out.print(f"{len(found)} pairs")
    for one in found[:limit]:
        for line in _lines(one):
            out.print(printable(line), soft_wrap=True)
    if len(found) > limit:
        out.print(f"and {len(found) - limit} more; --limit {len(found)} lists all")


def _lines(one: "Synonym") -> list[str]:
    cosine = "no cosine" if one.cosine is None else f"cosine {one.cosine:.2f}"
    edge = f"edge of {one.weight:.2f}" if one.weight else "no edge"
    return [
        f"{one.first.name} = {one.second.name}: {one.state}, {cosine}, {edge}",
        _example(one.first),
        _example(one.second),
    ]


def _example(name: "SynonymName") -> str:
    if name.example is None:
        return f"    {name.name}: not in the index now"
    example = " ".join(name.example.split())
    return f"    {name.name}: {counted(name.chunks, 'passage')}, such as {example!r} ({name.document_id})"


def _done(data: Mapping[str, object], text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(data)
    else:
        console().print(printable(text), soft_wrap=True)
