"""The sentences behind entities, passages and the edges between them."""

from typing import TYPE_CHECKING

import numpy as np

from hippo.snapshot.contents import Contents
from hippo.types import Sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["facts_in", "facts_of_all", "sentences_of"]


def facts_of_all(contents: Contents, entities: "NDArray[np.int64]") -> "dict[int, NDArray[np.int64]]":
    """Rows of the facts that name each of some entities, ascending: one look at all facts for all of them."""
    indptr, indices = contents.fact_entities
    wanted = np.zeros(contents.graph.n_entities, bool)
    wanted[entities] = True
    places = np.flatnonzero(wanted[indices])
    facts = np.searchsorted(indptr, places, side="right") - 1
    pairs = np.unique(np.column_stack([indices[places].astype(np.int64), facts]), axis=0)
    starts = np.searchsorted(pairs[:, 0], entities)
    ends = np.searchsorted(pairs[:, 0], entities, side="right")
    spans = zip(entities.tolist(), starts.tolist(), ends.tolist(), strict=True)
    return {entity: pairs[start:end, 1] for entity, start, end in spans}


def facts_in(contents: Contents, chunk: int) -> "NDArray[np.int64]":
    """Rows of the facts of a passage, ascending."""
    first, last = np.searchsorted(contents.facts.column("chunk").to_numpy(), [chunk, chunk + 1])
    return np.arange(first, last)


def sentences_of(contents: Contents, facts: "NDArray[np.int64]", most: int) -> tuple[Sentence, ...]:
    """Facts as sentences, in the order of their rows; one that a passage says twice is given once.

    Args:
        contents: The index.
        facts: Rows, int64, without repeats.
        most: Facts that are looked at.
    """
    indptr, indices = contents.fact_entities
    names, chunks = contents.entities.column("name"), contents.chunks
    found: dict[tuple[str, int], Sentence] = {}
    for row in facts[:most].tolist():
        text, chunk = (contents.facts.column(column)[row].as_py() for column in ("text", "chunk"))
        entities = tuple(names[int(entity)].as_py() for entity in indices[indptr[row] : indptr[row + 1]])
        about = (chunks.column(column)[chunk].as_py() for column in ("chunk_id", "document_id", "title"))
        found.setdefault((text, chunk), Sentence(text, entities, *about))
    return tuple(found.values())
