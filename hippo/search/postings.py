"""Which texts say which terms, and how often: gathered from blocks of texts, laid out by the hash of the term.

Texts are read once. What they say is split by the highest bits of the hash, so that one split after another can be
sorted in little memory, and all of them in a row are in the order of hashes.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from hippo.errors import InputError
from hippo.scratch import Scratch
from hippo.search.terms import term_hash, terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.search.lexical import LexicalIndex

__all__ = ["Postings"]

_RECORD = np.dtype([("term", "<u8"), ("text", "<i4"), ("count", "<u4")])
_SPLITS = 64
_CARRIED = 1 << 20
"""Pairs of a term and a text that are carried at a time, or those of one term."""


class Postings:
    """Postings of texts, which come in blocks.

    Args:
        scratch: Where they wait until all texts are read.

    Attributes:
        size: Number of texts so far.
        most: Largest number of times that a text says a term.
    """

    def __init__(self, scratch: Scratch | None = None) -> None:
        self._scratch = scratch or Scratch()
        splits = 1 if self._scratch.folder is None else _SPLITS
        self._shift = np.uint64(64 - splits.bit_length() + 1)
        self._splits = [self._scratch.growing(_RECORD, splits) for _ in range(splits)]
        self._counts = np.zeros(splits, np.int64)
        self._lengths: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        self._rows: NDArray[np.int64] | None = None
        self.size = 0
        self.most = 0

    @property
    def lengths(self) -> "NDArray[np.int64]":
        """Terms of each text, int64 `(n,)`."""
        lengths = np.concatenate(self._lengths)
        if self._rows is None:
            return lengths
        placed = np.empty_like(lengths)
        placed[self._rows] = lengths
        return placed

    def carry(self, before: "LexicalIndex", rows: "NDArray[np.int64]") -> None:
        """Take what is known of texts that were indexed before; those that are read afterwards fill the gaps.

        Args:
            before: An index of words, with counts and lengths.
            rows: Which of its texts each text was, int64 `(n,)`, none twice; -1: it is new, and read afterwards.

        Raises:
            InputError: The index was read without counts and lengths, or some texts were added already.
        """
        if before.counts is None or before.lengths is None or self.size:
            raise InputError("words are carried from an index with counts and lengths, before texts are read")
        there = np.flatnonzero(rows >= 0)
        now = np.full(before.size, -1, np.int64)
        now[rows[there]] = there
        start = 0
        while start < len(before.vocabulary):
            first = before.indptr[start]
            stop = max(start + 1, int(np.searchsorted(before.indptr, first + _CARRIED, side="right")) - 1)
            part = slice(int(first), int(before.indptr[stop]))
            texts = now[before.texts[part]]
            terms_of = np.repeat(before.vocabulary[start:stop], np.diff(before.indptr[start : stop + 1]))
            kept = texts >= 0
            records = np.empty(int(kept.sum()), _RECORD)
            records["term"], records["text"] = terms_of[kept], texts[kept]
            records["count"] = before.counts[part][kept]
            self._append(records)
            start = stop
        self._lengths.append(before.lengths[rows[there]].astype(np.int64))
        self._rows = np.concatenate([there, np.flatnonzero(rows < 0)])
        self.size = len(there)

    @property
    def total(self) -> int:
        """Number of pairs of a term and a text."""
        return int(self._counts.sum())

    def read(self, texts: Sequence[str]) -> None:
        """Add a block of texts."""
        found = [terms(text) for text in texts]
        numbers: dict[str, int] = {}
        places = np.fromiter((numbers.setdefault(one, len(numbers)) for one in chain.from_iterable(found)), np.int64)
        hashes = np.fromiter(map(term_hash, numbers), np.uint64, len(numbers))
        self._take(hashes[places], np.fromiter(map(len, found), np.int64, len(found)))

    def take(self, texts: "Iterable[NDArray[np.uint64]]") -> None:
        """Add texts whose terms are hashed already: uint64, repeats kept, for each text."""
        known = list(texts)
        hashes = np.concatenate([np.empty(0, np.uint64), *known])
        self._take(hashes, np.fromiter(map(len, known), np.int64, len(known)))

    def _take(self, hashes: "NDArray[np.uint64]", lengths: "NDArray[np.int64]") -> None:
        different, codes = np.unique(hashes, return_inverse=True)
        rows = np.repeat(np.arange(len(lengths)), lengths)
        # Pairs of one term stand together, in the order of texts.
        pairs, counts = np.unique(codes * max(len(lengths), 1) + rows, return_counts=True)
        records = np.empty(len(pairs), _RECORD)
        records["term"] = different[pairs // max(len(lengths), 1)]
        records["text"] = pairs % max(len(lengths), 1) + self.size
        if self._rows is not None:
            records["text"] = self._rows[records["text"]]
        records["count"] = counts
        self._append(records)
        self._lengths.append(lengths)
        self.size += len(lengths)

    def _append(self, records: "NDArray[np.void]") -> None:
        """Put records, in the order of terms, to their splits."""
        self.most = max(self.most, int(records["count"].max(initial=0)))
        if len(self._splits) == 1:
            self._splits[0].append(records)
            self._counts[0] += len(records)
        else:
            # Ascending, since the terms are.
            ends = np.searchsorted(
                records["term"] >> self._shift, np.arange(len(self._splits), dtype=np.uint64), side="right"
            )
            for number, (start, end) in enumerate(zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True)):
                self._splits[number].append(records[start:end])
                self._counts[number] += end - start

    def splits(self) -> "Iterator[NDArray[np.void]]":
        """Records (term, text, count) in the order of terms and texts, split by split; nothing may be added now."""
        for split in self._splits:
            records = split.array()
            records = records[np.argsort(records["term"], kind="stable")]
            if self._rows is not None:
                # Nearly in order, as the sort finds out: texts that were read follow those that were carried.
                number = np.cumsum(np.diff(records["term"], prepend=records["term"][:1]) != 0)
                records = records[np.argsort((number << 32) | records["text"], kind="stable")]
            yield records
        self._splits = []
