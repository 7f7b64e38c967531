"""One figure: made, styled and written alike everywhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hippo.errors import MissingExtraError
from hippo.export.place import new_file

__all__ = ["COLOURS", "MARKERS", "figure", "plain"]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c564b")
"""Told apart by people who see colours differently (Okabe and Ito, 2008)."""
MARKERS = "osD^vPX*"

_STYLE = {
    "svg.hashsalt": "hippo",  # names of parts would be drawn by chance
    "svg.fonttype": "none",
    "font.family": ["sans-serif"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "legend.frameon": False,
}


@contextmanager
def figure(path: Path, columns: int, *, height: float = 3.6) -> Iterator[list[Any]]:
    """Axes beside each other, which become an SVG file once the block has ended without an error.

    Args:
        path: The file, which must not exist.
        columns: Number of axes, at least 1.
        height: Inches.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: There is something at `path`, its folder does not exist, or the disk refused.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("a plot", "matplotlib", "plot") from error
    with rc_context(_STYLE), new_file(path) as temporary:
        made = Figure(figsize=(4.6 * columns, height), layout="constrained")
        FigureCanvasSVG(made)
        yield list(made.subplots(1, columns, squeeze=False)[0])
        made.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})


def plain(text: str) -> str:
    r"""A text that is drawn as it is: between dollar signs would stand formulas.

    Examples:
        >>> print(plain("$5"))
        \$5
    """
    return text.replace("$", r"\$")
