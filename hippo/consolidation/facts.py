"""Facts that several documents say alike, joined; and facts that contradict each other, set side by side."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from hippo.consolidation.gists import Sentences
from hippo.consolidation.make import Derived
from hippo.graph.tables import title_keys
from hippo.retrieval.recency import passage_times
from hippo.retrieval.replaced import contradictions
from hippo.search.terms import terms
from hippo.snapshot.history import EVER

__all__ = ["contradicting", "joined_facts"]

_ALIKE = 0.8
"""Share of their words that two sentences have in common from which on they are one."""


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
        clusters: list[tuple[frozenset[str], list[int]]] = []
        for fact in sorted(facts, key=sentences.place):
            words = frozenset(terms(sentences.text(fact)))
            home = next((rows for known, rows in clusters if _alike(words, known)), None)
            if home is None:
                clusters.append((words, [fact]))
            else:
                home.append(fact)
        for _, rows in clusters:
            chunks = tuple(dict.fromkeys(int(sentences.chunks[fact]) for fact in rows))
            if len({int(sentences.documents[chunk]) for chunk in chunks}) > 1:
                pair = [str(names[entity].as_py()) for entity in entities]
                more = {"entities": pair, "said": len(rows), "days": [_day(sentences, chunk) for chunk in chunks]}
                yield Derived("fact", ", ".join(pair), None, sentences.text(rows[0]), chunks, more)


def contradicting(sentences: Sentences) -> Iterator[Derived]:
    """Both sides of what is said of one subject in one relation with two objects, the older first, with their days."""
    contents = sentences.contents
    times = passage_times(contents)
    rows = [row for row in sorted(set(sentences.chunks[sentences.own].tolist())) if times[row] != EVER]
    seen: set[tuple[str, str, str]] = set()
    for subject, old, new in contradictions(contents, rows, times):
        texts = sentences.text(old), sentences.text(new)
        if (subject, *texts) in seen:
            continue
        seen.add((subject, *texts))
        chunks = int(sentences.chunks[old]), int(sentences.chunks[new])
        days = [_day(sentences, chunk) for chunk in chunks]
        owners = [contents.documents.column("document_id")[int(sentences.documents[chunk])].as_py() for chunk in chunks]
        sides = [
            {"text": text, "document": owner, "day": day} for text, owner, day in zip(texts, owners, days, strict=True)
        ]
        text = f"{texts[0]} ({days[0]}) {texts[1]} ({days[1]})"
        title = contents.chunks.column("title")[chunks[1]].as_py()
        yield Derived("contradiction", subject, title, text, tuple(dict.fromkeys(chunks)), {"sides": sides})


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= _ALIKE * len(one | other)


def _day(sentences: Sentences, chunk: int) -> str | None:
    time: datetime | None = sentences.contents.documents.column("timestamp")[int(sentences.documents[chunk])].as_py()
    return None if time is None else time.date().isoformat()
