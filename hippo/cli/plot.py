"""`hippo plot`: charts of results."""

from pathlib import Path
from typing import Annotated

import typer

from hippo.cli.options import JsonOption
from hippo.cli.output import console, print_json, printable

__all__ = ["EXAMPLES", "plot"]

EXAMPLES = (
    "hippo eval my-index --dataset questions.json --json > mine.json",
    "hippo plot mine.json --out charts",
    "hippo plot small.json middle.json large.json --out charts",
)


def plot(
    results: Annotated[
        list[Path],
        typer.Argument(metavar="RESULT...", help="Files of hippo eval --json.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the charts; it is made if need be.")] = Path(
        "charts"
    ),
    json_: JsonOption = False,
) -> None:
    """Draw results of hippo eval as SVG files.

    The charts are recall by k with intervals, time by number of passages, dollars and tokens of a question. Each file
    is a result of its own, named after it. A chart without data is left out; the same results give the same bytes.
    """
    from hippo.plots import draw_results, read_json_results

    made = draw_results([read_json_results(path) for path in results], out)
    if json_:
        print_json({"files": [str(path) for path in made]})
        return
    for path in made:
        console().print(printable(str(path)), soft_wrap=True)
