"""What the passages of an index say in so many words: a name, some words, another name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import regex

from hippo.extraction.language import detect_language, stop_words
from hippo.ids import entity_key
from hippo.snapshot.contents import Contents

__all__ = ["Statement", "statements"]

_BETWEEN = regex.compile(r"\s+([\p{L}\p{M}'’-]+(?:\s+[\p{L}\p{M}'’-]+){0,6})\s+")
"""Words between two names: no punctuation, so that both are in one clause."""
_PRONOUN = regex.compile(r"(?:He|She|It|They)(?=\s)")
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


def statements(contents: Contents) -> list[Statement]:
    """All statements of an index, in the order of its facts.

    A triple is a statement as it is. Of a sentence it is each pair of neighbouring names with words between them, and
    without punctuation, of which one is no stop word; a pronoun at its beginning stands for the title.

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
        for left, words, right in _pairs(sentence, chunk["title"], spelled.get(row, {}), keys):
            if any(word.casefold() not in stops[row] for word in words.split()):
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


def _pairs(
    sentence: str, title: str | None, spelled: dict[str, int], keys: dict[str, int]
) -> Iterator[tuple[_Name, str, _Name]]:
    """Neighbouring names of a sentence with the words between them."""
    spans = _spans(sentence, spelled)
    pronoun = _PRONOUN.match(sentence)
    titled = keys.get(entity_key(title)) if title else None
    if pronoun and titled is not None and title:
        spans = [(0, pronoun.end(), titled, title), *(span for span in spans if span[0] >= pronoun.end())]
    for (_, end, left, first), (start, _, right, second) in pairwise(spans):
        between = _BETWEEN.fullmatch(sentence, end, start)
        if between and left != right:
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
