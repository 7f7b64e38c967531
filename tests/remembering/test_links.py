"""Edges that people make: seen at once, kept by name, exact whatever comes and goes."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hippo import Hippo
from hippo.cli.app import app
from hippo.errors import InputError, NotInIndexError
from hippo.types import Link

CORPUS = [
    {"id": "a", "text": "Ada Lovelace met Charles Babbage in London."},
    {"id": "b", "text": "The sea is cold."},
    {"id": "c", "text": "Zürich lies in Switzerland."},
]
MANUAL = {"indexing": {"merge_after": 0}}


def make(path: Path) -> None:
    with Hippo.open(path, encoder="hashing") as opened:
        opened.add(CORPUS)


@pytest.fixture
def memory(prepared, tmp_path: Path):
    with Hippo.open(prepared(make, tmp_path / "index"), encoder="hashing", config=MANUAL) as opened:
        yield opened


def edges(memory: Hippo) -> dict[str, int]:
    return {kind: count for kind, count in memory._retriever_now().contents.graph.edge_counts.items() if count}


def order(memory: Hippo, question: str = "Whom did Ada Lovelace meet?") -> list[str]:
    return [hit.document_id for hit in memory.recall(question, k=9).hits]


def test_the_walk_goes_over_a_link_at_once_and_after_the_merge(memory):
    assert order(memory)[0] == "a"
    before = memory.recall("Ada Lovelace", k=3).hits
    assert memory.link("b", "a", kind="note", weight=3) == Link("a", "b", "note", 3.0)
    layered = memory.recall("Ada Lovelace", k=3, explain=True)
    scores = {hit.document_id: hit.score for hit in layered.hits}
    assert scores["b"] > {hit.document_id: hit.score for hit in before}["b"]
    assert "note" in {step.kind for hit in layered.hits for step in hit.explanation.path}
    assert edges(memory)["note"] == 1
    memory.merge()
    merged = {hit.document_id: hit.score for hit in memory.recall("Ada Lovelace", k=3).hits}
    assert np.allclose([merged[key] for key in "abc"], [scores[key] for key in "abc"], atol=1e-6)
    assert memory.status().edges["note"] == 1
    profile = {"retrieval": {"profiles": {"mine": {"kind_weights": {"note": 0.0}}}}}
    with Hippo.open(memory.path, config=profile) as other:
        without = {hit.document_id: hit.score for hit in other.recall("Ada Lovelace", k=3, profile="mine").hits}
    assert without["b"] < merged["b"]


def test_a_new_weight_takes_the_place_of_the_old_one(memory):
    memory.link("a", "b", kind="note", weight=3)
    memory.merge()
    memory.link("a", "b", kind="note", weight=0.5)
    memory.link("a", "b", kind="cites")
    memory.link("Zürich", "a")
    assert memory.links() == [
        Link("a", "b", "cites", 1.0),
        Link("a", "b", "note", 0.5),
        Link("a", "entity:zürich", "link", 1.0),
    ]
    assert memory.links("entity:Zürich") == memory.links()[2:]
    graph = memory._retriever_now().contents.graph
    assert sorted(set(graph.weights["note"].tolist())) == [0.0, 0.5]
    assert memory.links("zürich") == [Link("a", "entity:zürich", "link", 1.0)]
    assert memory.unlink("b", "a", kind="note") == [Link("a", "b", "note", 0.5)]
    assert "note" not in edges(memory)
    memory.merge()
    assert memory.unlink("a", "b") == [Link("a", "b", "cites", 1.0)]
    assert memory.unlink("a", "b") == []
    memory.merge()
    assert (memory.links(), edges(memory)["link"]) == ([Link("a", "entity:zürich", "link", 1.0)], 1)


def test_a_link_goes_and_comes_back_with_its_ends_and_is_forgotten_with_them(memory):
    [said] = memory.remember("Remember the sea.")
    memory.link(said, "b", kind="note")
    memory.link(said, memory.get("a").chunks[0].id)
    assert edges(memory)["note"] == 1
    memory.delete("b")
    assert "note" not in edges(memory)
    assert [one.kind for one in memory.links()] == ["note", "link"] or len(memory.links()) == 2
    memory.add(CORPUS[1:2])
    assert edges(memory)["note"] == edges(memory)["link"] == 1
    memory.forget(said)
    memory.merge()
    assert memory.links() == []
    assert not {"note", "link"} & edges(memory).keys()


def test_links_of_a_memory_without_snapshot(tmp_path):
    with Hippo.open(tmp_path / "new", encoder="hashing", config=MANUAL) as memory:
        ids = memory.remember(["The sea.", "Ada Lovelace met Charles Babbage.", "Nothing."])
        memory.link(ids[0], ids[1], kind="note")
        assert (len(memory.links()), edges(memory)["note"]) == (1, 1)
        memory.merge()
        assert (len(memory.links()), edges(memory)["note"]) == (1, 1)


def test_parts_have_the_links_of_their_documents(memory):
    memory.update("a", metadata={"lang": "en"})
    memory.update("b", metadata={"lang": "en"})
    memory.link("a", "b", kind="note")
    memory.link("a", "c", kind="note")
    for _ in range(2):
        from hippo.checks import condition

        part = memory._retriever_now(condition("lang = 'en'")).contents
        assert part.graph.edge_counts["note"] == 1
        memory.merge()


def test_what_is_no_link_is_refused(memory):
    for options in ({"kind": "Note"}, {"kind": ""}, {"kind": "follows"}, {"weight": 0}, {"weight": float("nan")}):
        with pytest.raises(InputError):
            memory.link("a", "b", **options)
    with pytest.raises(InputError, match="are one"):
        memory.link("a", "a")
    with pytest.raises(NotInIndexError, match="no document, passage or entity 'nobody'"):
        memory.link("a", "nobody")
    with pytest.raises(InputError, match="is a text"):
        memory.link("a", "")
    assert memory.links() == []


def test_the_command_line(memory):
    def run(*arguments: str):
        result = CliRunner().invoke(app, [*arguments, "--json"])
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    index = str(memory.path)
    made = {"first": "a", "second": "b", "kind": "cites", "weight": 2.0}
    assert run("link", index, "b", "a", "--kind", "cites", "--weight", "2") == [made]
    assert run("links", index, "a") == [made]
    assert run("link", index, "a", "b", "--remove") == [made]
    assert run("links", index) == []
