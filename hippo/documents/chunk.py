"""Cut documents into chunks that cover them: `"".join(chunk.text for chunk in chunks) == document.text`."""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

from hippo.documents.sentences import sentence_spans
from hippo.documents.split import split_long
from hippo.documents.turns import said_at
from hippo.errors import ConfigError, DocumentError
from hippo.ids import chunk_id
from hippo.protocols import TokenCounter
from hippo.types import Chunk, Document

__all__ = ["SentenceChunker", "WholeDocumentChunker"]

_LEAST = 32
"""Tokens that stay for text however long the title is."""
_PARAGRAPH_SHARE = 0.75
"""A paragraph that ends when this share of the budget is used ends the chunk."""


class WholeDocumentChunker:
    """One chunk per document: for corpora that come as passages.

    Examples:
        >>> chunker = WholeDocumentChunker()
        >>> [chunk.text for chunk in chunker.chunk(Document("One. Two.", id="a"))]
        ['One. Two.']
    """

    def chunk(self, document: Document) -> list[Chunk]:
        """The whole text as one chunk; none for an empty text.

        Raises:
            DocumentError: The document has no id.
        """
        return _chunks(document, [document.text] if document.text else [])


class SentenceChunker:
    """Packs whole sentences, in order, into chunks of up to a number of tokens.

    The title counts, since both are embedded together, but leaves at least 32 tokens to the text. A chunk ends
    at the end of a paragraph when one falls in the last quarter of its budget. A sentence over the budget is cut at
    clauses, else at white space, else between grapheme clusters. Tokens of a chunk are the sum over its sentences.

    Args:
        max_tokens: Most tokens of title and text together, special tokens not counted; at least 1.
        counter: Counts tokens as the encoder does.
        language: ISO 639-1 code of the documents, as for `sentence_spans`.

    Raises:
        ConfigError: `max_tokens` is below 1.

    Examples:
        >>> from hippo.documents import WordCounter
        >>> chunker = SentenceChunker(max_tokens=8, counter=WordCounter())
        >>> [chunk.text for chunk in chunker.chunk(Document("One is here. Two is there. Three came.", id="a"))]
        ['One is here. Two is there. ', 'Three came.']
    """

    def __init__(self, *, max_tokens: int = 256, counter: TokenCounter, language: str | None = None) -> None:
        if max_tokens < 1:
            raise ConfigError("SentenceChunker", "max_tokens", f"must be at least 1, got {max_tokens}")
        self.max_tokens = max_tokens
        self.counter = counter
        self.language = language

    def chunk(self, document: Document) -> list[Chunk]:
        """Chunks in order; none for an empty text. Time is linear in the length of the text.

        Raises:
            DocumentError: The document has no id.
        """
        sentences = [document.text[start:end] for start, end in sentence_spans(document.text, self.language)]
        title = self.counter.count([f"{document.title}\n"])[0] if document.title else 0
        budget = max(min(_LEAST, self.max_tokens), self.max_tokens - title)
        pieces, counts = split_long(sentences, self.counter.count(sentences), budget, self.counter)
        return _chunks(document, _pack(pieces, counts, budget))


def _pack(pieces: list[str], counts: list[int], budget: int) -> list[str]:
    """Join neighbouring pieces greedily, preferring to stop at a paragraph's end."""
    total = [0, *accumulate(counts)]
    texts = []
    start = 0
    while start < len(pieces):
        end = max(start + 1, bisect_right(total, total[start] + budget) - 1)
        if end < len(pieces):
            enough = total[start] + _PARAGRAPH_SHARE * budget
            late = (stop for stop in range(end, start, -1) if total[stop] >= enough)
            end = next((stop for stop in late if _ends_paragraph(pieces[stop - 1])), end)
        texts.append("".join(pieces[start:end]))
        start = end
    return texts


def _ends_paragraph(piece: str) -> bool:
    return piece.count("\n", len(piece.rstrip())) > 1


def _chunks(document: Document, texts: Iterable[str]) -> list[Chunk]:
    if document.id is None:
        raise DocumentError(
            document.source or "document", "has no id; give it one, or pass it through coerce_documents"
        )
    chunks: list[Chunk] = []
    start, said = 0, said_at(document)
    for position, text in enumerate(texts):
        key = chunk_id(document.id, position, text)
        chunks.append(Chunk(key, document.id, position, text, start, start + len(text), document.title, said))
        start += len(text)
    return chunks
