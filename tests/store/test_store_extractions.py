"""The ledger, and the facts and mentions that are written with it."""

from collections.abc import Sequence

import pyarrow as pa
import pytest

from hippo.errors import ExtractionError, InputError
from hippo.store import Store
from hippo.types import Chunk, Document, Extraction, ExtractionFailure, Fact, Mention, Triple


def fill(store: Store, *documents: str, chunks: int = 2) -> None:
    """Documents whose chunks are called like "a0", "a1"."""
    store.put_documents(
        [
            (
                Document(text="x" * chunks, id=name),
                "h",
                [Chunk(f"{name}{place}", name, place, "x", place, place + 1) for place in range(chunks)],
            )
            for name in documents
        ]
    )


def found(chunk_id: str, *texts: str) -> Extraction:
    facts = tuple(Fact(text, ("ann", "bob", "eve"), (("eve", "ann"), ("bob", "eve")), 1, 5) for text in texts)
    return Extraction(chunk_id, (Mention("ann", "Ann", 0, 3), Mention("doc", "Doc", -1, -1)), facts)


def ids(batches: Sequence[Sequence[Chunk]]) -> list[list[str]]:
    return [[chunk.id for chunk in batch] for batch in batches]


def test_pending_is_in_canonical_order_and_shrinks(store: Store) -> None:
    fill(store, "b", "a", "c")
    assert ids(list(store.pending("x", batch=4))) == [["a0", "a1", "b0", "b1"], ["c0", "c1"]]
    store.put_extractions([found("b0", "f"), ExtractionFailure("a1", "timeout")], "x")
    assert ids(list(store.pending("x"))) == [["a0", "a1", "b1", "c0", "c1"]]
    assert (store.count_pending("x"), store.count_pending("other")) == (5, 6)
    assert ids(list(store.pending("other"))) == [["a0", "a1", "b0", "b1", "c0", "c1"]]


def test_pending_whole_chunks(store: Store) -> None:
    chunk = Chunk("i", "d", 3, "té\0xt", 7, 12, "Title")
    store.put_documents([(Document(text="té\0xt", id="d"), "h", [chunk])])
    assert list(store.pending("x")) == [[chunk]]


def test_putting_between_batches_neither_skips_nor_repeats(store: Store) -> None:
    fill(store, *"abcdefg")
    seen: list[str] = []
    for batch in store.pending("x", batch=3):
        seen += [chunk.id for chunk in batch]
        store.put_extractions([ExtractionFailure(c.id, "no") if c.position else found(c.id, "f") for c in batch], "x")
        if len(seen) == 3:  # another run may be looked at meanwhile, and given up
            assert len(next(store.pending("x", batch=100))) == 12
    assert seen == [f"{name}{place}" for name in "abcdefg" for place in (0, 1)]
    assert store.count_pending("x") == 7


def test_pending_outlives_its_store_quietly(store: Store) -> None:
    fill(store, "a")
    batches = store.pending("x", batch=1)
    next(batches)
    store.close()
    batches.close()


def test_a_batch_has_at_least_one_chunk(store: Store) -> None:
    with pytest.raises(InputError, match="at least 1, got 0"):
        store.pending("x", batch=0)


