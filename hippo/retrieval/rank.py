"""Ranking: the walk from the seeds, and the order of passages that comes out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.backends.scoring import ARRAYS
from hippo.protocols import PageRank, PageRankResult, Walk
from hippo.retrieval.link import Linked, minmax
from hippo.retrieval.profiles import Profile
from hippo.retrieval.seeds import Seeds
from hippo.snapshot.contents import Contents

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from hippo.backends.scoring import Scoring

__all__ = ["Walked", "gains", "gains_everywhere", "levels", "namings", "order_of", "single", "spread"]

_TYPICAL = 3.0
"""Standard score at which a passage is taken to speak of the question: its gain is 1."""
_MOST_AVERSE = -8.0
"""Lower bound of the logarithm of the gain, so that no passage is unreachable."""


@dataclass(frozen=True, slots=True)
class Walked:
    """A walk, and what came of it.

    Attributes:
        seeds: Where it began.
        favoured: By which scores it preferred passages.
        passages: Activation of the passages, float64 `(P,)`.
        activation: Activation of all nodes, float64 `(n,)`; None where nobody asks for it.
        parameters: How it was found.
    """

    seeds: Seeds
    favoured: Linked
    passages: "NDArray[np.float64]"
    activation: "NDArray[np.float64] | None"
    parameters: Mapping[str, Any]


def gains(passages: Sequence[Linked], profile: Profile) -> "NDArray[np.float64] | None":
    """How much the walk prefers each passage, for a block of questions.

    A passage of fused score p has g = exp(clip(λ (p - 3), -8, 0)), an entity g = 1: activation that leaves an entity
    goes to the passages that speak of the question.

    Args:
        passages: Scores of all P passages, one per question: for the question, or what it leaves open.
        profile: λ is its `query_gain`.

    Returns:
        float64 `(P, m)`, positive; None for the plain walk.
    """
    if not profile.query_gain:
        return None
    found = np.empty((len(passages[0].fused), len(passages)), order="F")
    for column, linked in enumerate(passages):
        one = found[:, column]
        np.subtract(linked.fused, _TYPICAL, out=one)
        one *= profile.query_gain
        np.exp(one.clip(_MOST_AVERSE, 0.0, out=one), out=one)
    return found


def gains_everywhere(passages: Sequence[Linked], profile: Profile, n_entities: int) -> "NDArray[np.float64] | None":
    """The same for all nodes, float64 `(E + P, m)`."""
    found = gains(passages, profile)
    return None if found is None else np.concatenate([np.ones((n_entities, found.shape[1])), found])


def spread(
    engine: PageRank,
    adjacency: "csr_array",
    seeds: Sequence[Seeds],
    favoured: Sequence[Linked],
    profile: Profile,
    *,
    passages: slice,
    k: int,
    tolerance: float,
    reordered: bool = False,
    everywhere: bool = False,
) -> list[Walked]:
    """Walk for a block of questions.

    Args:
        engine: Does it.
        adjacency: Symmetric CSR `(n, n)`.
        seeds: Of each question.
        favoured: By which scores the walk of each prefers passages.
        profile: For damping and gain, and whether the order of passages is all that counts.
        passages: Nodes that are passages.
        k: Number of passages whose order counts.
        tolerance: Bound on the L1 error where the order is not proven earlier.
        reordered: Whether the order of activations is not that of the results.
        everywhere: Whether the activation of other nodes is asked for, too.
    """
    # A cap on sources may pass over any number of the best.
    reordered = reordered or profile.scoring == "facts" or profile.newest_wins or profile.source_cap < 1
    # Where the order of activations is not that of the passages, all of them are needed.
    top = None if profile.exact or reordered else k
    # A `SeededPageRank`; to compare with the protocol takes a fiftieth of a question.
    rank_seeds = getattr(engine, "rank_seeds", None)
    found: PageRankResult
    if rank_seeds is not None:
        walk = Walk(adjacency, profile.damping, gains(favoured, profile), symmetric=True)
        planted = [(one.nodes, one.weights) for one in seeds]
        everywhere = everywhere or profile.scoring == "facts"
        found = rank_seeds(walk, planted, tolerance=tolerance, top=top, candidates=passages, everywhere=everywhere)
    else:
        everywhere = True
        restart = np.zeros((adjacency.shape[0], len(seeds)), order="F")
        for column, one in enumerate(seeds):
            restart[one.nodes, column] = one.weights
        walk = Walk(adjacency, profile.damping, gains_everywhere(favoured, profile, passages.start), symmetric=True)
        found = engine.rank(walk, restart, tolerance=tolerance, top=top, candidates=passages)
    walks = []
    for column, one in enumerate(seeds):
        scores = np.ascontiguousarray(found.scores[:, column])
        told: dict[str, Any] = {"engine": found.engine, "sweeps": int(found.iterations[column])}
        if found.stopped:
            told["ended"] = found.stopped[column]
        reached = scores[passages] if everywhere else scores
        walks.append(Walked(one, favoured[column], reached, scores if everywhere else None, told))
    return walks


def namings(contents: Contents) -> "csr_array":
    """How often the distinct facts of each passage name each entity: float64 CSR `(P, E)`.

    Times the activations of the entities it is the score of the passages in HippoRAG (arXiv 2405.14831): the sum over
    their facts of the activations of subject and object.
    """
    import pyarrow.compute as pc
    from scipy.sparse import coo_array

    chunks = contents.facts.column("chunk").to_numpy().astype(np.int64)
    texts = pc.dictionary_encode(contents.facts.column("text").combine_chunks()).indices.to_numpy().astype(np.int64)
    _, distinct = np.unique(chunks * (texts.max(initial=0) + 1) + texts, return_index=True)
    indptr, indices = contents.fact_entities
    sizes = np.diff(indptr)
    counted = np.repeat(np.isin(np.arange(len(chunks)), distinct), sizes)
    places = np.repeat(chunks, sizes)[counted], indices[counted]
    shape = (contents.n_chunks, contents.graph.n_entities)
    counts = coo_array((np.ones(len(places[0])), places), shape=shape).tocsr()
    counts.sum_duplicates()
    return counts


def order_of(
    scores: "NDArray[np.float64]", fallback: "NDArray[np.float64]", k: int, scoring: "Scoring" = ARRAYS
) -> "NDArray[np.int64]":
    """Rows of the k best passages: by score, by fallback (for passages that no activation reached), by row."""
    if k <= 0:
        return np.empty(0, np.int64)
    best = scoring.best(scores, k + 1)
    chosen = scores[best]
    if (chosen[:-1] > chosen[1:]).all():
        return best[:k]
    rows = np.arange(len(scores)) if k >= len(scores) else np.flatnonzero(scores >= chosen[k - 1])
    order: NDArray[np.int64] = rows[np.lexsort((rows, -fallback[rows], -scores[rows]))][:k]
    return order


def levels(linked: Linked) -> "NDArray[np.float64]":
    """Scores of passages without a walk, from 0 to 1: by cosine, or by words where there are no vectors."""
    return minmax(linked.fused if linked.dense is None else linked.dense)


def single(linked: Linked, profile: Profile) -> "NDArray[np.float64]":
    """Scores of the profiles without a walk; an index without vectors ranks by words."""
    if profile.ranking == "dense" and linked.dense is not None:
        return linked.dense
    return linked.fused if profile.ranking == "hybrid" else linked.lexical
