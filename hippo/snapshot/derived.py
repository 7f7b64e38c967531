"""Derived documents: what consolidation made of others, marked in their metadata.

Their metadata hold `derived` (what kind it is), `of` (what it is about), `sources` (ids of documents) and `passages`
(ids of chunks). A derived document goes with the first change after which one of its passages is not there any more.
"""

import json
from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DERIVED", "derived_from", "derived_rows"]

DERIVED = "derived"
"""Key of the metadata that marks derived documents."""


def derived_rows(documents: pa.Table) -> "dict[int, tuple[str, ...]]":
    """Ids of the sources of every derived document, by its row."""
    metadata = documents.column("metadata")
    # Most documents are not derived: theirs need not be parsed.
    rows = np.flatnonzero(np.asarray(pc.match_substring(metadata, f'"{DERIVED}"')))
    found = {}
    for row in rows.tolist():
        values = json.loads(metadata[row].as_py())
        if isinstance(values.get(DERIVED), str) and isinstance(values.get("sources"), list):
            found[row] = tuple(map(str, values["sources"]))
    return found


def derived_from(documents: pa.Table, ids: Collection[str]) -> "NDArray[np.bool_]":
    """Which documents are derived from some of those with these ids, bool `(D,)`."""
    mask = np.zeros(documents.num_rows, bool)
    if ids:
        for row, sources in derived_rows(documents).items():
            mask[row] = not set(ids).isdisjoint(sources)
    return mask
