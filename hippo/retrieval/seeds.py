"""Seeds: where a question puts activation into the graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from hippo.retrieval.link import Linked
from hippo.retrieval.profiles import Profile
from hippo.retrieval.restart import Occurrences, restarts, softened
from hippo.retrieval.sources import Sources, within
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
    facts: Sequence[Linked],
    passages: Sequence[Linked],
    profile: Profile,
    chosen: "Sequence[NDArray[np.int64]]",
    named: "Sequence[NDArray[np.int64]] | None" = None,
    sources: Sources | None = None,
) -> list[Seeds]:
    """Restart vectors of questions that were linked to facts.

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
        facts: Facts that each of m questions touches.
        passages: Passages that each touches.
        profile: How to seed.
        chosen: Positions of the facts of each that seed, best first, as from `choose`.
        named: Rows of the entities that each names, int64, without repeats; None: none.
        sources: Where they are capped.

    Returns:
        One for each question; what one gets does not depend on the others.
    """
    rows = [one.rows[best] for one, best in zip(facts, chosen, strict=True)]
    shares = [softened(one, best, profile, profile.fact_temperature) for one, best in zip(facts, chosen, strict=True)]
    touched = _of_facts(contents, counts, rows, shares, profile, sources)
    if named is not None and profile.name_share:
        every = np.concatenate(named)
        # The question names them, so these are of no source.
        touched = touched.mixed(
            Occurrences.of([len(own) for own in named], every, 1.0 / counts[every]), profile.name_share
        )
    vectors = restarts(contents, touched, passages, profile, sources)
    if profile.weighting != "softmax":
        shares = [share / share.sum() if share.sum() > 0 else share for share in shares]
    return [
        Seeds(own, one.fused[best], share, *vector)
        for own, one, best, share, vector in zip(rows, facts, chosen, shares, vectors, strict=True)
    ]


def _of_facts(
    contents: Contents,
    counts: "NDArray[np.float64]",
    rows: "Sequence[NDArray[np.int64]]",
    shares: "Sequence[NDArray[np.float64]]",
    profile: Profile,
    sources: Sources | None,
) -> Occurrences:
    """Entities that facts of questions name, each with the share of the fact by the number of its chunks."""
    indptr, indices = contents.fact_entities
    facts = np.concatenate(rows)
    questions = np.repeat(np.arange(len(rows)), [len(own) for own in rows])
    starts, sizes = indptr[facts], indptr[facts + 1] - indptr[facts]
    ends = np.cumsum(sizes)
    entities = indices[np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - sizes), sizes)]
    weights = np.repeat(np.concatenate(shares), sizes) / counts[entities]
    of_each = np.bincount(questions, sizes, minlength=len(rows)).astype(np.int64)
    owners = None if sources is None else np.repeat(sources.facts[facts], sizes)
    if profile.entity_seeds == "mean":
        keys = np.repeat(questions, sizes) * contents.graph.n_entities + entities
        _, places, repeats = np.unique(keys, return_inverse=True, return_counts=True)
        weights /= repeats[places]
    return Occurrences.of(of_each, entities, weights, owners)


def seed_entities(
    contents: Contents,
    counts: "NDArray[np.float64]",
    entities: "Sequence[NDArray[np.int64]]",
    passages: Sequence[Linked],
    profile: Profile,
    sources: Sources | None = None,
) -> list[Seeds]:
    """Restart vectors of questions that were linked to entities: r_e ∝ 1 / (number of chunks that mention e).

    Args:
        contents: The index.
        counts: From `entity_counts`.
        entities: Rows of the entities of each question, int64; repeats make no difference.
        passages: Passages that each touches; they seed as for facts.
        profile: How to seed.
        sources: Where they are capped. The question names the entities, so these are of no source.
    """
    own = [np.unique(rows) for rows in entities]
    every = np.concatenate(own)
    touched = Occurrences.of([len(rows) for rows in own], every, 1.0 / counts[every])
    vectors = restarts(contents, touched, passages, profile, sources)
    return [replace(Seeds.none(), nodes=nodes, weights=weights, brought=brought) for nodes, weights, brought in vectors]
