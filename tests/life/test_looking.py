"""What an index holds: documents in a list, or one with its text, chunks and facts."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hippo import Chunk, Document, Hippo
from hippo.cli.app import app
from hippo.errors import DocumentError, FilterError, IndexEmptyError
from hippo.ids import chunk_id
from hippo.indexing.add import add_documents

LONG = "Ada Lovelace met Charles Babbage in London.\n\n" + "The Analytical Engine was never finished. " * 40 + "\n"
DOCUMENTS = [
    Document(LONG, id="ada", title="Ada", metadata={"year": 1833}, timestamp=datetime(1833, 6, 5, tzinfo=UTC)),
    Document("Charles Babbage was born in Walworth.", id="babbage", metadata={"year": 1791, "tags": ["a", "b"]}),
    Document("Über Größe: 東京 😀.", id="größe"),
]


@pytest.fixture
def memory(tmp_path: Path):
    with Hippo.open(tmp_path / "index", encoder="hashing", config={"chunking": {"max_tokens": 64}}) as opened:
        opened.add(DOCUMENTS)
        yield opened


def test_documents_are_listed_by_id_and_filtered(memory: Hippo) -> None:
    listed = memory.documents()
    assert [one.id for one in listed] == ["ada", "babbage", "größe"]
    assert listed[0].passages > 2
    assert [one.characters for one in listed] == [len(one.text) for one in DOCUMENTS]
    assert (listed[0].title, listed[0].timestamp) == ("Ada", datetime(1833, 6, 5, tzinfo=UTC))
    assert listed[1].metadata == {"year": 1791, "tags": ["a", "b"]}
    assert [one.id for one in memory.documents(where="year < 1800")] == ["babbage"]
    assert [one.id for one in memory.documents(where={"year": {"$gte": 1800}})] == ["ada"]
    with pytest.raises(FilterError):
        memory.documents(where="year <")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.id)
def test_a_document_comes_back_as_it_was(memory: Hippo, document: Document) -> None:
    stored = memory.get(document.id or "")
    assert stored.text == document.text
    assert (stored.title, stored.metadata, stored.timestamp) == (document.title, document.metadata, document.timestamp)
    assert [document.text[chunk.start : chunk.end] for chunk in stored.chunks] == [one.text for one in stored.chunks]
    assert set(stored.facts) <= {chunk.id for chunk in stored.chunks}


def test_facts_are_those_that_were_extracted(memory: Hippo) -> None:
    stored = memory.get("babbage")
    [fact] = stored.facts[stored.chunks[0].id]
    assert fact.entities == ("charles babbage", "walworth")
    assert fact.relations == (("charles babbage", "walworth"),)
    assert stored.text[fact.start : fact.end] == stored.text
    total = sum(len(facts) for one in memory.documents() for facts in memory.get(one.id).facts.values())
    assert total == memory.status().facts


def test_what_was_left_out_by_a_chunker_is_blank(tmp_path: Path) -> None:
    class Gaps:
        def chunk(self, document: Document) -> list[Chunk]:
            spans = [(2, 9), (6, 12), (20, 24)]
            return [
                Chunk(chunk_id("x", at, document.text[a:b]), "x", at, document.text[a:b], a, b)
                for at, (a, b) in enumerate(spans)
            ]

    text = "0123456789abcdefghijklmnopq"
    with Hippo.open(tmp_path, encoder="none") as memory:
        with memory._parts() as parts:
            add_documents(memory.path, [Document(text, id="x")], **{**parts, "chunker": Gaps()})
        memory.refresh()
        assert memory.get("x").text == "  23456789ab        klmn"


@pytest.mark.parametrize("key", ["nobody", "", "\ud800", None, 7])
def test_unknown_ids_are_said(memory: Hippo, key: str) -> None:
    with pytest.raises(DocumentError, match="holds no document of this id"):
        memory.get(key)


def test_an_empty_index_says_so(tmp_path: Path) -> None:
    with Hippo.open(tmp_path, encoder="hashing") as memory:
        for look in (memory.documents, lambda: memory.get("a")):
            with pytest.raises(IndexEmptyError):
                look()
        assert memory.status().pending == 0


def test_passages_that_wait_are_counted(tmp_path: Path) -> None:
    with Hippo.open(tmp_path, encoder="none") as memory:
        memory.add({"id": "a", "text": "Rome lies on the Tiber."})
        with memory._parts(extracting=False) as parts:
            add_documents(memory.path, [Document("Lima lies on the Rímac.", id="b")], **parts)
        memory.refresh()
        assert memory.status().pending == 1
        memory.add([])
        assert memory.status().pending == 0


def test_the_commands(memory: Hippo) -> None:
    def run(*words: str) -> str:
        done = CliRunner().invoke(app, list(words))
        assert done.exit_code == 0, done.output
        return done.output

    path = str(memory.path)
    assert run("list", path).splitlines()[1] == "babbage\t1\t-"
    data = json.loads(run("list", path, "--where", "year > 1800", "--json"))
    assert [(one["id"], one["timestamp"]) for one in data] == [("ada", "1833-06-05T00:00:00+00:00")]
    shown = run("get", path, "babbage")
    assert "Charles Babbage was born in Walworth." in shown
    assert "[charles babbage, walworth]" in shown
    assert json.loads(run("get", path, "ada", "--json"))["text"] == LONG
    assert CliRunner().invoke(app, ["get", path, "nobody"]).exit_code == 1
