"""What an evaluation found, for people."""

from typing import TYPE_CHECKING

from hippo.cli.output import printable

if TYPE_CHECKING:
    from rich.console import Console

    from hippo.evaluation import Changes, Interval, Table
    from hippo.evaluation.difference import Change

__all__ = ["show_changes", "show_table"]

_LISTED = 20
_MANY = 5
"""Systems from which on a table has a row for each, not a column."""


def show_table(out: "Console", table: "Table") -> None:
    """A row per measure, a column per profile: mean and interval, and below it the difference to the first profile.

    Where there are many profiles, rows and columns change places. Below the table stands what became of the questions.
    """
    from rich.table import Table as Grid
    from rich.text import Text

    def cell(row: int, column: int) -> Text:
        found = table.rows[row].cells[column]
        text = Text.assemble((f"{100 * found.value.mean:.1f}", "bold"), f" {_interval(found.value)}")
        if found.difference is not None:
            text.append(f"\n{100 * found.difference.mean:+.1f} {_interval(found.difference)}", "dim")
        return text

    grid = Grid(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    grid.add_column("percent", no_wrap=True)
    names, measures = [printable(row.name) for row in table.rows], list(table.columns)
    turned = len(names) > _MANY
    for name in measures if turned else names:
        grid.add_column(name)
    if turned:
        for row, name in enumerate(names):
            grid.add_row(name, *(cell(row, column) for column in range(len(measures))))
    else:
        for column, name in enumerate(measures):
            grid.add_row(name, *(cell(row, column) for row in range(len(names))))
    out.print(grid)
    note = f"\n{table.questions} questions; in brackets {100 * table.confidence:g} % intervals"
    if len(table.rows) > 1:
        note += f"; second lines: difference to {table.rows[0].name}"
    out.print(printable("\n".join([note, *table.notes()])), soft_wrap=True)


def show_changes(out: "Console", changes: "Changes", files: tuple[str, str]) -> None:
    """Wins and losses of one result against another."""
    gain = changes.difference
    counts = f"{len(changes.wins)} wins, {len(changes.losses)} losses, {changes.ties} ties"
    head = [
        f"{changes.measure}: {changes.a} ({files[0]}) → {changes.b} ({files[1]})",
        f"{100 * gain.mean:+.1f} {_interval(gain)}, p = {gain.p_random:.4f} by randomisation; {counts}",
    ]
    if changes.unmatched:
        head.append(f"{changes.unmatched} questions are in one of the two only")
    out.print(printable("\n".join(head)), soft_wrap=True)
    for title, items in (("wins", changes.wins), ("losses", changes.losses)):
        if items:
            out.print(f"\n{title}", style="bold")
        for item in items[:_LISTED]:
            out.print(printable(_line(item)), soft_wrap=True)
        if len(items) > _LISTED:
            out.print(f"  and {len(items) - _LISTED} more; --json has all of them")


def _line(item: "Change") -> str:
    found = [f"{who} alone found {', '.join(documents)}" for who, documents in item.found.items() if documents]
    return f"  {100 * item.a:.1f} → {100 * item.b:.1f}  {item.id}: {item.question}" + (
        f"\n      {'; '.join(found)}" if found else ""
    )


def _interval(interval: "Interval") -> str:
    return f"[{100 * interval.low:.1f}, {100 * interval.high:.1f}]"
