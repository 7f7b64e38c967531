"""What `sync` deletes, and above all what it does not; changes that need no language model; exact comparison."""

import shutil
from pathlib import Path

import pytest

from hippo import Hippo
from hippo.errors import DocumentError, LLMRefusedError
from hippo.store import Store
from hippo.testing import ScriptedLLM
from hippo.testing.responder import respond


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.md").write_text("Ada met Babbage.")
    (folder / "b.txt").write_text("Turin lies on the Po.")
    (folder / "sub" / "c.md").write_text("Carl lives in Riga.")
    (folder / "t.csv").write_text("id,text\n1,One in London\n2,Two in Paris\n3,Three in Rome\n")
    return folder


@pytest.fixture
def memory(tmp_path):
    with Hippo.open(tmp_path / "index", encoder="none") as opened:
        yield opened


EVERYTHING = ["1", "2", "3", "a.md", "b.txt", "sub/c.md"]


def ids(memory: Hippo) -> list[str]:
    return memory.contents().documents.column("document_id").to_pylist()


def sources(memory: Hippo) -> list[str]:
    return memory.contents().documents.column("source").to_pylist()


def test_a_document_of_two_files_stays_with_the_one_that_is_there(memory, tmp_path):
    one, two = tmp_path / "A", tmp_path / "B"
    for folder in (one, two):
        folder.mkdir()
        (folder / "a.md").write_text("Ada met Babbage.")
    (two / "b.md").write_text("Turin lies on the Po.")
    memory.sync(one)
    memory.sync(two)
    (two / "a.md").unlink()
    assert memory.sync(two).deleted == 0
    assert ids(memory) == ["a.md", "b.md"]
    assert sources(memory) == [str(one / "a.md"), str(two / "b.md")]


def test_a_folder_that_cannot_be_listed_keeps_its_documents(memory, notes, monkeypatch):
    memory.sync(notes)
    listed = Path.iterdir

    def refuse(path: Path):
        if path.name == "sub":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    report = memory.sync(notes)
    assert (report.deleted, [one.source for one in report.skipped]) == (0, [str(notes / "sub")])
    assert ids(memory) == EVERYTHING


def test_a_folder_that_is_left_out_keeps_its_documents(memory, notes):
    memory.sync(notes)
    (notes / "sub" / "store.duckdb").write_text("an index now")
    assert memory.sync(notes).deleted == 0
    shutil.rmtree(notes / "sub")
    assert memory.sync(notes).deleted == 1


def test_a_choice_of_suffixes_keeps_other_files(memory, notes):
    memory.sync(notes)
    assert memory.sync(notes, suffixes=["md"]).deleted == 0
    (notes / "b.txt").unlink()
    assert memory.sync(notes, suffixes=["md"]).deleted == 1
    assert "b.txt" not in ids(memory)


def test_a_folder_of_one_name_elsewhere_is_another(memory, tmp_path, monkeypatch):
    for place in "AB":
        (tmp_path / place / "notes").mkdir(parents=True)
        (tmp_path / place / "notes" / f"{place}.md").write_text(f"{place} met Ada in London.")
        monkeypatch.chdir(tmp_path / place)
        assert memory.sync("notes").deleted == 0
    assert ids(memory) == ["A.md", "B.md"]
    assert sources(memory) == [str(tmp_path / place / "notes" / f"{place}.md") for place in "AB"]


@pytest.mark.parametrize("spelling", ["link", "notes/../notes", "notes/sub/.."])
def test_another_spelling_of_a_folder_is_the_same_folder(memory, tmp_path, notes, spelling):
    (tmp_path / "link").symlink_to(notes)
    memory.sync(notes)
    (notes / "a.md").unlink()
    report = memory.sync(tmp_path / spelling)
    assert (report.unchanged, report.deleted) == (5, 1)


def test_a_folder_that_was_moved_takes_its_documents_along(memory, tmp_path, notes):
    memory.sync(notes)
    notes.rename(tmp_path / "new")
    report = memory.sync(tmp_path / "new")
    assert (report.changed, report.unchanged, report.deleted) == (0, 6, 0)
    assert all(source.startswith(str(tmp_path / "new")) for source in sources(memory))
    before = memory.status().snapshot
    assert memory.sync(tmp_path / "new").snapshot == before
    (tmp_path / "new" / "a.md").unlink()
    assert memory.sync(tmp_path / "new").deleted == 1


def test_a_source_that_names_no_place_never_vanishes(memory, tmp_path, notes, monkeypatch):
    from hippo import Document

    monkeypatch.chdir(tmp_path)
    memory.add([Document("From a wiki.", id="wiki", source="notes/page")])
    assert memory.sync("notes").deleted == 0
    assert "wiki" in ids(memory)


