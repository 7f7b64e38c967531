"""Entities by name: the one of that name, then those whose names hold its words, then those with a near vector."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hippo.backends.scoring import scoring
from hippo.errors import NotInIndexError
from hippo.ids import ASCII_NORMALISER, ascii_key, entity_key
from hippo.snapshot.contents import Contents
from hippo.types import Entity

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Encode", "commonest", "find_entities", "row_of"]

Match = Literal["exact", "words", "similar", "listed"]

Encode = Callable[[Sequence[str]], "NDArray[np.float32]"]
"""Makes unit vectors of names, float32 `(n, d)`."""

_NEAR = 0.6
"""Cosine similarity from which a name counts as similar."""
_PROPOSED = 3


def find_entities(contents: Contents, name: str, k: int, encode: Encode | None = None) -> list[Entity]:
    """The k entities that a name may mean, best first.

    The entity of that very name comes first. Then come those whose names hold more of its words; among equals whole
    words before parts of words, then what more passages mention, then by key. Names with a near vector fill what
    places are left.

    Args:
        contents: The index.
        name: As somebody wrote it.
        k: Number of entities, at least 1.
        encode: For an index with vectors; None: by words alone.
    """
    key = _key_of(contents, name)
    if not key:
        return []
    exact = contents.entity_row(key)
    found = [] if exact is None else [_entity(contents, exact, "exact", 1.0)]
    rows = {exact}
    for row, share in _by_words(contents, key, k + 1):
        if row not in rows:
            rows.add(row)
            found.append(_entity(contents, row, "words", share))
    if len(found) < k and encode is not None and "entity" in contents.vectors:
        for row, cosine in _by_vector(contents, encode([key])[0], k + len(found)):
            if row not in rows:
                found.append(_entity(contents, row, "similar", cosine))
    return found[:k]


def commonest(contents: Contents, k: int) -> list[Entity]:
    """The k entities that most passages mention, by number of passages, then by key."""
    chunks = contents.entities.column("chunks").to_numpy()
    order = np.lexsort((np.arange(len(chunks)), -chunks))[:k]
    return [_entity(contents, row, "listed", 1.0) for row in order.tolist()]


def row_of(contents: Contents, name: str, encode: Encode | None = None) -> int:
    """Row of the entity of a name.

    Raises:
        NotInIndexError: There is none of that very name; it says which names are near.
    """
    row = contents.entity_row(_key_of(contents, name))
    if row is None:
        near = find_entities(contents, name, _PROPOSED, encode)
        raise NotInIndexError("entity", name, tuple(one.name for one in near))
    return row


def _key_of(contents: Contents, name: str) -> str:
    normaliser = contents.info.get("identity", {}).get("key_normaliser")
    return (ascii_key if normaliser == ASCII_NORMALISER else entity_key)(name)


def _by_words(contents: Contents, key: str, k: int) -> list[tuple[int, float]]:
    """Rows whose keys hold words of a key, and the share of its words that they hold."""
    import pyarrow.compute as pc

    words = sorted(set(key.split()))
    keys = contents.entities.column("key")
    held = np.zeros(len(keys), np.int64)
    for word in words:
        held += pc.match_substring(keys, word).combine_chunks().to_numpy(zero_copy_only=False)
    if not held.any():
        return []
    chunks = contents.entities.column("chunks").to_numpy()
    # As many as hold the most, so that none of the best is cut off before it is looked at more closely.
    least = np.partition(held, -min(k, len(held)))[-min(k, len(held))]
    rows = np.flatnonzero(held >= max(least, 1))
    whole = [len({*words} & {*str(keys[row].as_py()).split()}) for row in rows.tolist()]
    order = np.lexsort((rows, -chunks[rows], -np.array(whole), -held[rows]))[:k]
    return [(int(rows[place]), float(held[rows[place]]) / len(words)) for place in order]


def _by_vector(contents: Contents, query: "NDArray[np.float32]", k: int) -> list[tuple[int, float]]:
    vectors = contents.vectors["entity"]
    similarities = scoring(len(vectors)).products(vectors, query[None])[:, 0]
    order = np.lexsort((np.arange(len(similarities)), -similarities))[:k]
    return [(int(row), min(1.0, float(similarities[row]))) for row in order if similarities[row] >= _NEAR]


def _entity(contents: Contents, row: int, match: Match, similarity: float) -> Entity:
    columns: dict[str, Any] = {name: contents.entities.column(name)[row].as_py() for name in ("key", "name", "chunks")}
    return Entity(columns["key"], columns["name"], columns["chunks"], match, similarity)
