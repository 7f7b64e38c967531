"""What the passages of an index say in so many words: a name, some words, another name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import regex

from hippo.extraction.language import detect_language, stop_words
from hippo.ids import entity_key
from hippo.snapshot.contents import Contents

__all__ = ["Gap", "Statement", "gaps", "statements"]

_BETWEEN = regex.compile(r"\s+([\p{L}\p{M}'’-]+(?:\s+[\p{L}\p{M}'’-]+){0,6})\s+")
"""Words between two names: no punctuation, so that both are in one clause."""
_PRONOUN = regex.compile(r"(?:He|She|It|They)(?=\s)")
_NEXT_WORD = regex.compile(r"\s*[-'’]?\s*([\p{L}\p{M}\p{N}]+)")
_ARTICLES = ("", "the", "a", "an")
_NO_VERB = frozenset(
    "a about after against also an and as at because before between but by during for from in into nor of on only or "
    "over since than that the through to under until when where which while who whose with without".split()
)
_LONGEST = 240
"""Characters of a sentence with a gap; longer ones are a burden to whoever reads the question."""
_TRIPLE_WORDS = 8


@dataclass(frozen=True, slots=True)
class Statement:
    """A name, what is said of it, and the other name that this leads to.

    Attributes:
        subject: Row of the first entity.
        words: What stands between both, as it is written.
        object: Row of the other entity.
        names: How the passage spells them.
        sentence: The whole sentence.
        chunk: Row of the passage.
        document: Id of its document.
    """

    subject: int
    words: str
    object: int
    names: tuple[str, str]
    sentence: str
    chunk: int
    document: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A sentence without one of its names: who knows the passage can tell which.

    Attributes:
        entity: Row of the entity that is left out.
        name: How the passage spells it.
        others: Rows of the entities that the sentence still names.
        shown: The sentence with "…" in the place of the name.
        sentence: The whole sentence.
        chunk: Row of the passage.
        document: Id of its document.
    """

    entity: int
    name: str
    others: frozenset[int]
    shown: str
    sentence: str
    chunk: int
    document: str


def gaps(contents: Contents) -> list[Gap]:
    """All sentences of at most 240 characters that name two things or more, once without each; in the order of facts.

    Args:
        contents: The index.
    """
    chunks = contents.chunks.select(["document_id", "text"]).to_pylist()
    spelled = _spellings(contents)
    found = []
    for fact in contents.facts.select(["start", "end", "subject", "chunk"]).to_pylist():
        row = fact["chunk"]
        sentence = chunks[row]["text"][fact["start"] : fact["end"]].strip()
        if fact["subject"] or not 0 < len(sentence) <= _LONGEST:
            continue
        spans = _spans(sentence, spelled.get(row, {}))
        entities = {entity for _, _, entity, _ in spans}
        for entity, name in {entity: name for _, _, entity, name in spans}.items():
            left = frozenset(entities - {entity})
            shown = regex.sub(rf"(?<!\w){regex.escape(name)}(?!\w)", "…", sentence)
            if left and name.casefold() not in shown.casefold() and not name.isdigit():
                found.append(Gap(entity, name, left, shown, sentence, row, chunks[row]["document_id"]))
    return found


