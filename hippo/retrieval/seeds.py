"""Seeds: where a question puts activation into the graph."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hippo.retrieval.link import Linked
from hippo.retrieval.profiles import Profile
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
    """

    facts: "NDArray[np.int64]"
    fact_scores: "NDArray[np.float64]"
    fact_weights: "NDArray[np.float64]"
    nodes: "NDArray[np.int64]"
    weights: "NDArray[np.float64]"

    @classmethod
    def none(cls) -> "Seeds":
        """No seeds: passages are ranked without a walk."""
        rows, values = np.empty(0, np.int64), np.empty(0)
        return cls(rows, values, values, rows, values)


def entity_counts(contents: Contents) -> "NDArray[np.float64]":
    """In how many chunks each entity is mentioned, at least 1: float64 `(E,)`."""
    counts: NDArray[np.float64] = np.maximum(contents.entities.column("chunks").to_numpy().astype(np.float64), 1.0)
    return counts


def choose(contents: Contents, facts: Linked, profile: Profile) -> "NDArray[np.int64]":
    """Positions of the facts that are to seed, best first, int64 `(c,)`: `profile.facts` of them if there are.

    Where `profile.distinct_facts` they say different things; there may be fewer then if not all facts are candidates.
    """
    if not profile.distinct_facts:
        return facts.best(profile.facts)
    texts, reach = contents.facts.column("text"), profile.facts
    most = len(facts.rows) if facts.sure is None else facts.sure
    while True:
        best = facts.best(min(reach, most))
        first: dict[str, int] = {}
        for position in best.tolist():
            first.setdefault(texts[int(facts.rows[position])].as_py(), position)
        if len(first) >= profile.facts or reach >= most:
            return np.fromiter(first.values(), np.int64)[: profile.facts]
        reach *= 4


def seed(
    contents: Contents,
    counts: "NDArray[np.float64]",
    facts: Linked,
    passages: Linked,
    profile: Profile,
    chosen: "NDArray[np.int64] | None" = None,
    named: "NDArray[np.int64] | None" = None,
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
    """
    best = choose(contents, facts, profile) if chosen is None else chosen
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
    if named is not None and len(named) and profile.name_share:
        entities, weights = _with_names(entities, weights, named, 1.0 / counts[named], profile.name_share)
    nodes, shares = _restart(contents, entities, weights, passages, profile)
    if profile.weighting != "softmax":
        fact_weights = _unit(fact_weights)
    return Seeds(rows, facts.fused[best], fact_weights, nodes, shares)


def seed_entities(
    contents: Contents,
    counts: "NDArray[np.float64]",
    entities: "NDArray[np.int64]",
    passages: Linked,
    profile: Profile,
) -> Seeds:
    """Restart vector of a question that was linked to entities: r_e ∝ 1 / (number of chunks that mention e).

    Args:
        contents: The index.
        counts: From `entity_counts`.
        entities: Rows of the entities, int64; repeats make no difference.
        passages: Passages that the question touches; they seed as for facts.
        profile: How to seed.
    """
    entities = np.unique(entities)
    nodes, shares = _restart(contents, entities, 1.0 / counts[entities], passages, profile)
    return replace(Seeds.none(), nodes=nodes, weights=shares)


def _restart(
    contents: Contents,
    entities: "NDArray[np.int64]",
    weights: "NDArray[np.float64]",
    passages: Linked,
    profile: Profile,
) -> "tuple[NDArray[np.int64], NDArray[np.float64]]":
    """Nodes and probabilities of entities and passages together; weights of an entity that occurs repeatedly add up."""
    if not len(entities) and profile.when_unlinked == "dense":
        return np.empty(0, np.int64), np.empty(0)
    if profile.entities is not None:
        kept = _heaviest(entities, weights, profile.entities)
        entities, weights = entities[kept], weights[kept]
    chosen = np.arange(len(passages.rows)) if profile.passages is None else passages.best(profile.passages)
    if not len(chosen):
        chosen = np.arange(min(profile.passages or 0, len(passages.rows)))
    passage_nodes = passages.rows[chosen] + contents.graph.n_entities
    passage_weights = _weights(passages, chosen, profile, profile.passage_temperature)
    if profile.passage_weight is None:
        share = profile.passage_share if len(entities) else 1.0
        parts = [_unit(weights) * (1.0 - share), _unit(passage_weights) * share]
    else:
        parts = [weights, passage_weights * profile.passage_weight]
    nodes, places = np.unique(np.concatenate([entities, passage_nodes]), return_inverse=True)
    total = np.bincount(places, np.concatenate(parts), minlength=len(nodes))
    positive = total > 0
    return nodes[positive], total[positive] / total.sum()


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
