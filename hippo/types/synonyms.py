"""Synonyms: pairs of names that are taken for one, and what was decided about them."""

from dataclasses import dataclass
from typing import Literal

from hippo.types.plain import Plain

__all__ = ["Synonym", "SynonymDecision", "SynonymName"]


@dataclass(frozen=True, slots=True)
class SynonymDecision(Plain):
    """What was decided about two names, in either order.

    Attributes:
        first: Key of one entity: its name, normalised as the index does it.
        second: Key of the other; `first` comes before it in code point order.
        decision: "accepted" or "rejected".
    """

    first: str
    second: str
    decision: Literal["accepted", "rejected"]


@dataclass(frozen=True, slots=True)
class SynonymName(Plain):
    """One of two names, as the index knows it.

    Attributes:
        key: Key of the entity.
        name: Its commonest spelling; the key where the index holds no such entity now.
        chunks: In how many passages it is mentioned; 0: the index holds no such entity now.
        example: A sentence that names it, or the beginning of a passage; None: there is none.
        document_id: The document that holds the example.
    """

    key: str
    name: str
    chunks: int
    example: str | None
    document_id: str | None


@dataclass(frozen=True, slots=True)
class Synonym(Plain):
    """A pair of names that is, or could be, joined by a synonym edge.

    Attributes:
        first: One name; its key comes first in code point order.
        second: The other.
        state: "found" (their vectors are similar), "accepted" or "rejected" (it was decided so).
        cosine: Cosine similarity of their vectors, -1 to 1; None: the index has no vector of one of them.
        weight: Weight of the edge between them; 0: there is none, because the pair was rejected, is beyond the limit of
            edges of a name, or one of the names is not there.
    """

    first: SynonymName
    second: SynonymName
    state: Literal["found", "accepted", "rejected"]
    cosine: float | None
    weight: float