def statements(contents: Contents) -> list[Statement]:
    """All statements of an index, in the order of its facts.

    A triple is a statement as it is. Of a sentence it is a name, some words and the next name, if the words have no
    punctuation, some but not all are stop words, and they seem to begin with a verb: not like a list or an attribute
    ("and", "of"), and with a stop word ("was", "has") unless the sentence begins with the first name; and if the second
    name is a whole, which a stop word or none at all follows. A pronoun at the beginning stands for the title.

    Args:
        contents: The index.
    """
    keys = {key: row for row, key in enumerate(contents.entities.column("key").to_pylist())}
    chunks = contents.chunks.select(["document_id", "title", "text"]).to_pylist()
    spelled = _spellings(contents)
    facts = contents.facts.select(["text", "start", "end", "subject", "predicate", "object", "chunk"]).to_pylist()
    found: list[Statement] = []
    stops: dict[int, frozenset[str]] = {}
    for fact in facts:
        row = fact["chunk"]
        chunk = chunks[row]
        if fact["subject"] and fact["predicate"] and fact["object"]:
            found.extend(_of_triple(fact, row, chunk, keys))
            continue
        if row not in stops:
            stops[row] = stop_words(detect_language(chunk["text"]))
        sentence = chunk["text"][fact["start"] : fact["end"]].strip() if fact["end"] > fact["start"] else fact["text"]
        for left, words, right in _said(sentence, chunk["title"], spelled.get(row, {}), keys, stops[row]):
            names = left[1], right[1]
            found.append(Statement(left[0], words, right[0], names, sentence, row, chunk["document_id"]))
    return found


def _spellings(contents: Contents) -> dict[int, dict[str, int]]:
    """How each passage spells its entities: from chunk to spelling to row of the entity."""
    found: dict[int, dict[str, int]] = {}
    mentions = contents.tables.mentions
    columns = (mentions.column(name).to_pylist() for name in ("chunk", "entity", "surface"))
    for chunk, entity, surface in zip(*columns, strict=True):
        found.setdefault(chunk, {}).setdefault(surface, entity)
    return found


def _of_triple(fact: dict[str, Any], row: int, chunk: dict[str, Any], keys: dict[str, int]) -> Iterator[Statement]:
    subject, object_ = keys.get(entity_key(fact["subject"])), keys.get(entity_key(fact["object"]))
    words = " ".join(fact["predicate"].split())
    if subject is None or object_ is None or subject == object_ or not 0 < len(words.split()) <= _TRIPLE_WORDS:
        return
    names = fact["subject"], fact["object"]
    yield Statement(subject, words, object_, names, fact["text"], row, chunk["document_id"])


_Name = tuple[int, str]


def _said(
    sentence: str, title: str | None, spelled: dict[str, int], keys: dict[str, int], stops: frozenset[str]
) -> Iterator[tuple[_Name, str, _Name]]:
    """Neighbouring names of a sentence with what is said of the first."""
    spans = _spans(sentence, spelled)
    pronoun = _PRONOUN.match(sentence)
    titled = keys.get(entity_key(title)) if title else None
    if pronoun and titled is not None and title:
        spans = [(0, pronoun.end(), titled, title), *(span for span in spans if span[0] >= pronoun.end())]
    for (begin, end, left, first), (start, last, right, second) in pairwise(spans):
        between = _BETWEEN.fullmatch(sentence, end, start)
        if between is None or left == right or first.isdigit():
            continue
        words = [word.casefold() for word in between[1].split()]
        begins = sentence[:begin].strip().casefold() in _ARTICLES
        small = [word in stops for word in words]
        if words[0] in _NO_VERB or all(small) or not any(small) or not (begins or small[0]):
            continue
        follows = _NEXT_WORD.match(sentence, last)
        if follows is None or follows[1].casefold() in stops:  # "by Welsh rapper …": such a name is no whole
            yield (left, first), " ".join(between[1].split()), (right, second)


def _spans(sentence: str, spelled: dict[str, int]) -> list[tuple[int, int, int, str]]:
    """Where names stand in a sentence, longer ones first where they overlap: start, end, entity, spelling."""
    taken: list[tuple[int, int, int, str]] = []
    for surface in _longest_first(spelled):
        if surface not in sentence:
            continue
        for match in regex.finditer(rf"(?<!\w){regex.escape(surface)}(?!\w)", sentence):
            if all(match.end() <= start or end <= match.start() for start, end, _, _ in taken):
                taken.append((match.start(), match.end(), spelled[surface], surface))
    return sorted(taken)


def _longest_first(spelled: dict[str, int]) -> Sequence[str]:
    return sorted((surface for surface in spelled if surface.strip()), key=lambda surface: (-len(surface), surface))
