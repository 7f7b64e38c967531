"""From questions to ranked passages: link, seed, walk, rank, explain."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from hippo import registry
from hippo.backends.vectors import APPROXIMATE_FROM, open_vectors
from hippo.protocols import PageRank, VectorIndex
from hippo.retrieval.explain import Paths, step_costs
from hippo.retrieval.link import Linked, Linker
from hippo.retrieval.profiles import Profile
from hippo.retrieval.rank import gain, order_of, spread
from hippo.retrieval.seeds import Seeds, entity_counts, seed
from hippo.snapshot.contents import Contents
from hippo.types import Explanation, Hit, Retrieval, SeedFact

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

__all__ = ["Retriever"]

_BLOCK_BYTES = 256 << 20
"""Memory that the dense columns of one block of questions may take."""


class Retriever:
    """Answers questions from one snapshot. Any number of threads may use it.

    Args:
        contents: The snapshot's contents.
        engine: PageRank engine.
        tolerance: Bound on the L1 error of a walk whose order is not proven earlier.
        vectors: Name of the vector search for facts.
    """

    def __init__(
        self,
        contents: Contents,
        engine: PageRank,
        *,
        tolerance: float,
        vectors: str = "auto",
    ) -> None:
        self.contents = contents
        self._engine = engine
        self._tolerance = tolerance
        self._vectors = vectors
        self._adjacencies: dict[tuple[tuple[str, float], ...], csr_array] = {}

    @cached_property
    def _facts(self) -> Linker:
        vectors = self.contents.vectors.get("fact")
        index: VectorIndex | None = None
        if vectors is not None and len(vectors):
            if self._vectors not in ("auto", "numpy"):
                index = cast("VectorIndex", registry.create("vectors", self._vectors, vectors=vectors))
            elif len(vectors) >= APPROXIMATE_FROM:
                # Below, comparing every vector is the fastest exact search.
                index = open_vectors(vectors, "auto" if self._vectors == "auto" else "numpy")
        return Linker(self.contents.words["fact"], vectors, self.contents.moments.get("fact"), index)

    @cached_property
    def _passages(self) -> Linker:
        contents = self.contents
        return Linker(contents.words["passage"], contents.vectors.get("passage"), contents.moments.get("passage"))

    @cached_property
    def _counts(self) -> "NDArray[np.float64]":
        return entity_counts(self.contents)

    def _adjacency(self, profile: Profile) -> "csr_array":
        key = tuple(sorted(profile.kind_weights.items()))
        if key not in self._adjacencies:
            self._adjacencies[key] = self.contents.graph.adjacency(profile.kind_weights)
        return self._adjacencies[key]

    def retrieve(
        self,
        questions: Sequence[str],
        queries: "NDArray[np.float32] | None",
        profile: Profile,
        *,
        k: int,
        explain: bool = False,
    ) -> list[Retrieval]:
        """Rank passages for every question.

        Args:
            questions: The questions.
            queries: Their unit vectors, float32 `(m, d)`; None: by words alone.
            profile: How to rank.
            k: Number of passages, at least 1; cut to the size of the index.
            explain: Whether hits carry an explanation.
        """
        width = max(1, _BLOCK_BYTES // (48 * max(self.contents.graph.n_nodes, 1)))
        found: list[Retrieval] = []
        for start in range(0, len(questions), width):
            part = slice(start, start + width)
            vectors = None if queries is None else queries[part]
            found += self._block(questions[part], vectors, profile, min(k, self.contents.n_chunks), explain)
        return found

    def _block(
        self,
        questions: Sequence[str],
        queries: "NDArray[np.float32] | None",
        profile: Profile,
        k: int,
        explain: bool,
    ) -> list[Retrieval]:
        began = perf_counter()
        beta = profile.lexical_weight
        passages = self._passages.link(questions, queries, beta)
        if profile.ranking != "walk" or not k:
            scores = [_single(linked, profile) for linked in passages]
            seconds = {"link": (perf_counter() - began) / len(questions)}
            return [
                self._retrieval(question, profile, score, linked, k, explain, seconds, {})
                for question, score, linked in zip(questions, scores, passages, strict=True)
            ]
        facts = self._facts.link(questions, queries, beta, best=profile.facts)
        seeds = [
            seed(self.contents, self._counts, fact, passage, profile)
            for fact, passage in zip(facts, passages, strict=True)
        ]
        linked_at = perf_counter()
        adjacency = self._adjacency(profile)
        ranks = spread(self._engine, adjacency, seeds, passages, profile, k=k, tolerance=self._tolerance)
        seconds = {
            "link": (linked_at - began) / len(questions),
            "walk": (perf_counter() - linked_at) / len(questions),
        }
        return [
            self._retrieval(
                question,
                profile,
                np.ascontiguousarray(ranks.scores[self.contents.graph.passages, column]),
                passages[column],
                k,
                explain,
                seconds,
                {"engine": ranks.engine, "sweeps": int(ranks.iterations[column])},
                seeds[column],
            )
            for column, question in enumerate(questions)
        ]

    def _retrieval(
        self,
        question: str,
        profile: Profile,
        scores: "NDArray[np.float64]",
        linked: Linked,
        k: int,
        explain: bool,
        seconds: Mapping[str, float],
        parameters: Mapping[str, Any],
        seeds: Seeds | None = None,
    ) -> Retrieval:
        began = perf_counter()
        rows = order_of(scores, linked.fused, k)
        seed_facts = self._seed_facts(seeds) if seeds else ()
        hits = self._hits(rows, scores)
        if explain:
            paths = self._paths(question, profile, linked, seeds) if seeds else None
            hits = [
                replace(
                    hit,
                    explanation=Explanation(
                        seed_facts,
                        paths.to(row) if paths else (),
                        None if linked.dense is None else float(linked.dense[row]),
                        float(linked.lexical[row]),
                        float(scores[row]) if seeds else None,
                    ),
                )
                for row, hit in zip(rows.tolist(), hits, strict=True)
            ]
        return Retrieval(
            question,
            profile.name,
            tuple(hits),
            {**profile.to_dict(), **parameters},
            seed_facts,
            {**seconds, "hits": perf_counter() - began},
        )

    def _paths(self, question: str, profile: Profile, linked: Linked, seeds: Seeds) -> Paths:
        gains = None
        if profile.query_gain > 0:
            gains = np.concatenate([np.ones(self.contents.graph.n_entities), gain(linked, profile.query_gain)])
        costs = step_costs(self._adjacency(profile), profile.damping, gains)
        return Paths(self.contents, costs, profile, seeds, question)

    def _seed_facts(self, seeds: Seeds) -> tuple[SeedFact, ...]:
        contents = self.contents
        indptr, indices = contents.fact_entities
        rows = seeds.facts
        columns = zip(
            rows,
            _pick(contents.facts.column("text"), rows),
            _pick(contents.chunks.column("chunk_id"), _pick(contents.facts.column("chunk"), rows)),
            seeds.fact_scores.tolist(),
            seeds.fact_weights.tolist(),
            strict=True,
        )
        names = contents.entities.column("name")
        return tuple(
            SeedFact(text, tuple(_pick(names, indices[indptr[row] : indptr[row + 1]])), chunk_id, score, weight)
            for row, text, chunk_id, score, weight in columns
        )

    def _hits(self, rows: "NDArray[np.int64]", scores: "NDArray[np.float64]") -> list[Hit]:
        chunks = self.contents.chunks
        metadata = _pick(self.contents.documents.column("metadata"), _pick(chunks.column("document"), rows))
        parts = [_pick(chunks.column(name), rows) for name in ("text", "title", "document_id", "chunk_id")]
        return [
            Hit(rank, score, text, title, document_id, chunk_id, json.loads(raw))
            for rank, (score, text, title, document_id, chunk_id, raw) in enumerate(
                zip(scores[rows].tolist(), *parts, metadata, strict=True), 1
            )
        ]


def _pick(column: "pa.ChunkedArray", rows: "Iterable[int]") -> list[Any]:
    """A few values of a column. Arrow's `take` is for many, and the first call of it imports all of its functions."""
    return [column[int(row)].as_py() for row in rows]


def _single(linked: Linked, profile: Profile) -> "NDArray[np.float64]":
    """Scores of the profiles without a walk; an index without vectors ranks by words."""
    if profile.ranking == "dense" and linked.dense is not None:
        return linked.dense
    return linked.fused if profile.ranking == "hybrid" else linked.lexical
