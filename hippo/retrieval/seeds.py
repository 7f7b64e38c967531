"""Seeds: where a question puts activation into the graph."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from hippo.retrieval.link import Linked
from hippo.retrieval.profiles import Profile
from hippo.retrieval.sources import Sources, capped, shares_of, within
from hippo.snapshot.contents import Contents

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Seeds", "choose", "entity_counts", "seed", "seed_entities"]


@dataclass(frozen=True, slots=True)
class Seeds:
    """Seeds of one question.

    Attributes:
        facts: Rows of the facts that seed, int64 `(c,)`, best first.
        fact_scores: Their fused scores, float64 `(c,)`.
        fact_weights: Their shares, float64 `(c,)`, summing to 1.
        nodes: Nodes of the restart vector, int64 `(s,)`, ascending. Empty where passages are to be ranked without a
            walk.
        weights: Their probabilities, float64 `(s,)`, positive, summing to 1.
        brought: Where sources are capped, by number of the source: its share of the restart vector without the cap, and
            with it.
    """

    facts: "NDArray[np.int64]"
    fact_scores: "NDArray[np.float64]"
    fact_weights: "NDArray[np.float64]"
    nodes: "NDArray[np.int64]"
    weights: "NDArray[np.float64]"
    brought: Mapping[int, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def none(cls) -> "Seeds":
        """No seeds: passages are ranked without a walk."""
        rows, values = np.empty(0, np.int64), np.empty(0)
        return cls(rows, values, values, rows, values)


def entity_counts(contents: Contents) -> "NDArray[np.float64]":
    """In how many chunks each entity is mentioned, at least 1: float64 `(E,)`."""
    counts: NDArray[np.float64] = np.maximum(contents.entities.column("chunks").to_numpy().astype(np.float64), 1.0)
    return counts


def choose(contents: Contents, facts: Linked, profile: Profile, sources: Sources | None = None) -> "NDArray[np.int64]":
    """Positions of the facts that are to seed, best first, int64 `(c,)`: `profile.facts` of them if there are.

    Where `profile.distinct_facts` they say different things, and of one source there are as many as its cap lets in;
    there may be fewer then if not all facts are candidates.
    """
    if not profile.distinct_facts and sources is None:
        return facts.best(profile.facts)
    texts, reach = contents.facts.column("text"), profile.facts
    most = len(facts.rows) if facts.sure is None else facts.sure
    while True:
        best = facts.best(min(reach, most))
        if profile.distinct_facts:
            first: dict[str, int] = {}
            for position in best.tolist():
                first.setdefault(texts[int(facts.rows[position])].as_py(), position)
            best = np.fromiter(first.values(), np.int64)
        if sources is not None:
            best = best[within(sources.facts[facts.rows[best]].tolist(), profile.facts, profile.source_cap)]
        if len(best) >= profile.facts or reach >= most:
            return best[: profile.facts]
        reach *= 4


def seed(
    contents: Contents,
    counts: "NDArray[np.float64]",
    facts: Linked,
    passages: Linked,
    profile: Profile,
    chosen: "NDArray[np.int64] | None" = None,
    named: "NDArray[np.int64] | None" = None,
    sources: Sources | None = None,
) -> Seeds:
    """Restart vector of a question that was linked to facts.

    Entities: r_e ∝ Σ over the chosen facts that name e of weight(fact) / (number of chunks that mention e), or the mean
    of the same; the division is the node specificity of HippoRAG (arXiv 2405.14831). Passages: r_p ∝ soft-max of their
    scores, over the best few, so that the seeds stay sparse and do not depend on the size of the corpus. The two are
    normalised and mixed by `profile.passage_share`; where one is empty the other takes all. Entities that the question
    names take `profile.name_share` of the entities' part, each in proportion to 1 / (number of chunks that mention it).
    A question that touches nothing seeds the first passages alike. With `profile.weighting` "minmax" and a
    `profile.passage_weight`, the weights are those of HippoRAG 2 (arXiv 2502.14802).

    Args:
        contents: The index.
        counts: From `entity_counts`.
        facts: Facts that the question touches.
        passages: Passages that it touches.
        profile: How to seed.
        chosen: Positions of the facts that seed, best first; None: those of `choose`.
        named: Rows of the entities that the question names, int64, without repeats; None: none.
        sources: Where they are capped.
    """
    best = choose(contents, facts, profile, sources) if chosen is None else chosen
    fact_weights = _weights(facts, best, profile, profile.fact_temperature)
    rows = facts.rows[best]
    indptr, indices = contents.fact_entities
    sizes = indptr[rows + 1] - indptr[rows]
    spans = [indices[indptr[row] : indptr[row + 1]] for row in rows]
    entities = np.concatenate([np.empty(0, np.int32), *spans]).astype(np.int64)
    weights = np.repeat(fact_weights, sizes) / counts[entities]
    if profile.entity_seeds == "mean":
        _, places, repeats = np.unique(entities, return_inverse=True, return_counts=True)
        weights /= repeats[places]
    owners = None if sources is None else np.repeat(sources.facts[rows], sizes)
    if named is not None and len(named) and profile.name_share:
        entities, weights = _with_names(entities, weights, named, 1.0 / counts[named], profile.name_share)
        # The question names them, so these are of no source.
        owners = None if owners is None else np.concatenate([owners, np.full(len(named), -1)])
    nodes, shares, brought = _restart(contents, entities, weights, passages, profile, sources, owners)
    if profile.weighting != "softmax":
        fact_weights = _unit(fact_weights)
    return Seeds(rows, facts.fused[best], fact_weights, nodes, shares, brought)


def seed_entities(
    contents: Contents,
    counts: "NDArray[np.float64]",
    entities: "NDArray[np.int64]",
    passages: Linked,
    profile: Profile,
    sources: Sources | None = None,
) -> Seeds:
    """Restart vector of a question that was linked to entities: r_e ∝ 1 / (number of chunks that mention e).

    Args:
        contents: The index.
        counts: From `entity_counts`.
        entities: Rows of the entities, int64; repeats make no difference.
        passages: Passages that the question touches; they seed as for facts.
        profile: How to seed.
        sources: Where they are capped. The question names the entities, so these are of no source.
    """
    entities = np.unique(entities)
    owners = np.full(len(entities), -1)
    nodes, shares, brought = _restart(contents, entities, 1.0 / counts[entities], passages, profile, sources, owners)
    return replace(Seeds.none(), nodes=nodes, weights=shares, brought=brought)


def _restart(
    contents: Contents,
    entities: "NDArray[np.int64]",
    weights: "NDArray[np.float64]",
    passages: Linked,
    profile: Profile,
    sources: Sources | None,
    owners: "NDArray[np.int64] | None",
) -> "tuple[NDArray[np.int64], NDArray[np.float64], Mapping[int, tuple[float, float]]]":
    """Nodes and probabilities of entities and passages together, and what each source brings, if sources are capped.

    Weights of an entity that occurs repeatedly add up; `owners` are the sources of the occurrences.
    """
    if not len(entities) and profile.when_unlinked == "dense":
        return np.empty(0, np.int64), np.empty(0), {}
    if profile.entities is not None:
        kept = _heaviest(entities, weights, profile.entities)
        entities, weights = entities[kept], weights[kept]
        owners = None if owners is None else owners[kept]
    chosen = _best_passages(passages, profile, sources)
    if not len(chosen):
        chosen = np.arange(min(profile.passages or 0, len(passages.rows)))
    passage_nodes = passages.rows[chosen] + contents.graph.n_entities
    passage_weights = _weights(passages, chosen, profile, profile.passage_temperature)
    if profile.passage_weight is None:
        share = profile.passage_share if len(entities) else 1.0
        parts = [_unit(weights) * (1.0 - share), _unit(passage_weights) * share]
    else:
        parts = [weights, passage_weights * profile.passage_weight]
    masses, brought = np.concatenate(parts), {}
    if sources is not None and owners is not None and masses.any():
        all_owners = np.concatenate([owners, sources.passages[passages.rows[chosen]]])
        before, masses = masses, capped(masses, all_owners, profile.source_cap)
        brought = shares_of(all_owners, before, masses)
    # Entities come before passages, of which none is there twice.
    rows, places = np.unique(entities, return_inverse=True)
    order = passage_nodes.argsort()
    nodes = np.concatenate([rows, passage_nodes[order]])
    of_entities = np.bincount(places, masses[: len(entities)], minlength=len(rows))
    total = np.concatenate([of_entities, masses[len(entities) :][order]])
    if not total.all():
        nodes, total = nodes[total > 0], total[total > 0]
    return nodes, total / total.sum(), brought


def _best_passages(passages: Linked, profile: Profile, sources: Sources | None) -> "NDArray[np.int64]":
    """Positions of the passages that seed."""
    if profile.passages is None:
        return np.arange(len(passages.rows))
    if sources is None:
        return passages.best(profile.passages)
    ranked = passages.best(len(passages.rows))
    return ranked[within(sources.passages[passages.rows[ranked]].tolist(), profile.passages, profile.source_cap)]


def _with_names(
    entities: "NDArray[np.int64]",
    weights: "NDArray[np.float64]",
    named: "NDArray[np.int64]",
    specificities: "NDArray[np.float64]",
    share: float,
) -> "tuple[NDArray[np.int64], NDArray[np.float64]]":
    """Entities of facts, and those that the question names, which take a share: all of it where there are no facts."""
    share = share if len(entities) else 1.0
    parts = [_unit(weights) * (1.0 - share), _unit(specificities) * share]
    return np.concatenate([entities, named]), np.concatenate(parts)


def _weights(
    linked: Linked, chosen: "NDArray[np.int64]", profile: Profile, temperature: float
) -> "NDArray[np.float64]":
    return linked.weights(chosen, temperature) if profile.weighting == "softmax" else linked.levels(chosen)


def _heaviest(entities: "NDArray[np.int64]", weights: "NDArray[np.float64]", count: int) -> "NDArray[np.bool_]":
    """Which occurrences are of one of the `count` entities of most weight, ties by row."""
    rows, places = np.unique(entities, return_inverse=True)
    total = np.bincount(places, weights, minlength=len(rows))
    best = np.lexsort((rows, -total))[:count]
    kept: NDArray[np.bool_] = np.isin(places, best)
    return kept


def _unit(weights: "NDArray[np.float64]") -> "NDArray[np.float64]":
    total = weights.sum()
    return weights / total if total > 0 else weights
