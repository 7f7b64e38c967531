"""An index against a file of questions: gold passages found among its documents, profiles compared."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from hippo.errors import DocumentError
from hippo.evaluation.metrics import full_chain_recall_at, recall_at
from hippo.evaluation.questions import Question, RawQuestion
from hippo.evaluation.report import Table, comparison_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hippo.engine import Hippo

__all__ = ["default_profiles", "evaluate", "match_questions", "rank_documents"]


def default_profiles(memory: "Hippo") -> list[str]:
    """Profiles worth comparing on an index: "hippo", "dense" if it has vectors, "bm25"."""
    return ["hippo", "dense", "bm25"] if memory.contents().vectors else ["hippo", "bm25"]


def match_questions(memory: "Hippo", questions: Iterable[RawQuestion]) -> list[Question]:
    """Find the gold passages of questions among the documents of an index.

    Raises:
        DocumentError: A gold passage is missing or ambiguous, or a question names none; the message says which.
        IndexEmptyError: Nothing has been added yet.
    """
    documents = memory.contents().documents
    known = documents.column("document_id").to_pylist()
    titled: Mapping[str, list[str]] = defaultdict(list)
    for title, identity in zip(documents.column("title").to_pylist(), known, strict=True):
        titled[title or ""].append(identity)
    ids = frozenset(known)
    matched = []
    for raw in questions:
        question = raw.resolve(lambda title: titled.get(title, ()))
        if not question.gold:
            raise DocumentError(raw.source, f"question {raw.id!r} names no gold passage")
        if missing := sorted(question.gold - ids):
            raise DocumentError(raw.source, f"question {raw.id!r}: gold id {missing[0]!r} is not in the index")
        matched.append(question)
    return matched


def rank_documents(memory: "Hippo", questions: Sequence[str], *, k: int, profile: str) -> list[list[str]]:
    """Ids of the k best documents of each question, best first, each at the rank of its best passage.

    Where documents have several passages, as many passages are retrieved as it takes.

    Args:
        memory: The index.
        questions: The questions.
        k: Number of documents; an index that holds fewer gives all.
        profile: Name of the profile.
    """
    contents = memory.contents()
    enough = min(k, contents.documents.num_rows)
    wanted = k
    rankings: list[list[str]] = [[] for _ in questions]
    waiting = list(range(len(questions)))
    while waiting:
        found = memory.retrieve_many([questions[row] for row in waiting], k=wanted, profile=profile)
        for row, retrieval in zip(waiting, found, strict=True):
            rankings[row] = list(dict.fromkeys(hit.document_id for hit in retrieval.hits))[:k]
        if wanted >= contents.n_chunks:
            break
        waiting = [row for row in waiting if len(rankings[row]) < enough]
        wanted *= 2
    return rankings


def evaluate(
    memory: "Hippo",
    questions: Sequence[Question],
    *,
    profiles: Sequence[str] | None = None,
    ks: Sequence[int] = (2, 5, 10),
    confidence: float = 0.95,
) -> Table:
    """Recall@k, and the share of questions with all gold documents among the first k, of several profiles.

    Args:
        memory: The index.
        questions: Questions whose gold documents it holds, at least one.
        profiles: Names of profiles, the first the baseline of differences; None: `default_profiles`.
        ks: Cut-offs in documents, each at least 1.
        confidence: Of the intervals, in (0, 1).

    Raises:
        QuestionError: A cut-off is below 1.
        UnknownNameError: No such profile.
        ConfigError: A profile needs vectors, and the index has none.
    """
    chosen = list(dict.fromkeys(default_profiles(memory) if profiles is None else profiles))
    cuts = sorted(set(ks))
    golds = [question.gold for question in questions]
    scores: dict[str, dict[str, NDArray[np.float64]]] = {}
    for profile in chosen:
        ranked = rank_documents(memory, [question.text for question in questions], k=cuts[-1], profile=profile)
        recalls = {f"Recall@{k}": recall_at(k, ranked, golds) for k in cuts}
        scores[profile] = recalls | {f"All@{k}": full_chain_recall_at(k, ranked, golds) for k in cuts}
    return comparison_table(scores, confidence=confidence)
