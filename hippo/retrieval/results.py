"""From ranked passages to the values that a caller gets."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache, partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from hippo.retrieval.link import Linked, minmax
from hippo.retrieval.linkers import Linkers
from hippo.retrieval.order import in_order
from hippo.retrieval.priors import Prior, Priors
from hippo.retrieval.profiles import Profile
from hippo.retrieval.rank import Walked
from hippo.retrieval.seeds import Seeds
from hippo.retrieval.sources import Owners, first, share_of
from hippo.snapshot.cells import Cells
from hippo.snapshot.contents import Contents
from hippo.tracing import traced
from hippo.types import Explanation, Hit, Retrieval, SeedFact

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hippo.retrieval.explain import Paths

__all__ = ["Results"]

_REMEMBERED = 2048
"""Passages, and facts, whose texts are kept decoded: some megabytes. The same ones are found again and again."""


class Results:
    """Makes the results of one index.

    Args:
        contents: The index.
        linkers: Its linkers, which know what is hidden.
        priors: Its priors, which know the times of passages.
        owners: Its sources.
        names: Finds the names in a question.
    """

    def __init__(
        self,
        contents: Contents,
        linkers: Linkers,
        priors: Priors,
        owners: Owners,
        names: Callable[[str], Sequence[str]],
    ) -> None:
        self._contents = contents
        self._linkers = linkers
        self._priors = priors
        self._owners = owners
        self._names = names
        self._cells = Cells(contents)
        # Functions that do not know of this object, or else neither would be let go of with the index.
        self._passage = lru_cache(maxsize=_REMEMBERED)(partial(_read_passage, self._cells))
        self._fact = lru_cache(maxsize=_REMEMBERED)(partial(_read_fact, self._cells, contents.fact_entities))

    @traced("hippo.retrieve.rank")
    def of(
        self,
        question: str,
        profile: Profile,
        scores: "NDArray[np.float64]",
        linked: Linked,
        k: int,
        *,
        seconds: Mapping[str, float],
        parameters: Mapping[str, Any],
        walked: Walked | None = None,
        prior: Prior = Prior(),  # noqa: B008  (frozen)
        explain: bool = False,
        paths: "Callable[[], Paths] | None" = None,
    ) -> Retrieval:
        """The result of one question.

        Args:
            question: The question.
            profile: How it was ranked.
            scores: Of all passages, float64 `(P,)`.
            linked: How much it touches each passage.
            k: Number of passages.
            seconds: What earlier stages took.
            parameters: What is to be said beyond the options of the profile.
            walked: Its walk; None: there was none.
            prior: What multiplies the scores.
            explain: Whether hits carry an explanation.
            paths: Finds the strongest paths, where there was a walk.
        """
        began = perf_counter()
        touched = linked if walked is None else walked.favoured
        holding = self._priors.holding(prior, question, self._names, scores, touched, self._linkers)
        prior = prior if holding is None else prior.of_holding(holding, profile.time_weight)
        sources, factors = self._owners(profile), prior.factors
        ranked = scores if factors is None else (scores if walked else minmax(scores)) * factors
        count = k if sources is None else self._linkers.shown
        rows, ranked, newer = in_order(
            self._contents, self._priors.times, self._linkers, ranked, linked.fused, profile, k, count, holding
        )
        if sources is not None:
            rows, held_back = first(rows, sources, k, profile.source_cap)
            parameters = {**parameters, "held_back": held_back}
        facts = self.seed_facts(walked.seeds) if walked else ()
        places = rows.tolist()
        found = self._hits(places, ranked[rows].tolist(), newer)
        if explain:
            ways = paths() if paths else None
            activation = scores if walked and profile.scoring == "activation" else None
            brought = walked.seeds.brought if walked else None
            found = [
                replace(
                    hit,
                    explanation=Explanation(
                        facts,
                        ways.to(row) if ways else (),
                        **linked.of(row),
                        activation=None if activation is None else float(activation[row]),
                        source=share_of(sources, row, brought) if sources else None,
                        **prior.of(row),
                    ),
                )
                for row, hit in zip(places, found, strict=True)
            ]
        return Retrieval(
            question,
            profile.name,
            tuple(found),
            {**profile.to_dict(), **parameters, **({"times": list(prior.told)} if prior.told else {})},
            facts,
            {**seconds, "hits": perf_counter() - began},
        )

    def texts(self, facts: "NDArray[np.int64]") -> list[str]:
        """Texts of some facts."""
        return self._cells.pick("facts", "text", facts.tolist())

    def seed_facts(self, seeds: Seeds) -> tuple[SeedFact, ...]:
        """The facts that seed, best first."""
        columns = seeds.facts.tolist(), seeds.fact_scores.tolist(), seeds.fact_weights.tolist()
        return tuple(SeedFact(*self._fact(row), score, weight) for row, score, weight in zip(*columns, strict=True))

    def _hits(self, rows: list[int], scores: list[float], newer: Mapping[int, int]) -> list[Hit]:
        """Passages as hits, ranked in the order of their rows; of some, a newer one that replaces them."""
        found = []
        for rank, (row, score) in enumerate(zip(rows, scores, strict=True), 1):
            text, title, document_id, chunk_id, raw, time = self._passage(row)
            after = self._passage(newer[row])[3] if row in newer else None
            found.append(Hit(rank, score, text, title, document_id, chunk_id, _metadata(raw), None, time, after))
        return found


def _read_passage(cells: Cells, row: int) -> tuple[str, str | None, str, str, str, datetime | None]:
    """Text, title, ids of document and chunk, metadata in JSON and timestamp of a passage."""
    read = cells.read
    owner = read("chunks", "document", row)
    text, title, document_id, chunk_id = (
        read("chunks", name, row) for name in ("text", "title", "document_id", "chunk_id")
    )
    metadata, time = (read("documents", name, owner) for name in ("metadata", "timestamp"))
    return text, title, document_id, chunk_id, metadata, time


def _read_fact(
    cells: Cells, entities_of: "tuple[NDArray[np.integer], NDArray[np.integer]]", row: int
) -> tuple[str, tuple[str, ...], str]:
    """Text, names of the entities and id of the chunk of a fact."""
    indptr, indices = entities_of
    entities = indices[indptr[row] : indptr[row + 1]].tolist()
    chunk_id = cells.read("chunks", "chunk_id", cells.read("facts", "chunk", row))
    return cells.read("facts", "text", row), tuple(cells.pick("entities", "name", entities)), chunk_id


def _metadata(raw: str) -> dict[str, Any]:
    """Metadata of a document; most often there are none."""
    found: dict[str, Any] = {} if raw == "{}" else json.loads(raw)
    return found
