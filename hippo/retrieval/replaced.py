"""Newest wins: of passages that say the same of the same subject with another object, the newer ones come first.

Facts are compared, those of the passages that rank best. A triple says the same as another one of the same subject and
predicate. A sentence says the same as another one about the same subject (the title of its passage, else its first
entity) if the two differ in one stretch of words alone, of at most six words in each, and share at least as many as
differ: "Acme. Its head is Alice Smith." and "Acme. Its head is Bob Jones since May.".

A statement that one document makes twice, with two objects, holds of several things at once, as "wrote" does: nothing
replaces it. Only passages with different timestamps are compared, so those without one replace nothing and are not
replaced.

Rankings put the newer of two events first, too ("met Ben in Rome", "met Ben in Oslo"), which loses nothing. A
contradiction is more than that: a statement that has room for another object (`hippo.retrieval.exclusive`) has none.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from hippo.ids import entity_key
from hippo.retrieval.exclusive import Room, numbers_apart, room, room_of_predicate, tells_no_object
from hippo.retrieval.statements import statements
from hippo.search.terms import terms
from hippo.snapshot.contents import Contents
from hippo.snapshot.history import EVER

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["POOL", "contradictions", "evidence_of", "replacements"]

POOL = 100
"""Passages that are compared, the best ones; as many as are asked for, if those are more."""
_MOST_OTHER = 6
_MOST_TRIED = 64
"""Newest sentences of a frame that an older one is compared with."""


@dataclass(frozen=True, slots=True)
class _Fact:
    """A fact of a passage, with its time and what tells statements apart."""

    passage: int
    document: int
    time: int
    subject: str
    words: tuple[str, ...]
    predicate: str | None = None
    object: str | None = None
    row: int = -1
    room: Room | None = None
    """What it leaves room for, where that matters."""
    title: int = 0
    """How many of its words are those of a title."""


_Said = tuple[_Fact, str, str]
"""A sentence of a frame, and the first and the last word of its own stretch in it."""


def replacements(contents: Contents, order: Sequence[int], times: "NDArray[np.int64]") -> dict[int, int]:
    """By row of a passage, the row of the newest one that replaces something that it says.

    Args:
        contents: The index.
        order: Rows of the passages that are compared.
        times: Timestamp of each passage, int64 `(P,)`, `EVER` where it has none.
    """
    facts = list(_facts(contents, [row for row in order if times[row] != EVER], times))
    found: dict[int, int] = {}
    for old, new in [*_triples(facts), *_sentences(facts)]:
        best = found.get(old.passage)
        if best is None or (-new.time, new.passage) < (-times[best], best):
            found[old.passage] = new.passage
    return found


def contradictions(
    contents: Contents, rows: Sequence[int], times: "NDArray[np.int64]"
) -> Iterator[tuple[str, int, int]]:
    """Facts that newer ones contradict: the key of their subject, the row of the older and that of the newer fact.

    Args:
        contents: The index.
        rows: Rows of the passages that are compared; each has a timestamp.
        times: Timestamp of each passage, int64 `(P,)`.
    """
    facts = [one for fact in _facts(contents, rows, times) for one in _judged(contents, fact)]
    found = {(old.row, new.row): old.subject for old, new in [*_triples(facts), *_sentences(facts)]}
    yield from ((subject, old, new) for (old, new), subject in sorted(found.items()))


def _facts(contents: Contents, rows: Sequence[int], times: "NDArray[np.int64]") -> Iterator[_Fact]:
    chunks = contents.facts.column("chunk").to_numpy()
    columns = {name: contents.facts.column(name) for name in ("text", "subject", "predicate", "object")}
    titles, documents = contents.chunks.column("title"), contents.chunks.column("document")
    keys, (indptr, indices) = contents.entities.column("key"), contents.fact_entities
    for row in sorted(rows):
        title = entity_key(titles[row].as_py() or "")
        first, last = np.searchsorted(chunks, [row, row + 1])
        for fact in range(int(first), int(last)):
            text, subject, predicate, object_ = (column[fact].as_py() for column in columns.values())
            place = row, documents[row].as_py(), int(times[row])
            if subject is not None:
                yield _Fact(*place, entity_key(subject), (), entity_key(predicate), entity_key(object_), fact)
            elif about := title or (
                keys[int(indices[indptr[fact]])].as_py() if indptr[fact] < indptr[fact + 1] else ""
            ):
                yield _Fact(*place, about, tuple(terms(text)), row=fact)


def _judged(contents: Contents, fact: _Fact) -> Iterator[_Fact]:
    """A fact with what it leaves room for; nothing if that is many objects, since nothing contradicts it then.

    What begins with a name in a turn is about whom it names, whoever says it.
    """
    if fact.predicate is not None:
        left = room_of_predicate(fact.predicate, fact.object or "")
        if left == "number":
            number, rest = numbers_apart(fact.object or "")
            yield replace(fact, room=left, predicate=f"{fact.predicate} … {rest}", object=number)
        elif left == "one":
            yield replace(fact, room=left)
        return
    # As it was said: days that were worked out for it are no part of what it says.
    said = evidence_of(contents, fact.row)
    left = room(said)
    if left == "many":
        return
    title, words = terms(contents.chunks.column("title")[fact.passage].as_py() or ""), terms(said)
    about = [one.name for one in statements(said) if one.name] if _is_turn(contents, fact.passage) else []
    if about:
        yield replace(fact, room=left, subject=about[0], words=tuple(words))
    else:
        yield replace(fact, room=left, words=(*title, *words), title=len(title))


def _is_turn(contents: Contents, passage: int) -> bool:
    known = "said" in contents.chunks.column_names  # Snapshots of older formats do not tell.
    return known and bool(contents.chunks.column("said")[passage].is_valid)


def evidence_of(contents: Contents, row: int) -> str:
    """What a fact is from, as it stands in its passage; its own text where that is not known.

    Args:
        contents: The index.
        row: Row of the fact.
    """
    start, end, chunk = (contents.facts.column(name)[row].as_py() for name in ("start", "end", "chunk"))
    passage: str = contents.chunks.column("text")[chunk].as_py()
    said = passage[start:end].strip() if 0 <= start < end else ""
    return said or str(contents.facts.column("text")[row].as_py())


def _triples(facts: Sequence[_Fact]) -> Iterator[tuple[_Fact, _Fact]]:
    """Pairs of an older triple and the newest one of the same subject and predicate, which has another object."""
    groups: dict[tuple[str, str], list[_Fact]] = defaultdict(list)
    many: set[str] = set()
    objects: dict[Hashable, str | None] = {}
    for fact in facts:
        if fact.predicate is None or not fact.subject:
            continue
        groups[fact.subject, fact.predicate].append(fact)
        if objects.setdefault((fact.document, fact.subject, fact.predicate), fact.object) != fact.object:
            many.add(fact.predicate)
    for (_, predicate), group in groups.items():
        if predicate in many:
            continue
        latest = max(fact.time for fact in group)
        newest = [fact for fact in group if fact.time == latest]
        said = {fact.object for fact in newest}
        yield from ((fact, newest[0]) for fact in group if fact.time < latest and fact.object not in said)


def _sentences(facts: Sequence[_Fact]) -> Iterator[tuple[_Fact, _Fact]]:
    """Pairs of an older sentence and the newest one that differs from it in one way of what they say of their subject.

    Sentences meet in the frames that they share, the words before and after a stretch, so the work grows with their
    words and not with their pairs. Two that meet say the same if both ends of their stretches differ: then no longer
    frame holds both.
    """
    times: dict[str, set[int]] = defaultdict(set)
    for fact in facts:
        times[fact.subject].add(fact.time)
    frames: dict[tuple[str, int, int], list[_Said]] = defaultdict(list)
    heads: dict[tuple[int, str], int] = {}
    tails: dict[tuple[int, str], int] = {}
    for fact in facts:
        if len(times[fact.subject]) < 2:
            continue
        words = fact.words
        before, after = _numbered(words, heads), _numbered(words[::-1], tails)
        for length in range(1, min(_MOST_OTHER, len(words) // 2) + 1):
            for start in range(len(words) - length + 1):
                end = start + length
                if fact.room and tells_no_object(words[start:end], words[fact.title : start], words[end:], fact.room):
                    continue
                frame = frames[fact.subject, before[start], after[len(words) - end]]
                frame.append((fact, words[start], words[end - 1]))
    for frame in frames.values():
        if _contradict(frame):
            yield from _newer(frame)


def _numbered(words: Sequence[str], numbers: dict[tuple[int, str], int]) -> list[int]:
    """A number for each beginning of the words, the empty one first; equal beginnings have equal numbers."""
    found = [-1]
    for word in words:
        found.append(numbers.setdefault((found[-1], word), len(numbers)))
    return found


def _contradict(frame: Sequence[_Said]) -> bool:
    """Whether two of the stretches differ at both ends: so it is unless all agree in the first word or in the last."""
    return len({first for _, first, _ in frame}) > 1 and len({last for _, _, last in frame}) > 1


def _newer(frame: list[_Said]) -> Iterator[tuple[_Fact, _Fact]]:
    documents: dict[int, list[_Said]] = defaultdict(list)
    for said in frame:
        documents[said[0].document].append(said)
    if any(_contradict(said) for said in documents.values()):
        return
    frame.sort(key=lambda said: (-said[0].time, said[0].passage))
    for fact, first, last in frame:
        for new, new_first, new_last in islice(frame, _MOST_TRIED):
            if new.time <= fact.time:
                break
            if new_first != first and new_last != last:
                yield fact, new
                break