def test_rows_that_a_table_has_lost_go_and_rows_that_cannot_be_read_stay(memory, notes):
    memory.sync(notes)
    (notes / "t.csv").write_text("id,text\n1,One in London\n2,Two in Paris,too much\n9,\n")
    report = memory.sync(notes)
    assert (report.deleted, len(report.skipped)) == (1, 2)
    assert ids(memory) == ["1", "2", "a.md", "b.txt", "sub/c.md"]


def test_rows_behind_the_point_where_a_table_breaks_stay(memory, notes):
    memory.sync(notes)
    (notes / "t.csv").write_text('id,text\n9,Nine\n"2,Two in Paris\n3,Three in Rome\n')
    report = memory.sync(notes)
    assert (report.added, report.deleted) == (1, 0)


@pytest.mark.parametrize(("content", "deleted"), [(b"", 1), (b" \n", 1), (b"\xff\xfe\xff", 0)])
def test_an_emptied_file_loses_its_document_and_an_unreadable_one_does_not(memory, notes, content, deleted):
    memory.sync(notes)
    (notes / "a.md").write_bytes(content)
    report = memory.sync(notes)
    assert (report.deleted, len(report.skipped)) == (deleted, 1)


def test_an_estimate_of_sync_counts_what_would_go(memory, notes):
    assert memory.estimate_files(notes, sync=True).deleted == 0
    memory.sync(notes)
    (notes / "b.txt").unlink()
    assert memory.estimate_files(notes).deleted == 0
    assert memory.estimate_files(notes, sync=True).deleted == 1
    assert ids(memory) == EVERYTHING


class Refusing(ScriptedLLM):
    """A model that can be told to refuse."""

    def __init__(self) -> None:
        self.refuses, self.asked = False, 0
        super().__init__(replies=self.answer)

    def answer(self, request):
        self.asked += 1
        if self.refuses:
            raise LLMRefusedError("scripted", "401 no credit left", "Add credit")
        return "garbage" if any("Poison" in one.content for one in request.messages) else respond(request)


def test_no_language_model_is_asked_where_nothing_is_extracted(tmp_path):
    llm = Refusing()
    with Hippo.open(tmp_path / "index", encoder="hashing", extractor="llm", llm=llm) as memory:
        added = memory.add({"id": one, "text": f"{one} met Ada in London.", "a": 1} for one in ("Bob", "Poison"))
        assert len(added.failed) == 1
        extractor = memory.status().extractor
        llm.refuses, before = True, llm.asked
        assert memory.update("Bob", metadata={"a": 2}).changed == 1
        assert memory.contents().documents.column("metadata").to_pylist()[0] == '{"a": 2}'
        assert memory.delete(where="a = 2").deleted == 1
        assert (ids(memory), llm.asked) == (["Poison"], before)
        assert memory.status().extractor == extractor
    with Hippo.open(tmp_path / "index") as memory:
        # No model is configured.
        report = memory.delete("Poison")
        assert (report.deleted, report.pending, memory.status().documents) == (1, 0, 0)


def test_metadata_of_one_value_in_python_may_differ_in_json(memory):
    memory.add([{"id": "a", "text": "Ada met Babbage.", "flag": 1, "weight": 1}])
    assert memory.update("a", metadata={"flag": True, "weight": 1.0}).changed == 1
    assert memory.contents().documents.column("metadata").to_pylist() == ['{"flag": true, "weight": 1.0}']
    assert memory.update("a", metadata={"weight": 1.0, "flag": True}).unchanged == 1


def test_a_new_title_needs_the_text(memory):
    memory.add([{"id": "a", "title": "Ada", "text": "Ada met Babbage."}])
    with pytest.raises(DocumentError, match="a new title needs the text too"):
        memory.update("a", title="Countess of Lovelace")
    assert memory.update("a", title="Ada").unchanged == 1
    assert memory.update("a", title="Countess", text="Ada met Babbage.").changed == 1


@pytest.mark.parametrize("name", ["\ud800", 7])
def test_an_id_that_is_no_text_is_refused(memory, name):
    memory.add([{"id": "a", "text": "Ada met Babbage."}])
    with pytest.raises(DocumentError, match="an id is a text"):
        memory.update(name, metadata={})


def test_select_refuses_as_delete_does_before_there_is_a_store(memory):
    (memory.path / "snapshots").mkdir(parents=True)
    with pytest.raises(DocumentError, match="no document of this id"):
        memory.select("nope")
    assert memory.select("nope", missing_ok=True) == memory.select(where="a = 1") == []
    with Store.reading(memory.path) as store:
        assert store is None
