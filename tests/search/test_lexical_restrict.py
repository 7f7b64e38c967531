"""The index of some of the texts is the one that they alone would give, to the last bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.errors import InputError
from hippo.search.lexical import LexicalIndex

WORDS = ["ada", "b", "東京", "лев", "b " * 300]
TEXTS = st.lists(st.tuples(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), st.booleans()), max_size=12)
PARTS = ("vocabulary", "indptr", "texts", "weights", "counts", "lengths")


def same(first: LexicalIndex, second: LexicalIndex) -> None:
    assert first.size == second.size
    for part in PARTS:
        ours, theirs = getattr(first, part), getattr(second, part)
        assert (ours.dtype, ours.tobytes()) == (theirs.dtype, theirs.tobytes()), part


@given(TEXTS)
def test_a_part_is_what_would_be_built_of_it(texts):
    rows = np.flatnonzero([kept for _, kept in texts])
    part = LexicalIndex.build([text for text, _ in texts]).restrict(rows)
    same(part, LexicalIndex.build([texts[row][0] for row in rows]))


@given(TEXTS, st.lists(st.sampled_from(WORDS), max_size=5), st.randoms(use_true_random=False))
def test_what_is_carried_need_not_be_read(texts, others, random):
    """In whatever order: beside texts that are gone, and new ones that stand between."""
    carried = [text for text, kept in texts if kept]
    before = [*carried, *others]
    places = list(range(len(before)))
    random.shuffle(places)
    rows, left = [], iter(range(len(carried)))
    for _, kept in texts:
        rows.append(places[next(left)] if kept else -1)
    old = [""] * len(before)
    for text, place in zip(before, places, strict=True):
        old[place] = text
    new = [text for text, kept in texts if not kept]
    found = LexicalIndex.of_blocks([new], None, (LexicalIndex.build(old), np.array(rows, np.int64)))
    same(found, LexicalIndex.build([text for text, _ in texts]))


def test_counts_and_lengths_are_as_documented():
    index = LexicalIndex.build(["b a a", "", "a c"])
    assert index.lengths.tolist() == [3, 0, 2]
    assert index.lengths.dtype == np.int32
    assert sorted(index.counts.tolist()) == [1, 1, 1, 2]
    assert index.counts.dtype == np.uint8
    assert LexicalIndex.build(["b " * 300]).counts.dtype == np.uint16


def test_without_counts_there_is_no_part():
    whole = LexicalIndex.build(["ada", "b"])
    index = LexicalIndex(whole.vocabulary, whole.indptr, whole.texts, whole.weights, whole.size)
    with pytest.raises(InputError, match="without counts and lengths cannot be restricted"):
        index.restrict(np.array([0]))
