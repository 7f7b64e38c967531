"""What this machine reaches with an index: how fast its encoder is, and how long a question takes without it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from hippo.errors import QuestionError
from hippo.protocols import Encoder, TokenCounter
from hippo.retrieval.profiles import Profile
from hippo.types.plain import Plain

if TYPE_CHECKING:
    from hippo.engine import Hippo
    from hippo.types import Retrieval

__all__ = ["Encoding", "Speed", "Stages", "measure_speed"]

_TEXTS = 128
"""Passages that are encoded."""
_QUESTIONS = 32


@dataclass(frozen=True, slots=True)
class Encoding(Plain):
    """How fast an encoder is.

    Attributes:
        name: Its fingerprint.
        texts_per_second: Passages of this index.
        tokens_per_second: Their tokens; None: the encoder does not count them.
        question_ms: One question, alone.
    """

    name: str
    texts_per_second: float
    tokens_per_second: float | None
    question_ms: float


@dataclass(frozen=True, slots=True)
class Stages(Plain):
    """Milliseconds of a question by stage, medians over questions; the encoder is not among them.

    Attributes:
        search: Vectors and words: which facts and passages the question touches.
        walk: Personalized PageRank; 0 where the profile does not walk.
        hits: From scores to results.
        total: All of it.
    """

    search: float
    walk: float
    hits: float
    total: float


@dataclass(frozen=True, slots=True)
class Speed(Plain):
    """What a machine reaches with an index.

    Attributes:
        cores: Processors that this process may use.
        passages: Of the index.
        facts: Of the index.
        nodes: Of its graph.
        edges: Of its graph, each pair and kind once.
        engine: What walked; None where the profile does not walk.
        encoding: The encoder; None: the index has none.
        alone: A question asked alone.
        batch: Questions of a batch.
        in_batch: A question of a batch.
    """

    cores: int
    passages: int
    facts: int
    nodes: int
    edges: int
    engine: str | None
    encoding: Encoding | None
    alone: Stages
    batch: int
    in_batch: Stages


def measure_speed(
    memory: "Hippo",
    *,
    questions: Sequence[str] | None = None,
    profile: str | Profile | None = None,
    k: int = 5,
    batch: int = 64,
    rounds: int = 3,
) -> Speed:
    """Measure an index on this machine.

    Args:
        memory: The index, with at least one passage.
        questions: What to ask; None: facts of the index, spread over it.
        profile: As for `Hippo.retrieve`.
        k: As for `Hippo.retrieve`.
        batch: Questions asked at once, at least 1; the questions repeat where there are fewer.
        rounds: Times that everything is measured, at least 1, after once that does not count.

    Raises:
        QuestionError: There is no question, or `batch` or `rounds` is less than 1. Other errors are those of
            `Hippo.retrieve`.
    """
    for name, value in (("batch", batch), ("rounds", rounds)):
        if value < 1:
            raise QuestionError(f"{name} must be at least 1", value)
    contents = memory.contents()
    asked = list(_spread(contents.facts.column("text"), _QUESTIONS) if questions is None else questions)
    if not asked:
        raise QuestionError("there is nothing to ask: the index holds no fact, and no questions were given", asked)
    together = [asked[place % len(asked)] for place in range(batch)]
    alone: list[Retrieval] = []
    in_batch: list[Retrieval] = []
    for turn in range(rounds + 1):
        singles = [memory.retrieve(question, k=k, profile=profile) for question in asked]
        many = memory.retrieve_many(together, k=k, profile=profile)
        if turn:
            alone += singles
            in_batch += many
    encoder, graph = memory.encoder, contents.graph
    return Speed(
        _cores(),
        contents.n_chunks,
        contents.facts.num_rows,
        graph.n_nodes,
        sum(graph.edge_counts.values()),
        alone[0].parameters.get("engine"),
        None if encoder is None else _encoding(encoder, _spread(contents.chunks.column("text"), _TEXTS), asked[0]),
        _stages(alone),
        batch,
        _stages(in_batch),
    )


def _encoding(encoder: Encoder, texts: Sequence[str], question: str) -> Encoding:
    encoder.encode(texts[:1])  # whatever is loaded for it
    began = perf_counter()
    encoder.encode(texts)
    seconds = perf_counter() - began
    tokens = sum(encoder.count(texts)) / seconds if isinstance(encoder, TokenCounter) else None
    encoder.encode([question], kind="query_to_passage")
    began = perf_counter()
    encoder.encode([question], kind="query_to_passage")
    return Encoding(encoder.fingerprint, len(texts) / seconds, tokens, 1e3 * (perf_counter() - began))


def _stages(found: "Sequence[Retrieval]") -> Stages:
    from statistics import median

    names = {"search": "link", "walk": "walk", "hits": "hits"}
    parts = {name: 1e3 * median(one.seconds.get(stage, 0.0) for one in found) for name, stage in names.items()}
    return Stages(**parts, total=1e3 * median(sum(one.seconds.values()) for one in found))


def _spread(column: "Sequence[object]", count: int) -> list[str]:
    """Values of a column, at equal distances; each once."""
    step = max(1, len(column) // count)
    values = (column[row].as_py() for row in range(0, len(column), step))  # type: ignore[attr-defined]  # of Arrow
    return list(dict.fromkeys(value for value in values if value.strip()))[:count]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
