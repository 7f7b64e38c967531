"""Adding, updating, deleting and synchronising through the public face."""

import asyncio
import json
from pathlib import Path

import pytest

from hippo import Hippo
from hippo.errors import DocumentError, FilterError, IndexBusyError, IndexPathError, InputError
from hippo.extraction.pattern import PatternExtractor
from hippo.store import Store

DOCUMENTS = [
    {"id": "a", "title": "Ada", "text": "Ada Lovelace met Charles Babbage in London.", "year": 1833, "lang": "en"},
    {"id": "b", "title": "Babbage", "text": "Charles Babbage was born in Walworth.", "year": 1791, "lang": "en"},
    {"id": "c", "text": "Turin liegt am Po.", "year": 1900, "lang": "de"},
]


class Counting(PatternExtractor):
    """Knows which chunks it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def extract(self, chunks):
        self.seen += [chunk.text for chunk in chunks]
        return super().extract(chunks)


@pytest.fixture
def extractor() -> Counting:
    return Counting()


@pytest.fixture
def memory(tmp_path, extractor):
    with Hippo.open(tmp_path / "index", encoder="hashing", extractor=extractor) as opened:
        opened.add(DOCUMENTS)
        extractor.seen.clear()
        yield opened


def ids(memory: Hippo) -> list[str]:
    return memory.contents().documents.column("document_id").to_pylist()


def same_as_fresh(memory: Hippo, documents, tmp_path: Path) -> None:
    """The graph and the rankings are those of an index made of these documents alone."""
    with Hippo.open(tmp_path / "fresh", encoder="hashing") as fresh:
        fresh.add(documents)
        mine, its = memory.contents(), fresh.contents()
        assert mine.entities.equals(its.entities)
        assert mine.facts.equals(its.facts)
        assert mine.chunks.equals(its.chunks)
        for kind, weights in its.graph.weights.items():
            assert (mine.graph.weights[kind] == weights).all()
        question = "Whom did Ada meet?"
        first, second = (one.retrieve(question, k=5).hits for one in (memory, fresh))
        assert [(hit.chunk_id, hit.score) for hit in first] == [(hit.chunk_id, hit.score) for hit in second]


def test_delete_takes_a_document_with_all_that_came_from_it(memory, tmp_path, extractor):
    report = memory.delete("b")
    assert (report.deleted, report.added, report.changed, report.embedded) == (1, 0, 0, 0)
    assert extractor.seen == []
    assert ids(memory) == ["a", "c"]
    assert "walworth" not in memory.contents().entities.column("key").to_pylist()
    same_as_fresh(memory, [DOCUMENTS[0], DOCUMENTS[2]], tmp_path)


def test_delete_by_condition(memory, tmp_path):
    assert memory.delete(where="year < 1850 and lang = 'en'").deleted == 2
    same_as_fresh(memory, [DOCUMENTS[2]], tmp_path)
    before = memory.status().snapshot
    assert memory.delete(where={"lang": "fr"}).deleted == 0
    assert memory.status().snapshot == before


def test_a_wrong_delete_changes_nothing(memory, tmp_path):
    with pytest.raises(DocumentError, match=r"'?x'?: the index holds no document of this id \(and 1 more\)"):
        memory.delete("a", "x", "y")
    for arguments in ((), ("a",)):
        with pytest.raises(InputError, match="either by ids or by a condition"):
            memory.delete(*arguments, where="year = 1" if arguments else None)
    with pytest.raises(InputError, match="one by one"):
        memory.delete(["a"])
    with pytest.raises(FilterError):
        memory.delete(where="drop table documents")
    assert ids(memory) == ["a", "b", "c"]
    assert memory.delete("a", "x", missing_ok=True).deleted == 1
    with Hippo.open(tmp_path / "none", encoder="hashing") as empty, pytest.raises(IndexPathError):
        empty.delete("a")
    assert not (tmp_path / "none").exists()


def test_everything_may_be_deleted(memory):
    assert memory.delete("a", "b", "c").deleted == 3
    assert (memory.status().chunks, memory.retrieve("Whom did Ada meet?").hits) == (0, ())


def test_new_metadata_cost_nothing(memory, tmp_path, extractor):
    report = memory.update("a", metadata={"year": 1834})
    assert (report.changed, report.embedded, extractor.seen) == (1, 0, [])
    changed = {"id": "a", "title": "Ada", "text": DOCUMENTS[0]["text"], "year": 1834}
    assert memory.contents().documents.column("metadata")[0].as_py() == json.dumps({"year": 1834})
    same_as_fresh(memory, [changed, *DOCUMENTS[1:]], tmp_path)
    assert memory.update("a", metadata={"year": 1834}).unchanged == 1


def test_a_new_title_is_extracted_anew(memory, tmp_path, extractor):
    memory.update("a", title="Countess of Lovelace", text=DOCUMENTS[0]["text"])
    assert extractor.seen == [DOCUMENTS[0]["text"]]
    same_as_fresh(memory, [{**DOCUMENTS[0], "title": "Countess of Lovelace"}, *DOCUMENTS[1:]], tmp_path)


def test_a_new_text_is_a_new_version(memory, tmp_path):
    report = memory.update("c", text="Turin lies on the Po.", timestamp="2024-05-01")
    assert (report.changed, report.added) == (1, 0)
    new = {**DOCUMENTS[2], "text": "Turin lies on the Po.", "timestamp": "2024-05-01"}
    same_as_fresh(memory, [*DOCUMENTS[:2], new], tmp_path)
    assert memory.add([new]).unchanged == 1
    assert memory.add([DOCUMENTS[2]]).changed == 1


def test_a_wrong_update_changes_nothing(memory):
    with pytest.raises(DocumentError, match="add it"):
        memory.update("x", title="No")
    with pytest.raises(DocumentError, match="delete it"):
        memory.update("a", text="  ")
    with pytest.raises(DocumentError):
        memory.update("a", timestamp="yesterday")
    with pytest.raises(DocumentError):
        memory.update("a", metadata=7)
    assert memory.add(DOCUMENTS).unchanged == 3


def test_passages_that_stay_are_not_extracted_again(tmp_path, extractor):
    lines = [f"Number {i} follows Ada Lovelace to London and to the house of Babbage." for i in range(120)]
    with Hippo.open(tmp_path / "index", encoder="hashing", extractor=extractor) as memory:
        chunks = memory.add({"id": "long", "text": " ".join(lines)}).chunks
        assert chunks > 5
        extractor.seen.clear()
        lines[-1] = "The last one stays in Turin."
        memory.add({"id": "long", "text": " ".join(lines)})
        assert 0 < len(extractor.seen) < chunks / 2
        same_as_fresh(memory, [{"id": "long", "text": " ".join(lines)}], tmp_path)


def test_sync_makes_the_index_equal_to_a_folder(tmp_path, extractor):
    folder = tmp_path / "notes"
    (folder / "deep").mkdir(parents=True)
    for name in ("one", "two", "three"):
        (folder / f"{name}.txt").write_text(f"{name.title()} met Ada Lovelace.")
    (folder / "deep" / "rows.jsonl").write_text('{"id": "r1", "text": "Row one."}\n{"id": "r2", "text": "Row two."}\n')
    (tmp_path / "other.txt").write_text("From elsewhere.")
    with Hippo.open(tmp_path / "index", encoder="hashing", extractor=extractor) as memory:
        assert memory.sync(folder).added == 5
        memory.add([{"id": "mine", "text": "From Python."}])
        memory.add_files(tmp_path / "other.txt")
        extractor.seen.clear()
        (folder / "one.txt").unlink()
        (folder / "two.txt").write_text("Two met Charles Babbage.")
        (folder / "four.txt").write_text("Four is new.")
        (folder / "deep" / "rows.jsonl").write_text('{"id": "r2", "text": "Row two."}\n')
        (folder / "three.txt").write_bytes(b"")
        report = memory.sync(folder)
        assert (report.added, report.changed, report.unchanged, report.deleted) == (1, 1, 1, 3)
        assert [one.source for one in report.skipped] == [str(folder / "three.txt")]
        assert sorted(extractor.seen) == ["Four is new.", "Two met Charles Babbage."]
        assert ids(memory) == ["four.txt", "mine", "other.txt", "r2", "two.txt"]
        for file in folder.rglob("*.*"):
            file.unlink()
        with pytest.raises(DocumentError):
            memory.sync(folder)
        assert len(ids(memory)) == 5


def test_changes_wait_for_nobody(memory):
    with Store.open(memory.path), pytest.raises(IndexBusyError):
        memory.delete("a")


def test_adding_in_an_event_loop(memory):
    report = asyncio.run(memory.aadd([{"id": "d", "text": "Delft lies in Holland."}]))
    assert (report.added, report.chunks) == (1, 4)
