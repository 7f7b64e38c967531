"""A part of an index: what an index of some of its documents alone would hold, made without reading a text again."""

from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.errors import InputError
from hippo.graph.rules import make_graph
from hippo.graph.synonyms import Similar
from hippo.snapshot.contents import Contents, compose
from hippo.snapshot.merge import Part, rows_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["finished", "restrict"]

_OF_THE_WHOLE = ("failed", "versions")
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
    part = Part(whole, contents.words, contents.vectors).restrict(documents)
    return finished(part, contents.similar.renumbered(rows_in(whole.keys, part.tables.keys)), contents.info)


def finished(part: Part, similar: Similar, info: "Mapping[str, Any]") -> Contents:
    """Contents of a part: what follows from its tables is computed.

    Args:
        part: Documents with their words and vectors.
        similar: Similar pairs of its entities.
        info: That of the snapshot which it is from.
    """
    return compose(
        part.tables,
        make_graph(
            part.tables,
            similar,
            rules=info["rules"],
            synonym_max=info["synonym_max"],
            # Until format 4 only neighbours were joined.
            follow_distance=info.get("follow_distance", 1),
        ),
        part.words,
        part.vectors,
        similar,
        {key: value for key, value in info.items() if key not in _OF_THE_WHOLE},
    )