def test_facts_and_mentions_in_canonical_order(store: Store) -> None:
    fill(store, "b", "a")
    triple = Fact("one", ("k",), (), 0, 1, Triple("s", "p", "o"))
    store.put_extractions([found("b0", "late", "later"), found("a1", "early")], "x")
    store.put_extractions([Extraction("a0", (), (triple,)), Extraction("b1", (), ())], "x")
    facts = store.facts_table()
    assert facts.select(["chunk_id", "ordinal", "text"]).to_pylist() == [
        {"chunk_id": "a0", "ordinal": 0, "text": "one"},
        {"chunk_id": "a1", "ordinal": 0, "text": "early"},
        {"chunk_id": "b0", "ordinal": 0, "text": "late"},
        {"chunk_id": "b0", "ordinal": 1, "text": "later"},
    ]
    assert facts["entities"].to_pylist()[:2] == [["k"], ["ann", "bob", "eve"]]
    assert facts["relations"].to_pylist()[:2] == [[], [2, 0, 1, 2]]
    assert facts["subject"].to_pylist()[:2] == ["s", None]
    assert facts.schema.field("entities").type == pa.list_(pa.field("l", pa.string()))
    assert facts.schema.field("relations").type.value_type == pa.int32()
    mentions = store.mentions_table().to_pylist()
    assert [tuple(row.values()) for row in mentions[:2]] == [("a1", "doc", "Doc", -1, -1), ("a1", "ann", "Ann", 0, 3)]
    assert store.count_pending("x") == 0  # an empty extraction is done, too


def test_an_extraction_replaces_and_a_failure_keeps(store: Store) -> None:
    fill(store, "a")
    store.put_extractions([found("a0", "old", "older"), found("a1", "stays")], "x")
    store.put_extractions([found("a0", "new"), ExtractionFailure("a1", "broken")], "y")
    assert store.facts_table()["text"].to_pylist() == ["new", "stays"]
    assert store.mentions_table().num_rows == 4
    assert (store.count_pending("x"), store.count_pending("y")) == (2, 1)
    store.put_extractions([found("a1", "at last")], "y")
    assert store.facts_table()["text"].to_pylist() == ["new", "at last"]
    store.verify()


def test_failures_count_attempts_until_a_success(store: Store) -> None:
    fill(store, "b", "a", chunks=1)
    store.put_extractions([ExtractionFailure("b0", "first"), ExtractionFailure("a0", "boom")], "x")
    store.put_extractions([ExtractionFailure("b0", "second")], "x")
    assert store.failures() == [("a0", "boom", 1), ("b0", "second", 2)]
    store.put_extractions([found("b0", "f")], "x")
    assert store.failures() == [("a0", "boom", 1)]
    store.put_extractions([ExtractionFailure("b0", "again")], "y")
    assert store.failures() == [("a0", "boom", 1), ("b0", "again", 1)]


def test_refused_outcomes_leave_nothing(store: Store) -> None:
    fill(store, "a")
    good = found("a0", "f")
    stranger = Fact("f", ("ann",), (("ann", "zoe"),), 0, 1)
    refused = [
        (Extraction("a1", (), (stranger,)), ExtractionError, "relates 'zoe', which is not among its entities"),
        (found("a1", "\ud800"), ExtractionError, "chunk a1: .*lone surrogate"),
        (Extraction("a1", (Mention("k", "\udfff", 0, 1),), ()), ExtractionError, "lone surrogate"),
        (ExtractionFailure("a1", "\ud800"), ExtractionError, "lone surrogate"),
        (found("nowhere", "f"), InputError, "no chunk 'nowhere'"),
        (good, InputError, "two outcomes for the chunk 'a0'"),
    ]
    for bad, kind, message in refused:
        with pytest.raises(kind, match=message):
            store.put_extractions([good, bad], "x")
    assert store.facts_table().num_rows == store.mentions_table().num_rows == 0
    assert store.count_pending("x") == 2
    store.put_extractions([], "x")


def test_deleting_a_document_deletes_its_facts(store: Store) -> None:
    fill(store, "a", "b")
    store.put_extractions([found("a0", "fa"), found("b0", "fb"), ExtractionFailure("a1", "no")], "x")
    store.delete_documents(["a"])
    assert store.facts_table()["text"].to_pylist() == ["fb"]
    assert store.mentions_table()["chunk_id"].to_pylist() == ["b0", "b0"]
    assert store.failures() == []
    assert ids(list(store.pending("x"))) == [["b1"]]
    fill(store, "a")  # the same chunks come back, without what was found in them before
    assert store.facts_table()["text"].to_pylist() == ["fb"]
    assert store.mentions_table()["chunk_id"].to_pylist() == ["b0", "b0"]
