"""Retrieval that leaves out what consolidation made."""

from dataclasses import replace

import numpy as np

from hippo.snapshot.contents import Contents
from hippo.snapshot.derived import derived_rows

__all__ = ["hiding_derived"]


def hiding_derived(contents: Contents) -> Contents:
    """The same index, in which derived documents are neither seeds nor results: they stay in the graph.

    It is the index itself where nothing is derived.
    """
    rows = list(derived_rows(contents.documents))
    if not rows:
        return contents
    hidden = np.zeros(contents.documents.num_rows, bool) if contents.hidden is None else contents.hidden.copy()
    hidden[rows] = True
    return replace(contents, hidden=hidden)
