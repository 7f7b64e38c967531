"""What a snapshot says for an edge of its graph: names of nodes, the sentence behind a step."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from hippo.snapshot.contents import Contents

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Evidence"]

_BEGINNING = 60
"""Characters of a passage without title that name it."""


class Evidence:
    """Names and sentences of one snapshot. It remembers what it was asked, so it is made anew for each question.

    Args:
        contents: The index.
    """

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._n_entities = contents.graph.n_entities
        self._of_entity: dict[int, NDArray[np.int64]] = {}
        self.fact_chunks: NDArray[np.int32] = contents.facts.column("chunk").to_numpy()

    def name(self, node: int) -> str:
        """Name of an entity; title of a passage, or how it begins."""
        if node < self._n_entities:
            name: str = self._contents.entities.column("name")[node].as_py()
            return name
        chunk = node - self._n_entities
        title: str | None = self._contents.chunks.column("title")[chunk].as_py()
        text: str = self._contents.chunks.column("text")[chunk].as_py()
        return title or (text if len(text) <= _BEGINNING else f"{text[:_BEGINNING]}…")

    def kind_of(self, left: int, right: int, kind_weights: Mapping[str, float]) -> str:
        """The kind that weighs most among those that join two neighbours."""
        graph = self._contents.graph
        start, end = graph.indptr[left], graph.indptr[left + 1]
        place = start + int(np.searchsorted(graph.indices[start:end], right))
        return max(graph.weights, key=lambda kind: kind_weights.get(kind, 1.0) * float(graph.weights[kind][place]))

    def of_edge(self, left: int, right: int, kind: str) -> tuple[str | None, str | None]:
        """The sentence that says so and the chunk that holds it, as far as there is one.

        Args:
            left: A node.
            right: Another.
            kind: Kind of the edge between them.
        """
        if kind == "relation":
            facts = np.intersect1d(self.facts_of(left), self.facts_of(right), assume_unique=True)
            return self.fact(int(facts[0])) if len(facts) else (None, None)
        if kind in ("contains", "titles"):
            entity, chunk = min(left, right), max(left, right) - self._n_entities
            facts = self.facts_of(entity)
            inside = facts[self.fact_chunks[facts] == chunk]
            return self.fact(int(inside[0])) if len(inside) else (None, self.chunk_id(chunk))
        return None, None

    def facts_of(self, entity: int) -> "NDArray[np.int64]":
        """Rows of the facts that name an entity, ascending."""
        if entity not in self._of_entity:
            indptr, indices = self._contents.fact_entities
            places = np.flatnonzero(indices == entity)
            self._of_entity[entity] = np.unique(np.searchsorted(indptr, places, side="right") - 1)
        return self._of_entity[entity]

    def fact(self, row: int) -> tuple[str, str]:
        """Text of a fact, and the id of its chunk."""
        facts = self._contents.facts
        return facts.column("text")[row].as_py(), self.chunk_id(facts.column("chunk")[row].as_py())

    def chunk_id(self, row: int) -> str:
        """Id of a chunk."""
        chunk_id: str = self._contents.chunks.column("chunk_id")[row].as_py()
        return chunk_id
