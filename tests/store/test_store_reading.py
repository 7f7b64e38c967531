"""Stores that are read and not written, and what they say of an extractor."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hippo.errors import IndexBusyError, IndexCorruptError, IndexMismatchError, IndexStateError
from hippo.ids import text_hash
from hippo.store import SCHEMA_VERSION, Store
from hippo.types import Chunk, Document, Extraction, ExtractionFailure, Fact, Mention


def chunk(name: str) -> Chunk:
    return Chunk(f"{name}:0", name, 0, f"text of {name}", 0, len(name) + 8)


def found(name: str, *texts: str, keys: tuple[str, ...]) -> Extraction:
    mentions = tuple(Mention(key, key, 0, 1) for key in keys)
    return Extraction(f"{name}:0", mentions, tuple(Fact(text, ("ada",), (), 0, 1) for text in texts))


@pytest.fixture
def index(tmp_path: Path) -> Path:
    path = tmp_path / "index"
    with Store.open(path, create=True) as store:
        rows = [(Document(f"text of {name}", name), text_hash(name), [chunk(name)]) for name in "abcd"]
        store.put_documents(rows)
        store.put_extractions(
            [
                found("a", "one", "two", keys=("ada", "bob")),
                found("b", "two", "three", keys=("bob", "cy")),
                ExtractionFailure("c:0", "no"),
            ],
            "rules/1",
        )
    return path


def everything(folder: Path) -> dict[str, bytes]:
    return {item.name: item.read_bytes() for item in folder.iterdir()}


def test_reading_changes_nothing_and_can_do_all_that_reading_needs(index: Path) -> None:
    before = everything(index)
    with Store.reading(index) as store:
        assert store is not None
        assert [one.id for batch in store.pending("rules/1", batch=1) for one in batch] == ["c:0", "d:0"]
        assert store.facts_table().num_rows == 4
        assert store.missing_embeddings("e", ["x", "x"]) == [0]
        with pytest.raises(IndexStateError, match="read-only"):
            store.set_meta({"a": "b"})
    assert everything(index) == before
    with Store.open(index) as store:
        store.set_meta({"a": "b"})


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_an_older_store_is_read_as_a_newer_one(index: Path, make_older: Callable[[Path, int], None], version) -> None:
    make_older(index, version)
    before = everything(index)
    with Store.reading(index) as store:
        assert store is not None
        assert store.meta()["schema_version"] == str(SCHEMA_VERSION)
        assert store.facts_table().num_rows == 4
    assert everything(index) == before


@pytest.mark.parametrize("made", [True, False])
def test_no_store_is_none_and_stays_none(tmp_path: Path, made: bool) -> None:
    path = tmp_path / "index"
    if made:
        path.mkdir()
    with Store.reading(path) as store:
        assert store is None
    assert path.exists() == made
    assert not made or not list(path.iterdir())


def test_what_is_written_to_damaged_or_newer_is_refused(index: Path) -> None:
    with Store.open(index) as store:
        with pytest.raises(IndexBusyError), Store.reading(index):
            pass
        store.set_meta({"schema_version": "999"})
    with pytest.raises(IndexMismatchError), Store.reading(index):
        pass
    (index / "store.duckdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(IndexCorruptError), Store.reading(index):
        pass


def test_what_an_extractor_finds_in_a_chunk(index: Path) -> None:
    with Store.reading(index) as store:
        assert store is not None
        assert store.yield_per_chunk("rules/1") == (1.5, 1.5)  # three facts, three entities, two chunks
        assert store.yield_per_chunk("rules/2") is None
