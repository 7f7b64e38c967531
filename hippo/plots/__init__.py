"""Charts as SVG files: of results of evaluations, and of the shape of a graph. The same data give the same bytes."""

from hippo.plots.results import draw_results, read_json_results
from hippo.plots.statistics import draw_statistics

__all__ = ["draw_results", "draw_statistics", "read_json_results"]
