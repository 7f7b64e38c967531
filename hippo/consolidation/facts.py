"""Facts that several documents say alike, joined; and facts that contradict each other, set side by side."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from heapq import nlargest
from math import ceil

from hippo.consolidation.gists import Sentences
from hippo.consolidation.make import Derived
from hippo.graph.tables import title_keys
from hippo.retrieval.recency import passage_times
from hippo.retrieval.replaced import contradictions
from hippo.search.terms import terms
from hippo.snapshot.history import EVER

__all__ = ["alike", "contradicting", "joined_facts"]

_ALIKE = 0.8
"""Share of their words that two sentences have in common from which on they are one."""
_MOST_TRIED = 64
"""Groups that a sentence is compared with at most."""


def joined_facts(sentences: Sentences) -> Iterator[Derived]:
    """Near-duplicate facts about the same entities, said by several documents, as one with all its sources.

    Two are near duplicates if they name the same entities, at least two, and share most of their words (Jaccard
    similarity of their terms). That somebody says it, the title of a turn, makes no difference where two others are
    named. The earliest wording stands for all.
    """
    contents = sentences.contents
    indptr, indices = contents.fact_entities
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    names, keys, titles = (
        contents.entities.column("name"),
        contents.entities.column("key"),
        contents.chunks.column("title"),
    )
    for fact in range(len(sentences.chunks)):
        if not sentences.own[fact]:
            continue
        every = set(indices[indptr[fact] : indptr[fact + 1]].tolist())
        title = title_keys(titles[int(sentences.chunks[fact])].as_py() or "")
        within = {entity for entity in every if keys[entity].as_py() not in title}
        named = tuple(sorted(within if len(within) > 1 else every))
        if len(named) > 1:
            groups[named].append(fact)
    for entities, facts in sorted(groups.items()):
        ordered = sorted(facts, key=sentences.place)
        for places in alike([frozenset(terms(sentences.text(fact))) for fact in ordered]):
            rows = [ordered[place] for place in places]
            chunks = tuple(dict.fromkeys(int(sentences.chunks[fact]) for fact in rows))
            if len({int(sentences.documents[chunk]) for chunk in chunks}) > 1:
                pair = [str(names[entity].as_py()) for entity in entities]
                more = {"entities": pair, "said": len(rows), "days": [_day(sentences, chunk) for chunk in chunks]}
                yield Derived("fact", ", ".join(pair), None, sentences.text(rows[0]), chunks, more)


def contradicting(sentences: Sentences) -> Iterator[Derived]:
    """Both sides of what is said of one subject in one relation with two objects, the older first.

    Each side has its `text`, the ids of its `document` and `passage`, the `day` and the `time` of the document, and of
    a triple its `relation` and `object`. Events are no sides: see `hippo.retrieval.exclusive`.
    """
    contents = sentences.contents
    times = passage_times(contents)
    rows = [row for row in sorted(set(sentences.chunks[sentences.own].tolist())) if times[row] != EVER]
    seen: set[tuple[str, str, str]] = set()
    for subject, old, new in contradictions(contents, rows, times):
        sides = [_side(sentences, fact) for fact in (old, new)]
        said = subject, sentences.text(old), sentences.text(new)
        if said in seen:
            continue
        seen.add(said)
        chunks = int(sentences.chunks[old]), int(sentences.chunks[new])
        text = " ".join(f"{side['text']} ({side['day']})" for side in sides)
        title = contents.chunks.column("title")[chunks[1]].as_py()
        yield Derived("contradiction", subject, title, text, tuple(dict.fromkeys(chunks)), {"sides": sides})


def _side(sentences: Sentences, fact: int) -> dict[str, str | None]:
    """What one side says, where and when."""
    contents, chunk = sentences.contents, int(sentences.chunks[fact])
    document = int(sentences.documents[chunk])
    said = {
        "text": sentences.text(fact),
        "document": contents.documents.column("document_id")[document].as_py(),
        "passage": contents.chunks.column("chunk_id")[chunk].as_py(),
        "day": _day(sentences, chunk),
        "time": contents.documents.column("timestamp")[document].as_py().isoformat(),
    }
    relation, object_ = (contents.facts.column(name)[fact].as_py() for name in ("predicate", "object"))
    return said if relation is None else {**said, "relation": relation, "object": object_}


def alike(bags: Sequence[frozenset[str]]) -> list[list[int]]:
    """Bags of words grouped: each joins the first group whose first bag it is a near duplicate of, or begins one.

    Two near duplicates share one of the rarest words of each, those that are left when as many are taken away as both
    must have in common (prefix filtering, Chaudhuri et al. 2006, "A primitive operator for similarity joins in data
    cleaning"). So few are compared; where many share their rare words, the newest groups of these.

    Args:
        bags: Distinct words of each text.

    Returns:
        Places of the bags of each group, ascending; groups in the order of their first bags.

    Examples:
        >>> alike([frozenset("abcde"), frozenset("vwxyz"), frozenset("abcd"), frozenset("abc")])
        [[0, 2], [1], [3]]
    """
    counts = Counter(word for bag in bags for word in bag)
    groups: list[list[int]] = []
    led_by: dict[str, list[int]] = defaultdict(list)
    for place, bag in enumerate(bags):
        rarest = sorted(bag, key=lambda word: (counts[word], word))
        rarest = rarest[: len(bag) - ceil(_ALIKE * len(bag)) + 1]
        tried = nlargest(_MOST_TRIED, {number for word in rarest for number in led_by[word][-_MOST_TRIED:]})
        home = min((number for number in tried if _near(bag, bags[groups[number][0]])), default=None)
        if home is not None:
            groups[home].append(place)
            continue
        for word in rarest:
            led_by[word].append(len(groups))
        groups.append([place])
    return groups


def _near(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= _ALIKE * len(one | other)


def _day(sentences: Sentences, chunk: int) -> str | None:
    time: datetime | None = sentences.contents.documents.column("timestamp")[int(sentences.documents[chunk])].as_py()
    return None if time is None else time.date().isoformat()
