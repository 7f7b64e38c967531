"""One figure: made, styled and written alike everywhere."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from hippo.errors import MissingExtraError
from hippo.export.place import new_file

__all__ = ["COLOURS", "INK", "MARKERS", "figure", "plain"]

INK = "#24292e"
"""Of texts and axes; bright where a reader prefers dark pages."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", INK, "#8c564b")
"""Told apart by people who see colours differently (Okabe and Ito, 2008)."""
MARKERS = "osD^vPX*"

_STYLE = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
    "grid.color": INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "svg.hashsalt": "hippo",  # names of parts would be drawn by chance
    "svg.fonttype": "none",
    "font.family": ["sans-serif"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.2,
    "legend.frameon": False,
}
_INKS = f"""<style>
  svg {{ color: {INK}; color-scheme: light dark }}
  @media (prefers-color-scheme: dark) {{ svg {{ color: #dfe3e8 }} }}
 </style>"""


@contextmanager
def figure(
    path: Path, columns: int, *, title: str, description: str, width: float = 4.6, height: float = 3.6
) -> Iterator[list[Any]]:
    """Axes beside each other, which become an SVG file once the block has ended without an error.

    The file has no background, and suits pages that are bright or dark.

    Args:
        path: The file, which must not exist.
        columns: Number of axes, at least 1.
        title: What the file shows, for those who do not see it.
        description: The same at length: what can be read from it.
        width: Inches of each.
        height: Inches.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: There is something at `path`, its folder does not exist, or the disk refused.
    """
    try:
        from matplotlib import style
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("a plot", "matplotlib", "plot") from error
    # Whatever style a user has set up, the same data give the same file.
    with style.context(_STYLE, after_reset=True), new_file(path) as temporary:
        made = Figure(figsize=(width * columns, height), layout="constrained")
        FigureCanvasSVG(made)
        yield list(made.subplots(1, columns, squeeze=False)[0])
        made.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})
        drawn = temporary.read_text("utf-8")
        temporary.write_text(_for_all(drawn, title, description), "utf-8", newline="\n")


def _for_all(drawn: str, title: str, description: str) -> str:
    """A drawing that says what it shows, and whose ink follows the reader's preference."""
    told = f"<title>{escape(title)}</title>\n <desc>{escape(description)}</desc>\n {_INKS}"
    root, metadata = re.compile(r"<svg [^>]*>"), re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
    drawn = metadata.sub("", drawn.replace(INK, "currentColor"))
    return root.sub(lambda match: f'{match[0][:-1]} role="img">\n {told}', drawn, count=1)


def plain(text: str) -> str:
    r"""A text that is drawn as it is: between dollar signs would stand formulas.

    Examples:
        >>> print(plain("$5"))
        \$5
    """
    return text.replace("$", r"\$")
