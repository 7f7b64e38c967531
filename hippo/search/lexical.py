"""BM25 over memory-mapped arrays (Robertson & Zaragoza 2009, with Lucene's idf).

    score(q, t) = Σ_{w in q} idf(w) · f(w, t) (k1 + 1) / (f(w, t) + k1 (1 - b + b |t| / mean |t|))
    idf(w)      = ln(1 + (n - n_w + 0.5) / (n_w + 0.5))

The scores of every (term, text) pair are computed once, when the index is built, and stored by term; a query adds up
the columns of its terms. The vocabulary is the sorted array of term hashes: nothing has to be parsed when an index is
opened. The counts and lengths that the scores were computed from are kept beside them, so that the index of some of the
texts can be made without reading one. The bm25s package works alike and is the reference in the tests; it is not used
here because importing it loads numba where that is installed, and because it builds its arrays text by text, where a
sorted sparse matrix is built at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from hippo.errors import InputError
from hippo.scratch import Scratch, release
from hippo.search.postings import Postings
from hippo.search.terms import term_hash, terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["K1", "B", "LexicalIndex", "hashes_of"]

K1 = 1.2
B = 0.75
_ENDS = np.arange(2)
"""From the place of a term to those where its texts begin and end."""


@dataclass(frozen=True, slots=True)
class LexicalIndex:
    """BM25 index of n texts with v distinct terms.

    Attributes:
        vocabulary: uint64 `(v,)`, sorted hashes of the terms.
        indptr: int64 `(v + 1,)`, where each term's texts begin.
        texts: int32 `(m,)`, rows of the texts that hold a term, ascending within a term.
        weights: float32 `(m,)`, BM25 score of the pair, non-negative.
        size: n.
        counts: How often each text says the term, `(m,)`, in the narrowest unsigned type that holds all; None where
            only questions are to be answered.
        lengths: Terms of each text, int32 `(n,)`; None likewise.
    """

    vocabulary: "NDArray[np.uint64]"
    indptr: "NDArray[np.int64]"
    texts: "NDArray[np.int32]"
    weights: "NDArray[np.float32]"
    size: int
    counts: "NDArray[np.unsignedinteger] | None" = None
    lengths: "NDArray[np.int32] | None" = None

    @classmethod
    def build(cls, texts: Sequence[str]) -> "LexicalIndex":
        """Index texts; row i is `texts[i]`."""
        return cls.of_blocks([texts])

    @classmethod
    def of_blocks(
        cls,
        blocks: Iterable[Sequence[str]],
        scratch: Scratch | None = None,
        before: "tuple[LexicalIndex, NDArray[np.int64]] | None" = None,
    ) -> "LexicalIndex":
        """Index texts that come in blocks: what `build` would make of all of them in a row.

        Args:
            blocks: Texts; each block is read and let go of.
            scratch: Where large arrays are put; None: in memory.
            before: An index with counts and lengths that holds some of the texts, which do not come in blocks; and the
                row that every text of this index had there, int64 `(n,)`, none twice, -1 for those that come.
                None: all come.

        Raises:
            InputError: The index before was read without counts and lengths.
        """
        postings = Postings(scratch)
        if before is not None:
            postings.carry(*before)
        for block in blocks:
            postings.read(block)
        return cls._laid_out(postings, scratch or Scratch())

    @classmethod
    def of_hashes(cls, texts: "Sequence[NDArray[np.uint64]]") -> "LexicalIndex":
        """Index texts, given the hashes of the terms of each: row i is `texts[i]`."""
        postings = Postings()
        postings.take(texts)
        return cls._laid_out(postings, Scratch())

    @classmethod
    def _laid_out(cls, postings: Postings, scratch: Scratch) -> "LexicalIndex":
        lengths, total = postings.lengths, postings.total
        norm = _norm(lengths)
        texts, weights = scratch.empty(total, np.int32), scratch.empty(total, np.float32)
        counts = scratch.empty(total, np.min_scalar_type(postings.most))
        vocabulary, found = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
        start = 0
        for records in postings.splits():
            part = slice(start, start + len(records))
            first = np.flatnonzero(np.diff(records["term"], prepend=~records["term"][:1]))
            own = np.diff(first, append=len(records))
            texts[part], counts[part] = records["text"], records["count"]
            weights[part] = _weights(len(lengths), own, records["text"], records["count"], norm)
            vocabulary.append(records["term"][first])
            found.append(own)
            start = part.stop
        for array in (texts, weights, counts):
            release(array)
        indptr = np.concatenate([[0], np.cumsum(np.concatenate(found))]).astype(np.int64)
        terms_ = np.concatenate(vocabulary)
        return cls(terms_, indptr, texts, weights, len(lengths), counts, lengths.astype(np.int32))

    @classmethod
    def _weighted(
        cls,
        vocabulary: "NDArray[np.uint64]",
        found: "NDArray[np.integer]",
        texts: "NDArray[np.integer]",
        counts: "NDArray[np.unsignedinteger]",
        lengths: "NDArray[np.integer]",
    ) -> "LexicalIndex":
        """The index, from how many texts hold each term, which ones, how often, and how long each text is."""
        return cls(
            vocabulary,
            np.concatenate([[0], np.cumsum(found)]).astype(np.int64),
            texts.astype(np.int32),
            _weights(len(lengths), found, texts, counts, _norm(lengths)),
            len(lengths),
            counts.astype(np.min_scalar_type(int(counts.max(initial=0)))),
            lengths.astype(np.int32),
        )

    def restrict(self, rows: "NDArray[np.int64]") -> "LexicalIndex":
        """The index of some of the texts: what `build` would make of them alone.

        Args:
            rows: Which ones, ascending.

        Raises:
            InputError: The index was read without counts and lengths.
        """
        if self.counts is None or self.lengths is None:
            raise InputError("an index of words without counts and lengths cannot be restricted; build it anew")
        kept = np.zeros(self.size, bool)
        kept[rows] = True
        held = kept[self.texts]
        found = np.add.reduceat(held, self.indptr[:-1], dtype=np.int64)
        texts = (np.cumsum(kept) - 1)[self.texts[held]]
        known = found > 0
        return self._weighted(self.vocabulary[known], found[known], texts, self.counts[held], self.lengths[rows])

    def joined(self, other: "LexicalIndex", order: "NDArray[np.int64]") -> "LexicalIndex":
        """The index of two collections of texts: what `build` would make of them.

        Args:
            other: The second collection.
            order: Which text each row was, of both collections one after another, int64 `(n + its n,)`.

        Raises:
            InputError: One of the two was read without counts and lengths.
        """
        if self.counts is None or self.lengths is None or other.counts is None or other.lengths is None:
            raise InputError("indexes of words without counts and lengths cannot be joined; build them anew")
        vocabulary = np.union1d(self.vocabulary, other.vocabulary)
        columns = [np.repeat(np.searchsorted(vocabulary, one.vocabulary), np.diff(one.indptr)) for one in (self, other)]
        rows = np.empty(len(order), np.int64)
        rows[order] = np.arange(len(order))
        texts = rows[np.concatenate([self.texts, other.texts.astype(np.int64) + self.size])]
        terms_of = np.concatenate(columns)
        places = np.lexsort((texts, terms_of))
        return self._weighted(
            vocabulary,
            np.bincount(terms_of, minlength=len(vocabulary)),
            texts[places],
            np.concatenate([self.counts, other.counts])[places],
            np.concatenate([self.lengths, other.lengths])[order],
        )

    def spans(self, questions: Sequence[str]) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """Where the texts of the terms of questions stand, only of terms that a text says, each once for a question.

        Returns:
            First and past-the-last place of each term, int64 `(w, 2)`; and which terms are of each of m questions, from
            one number to the next, int64 `(m + 1,)`.
        """
        asked = [_asked(question) for question in questions]
        bounds = np.zeros(len(asked) + 1, np.int64)
        if not len(self.vocabulary) or not asked:
            return np.empty((0, 2), np.int64), bounds
        wanted = np.concatenate(asked)
        places = self.vocabulary.searchsorted(wanted)
        known = self.vocabulary.take(places, mode="clip") == wanted
        counts = np.add.accumulate(known)
        ends = np.add.accumulate([len(one) for one in asked])
        bounds[1:][ends > 0] = counts[ends[ends > 0] - 1]
        return np.asarray(self.indptr[places[known][:, None] + _ENDS]), bounds

    def scores(self, question: str) -> "NDArray[np.float64]":
        """BM25 score of every text: float64 `(n,)`, 0 where no term matches; a term of the question counts once."""
        spans = [slice(start, stop) for start, stop in self.spans([question])[0].tolist()]
        if not spans:
            return np.zeros(self.size)
        texts, weights = (np.concatenate([part[span] for span in spans]) for part in (self.texts, self.weights))
        return np.asarray(np.bincount(texts, weights, minlength=self.size), np.float64)


@lru_cache(maxsize=256)
def _asked(question: str) -> "NDArray[np.uint64]":
    """Hashes of the terms of a question, each once, ascending: it is asked of passages and of facts."""
    return np.array(sorted(set(map(term_hash, terms(question)))), np.uint64)


def _norm(lengths: "NDArray[np.integer]") -> "NDArray[np.float64]":
    """What the length of each text adds to a count below the line: float64 `(n,)`."""
    mean = lengths.mean() if lengths.any() else 1.0
    norm: NDArray[np.float64] = K1 * (1 - B + B * lengths / mean)
    return norm


def _weights(
    size: int,
    found: "NDArray[np.integer]",
    texts: "NDArray[np.integer]",
    counts: "NDArray[np.unsignedinteger]",
    norm: "NDArray[np.float64]",
) -> "NDArray[np.float32]":
    """BM25 scores of pairs of a term and a text, float32, those of one term together.

    Args:
        size: Number of texts.
        found: How many texts hold each of the terms.
        texts: Those texts.
        counts: How often they do.
        norm: From `_norm`.
    """
    idf = np.log1p((size - found + 0.5) / (found + 0.5))
    said = counts.astype(np.float64)
    scores: NDArray[np.float64] = np.repeat(idf, found) * said * (K1 + 1) / (said + norm[texts])
    return scores.astype(np.float32)


def hashes_of(text: str) -> "NDArray[np.uint64]":
    """Hashes of the terms of a text, in order, repeats kept: uint64 `(n,)`."""
    found = terms(text)
    return np.fromiter(map(term_hash, found), np.uint64, len(found))
