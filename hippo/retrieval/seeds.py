"""Seeds: where a question puts activation into the graph."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hippo.retrieval.link import Linked
from hippo.retrieval.profiles import Profile
from hippo.snapshot.contents import Contents

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Seeds", "entity_counts", "seed"]


@dataclass(frozen=True, slots=True)
class Seeds:
    """Seeds of one question.

    Attributes:
        facts: Rows of the facts that seed, int64 `(c,)`, best first.
        fact_scores: Their fused scores, float64 `(c,)`.
        fact_weights: Their shares, float64 `(c,)`, summing to 1.
        nodes: Nodes of the restart vector, int64 `(s,)`, ascending.
        weights: Their probabilities, float64 `(s,)`, positive, summing to 1.
    """

    facts: "NDArray[np.int64]"
    fact_scores: "NDArray[np.float64]"
    fact_weights: "NDArray[np.float64]"
    nodes: "NDArray[np.int64]"
    weights: "NDArray[np.float64]"


def entity_counts(contents: Contents) -> "NDArray[np.float64]":
    """In how many chunks each entity is mentioned, at least 1: float64 `(E,)`."""
    counts: NDArray[np.float64] = np.maximum(contents.entities.column("chunks").to_numpy().astype(np.float64), 1.0)
    return counts


def seed(contents: Contents, counts: "NDArray[np.float64]", facts: Linked, passages: Linked, profile: Profile) -> Seeds:
    """Restart vector of a question.

    Entities: r_e ∝ Σ over the best facts that name e of weight(fact) / (number of chunks that mention e); the division
    is the node specificity of HippoRAG (arXiv 2405.14831). Passages: r_p ∝ soft-max of their scores, over the best few,
    so that the seeds stay sparse and do not depend on the size of the corpus. The two are normalised and mixed by
    `profile.passage_share`; where one is empty the other takes all. A question that touches nothing seeds the first
    passages alike.
    """
    best = facts.best(profile.facts)
    fact_weights = facts.weights(best, profile.fact_temperature)
    rows = facts.rows[best]
    indptr, indices = contents.fact_entities
    sizes = indptr[rows + 1] - indptr[rows]
    spans = [indices[indptr[row] : indptr[row + 1]] for row in rows]
    entities = np.concatenate([np.empty(0, np.int32), *spans]).astype(np.int64)
    entity_weights = np.repeat(fact_weights, sizes) / counts[entities]
    chosen = passages.best(profile.passages)
    if not len(chosen):
        chosen = np.arange(min(profile.passages, len(passages.rows)))
    passage_nodes = passages.rows[chosen] + contents.graph.n_entities
    passage_weights = passages.weights(chosen, profile.passage_temperature)
    share = profile.passage_share if len(entities) else 1.0
    nodes, places = np.unique(np.concatenate([entities, passage_nodes]), return_inverse=True)
    weights = np.bincount(
        places,
        np.concatenate([_unit(entity_weights) * (1.0 - share), _unit(passage_weights) * share]),
        minlength=len(nodes),
    )
    positive = weights > 0
    return Seeds(rows, facts.fused[best], fact_weights, nodes[positive], weights[positive] / weights.sum())


def _unit(weights: "NDArray[np.float64]") -> "NDArray[np.float64]":
    total = weights.sum()
    return weights / total if total > 0 else weights
