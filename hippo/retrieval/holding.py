"""What holds of a person now: which turns tell it, and which of them is the newest version of it.

A question about the present that is about a person asks for the statements of that person, or about them, that hold on
(`hippo.retrieval.statements`), and for what that person replied to somebody's question. Their strength is how much they
touch what the question leaves open, p (its fused standard score, `hippo.retrieval.link`; of a reply that of what it
replies to, if that is more), and more where they name a relation that the question names:

    r = p + 3.5 · [shares a relation]

The strongest, a, says what is asked in some version. Another one, x, is a version of it if

    v = r + 5 · max(0, cos(x, a)) + 1.5 · [the newer of x and a tells a change]

is at least 4.25 and, where x is newer than a, at most 2 less than the best of these. Vectors are those of the passages
less the mean of what the person says, which takes the name and the day out of them. The newest version takes the place
of the others. The numbers were chosen on conversations that `pipelines.conversations` makes of one seed, and on written
ones.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hippo.graph.sequence import in_sequence
from hippo.ids import entity_key
from hippo.retrieval.statements import (
    Statement,
    asks_what_holds,
    persons_in,
    relations_of,
    speaks_of_self,
    statements,
)
from hippo.snapshot.history import EVER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.snapshot.contents import Contents

__all__ = ["About", "Holding", "holding"]

_OF = ("of", "for")
_RELATIVE = ("who", "whom", "whose", "that", "which", "where", "when", "because", "if")
_OTHER_SUBJECT = re.compile(r"\b(?:does|do|is|are|has|have|will)\s(?:the|an?|this|that|these|those)\b", re.IGNORECASE)
_TOUCHES = 1.0
"""Strength of the strongest from which on anything is taken for an answer."""
_RELATION = 3.5
_ALIKE = 5.0
_CHANGE = 1.5
_LEAST = 4.25
_BELOW_BEST = 2.0
_ASSISTANT = "assistant"
_MOST_NAMES = 16
"""Names of a question that are looked at: each takes a look at the whole question."""


@dataclass(frozen=True, slots=True)
class About:
    """Whom a question is about.

    Attributes:
        names: Words of each name in it; none: it says "I", and is about whoever speaks.
        persons: Nouns for persons in it: "Where does Ann's sister live?".
        relations: Numbers of the relations that it names.
        who: Whether it asks who somebody is, so that what answers it may name them alone.
    """

    names: Sequence[frozenset[str]]
    persons: frozenset[str]
    relations: frozenset[int]
    who: bool = False

    @classmethod
    def of(cls, question: str, names: Sequence[str]) -> "About | None":
        """Of a question in which there are some names; None: it is about nobody."""
        known = [name for name in names[:_MOST_NAMES] if entity_key(name)]
        if not any(map(partial(_is_asked_of, question), known)) if known else not speaks_of_self(question):
            return None
        words = [frozenset(entity_key(name).split()) for name in known]
        return cls(words, persons_in(question), relations_of(question), question.lower().startswith("who"))

    def speaks(self, speaker: str | None) -> bool:
        """Whether somebody who speaks is whom it is about: the "I" of a question is no assistant."""
        if not self.names:
            return (speaker or "").lower() != _ASSISTANT
        return bool(speaker) and self._is(entity_key(speaker or ""))

    def answered(self, one: Statement, spoken: bool) -> bool:
        """Whether a statement, spoken by one whom it is about or not, tells what holds of them."""
        if not one.holds:
            return False
        if one.name:
            return self._is(one.name)
        named = bool(one.persons & self.persons)
        # What holds of somebody's sister is not what holds of them.
        return spoken and (named or (one.own and (self.who or not self.persons)))

    def _is(self, key: str) -> bool:
        words = frozenset(key.split())
        return bool(words) and any(words <= name or name <= words for name in self.names)


@dataclass(frozen=True, slots=True)
class Holding:
    """Passages that tell what holds.

    Attributes:
        rows: int64 `(s,)`, at least one.
        strength: r, float64 `(s,)`.
        changed: Whether each tells a change, bool `(s,)`.
        spoken: Rows of all that was looked at and is said by whom the question is about, int64.
        speakers: Who says each, where the question says "I": nobody replaces what somebody else says of themselves.
            Empty: it does not.
    """

    rows: "NDArray[np.int64]"
    strength: "NDArray[np.float64]"
    changed: "NDArray[np.bool_]"
    spoken: "NDArray[np.int64]"
    speakers: tuple[str | None, ...] = ()

    def shares(self) -> "NDArray[np.float64]":
        """Strength of each as a share of the greatest, 0 to 1, float64 `(s,)`."""
        positive = np.maximum(self.strength, 0.0)
        return positive / positive.max() if positive.any() else positive

    def versions(
        self, times: "NDArray[np.int64]", vectors: "Callable[[NDArray[np.int64]], NDArray[np.float32] | None]"
    ) -> dict[int, int]:
        """By row of a passage, the row of the newest version of what is asked.

        Args:
            times: Timestamp of each passage, int64 `(P,)`, `EVER` where it has none.
            vectors: Gives unit vectors of passages, float32 `(n, d)`; None: there are none.
        """
        dated = np.flatnonzero(times[self.rows] != EVER)
        if self.speakers and len(dated):
            strongest = dated[np.lexsort((self.rows[dated], -self.strength[dated]))[0]]
            dated = dated[[self.speakers[one] == self.speakers[strongest] for one in dated]]
        if len(dated) < 2:
            return {}
        rows, strength = self.rows[dated], self.strength[dated]
        first = int(np.lexsort((rows, -strength))[0])
        changed, moments = self.changed[dated], times[rows]
        value = strength + _CHANGE * np.where(moments > moments[first], changed, changed[first])
        own = vectors(rows)
        if own is not None:
            spoken = vectors(self.spoken if len(self.spoken) else rows)
            value = value + _ALIKE * _cosines(own - np.mean(own if spoken is None else spoken, axis=0), first)
        later = moments > moments[first]
        best = float(value[later].max(initial=-np.inf))
        alike = value >= np.where(later, max(_LEAST, best - _BELOW_BEST), _LEAST)
        alike[first] = True
        kept = np.flatnonzero(alike)
        newest = kept[np.lexsort((rows[kept], -value[kept], -moments[kept]))[0]]
        return {int(rows[one]): int(rows[newest]) for one in kept if moments[one] < moments[newest]}


def holding(
    contents: "Contents", rows: "NDArray[np.int64]", relevance: "NDArray[np.float64]", about: About
) -> Holding | None:
    """Which of some passages tell what holds of whom a question is about; None: none does.

    Args:
        contents: The index.
        rows: Of the passages, int64 `(n,)`; of them turns count.
        relevance: p of all passages, float64 `(P,)`: for what the question leaves open.
        about: Whom it is about.
    """
    if "said" not in contents.chunks.column_names:
        return None
    chosen = contents.chunks.select(["title", "text", "said"]).take(pa.array(rows))
    columns = [chosen.column(name).to_pylist() for name in ("title", "text")]
    turns = np.asarray(pc.is_valid(chosen.column("said")), bool).tolist()
    hidden = contents.hidden_passages
    found: list[tuple[int, float, bool, str | None]] = []
    spoken = []
    for row, title, text, is_turn in zip(rows.tolist(), *columns, turns, strict=True):
        if not is_turn:
            continue
        said = about.speaks(title)
        if said:
            spoken.append(row)
        told = [one for one in statements(text) if about.answered(one, said)]
        touched, relations = float(relevance[row]), frozenset(number for one in told for number in one.relations)
        asked = _question_before(contents, row, title, hidden) if said and not text.rstrip().endswith("?") else None
        if asked is not None:
            touched = max(touched, float(relevance[asked]))
            relations |= relations_of(contents.chunks.column("text")[asked].as_py())
        if told or asked is not None:
            strength = touched + _RELATION * bool(relations & about.relations)
            found.append((row, strength, any(one.changed for one in told), title))
    if max((strength for _, strength, *_ in found), default=0.0) < _TOUCHES:
        return None
    kept, strengths, changed, speakers = zip(*found, strict=True)
    return Holding(
        np.array(kept, np.int64),
        np.array(strengths),
        np.array(changed, bool),
        np.array(spoken, np.int64),
        () if about.names else speakers,
    )


def _question_before(
    contents: "Contents", row: int, speaker: str | None, hidden: "NDArray[np.bool_] | None"
) -> int | None:
    """Row of the turn before one, if that is a question of somebody else's about what holds, and is not hidden."""
    graph, chunks = contents.graph, contents.chunks
    weights = graph.weights.get("follows")
    if weights is None:
        return None
    node = graph.n_entities + row
    span = slice(int(graph.indptr[node]), int(graph.indptr[node + 1]))
    for place in np.flatnonzero(weights[span] >= 1.0).tolist():
        other = int(graph.indices[span][place]) - graph.n_entities
        if hidden is not None and hidden[other]:
            continue
        said, time = (chunks.column("said")[one].as_py() for one in (other, row))
        if said is None or time is None or said > time or chunks.column("title")[other].as_py() == speaker:
            continue
        if asks_what_holds(chunks.column("text")[other].as_py()) and (said < time or _precedes(contents, other, row)):
            return other
    return None


