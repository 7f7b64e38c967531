"""Retrieval that leaves out what consolidation made."""

import weakref
from dataclasses import replace

import numpy as np

from hippo.retrieval.retrieve import Retriever
from hippo.snapshot.contents import Contents
from hippo.snapshot.derived import derived_rows

__all__ = ["without_derived"]


def without_derived(retriever: Retriever) -> Retriever:
    """The retriever of the same index, in which derived documents are neither seeds nor results.

    They stay in the graph. It is made once, and is the retriever itself where nothing is derived.
    """
    if retriever not in _made:
        contents = retriever.contents
        rows = list(derived_rows(contents.documents))
        made = None
        if rows:
            hidden = np.zeros(contents.documents.num_rows, bool) if contents.hidden is None else contents.hidden.copy()
            hidden[rows] = True
            made = _over(retriever, replace(contents, hidden=hidden))
        _made[retriever] = made
    return _made[retriever] or retriever


def _over(retriever: Retriever, contents: Contents) -> Retriever:
    """The retriever of other contents over the same snapshot."""
    names, encode = retriever._names, retriever._encode
    tolerance = retriever._tolerance
    return Retriever(contents, retriever._engine, tolerance=tolerance, names=names, encode=encode, over=retriever)


_made: "weakref.WeakKeyDictionary[Retriever, Retriever | None]" = weakref.WeakKeyDictionary()
"""None: the retriever itself, which must not be kept by its own entry."""
