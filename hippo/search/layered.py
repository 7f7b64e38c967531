"""BM25 over two collections of texts, one after the other, as one index of both would score them.

The counts of the two are kept apart, and what depends on both together (how many texts hold a term, the mean length) is
put together when a question comes. So a few texts can be set beside many without anything being built anew.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hippo.errors import InputError
from hippo.search.lexical import K1, B, LexicalIndex, hashes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LayeredIndex"]


@dataclass(frozen=True, slots=True)
class LayeredIndex:
    """Two indexes with counts and lengths; the rows of the second come after those of the first."""

    first: LexicalIndex
    second: LexicalIndex

    @property
    def size(self) -> int:
        """Number of texts."""
        return self.first.size + self.second.size

    def scores(self, question: str) -> "NDArray[np.float64]":
        """BM25 score of every text: float64 `(n,)`, but for rounding that of `LexicalIndex` over all of them.

        Raises:
            InputError: One of the two was read without counts and lengths.
        """
        parts = (self.first, self.second)
        lengths, counts = [one.lengths for one in parts], [one.counts for one in parts]
        if any(one is None for one in (*lengths, *counts)):
            raise InputError("indexes of words without counts and lengths cannot be layered; build them anew")
        total = sum(float(one.sum()) for one in lengths if one is not None)
        mean = total / self.size if total else 1.0
        scores = np.zeros(self.size)
        for term in np.unique(hashes_of(question)):
            spans = [_span(one, term) for one in parts]
            found = sum(span.stop - span.start for span in spans)
            idf = np.log1p((self.size - found + 0.5) / (found + 0.5))
            for part, span, offset in zip(parts, spans, (0, self.first.size), strict=True):
                if span.stop == span.start or part.counts is None or part.lengths is None:
                    continue
                texts, said = part.texts[span], part.counts[span].astype(np.float64)
                norm = K1 * (1 - B + B * part.lengths[texts] / mean)
                scores[texts + offset] += (idf * said * (K1 + 1) / (said + norm)).astype(np.float32)
        return scores


def _span(index: LexicalIndex, term: "np.uint64") -> slice:
    """Where the texts of a term stand."""
    place = int(np.searchsorted(index.vocabulary, term))
    if place == len(index.vocabulary) or index.vocabulary[place] != term:
        return slice(0, 0)
    return slice(int(index.indptr[place]), int(index.indptr[place + 1]))
