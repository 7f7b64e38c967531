"""From the names and triples of one chunk, as a language model gave them, to an extraction with places and evidence."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise

from hippo.documents.records import clean
from hippo.documents.sentences import sentence_spans
from hippo.extraction.language import detect_language
from hippo.extraction.mentions import title_mentions
from hippo.extraction.places import Places
from hippo.ids import entity_key
from hippo.types import Chunk, Extraction, Fact, Mention, Triple

__all__ = ["extraction_of"]


def extraction_of(
    chunk: Chunk, entities: Iterable[str], triples: Iterable[Triple], dropped: Mapping[str, int] | None = None
) -> Extraction:
    """Mentions and facts of a chunk.

    Every distinct triple is a fact: its text is subject, predicate and object in a row, its entities are subject and
    object, and its evidence the smallest run of sentences that names both, else a sentence that names one, else the
    whole text. Mentions are the title, then each entity, subject and object at its first place in the text; those that
    the text does not hold, literally, have `start` and `end` -1.

    Args:
        chunk: Where they were found.
        entities: Named entities. One that neither the text nor the title holds is dropped: nobody wrote it.
        triples: Triples as written; NUL and lone surrogates, which no store can hold, are taken out. Subjects
            and objects need not stand in the text, since models paraphrase.
        dropped: What was thrown away before, by reason.

    Returns:
        The extraction. `dropped` also counts "entity without a name", "entity not in the passage", "repeated triple"
        (the same words again) and "triple without an entity" (neither subject nor object has a letter or digit).

    Examples:
        >>> chunk = Chunk("c", "d", 0, "She was born in London. It rained.", 0, 34, "Ada Lovelace")
        >>> found = extraction_of(chunk, ["Bath"], [Triple("Ada Lovelace", "was born in", "London")])
        >>> found.facts[0].text, chunk.text[found.facts[0].start : found.facts[0].end]
        ('Ada Lovelace was born in London', 'She was born in London.')
        >>> [(mention.key, mention.start) for mention in found.mentions], found.dropped
        ([('ada lovelace', -1), ('london', 16)], {'entity not in the passage': 1})
    """
    counts = Counter(dropped or {})
    passage = _Passage(chunk)
    for name in map(clean, entities):
        if not entity_key(name):
            counts["entity without a name"] += 1
        elif not passage.mention(name):
            counts["entity not in the passage"] += 1
    facts: dict[tuple[str, str, str], Fact] = {}
    for written in triples:
        # Escapes of JSON bring back what the passage was cleaned of.
        triple = Triple(clean(written.subject), clean(written.predicate), clean(written.object))
        parts = (_words(triple.subject), _words(triple.predicate), _words(triple.object))
        if parts in facts:
            counts["repeated triple"] += 1
            continue
        keys = tuple(dict.fromkeys(filter(None, map(entity_key, (triple.subject, triple.object)))))
        if not keys:
            counts["triple without an entity"] += 1
            continue
        for name in (triple.subject, triple.object):
            passage.mention(name, must_stand=False)
        start, end = passage.evidence(triple.subject, triple.object)
        relations = ((keys[0], keys[1]),) if len(keys) > 1 else ()
        facts[parts] = Fact(" ".join(filter(None, parts)), keys, relations, start, end, triple)
    return Extraction(chunk.id, passage.mentions(), tuple(facts.values()), dict(counts))


class _Passage:
    """Title and text of a chunk, and what was found in them."""

    def __init__(self, chunk: Chunk) -> None:
        self._text = chunk.text
        self._places = Places(chunk.text)
        self._title = Places(chunk.title or "")
        self._titles = title_mentions(chunk.title)
        self._found: dict[str, Mention] = {}
        self._absent: dict[str, Mention] = {mention.key: mention for mention in self._titles}
        self._sentences = [_trimmed(chunk.text, *span) for span in _sentences(chunk)]
        self._starts = [start for start, _ in self._sentences]

    def mention(self, name: str, *, must_stand: bool = True) -> bool:
        """Note a name; False where it `must_stand` in text or title and does not."""
        key = entity_key(name)
        if not key or key in self._found:
            return bool(key)
        places = self._places.of(name)
        if places:
            start, end = places[0]
            self._found[key] = Mention(key, self._text[start:end], start, end)
            return True
        if key not in self._absent:
            if must_stand and not self._title.of(name):
                return False
            self._absent[key] = Mention(key, _words(name), -1, -1)
        return True

    def mentions(self) -> tuple[Mention, ...]:
        """The titles, then in order of the text, then what the text does not hold, in order of arrival."""
        titles = {mention.key for mention in self._titles}
        absent = [mention for key, mention in self._absent.items() if key not in titles and key not in self._found]
        found = sorted(self._found.values(), key=lambda mention: (mention.start, mention.end))
        return (*self._titles, *found, *absent)

    def evidence(self, subject: str, target: str) -> tuple[int, int]:
        """Start and end of the sentences that name both, or one."""
        firsts, seconds = self._places.of(subject), self._places.of(target)
        if not (firsts and seconds):
            places = firsts or seconds
            return self._span(self._run(*places[0])) if places else _trimmed(self._text, 0, len(self._text))
        merged = sorted([(*place, 0) for place in firsts] + [(*place, 1) for place in seconds])
        # The nearest two places of different names are neighbours in the text.
        near = [(left, right) for left, right in pairwise(merged) if left[2] != right[2]]
        return self._span(min((self._run(left[0], max(left[1], right[1])) for left, right in near), key=self._size))

    def _run(self, start: int, end: int) -> tuple[int, int]:
        """First and last sentence that characters `start` to `end` lie in."""
        return bisect_right(self._starts, start) - 1, bisect_right(self._starts, end - 1) - 1

    def _span(self, run: tuple[int, int]) -> tuple[int, int]:
        return self._sentences[run[0]][0], self._sentences[run[1]][1]

    def _size(self, run: tuple[int, int]) -> tuple[int, int]:
        """Sentences and characters of a run."""
        start, end = self._span(run)
        return run[1] - run[0], end - start


def _sentences(chunk: Chunk) -> list[tuple[int, int]]:
    return sentence_spans(chunk.text, detect_language(chunk.passage))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A span without the white space around it."""
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    return start, start + len(piece.strip())


def _words(text: str) -> str:
    return " ".join(text.split())
