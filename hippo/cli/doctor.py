"""`hippo doctor`: whether an index is sound, and what to do if it is not."""

from typing import Annotated

import typer

from hippo.cli.options import IndexArgument, JsonOption, QuietOption
from hippo.cli.output import console, print_json, printable, progress_bars
from hippo.types import Health

__all__ = ["EXAMPLES", "doctor"]

EXAMPLES = ("hippo doctor my-index", "hippo doctor my-index --repair --wait 60", "hippo doctor my-index --quick --json")


def doctor(
    index: IndexArgument,
    repair: Annotated[bool, typer.Option("--repair", help="Make again what is damaged.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Compare sizes of files instead of SHA-256 sums.")] = False,
    wait: Annotated[float, typer.Option(metavar="SECONDS", help="With --repair: wait so long for a writer.")] = 0.0,
    quiet: QuietOption = False,
    json_: JsonOption = False,
) -> None:
    """Examine every part of an index, and repair it.

    Compared are the sums of its files, the rows of its tables, and what must be true of tables and arrays. Exits with 1
    if something is wrong, after a repair if something still is. Damaged files that may hold something of worth are kept
    under other names.
    """
    from hippo.maintenance import check
    from hippo.maintenance import repair as repair_index

    if repair:
        with progress_bars(quiet=quiet, as_json=json_) as progress:
            health = repair_index(index, progress=progress, wait=wait)
    else:
        health = check(index, quick=quick)
    if json_:
        print_json({**health.to_dict(), "sound": health.sound})
    else:
        _show(health, repaired=repair)
    if not health.sound:
        raise typer.Exit(1)


def _show(health: Health, *, repaired: bool) -> None:
    out = console()
    lines = [*(f"repaired: {done}" for done in health.repaired)]
    for problem in health.problems:
        remedy = f"--repair {problem.repair}" if problem.repair else "restore it from a backup"
        lines.append(f"damaged: {problem.part}: {problem.problem}" + ("" if repaired else f"\n  {remedy}"))
    lines += [f"note: {note}" for note in health.notes]
    checked = ", ".join(health.checked)
    lines.append(f"sound: {checked}" if health.sound else f"{len(health.problems)} problems; examined: {checked}")
    for line in lines:
        out.print(printable(line), soft_wrap=True)
