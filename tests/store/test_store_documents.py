"""Documents and chunks go in and come out as they were."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hippo.errors import DocumentError, DuplicateDocumentError, InputError
from hippo.ids import chunk_id
from hippo.store import Store
from hippo.types import Chunk, Document

NAIVE = datetime(2024, 5, 1)  # noqa: DTZ001 - taken as UTC
Put = tuple[Document, str, list[Chunk]]


def put_of(identity: str, *texts: str, **fields: object) -> Put:
    document = Document(text="".join(texts), id=identity, **fields)  # type: ignore[arg-type]
    chunks, start = [], 0
    for position, text in enumerate(texts):
        end = start + len(text)
        chunks.append(Chunk(chunk_id(identity, position, text), identity, position, text, start, end, document.title))
        start = end
    return document, f"hash of {identity}", chunks


def test_round_trip_in_canonical_order(store: Store) -> None:
    east = timezone(timedelta(hours=2))
    store.put_documents(
        [
            put_of("b", "one ", "two", title="B", metadata={"z": 1, "a": ["ü", None]}, timestamp=NAIVE),
            put_of("a", "x", timestamp=datetime(2024, 5, 1, 1, 2, 3, 4, tzinfo=east), source="a.txt:3"),
        ]
    )
    store.put_documents([put_of("aa", "new")])
    documents = store.documents_table()
    assert documents["document_id"].to_pylist() == ["a", "aa", "b"]
    assert documents["metadata"].to_pylist() == ["{}", "{}", '{"a": ["ü", null], "z": 1}']
    assert documents["timestamp"].to_pylist() == [
        datetime(2024, 4, 30, 23, 2, 3, 4, tzinfo=UTC),
        None,
        datetime(2024, 5, 1, tzinfo=UTC),
    ]
    assert documents["source"].to_pylist() == ["a.txt:3", None, None]
    chunks = store.chunks_table()
    assert chunks.column_names == ["chunk_id", "document_id", "position", "title", "text", "start", "end", "said"]
    assert chunks["document_id"].to_pylist() == ["a", "aa", "b", "b"]
    assert chunks["text"].to_pylist() == ["x", "new", "one ", "two"]
    assert chunks["start"].to_pylist() == [0, 0, 0, 4]
    assert store.content_hashes(["b", "nobody", "a"]) == {"a": "hash of a", "b": "hash of b"}
    assert store.content_hashes([]) == {}


def test_an_empty_store_has_empty_tables_of_the_same_types(store: Store) -> None:
    tables = [store.documents_table(), store.chunks_table(), store.facts_table(), store.mentions_table()]
    assert [table.num_rows for table in tables] == [0, 0, 0, 0]
    store.put_documents([put_of("a", "x")])
    assert store.documents_table().schema == tables[0].schema
    assert store.chunks_table().schema == tables[1].schema


def test_delete_takes_all_that_came_from_a_document(store: Store) -> None:
    store.put_documents([put_of("a", "x"), put_of("b", "y", "z"), put_of("c")])
    assert store.delete_documents(["b", "c", "b", "unknown"]) == 2
    assert store.delete_documents(["b"]) == 0
    assert store.chunks_table()["document_id"].to_pylist() == ["a"]
    assert store.count_pending("x") == 1
    store.verify()
    store.put_documents([put_of("b", "changed")])
    assert store.chunks_table()["text"].to_pylist() == ["x", "changed"]
    store.verify()


def test_refused_documents_leave_nothing(store: Store) -> None:
    good = put_of("good", "x")
    circular: dict[str, object] = {}
    circular["self"] = circular
    refused: list[tuple[Put, type[Exception], str]] = [
        (put_of("m", "x", metadata={"at": NAIVE}), DocumentError, "metadata is not a JSON object"),
        (put_of("m", "x", metadata={"n": float("nan")}), DocumentError, "metadata is not a JSON object"),
        (put_of("m", "x", metadata=circular), DocumentError, "metadata is not a JSON object"),
        (put_of("m", "x", metadata={"s": "\udc00"}), DocumentError, "lone surrogate"),
        (put_of("m", "x", title="\ud800"), DocumentError, "lone surrogate at character 0"),
        (put_of("m", "fine", "ab\ud83d"), DocumentError, "lone surrogate at character 2"),
        (put_of("m", timestamp=datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))), DocumentError, "1 to 9999"),
        (put_of("good", "other", source="b.txt"), DuplicateDocumentError, r"the id 'good' \(no source and b.txt\)"),
        ((Document(text="x"), "h", []), InputError, "needs an id"),
    ]
    for bad, kind, message in refused:
        with pytest.raises(kind, match=message):
            store.put_documents([good, bad])
    assert store.documents_table().num_rows == store.chunks_table().num_rows == store.count_pending("x") == 0
    store.put_documents([good])
    with pytest.raises(InputError, match="already holds 'good'"):
        store.put_documents([put_of("other", "y"), good])
    assert store.documents_table().num_rows == 1


TEXT = st.text(max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
DOCUMENTS = st.lists(
    st.tuples(
        TEXT,
        st.none() | TEXT,
        st.lists(TEXT, max_size=3),
        st.dictionaries(TEXT, JSON, max_size=3),
        st.none() | st.datetimes(timezones=st.just(UTC)),
    ),
    max_size=5,
    unique_by=lambda item: item[0],
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=DOCUMENTS)
def test_any_unicode_comes_back(
    store: Store, documents: list[tuple[str, str | None, list[str], dict[str, object], datetime | None]]
) -> None:
    puts = [
        put_of(identity, *texts, title=title, metadata=metadata, timestamp=timestamp)
        for identity, title, texts, metadata, timestamp in documents
    ]
    store.put_documents(puts)
    rows = store.documents_table().to_pylist()
    got = [(row["document_id"], row["title"], json.loads(row["metadata"]), row["timestamp"]) for row in rows]
    expected = [(document.id, document.title, document.metadata, document.timestamp) for document, _, _ in puts]
    assert got == sorted(expected, key=lambda row: str(row[0]))
    chunks = {chunk for _, _, chunks in puts for chunk in chunks}
    assert {chunk for batch in store.pending("x", batch=2) for chunk in batch} == chunks
    store.verify()
    assert store.delete_documents([str(document.id) for document, _, _ in puts]) == len(puts)
    assert store.documents_table().num_rows == store.chunks_table().num_rows == 0
    store.verify()
