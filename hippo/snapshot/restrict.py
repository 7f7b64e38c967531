"""A part of an index: what an index of some of its documents alone would hold, made without reading a text again."""

from typing import TYPE_CHECKING

import numpy as np

from hippo.errors import InputError
from hippo.graph.rules import make_graph
from hippo.snapshot.contents import Contents, compose

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["restrict"]

_OF_THE_WHOLE = ("failed",)
"""Keys of `Contents.info` that count what the snapshot does not hold by document."""


def restrict(contents: Contents, documents: "NDArray[np.bool_]") -> Contents:
    """Contents of an index that was built from some of the documents alone: every table and every array of it.

    Nothing of the other documents is left: not in names, counts or scores, not as edges, and not as limits or means
    that depend on them. Only `info["failed"]` is left out, since failures are not known by document.

    Args:
        contents: Of a snapshot.
        documents: Which documents, bool `(D,)`, by row of `contents.documents`. If all: the contents as they are.

    Raises:
        IndexMismatchError: The snapshot has an older format, which does not hold enough.
        InputError: `documents` has another shape or type.
    """
    whole = contents.tables
    expected = (whole.documents.num_rows,)
    if documents.dtype != np.bool_ or documents.shape != expected:
        raise InputError(f"documents must be bool {expected}, got {documents.dtype} {documents.shape}")
    if documents.all():
        return contents
    tables, rows = whole.restrict(documents)
    now = np.full(len(whole.keys), -1)
    now[rows["entity"]] = np.arange(len(tables.keys))
    similar = contents.similar.renumbered(now)
    info = contents.info
    return compose(
        tables,
        make_graph(tables, similar, rules=info["rules"], synonym_max=info["synonym_max"]),
        {kind: words.restrict(rows[kind]) for kind, words in contents.words.items()},
        {kind: vectors[rows[kind]] for kind, vectors in contents.vectors.items()},
        similar,
        {key: value for key, value in info.items() if key not in _OF_THE_WHOLE},
    )
