"""What questions give."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from hippo.types.models import Usage
from hippo.types.plain import Plain

__all__ = [
    "Answer",
    "Citation",
    "Explanation",
    "Hit",
    "PathStep",
    "Recognition",
    "Retrieval",
    "SeedFact",
    "SourceShare",
    "Step",
]


@dataclass(frozen=True, slots=True)
class SeedFact(Plain):
    """A fact that the question touched. `score` is its fused score, `weight` its share of the seeds (they sum to 1)."""

    text: str
    entities: tuple[str, ...]
    chunk_id: str
    score: float
    weight: float


@dataclass(frozen=True, slots=True)
class PathStep(Plain):
    """One edge of a path from a seed to a passage.

    Attributes:
        source: Entity name, or title or beginning of the passage, that the step leaves.
        target: The same for where it arrives.
        kind: "seed" (from the question), "relation", "contains", "titles", "synonym" or "follows".
        sentence: What says so: the evidence sentence; None for synonyms, neighbours, entities that the question names,
            and passages that it touches as a whole.
        chunk_id: The chunk that holds the sentence, or that the question touches as a whole.
        probability: Transition probability of the step, 0 to 1; for a seed its share of the restart vector.
    """

    source: str
    target: str
    kind: str
    sentence: str | None
    chunk_id: str | None
    probability: float


@dataclass(frozen=True, slots=True)
class SourceShare(Plain):
    """What the source of a passage brings to a question, where the profile caps sources.

    Attributes:
        name: The metadata key that names sources and its value, or "id" and the id of the document.
        uncapped: Share of the restart vector that facts and passages of the source would bring without the cap, 0 to 1;
            None: nothing walks.
        seeds: Share that they bring.
    """

    name: str
    uncapped: float | None
    seeds: float | None


@dataclass(frozen=True, slots=True)
class Explanation(Plain):
    """Why a passage was ranked where it is.

    Attributes:
        facts: Seed facts of the question, best first.
        path: Strongest path from the question through a seed to the passage.
        dense: Standard score of the passage's cosine similarity among all passages; None without encoder.
        lexical: Standard score of its BM25 score.
        activation: Its share of the walk's activation (personalized PageRank value).
        recency: What its age leaves of its score, in (0, 1]; None where age makes no difference.
        source: What its source brings; None: sources are not capped.
        reranking: What a re-ranker gave, on its own scale; None: there was none.
        retention: What its age, kind and recalls leave of its score, in (0, 1]; None where they make no difference.
        time: What its score was multiplied by for the time that is asked about, 1 or more; None: none is asked about.
            `Retrieval.parameters["times"]` says which times were found in the question.
    """

    facts: tuple[SeedFact, ...]
    path: tuple[PathStep, ...]
    dense: float | None
    lexical: float | None
    activation: float | None
    recency: float | None = None
    source: SourceShare | None = None
    reranking: float | None = None
    retention: float | None = None
    time: float | None = None


@dataclass(frozen=True, slots=True)
class Hit(Plain):
    """A ranked passage. `rank` counts from 1; `score` is comparable within one retrieval only, higher is better.

    `timestamp` is that of its document; `superseded_by` the id of a newer chunk that says the same of the same subject
    with another object, where newest wins.
    """

    rank: int
    score: float
    text: str
    title: str | None
    document_id: str
    chunk_id: str
    metadata: Mapping[str, Any]
    explanation: Explanation | None = None
    timestamp: datetime | None = None
    superseded_by: str | None = None


@dataclass(frozen=True, slots=True)
class Recognition(Plain):
    """What recognition memory made of the facts that a question touched.

    Attributes:
        outcome: "kept": some facts were kept; "none": it answered that none helps; "failed": it gave no usable answer.
        kept: Positions of the kept facts among those shown, ascending, without repeats; empty unless "kept".
        shown: Number of facts shown.
        reason: Why it failed, or what of the answer was ignored; None: nothing to say.
        fallback: What was done instead: "dense" or "unfiltered"; None where facts were kept.
        usage: What language models took for it.
    """

    outcome: Literal["kept", "none", "failed"]
    kept: tuple[int, ...]
    shown: int
    reason: str | None = None
    fallback: str | None = None
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Step(Plain):
    """One round of a multi-step retrieval.

    Attributes:
        query: What was searched for: the question, then a thought each.
        chunk_ids: Passages that it found, best first.
        scores: Their scores, comparable within this step only.
        thought: What the model then thought; None after the last round.
    """

    query: str
    chunk_ids: tuple[str, ...]
    scores: tuple[float, ...]
    thought: str | None = None


@dataclass(frozen=True, slots=True)
class Retrieval(Plain):
    """The answer to a question: ranked passages, and how they were found.

    Attributes:
        question: As given.
        profile: Name of the retrieval profile.
        hits: Best first; k of them, or all passages of a smaller index.
        parameters: Options of the profile that were in force, and the engine that walked.
        seeds: Facts that seeded the walk, best first; empty for profiles without a walk.
        seconds: Wall time by stage; in a batch a part of that of its block, beside which another thread may work.
        recognition: What recognition memory made of the facts; None where there is none.
        steps: Rounds of a multi-step retrieval; empty for one of a single step.
        usage: What language models took, by use.
    """

    question: str
    profile: str
    hits: tuple[Hit, ...]
    parameters: Mapping[str, Any]
    seeds: tuple[SeedFact, ...]
    seconds: Mapping[str, float]
    recognition: Recognition | None = None
    steps: tuple[Step, ...] = ()
    usage: Mapping[str, Usage] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Citation(Plain):
    """A passage that an answer refers to. `number` is its number in the prompt and in the text, from 1."""

    number: int
    chunk_id: str
    document_id: str
    title: str | None


@dataclass(frozen=True, slots=True)
class Answer(Plain):
    """What a reader made of the passages.

    Attributes:
        question: As given.
        text: The answer, with its citations as `[1]`; what the reader said where it found none.
        answered: Whether the passages held an answer, as the reader saw it.
        citations: Passages that the text refers to, all of them passages of the prompt, in order of first mention.
        reasoning: What it thought before it answered, if it was asked to.
        retrieval: The passages and how they were found.
        shown: Ids of the chunks that were in the prompt, in its order.
        finish: "stop", or "length" where the answer was cut off.
        dropped: What was left out, by reason: passages beyond the token budget, citations of no passage shown.
        usage: What language models took, by use.
        seconds: Wall time by stage.
    """

    question: str
    text: str
    answered: bool
    citations: tuple[Citation, ...]
    reasoning: str | None
    retrieval: Retrieval
    shown: tuple[str, ...]
    finish: Literal["stop", "length"]
    dropped: Mapping[str, int]
    usage: Mapping[str, Usage]
    seconds: Mapping[str, float]
