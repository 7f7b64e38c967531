"""The synonyms that a snapshot holds: what was found, what was decided, and what the names stand for."""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from hippo.graph.decisions import decided, undecided
from hippo.snapshot.contents import Contents
from hippo.types import Synonym, SynonymDecision, SynonymName

if TYPE_CHECKING:
    from hippo.graph.synonyms import Similar

__all__ = ["decisions_of", "synonyms_of"]

_BEGINNING = 120
"""Characters of a passage that stand for it."""


def decisions_of(contents: Contents) -> tuple[SynonymDecision, ...]:
    """What was decided, by both keys; about names that the index does not hold now, too."""
    return tuple(SynonymDecision(**one) for one in contents.decisions.to_pylist())


def synonyms_of(contents: Contents, key: str | None = None) -> tuple[Synonym, ...]:
    """Pairs that are similar or were decided about, ordered by both keys.

    Args:
        contents: Of a snapshot.
        key: Only pairs of this entity; None: all.
    """
    names = _Names(contents)
    keys = names.keys
    row = None if key is None else names.row(key)
    accepted, rejected = (decided(contents.decisions, keys, word) for word in ("accepted", "rejected"))
    by_pair: dict[tuple[str, str], Synonym] = {}
    for decision in decisions_of(contents):
        if key is None or key in (decision.first, decision.second):
            pair = decision.first, decision.second
            by_pair[pair] = Synonym(names.of(pair[0]), names.of(pair[1]), decision.decision, None, 0.0)
    for state, every in (
        ("accepted", accepted),
        ("rejected", rejected),
        ("found", undecided(contents.similar, accepted, rejected)),
    ):
        similar = every if key is None else _of(every, row)
        pairs = zip(
            pc.take(keys, similar.low).to_pylist(),
            pc.take(keys, similar.high).to_pylist(),
            _cosines(contents, similar, state == "found"),
            _weights(contents, similar),
            strict=True,
        )
        for low, high, cosine, weight in pairs:
            # Rows are in the order of keys, so the first one is the lesser one.
            by_pair[low, high] = Synonym(names.of(low), names.of(high), state, cosine, weight)  # type: ignore[arg-type]
    return tuple(by_pair[pair] for pair in sorted(by_pair))


class _Names:
    """Entities by key, with an example each."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self.keys = contents.entities.column("key").combine_chunks()
        indptr, indices = contents.fact_entities
        self._first_fact = np.full(len(self.keys), -1)
        entities, places = np.unique(indices, return_index=True)
        self._first_fact[entities] = np.searchsorted(indptr, places, side="right") - 1
        self._known: dict[str, SynonymName] = {}

    def row(self, key: str) -> int | None:
        row = pc.index_in(key, value_set=self.keys).as_py()
        return None if row is None else int(row)

    def of(self, key: str) -> SynonymName:
        if key not in self._known:
            self._known[key] = self._look_up(key)
        return self._known[key]

    def _look_up(self, key: str) -> SynonymName:
        row = self.row(key)
        if row is None:
            return SynonymName(key, key, 0, None, None)
        contents = self._contents
        name, chunks = (contents.entities.column(column)[row].as_py() for column in ("name", "chunks"))
        example, chunk = self._example(row)
        document = None if chunk is None else contents.chunks.column("document_id")[chunk].as_py()
        return SynonymName(key, name, chunks, example, document)

    def _example(self, row: int) -> tuple[str | None, int | None]:
        """A sentence that names an entity, or the beginning of a passage, and the passage's row."""
        contents = self._contents
        if self._first_fact[row] >= 0:
            fact = int(self._first_fact[row])
            return contents.facts.column("text")[fact].as_py(), contents.facts.column("chunk")[fact].as_py()
        graph = contents.graph
        neighbours = graph.indices[graph.indptr[row] : graph.indptr[row + 1]]
        passages = neighbours[neighbours >= graph.n_entities]
        if not len(passages):
            return None, None
        chunk = int(passages[0]) - graph.n_entities
        return contents.chunks.column("text")[chunk].as_py()[:_BEGINNING], chunk


def _of(similar: "Similar", row: int | None) -> "Similar":
    """The pairs of one entity; None: of one that is not there, which has none."""
    if row is None:
        return type(similar).none()
    kept = (similar.low == row) | (similar.high == row)
    return type(similar)(similar.low[kept], similar.high[kept], similar.similarity[kept])


def _cosines(contents: Contents, similar: "Similar", known: bool) -> list[float] | list[None]:
    if known:
        return [float(cosine) for cosine in similar.similarity]
    vectors = contents.vectors.get("entity")
    if vectors is None:
        return [None] * len(similar.low)
    low, high = (vectors[rows].astype(np.float32, copy=False) for rows in (similar.low, similar.high))
    # Halves are not quite of length 1.
    cosines: list[float] = np.einsum("ij,ij->i", low, high).clip(-1.0, 1.0).tolist()
    return cosines


def _weights(contents: Contents, similar: "Similar") -> list[float]:
    """Weight of the synonym edge of each pair, 0 where there is none."""
    graph, weights = contents.graph, contents.graph.weights["synonym"]
    found = []
    for low, high in zip(similar.low.tolist(), similar.high.tolist(), strict=True):
        start, end = graph.indptr[low], graph.indptr[low + 1]
        place = start + int(np.searchsorted(graph.indices[start:end], high))
        there = place < end and graph.indices[place] == high
        found.append(float(weights[place]) if there else 0.0)
    return found
