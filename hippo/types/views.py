"""What a picture of a question shows: its passages, the graph around them, and how activation spread in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hippo.types.plain import Plain
from hippo.types.results import Retrieval

__all__ = ["Sentence", "Spread", "View", "ViewEdge", "ViewNode"]


@dataclass(frozen=True, slots=True)
class Sentence(Plain):
    """A fact, as the documents say it.

    Attributes:
        text: What it says.
        entities: Names of its entities.
        chunk_id: The passage that says so.
        document_id: The document of that passage.
        title: Title of the document.
    """

    text: str
    entities: tuple[str, ...]
    chunk_id: str
    document_id: str
    title: str | None


@dataclass(frozen=True, slots=True)
class ViewNode(Plain):
    """A node of the graph, at its place in the picture.

    Attributes:
        kind: "entity" or "passage".
        key: Key of the entity; id of the chunk.
        name: Name of the entity; title of the passage, or how it begins.
        x: From -1 to 1, to the right.
        y: From -1 to 1, upwards.
        passages: How many passages mention the entity; 1 for a passage.
    """

    kind: Literal["entity", "passage"]
    key: str
    name: str
    x: float
    y: float
    passages: int


@dataclass(frozen=True, slots=True)
class ViewEdge(Plain):
    """An edge between two nodes of the picture.

    Attributes:
        source: Position of one node in `View.nodes`.
        target: Position of the other.
        kinds: Weight of each kind of edge that joins them: number of facts, cosine similarity, or 1.
        sentences: Facts behind it, as many as were asked for.
    """

    source: int
    target: int
    kinds: Mapping[str, float]
    sentences: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class Spread(Plain):
    """How one profile answered: the passages, and activation sweep by sweep.

    Attributes:
        retrieval: The ranked passages, explained.
        marks: For each of them, stretches of its text that are evidence: those of seed facts, and of facts on the paths
            that led to passages. Pairs of code points, ascending, apart from each other.
        activation: Shares of the activation at each node of the picture. The first are the seeds (the restart vector),
            then come those after each sweep of power iteration, at last those by which passages were ranked. Empty
            where nothing walked.
        moved: What each of these differs by from the one before, over all nodes of the index, from 0 to 2; 0 for the
            first.
    """

    retrieval: Retrieval
    marks: tuple[tuple[tuple[int, int], ...], ...]
    activation: tuple[tuple[float, ...], ...]
    moved: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class View(Plain):
    """A question, its passages by one profile or by two, and the graph around them.

    Attributes:
        question: As given.
        nodes: Those of the ranked passages and of the paths to them, then those of most activation.
        edges: Between them.
        spreads: One for each profile.
        left_out: What is not in the picture: nodes that activation reached, and edges.
    """

    question: str
    nodes: tuple[ViewNode, ...]
    edges: tuple[ViewEdge, ...]
    spreads: tuple[Spread, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
