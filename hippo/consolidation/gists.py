"""Gists: the sentences of a session, or about an entity, that stand for the others.

A sentence stands for others if its words are theirs: its score is the cosine similarity of its term weights (term
frequency by inverse document frequency) with the mean of all of them (the centroid of Radev et al. 2004,
"Centroid-based summarization of multiple documents"). Sentences are taken best first, but none that says mostly what
was taken before (maximal marginal relevance, Carbonell and Goldstein 1998), and told in their order.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hippo.consolidation.make import Derived
from hippo.documents.turns import SESSION
from hippo.retrieval.replaced import evidence_of
from hippo.search.terms import terms
from hippo.snapshot.contents import Contents
from hippo.snapshot.derived import derived_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Sentences", "entity_gists", "select", "session_gists"]

_LEAST_TURNS = 4
"""Passages of a session from which on it has a gist."""
_LEAST_MENTIONS = 4
"""Passages that mention an entity from which on it has a gist."""
_MOST_ENTITIES = 500
_SENTENCES = 5
_SAME = 0.6
"""Cosine similarity from which on two sentences say mostly the same."""


class Sentences:
    """Evidence sentences of an index, derived ones left out: facts by row, as they were said."""

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        derived = np.zeros(contents.documents.num_rows, bool)
        derived[list(derived_rows(contents.documents))] = True
        self.chunks: NDArray[np.int64] = contents.facts.column("chunk").to_numpy().astype(np.int64)
        self.documents: NDArray[np.int64] = contents.chunks.column("document").to_numpy().astype(np.int64)
        self.own: NDArray[np.bool_] = ~derived[self.documents[self.chunks]]
        self._order = _order(contents)

    def text(self, fact: int) -> str:
        """The evidence of a fact, as it stands in its passage; its own text where it has none."""
        return evidence_of(self.contents, fact)

    def place(self, fact: int) -> tuple[int, int]:
        """Where a fact comes in time."""
        return int(self._order[self.documents[self.chunks[fact]]]), fact


def session_gists(sentences: Sentences) -> Iterator[Derived]:
    """A gist of every session of enough turns."""
    contents = sentences.contents
    sessions: dict[str, list[int]] = defaultdict(list)
    for row, raw in enumerate(contents.documents.column("metadata").to_pylist()):
        if f'"{SESSION}"' in raw and (name := json.loads(raw).get(SESSION)) is not None:
            sessions[str(name)].append(row)
    facts = _facts_by(sentences.documents[sentences.chunks], sentences)
    for name, documents in sorted(sessions.items()):
        if len(documents) >= _LEAST_TURNS:
            rows = [fact for row in documents for fact in facts.get(row, ())]
            yield from _gist(sentences, rows, f"session {name}", name)


def entity_gists(sentences: Sentences) -> Iterator[Derived]:
    """A gist of the entities that most passages mention, if these are of more than one document."""
    contents = sentences.contents
    indptr, indices = contents.fact_entities
    owners = np.repeat(np.arange(len(sentences.chunks)), np.diff(indptr))
    facts: dict[int, list[int]] = defaultdict(list)
    for entity, fact in zip(indices.tolist(), owners.tolist(), strict=True):
        if sentences.own[fact]:
            facts[entity].append(fact)
    counted = {entity: len({int(sentences.chunks[fact]) for fact in rows}) for entity, rows in facts.items()}
    kept = sorted((entity for entity, n in counted.items() if n >= _LEAST_MENTIONS), key=lambda e: (-counted[e], e))
    for entity in kept[:_MOST_ENTITIES]:
        if len({int(sentences.documents[sentences.chunks[fact]]) for fact in facts[entity]}) > 1:
            name = str(contents.entities.column("name")[entity].as_py())
            yield from _gist(sentences, facts[entity], f"entity {name}", name)


def _gist(sentences: Sentences, facts: Sequence[int], of: str, title: str) -> Iterator[Derived]:
    by_text: dict[str, int] = {}
    for fact in facts:
        by_text.setdefault(sentences.text(fact), fact)
    texts = list(by_text)
    chosen = [by_text[texts[place]] for place in select(texts, _SENTENCES)]
    if len(chosen) > 1:
        ordered = sorted(chosen, key=sentences.place)
        passages = tuple(dict.fromkeys(int(sentences.chunks[fact]) for fact in ordered))
        yield Derived("gist", of, title, " ".join(sentences.text(fact) for fact in ordered), passages)


def select(texts: Sequence[str], count: int) -> list[int]:
    """Places of the sentences that stand for all, best first.

    Examples:
        >>> select(["Ann lives in Rome.", "Ann likes Rome.", "It rains.", "Ann lives in Rome, she says."], 2)
        [0, 1]
    """
    bags = [Counter(terms(text)) for text in texts]
    found = Counter(term for bag in bags for term in bag)
    weights = [_unit({term: n * float(np.log1p(len(texts) / found[term])) for term, n in bag.items()}) for bag in bags]
    centroid: Counter[str] = Counter()
    for bag in weights:
        centroid.update(bag)
    mean = _unit(centroid)
    order = sorted(range(len(texts)), key=lambda place: (-_dot(weights[place], mean), place))
    kept: list[int] = []
    for place in order:
        if len(kept) < count and all(_dot(weights[place], weights[other]) < _SAME for other in kept):
            kept.append(place)
    return kept


def _facts_by(owners: "NDArray[np.int64]", sentences: Sentences) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for fact, owner in enumerate(owners.tolist()):
        if sentences.own[fact]:
            found[owner].append(fact)
    return found


def _order(contents: Contents) -> "NDArray[np.int64]":
    """Place of each document in time; those without one come first, by their rows."""
    times = [time.timestamp() if time else float("-inf") for time in contents.documents.column("timestamp").to_pylist()]
    order = np.empty(len(times), np.int64)
    order[np.argsort(np.array(times), kind="stable")] = np.arange(len(times))
    return order


def _unit(weights: Mapping[str, float]) -> dict[str, float]:
    norm = float(np.sqrt(sum(value * value for value in weights.values())))
    return {term: value / norm for term, value in weights.items()} if norm else {}


def _dot(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    small, large = (one, other) if len(one) < len(other) else (other, one)
    return sum(value * large.get(term, 0.0) for term, value in small.items())