def _precedes(contents: "Contents", one: int, other: int) -> bool:
    """Whether a passage comes before another one of its session that has the same time."""
    numbers = contents.chunks.column("document").take(pa.array([one, other])).to_pylist()
    if numbers[0] == numbers[1]:
        return one < other
    documents = contents.documents.select(["document_id", "metadata", "timestamp"]).take(pa.array(numbers))
    first = documents.column("document_id")[0].as_py()
    ordered = documents.sort_by("document_id")
    _, ranks = in_sequence(ordered)
    return bool(ordered.column("document_id")[int(np.argmin(ranks))].as_py() == first)


def _is_asked_of(question: str, name: str) -> bool:
    """Whether a question is about a name, or somebody of theirs: not where only a part of it is about them.

    "Where does Ann live?" is about Ann, "Where does the man whom Ann met live?" is not.
    """
    found = re.search(rf"(?P<before>\b\w+\s+)?\b{re.escape(name)}(?P<owns>['’]s?\b|['’])?", question)
    if found is None or found["owns"]:
        return found is not None
    before = (found["before"] or "").strip().lower()
    return before in _OF or (before not in _RELATIVE and not _OTHER_SUBJECT.search(question[: found.start()]))


def _cosines(vectors: "NDArray[np.float32]", first: int) -> "NDArray[np.float64]":
    """Cosine similarity of each row with one of them, 0 where it is less: of few, all are apart from their mean."""
    lengths = np.maximum(np.linalg.norm(vectors, axis=1), 1e-9)
    found: NDArray[np.float64] = (vectors @ vectors[first] / lengths / lengths[first]).astype(np.float64)
    return found.clip(min=0.0)
