"""Facts ranked for a question, by similarity and words: what seeds a walk, as a result of its own."""

import json
from typing import TYPE_CHECKING

import numpy as np

from hippo.retrieval.link import Linked
from hippo.retrieval.profiles import Profile
from hippo.retrieval.retrieve import Retriever
from hippo.snapshot.contents import Contents
from hippo.types import FactHit, Triple

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["rank_facts"]

_COLUMNS = ("text", "subject", "predicate", "object", "start", "end", "chunk")


def rank_facts(
    retriever: Retriever,
    question: str,
    query: "NDArray[np.float32] | None",
    profile: Profile,
    k: int,
    *,
    triples: bool | None = None,
) -> list[FactHit]:
    """The k facts that a question touches most, each text once.

    Args:
        retriever: Of an index.
        question: The question.
        query: Its unit vector, float32 `(d,)`, to be compared with facts; None: by words alone.
        profile: For β, the weight of words.
        k: How many; there may be fewer.
        triples: Only facts with a triple, or only facts without one; None: both.
    """
    contents = retriever.contents
    queries = None if query is None else query[None]
    reach, total = 4 * k, contents.facts.num_rows
    while True:
        [linked] = retriever.linkers.facts.link([question], queries, profile.lexical_weight, best=reach)
        found = _distinct(contents, linked, min(reach, len(linked.rows)), k, triples)
        if len(found) >= k or reach >= total:
            break
        reach *= 4
    return [_hit(contents, rank, row, score) for rank, (row, score) in enumerate(found, 1)]


def _distinct(contents: Contents, linked: Linked, reach: int, k: int, triples: bool | None) -> list[tuple[int, float]]:
    """Rows and scores of the best, each text once."""
    texts, subjects = contents.facts.column("text"), contents.facts.column("subject")
    found: dict[str, tuple[int, float]] = {}
    for position in linked.best(reach).tolist():
        row = int(linked.rows[position])
        if triples is not None and (subjects[row].as_py() is not None) != triples:
            continue
        found.setdefault(texts[row].as_py(), (row, float(linked.fused[position])))
        if len(found) == k:
            break
    return list(found.values())


def _hit(contents: Contents, rank: int, row: int, score: float) -> FactHit:
    fact = {name: contents.facts.column(name)[row].as_py() for name in _COLUMNS}
    chunk = fact["chunk"]
    document = contents.chunks.column("document")[chunk].as_py()
    triple = None if fact["subject"] is None else Triple(fact["subject"], fact["predicate"], fact["object"])
    return FactHit(
        rank,
        score,
        fact["text"],
        triple,
        fact["start"],
        fact["end"],
        contents.chunks.column("chunk_id")[chunk].as_py(),
        contents.documents.column("document_id")[document].as_py(),
        contents.documents.column("title")[document].as_py(),
        contents.documents.column("timestamp")[document].as_py(),
        json.loads(contents.documents.column("metadata")[document].as_py()).get("derived"),
    )
