"""Newest wins: of passages that say the same of the same subject with another object, the newer ones come first.

Facts are compared, those of the passages that rank best. A triple says the same as another one of the same subject and
predicate. A sentence says the same as another one about the same subject (the title of its passage, else its first
entity) if the two differ in one stretch of words alone, of at most six words in each, and share at least as many as
differ: "Acme. Its head is Alice Smith." and "Acme. Its head is Bob Jones since May.".

A statement that one document makes twice, with two objects, holds of several things at once, as "wrote" does: nothing
replaces it. Only passages with different timestamps are compared, so those without one replace nothing and are not
replaced.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, takewhile
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.ids import entity_key
from hippo.search.terms import terms
from hippo.snapshot.contents import Contents
from hippo.snapshot.history import EVER

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["POOL", "replacements"]

POOL = 100
"""Passages that are compared, the best ones; as many as are asked for, if those are more."""
_MOST_OTHER = 6


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
                yield _Fact(*place, entity_key(subject), (), entity_key(predicate), entity_key(object_))
            elif about := title or (
                keys[int(indices[indptr[fact]])].as_py() if indptr[fact] < indptr[fact + 1] else ""
            ):
                yield _Fact(*place, about, tuple(terms(text)))


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
        newest = [fact for fact in group if fact.time == max(one.time for one in group)]
        said = {fact.object for fact in newest}
        yield from ((fact, newest[0]) for fact in group if fact.time < newest[0].time and fact.object not in said)


def _sentences(facts: Sequence[_Fact]) -> Iterator[tuple[_Fact, _Fact]]:
    """Pairs of an older sentence and a newer one that differ in what they say of their subject."""
    groups: dict[str, list[_Fact]] = defaultdict(list)
    for fact in facts:
        if fact.words:
            groups[fact.subject].append(fact)
    for group in groups.values():
        alike = [(one, other, said) for one, other in combinations(group, 2) if (said := _shared(one, other))]
        many = {said for one, other, said in alike if one.document == other.document}
        for one, other, said in alike:
            if said not in many and one.time != other.time:
                yield (one, other) if one.time < other.time else (other, one)


def _shared(one: _Fact, other: _Fact) -> tuple[Any, Any] | None:
    """Words before and after the only stretch in which two sentences differ; None: they do not say the same."""
    first, second = one.words, other.words
    if abs(len(first) - len(second)) >= _MOST_OTHER or first == second:
        return None
    before = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))
    least = min(len(first), len(second)) - before
    pairs = zip(reversed(first), reversed(second), strict=False)
    after = min(least, sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs)))
    shortest, longest = sorted((len(first) - before - after, len(second) - before - after))
    if not shortest or longest > _MOST_OTHER or before + after < longest:
        return None
    return first[:before], first[len(first) - after :]
