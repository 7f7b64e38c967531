"""The default extractor: facts by rules, without any model.

Every sentence that mentions something is a fact. Its text is the sentence with the title before it, so that "He died in
1911" can be found by the name that only the title gives. Its entities are the title and the mentions. Relations join
the title with each mention and each mention with the next one.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from hippo.documents.sentences import sentence_spans
from hippo.extraction.language import detect_language, is_cased, stop_words
from hippo.extraction.letters import Letters
from hippo.extraction.mentions import Context, find_mentions, recurring_pieces, title_mentions
from hippo.types import Chunk, Extraction, ExtractionFailure, Fact, Mention

__all__ = ["PatternExtractor", "evidence", "mentions_of"]

_LOWER = Letters(r"(?<![\p{L}\p{M}\p{N}])\p{Ll}[\p{L}\p{M}]+")
_VERSION = "1"


def evidence(title: str | None, sentence: str) -> str:
    """Text of a fact whose evidence is a sentence: the title, which its pronouns often stand for, and the sentence.

    Examples:
        >>> evidence("Ada Lovelace", "She was born in London.")
        'Ada Lovelace. She was born in London.'
    """
    return f"{title}. {sentence}" if title else sentence


class PatternExtractor:
    """Extracts mentions and evidence sentences by rules.

    Args:
        language: ISO 639-1 code of all chunks; None: found for each chunk from its script and stop words.
    """

    def __init__(self, *, language: str | None = None) -> None:
        self.language = language

    @property
    def fingerprint(self) -> str:
        """Name, version and language."""
        return f"pattern/{_VERSION}" + (f"/{self.language}" if self.language else "")

    def extract(self, chunks: Sequence[Chunk]) -> list[Extraction | ExtractionFailure]:
        """One extraction per chunk, in order. `dropped["sentence without entity"]` counts those that name nothing."""
        return [self._extract(chunk) for chunk in chunks]

    def _extract(self, chunk: Chunk) -> Extraction:
        titles = title_mentions(chunk.title)
        mentions = list(titles)
        facts = []
        without = 0
        for offset, sentence, found in _sentences(chunk.text, chunk.passage, self.language):
            mentions += found
            entities = tuple(dict.fromkeys(mention.key for mention in [*titles, *found]))
            if not entities:
                without += 1
                continue
            names = [mention.key for mention in titles]
            facts.append(
                Fact(
                    evidence(chunk.title, sentence),
                    entities,
                    tuple(_relations(names, [key for key in entities if key not in names])),
                    offset,
                    offset + len(sentence),
                )
            )
        dropped = {"sentence without entity": without} if without else {}
        return Extraction(chunk.id, tuple(mentions), tuple(facts), dropped)


def mentions_of(text: str) -> list[Mention]:
    """What a text of its own mentions, such as a question, in order of appearance."""
    return [mention for _, _, found in _sentences(text, text, None) for mention in found]


def _sentences(text: str, passage: str, language: str | None) -> Iterator[tuple[int, str, list[Mention]]]:
    """Sentences of a chunk: where each begins, the sentence, what it mentions, with offsets in the text.

    Args:
        text: Of the chunk.
        passage: The same with its title.
        language: ISO 639-1 code; None: found from the passage.
    """
    language = language or detect_language(passage)
    cased = is_cased(language)
    lower = frozenset(_LOWER.of(text).findall(text)) if cased else frozenset()
    recurring = frozenset() if cased else recurring_pieces(passage)
    context = Context(stop_words(language), cased, lower, recurring)
    for start, end in sentence_spans(text, language):
        sentence = text[start:end].strip()
        if not sentence:
            continue
        offset = start + text[start:end].find(sentence)
        yield (
            offset,
            sentence,
            [
                Mention(mention.key, mention.surface, offset + mention.start, offset + mention.end)
                for mention in find_mentions(sentence, context)
            ],
        )


def _relations(titles: Sequence[str], others: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Pairs of neighbours, and of a title with each mention; each unordered pair once."""
    pairs = [(title, other) for title in titles for other in others]
    pairs += pairwise(others)
    return dict.fromkeys(pair for pair in pairs if pair[0] != pair[1])
