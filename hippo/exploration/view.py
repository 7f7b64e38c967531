"""A picture of a question: which nodes and edges it shows, where they are, and how activation spread over them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from hippo.exploration.layout import positions
from hippo.exploration.passages import chunk_row
from hippo.exploration.sentences import facts_in, facts_of_all, sentences_of
from hippo.exploration.subgraph import edges_among, nodes_around, weights_of
from hippo.retrieval.evidence import Evidence
from hippo.retrieval.profiles import Profile
from hippo.retrieval.sweeps import sweeps
from hippo.snapshot.contents import Contents
from hippo.types import Retrieval, Sentence, Spread, View, ViewEdge, ViewNode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.retrieval.rank import Walked
    from hippo.retrieval.retrieve import Retriever

__all__ = ["Asked", "view_of"]

_EDGES_PER_NODE = 4
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Asked:
    """What a profile made of the question: its passages, and its walk if it walked."""

    retrieval: Retrieval
    profile: Profile
    walked: "Walked | None"


def view_of(
    retriever: "Retriever", question: str, asked: Sequence[Asked], *, nodes: int, steps: int, sentences: int
) -> View:
    """The picture.

    Args:
        retriever: Of the snapshot that was asked.
        question: The question.
        asked: What came of it, by profile.
        nodes: Most nodes.
        steps: Sweeps whose activation is shown.
        sentences: Most sentences of each edge.
    """
    contents, graph = retriever.contents, retriever.contents.graph
    walks = [one.walked.activation for one in asked if one.walked and one.walked.activation is not None]
    chosen, reached = nodes_around(graph, _needed(retriever, question, asked), walks, nodes)
    pairs, places = edges_among(graph, chosen)
    weights = weights_of(graph, places, asked[0].profile.kind_weights)
    heaviest = np.sort(np.lexsort((places, -weights))[: _EDGES_PER_NODE * nodes])
    left_out = {"nodes": reached, "edges": len(pairs) - len(heaviest)}
    pairs, places, weights = pairs[heaviest], places[heaviest], weights[heaviest]
    named = _nodes(contents, chosen)
    # An edge of a kind that the profile does not walk pulls a little, too.
    where = positions([f"{kind} {key}" for kind, key, _, _ in named], pairs, np.sqrt(weights + 0.1))
    spots = [
        ViewNode(kind, key, name, x, y, count)  # type: ignore[arg-type]  # one of the two kinds
        for (kind, key, name, count), (x, y) in zip(named, where.tolist(), strict=True)
    ]
    return View(
        question,
        tuple(spots),
        tuple(_edges(retriever, chosen, pairs, places, sentences)),
        tuple(_spread(retriever, one, chosen, steps) for one in asked),
        left_out,
    )


def _needed(retriever: "Retriever", question: str, asked: Sequence[Asked]) -> list[int]:
    """Nodes of the ranked passages, best first, then those of the paths to them."""
    contents, passages, others = retriever.contents, [], []
    for one in asked:
        rows = [chunk_row(contents, hit.chunk_id) for hit in one.retrieval.hits]
        passages += [contents.graph.n_entities + row for row in rows]
        if one.walked is not None:
            paths = retriever.paths(question, one.walked, one.profile)
            others += [node for row in rows for node in paths.nodes(row)]
    return [*passages, *others]


def _nodes(contents: Contents, nodes: "NDArray[np.int64]") -> list[tuple[str, str, str, int]]:
    """Kind, key, name and number of passages of each node."""
    evidence, n_entities = Evidence(contents), contents.graph.n_entities
    keys, counts = contents.entities.column("key"), contents.entities.column("chunks")
    found = []
    for node in nodes.tolist():
        if node < n_entities:
            found.append(("entity", keys[node].as_py(), evidence.name(node), counts[node].as_py()))
        else:
            found.append(("passage", evidence.chunk_id(node - n_entities), evidence.name(node), 1))
    return found


def _edges(
    retriever: "Retriever",
    nodes: "NDArray[np.int64]",
    pairs: "NDArray[np.int64]",
    places: "NDArray[np.int64]",
    sentences: int,
) -> "Iterable[ViewEdge]":
    graph = retriever.contents.graph
    by_kind = {kind: weights[places].tolist() for kind, weights in graph.weights.items()}
    behind = _Behind(retriever, nodes) if sentences else None
    for number, (source, target) in enumerate(pairs.tolist()):
        kinds = {kind: round(weights[number], _DIGITS) for kind, weights in by_kind.items() if weights[number]}
        said = behind.of(int(nodes[source]), int(nodes[target]), sentences) if behind else ()
        yield ViewEdge(source, target, kinds, said)


class _Behind:
    """Sentences behind the edges between some nodes."""

    def __init__(self, retriever: "Retriever", nodes: "NDArray[np.int64]") -> None:
        self._contents = retriever.contents
        self._facts = facts_of_all(self._contents, np.sort(nodes[nodes < self._contents.graph.n_entities]))

    def of(self, left: int, right: int, most: int) -> tuple[Sentence, ...]:
        """Of the edge between two nodes; none for two passages."""
        n_entities = self._contents.graph.n_entities
        first, second = sorted((left, right))
        if first >= n_entities:
            return ()
        among = self._facts[second] if second < n_entities else facts_in(self._contents, second - n_entities)
        facts = np.intersect1d(self._facts[first], among, assume_unique=True)
        return sentences_of(self._contents, facts, most)


def _spread(retriever: "Retriever", asked: Asked, nodes: "NDArray[np.int64]", steps: int) -> Spread:
    contents, walked = retriever.contents, asked.walked
    marks = tuple(_marks(contents, asked))
    if walked is None or walked.activation is None:
        return Spread(asked.retrieval, marks, (), ())
    restart = np.zeros(contents.graph.n_nodes)
    restart[walked.seeds.nodes] = walked.seeds.weights
    frames, moved, before = [], [], restart
    spreading = islice(sweeps(retriever.walk(walked, asked.profile), restart), steps + 1)
    for now in (*spreading, walked.activation / walked.activation.sum()):
        frames.append(tuple(np.round(now[nodes], _DIGITS).tolist()))
        moved.append(round(float(np.abs(now - before).sum()), _DIGITS))
        before = now
    return Spread(asked.retrieval, marks, tuple(frames), tuple(moved))


def _marks(contents: Contents, asked: Asked) -> "Iterable[tuple[tuple[int, int], ...]]":
    """Stretches of evidence in each passage: of facts that seeded, and of those on a path."""
    hits = asked.retrieval.hits
    steps = (step for hit in hits if hit.explanation for step in hit.explanation.path)
    on_paths = {(step.chunk_id, step.sentence) for step in steps if step.sentence}
    seeded = set() if asked.walked is None else set(asked.walked.seeds.facts.tolist())
    starts, ends, texts = (contents.facts.column(name) for name in ("start", "end", "text"))
    for hit in hits:
        facts = facts_in(contents, chunk_row(contents, hit.chunk_id)).tolist()
        telling = [row for row in facts if row in seeded or (hit.chunk_id, texts[row].as_py()) in on_paths]
        stretches = sorted((starts[row].as_py(), ends[row].as_py()) for row in telling)
        merged: list[tuple[int, int]] = []
        for start, end in stretches:
            if merged and start <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(end, merged[-1][1])
            elif end > start >= 0:
                merged.append((start, end))
        yield tuple(merged)
