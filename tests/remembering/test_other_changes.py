"""Changes that extract nothing take what was remembered along as recall had it, and lists of what would go count it."""

from pathlib import Path

import pytest

from hippo import Document, Hippo, SynonymDecision
from hippo.errors import DocumentError
from hippo.testing import ScriptedLLM

CORPUS = [
    {"id": "a", "text": "Ada Lovelace met Charles Babbage in London.", "timestamp": "2020-01-01"},
    {"id": "b", "text": "Charles Babbage built the Analytical Engine.", "timestamp": "2020-01-02"},
    {"id": "c", "text": "Zürich lies in Switzerland.", "timestamp": "2020-01-03"},
]
SAID = [
    ("Luigi Menabrea wrote about the Analytical Engine in Geneva.", "s1", "2021-05-02"),
    ("Ada Lovelace translated Luigi Menabrea.", "s2", "2021-05-03"),
]
MANUAL = {"indexing": {"merge_after": 0}}


def make(path: Path) -> None:
    with Hippo.open(path, encoder="hashing") as opened:
        opened.add(CORPUS)


@pytest.fixture
def memory(prepared, tmp_path: Path):
    with Hippo.open(prepared(make, tmp_path / "index"), encoder="hashing", config=MANUAL) as opened:
        yield opened


def say(memory: Hippo) -> None:
    for text, session, time in SAID:
        memory.remember(text, session=session, timestamp=time)


CHANGES = [
    lambda memory: memory.delete("c"),
    lambda memory: memory.update("c", metadata={"n": 1}),
    lambda memory: memory.decide_synonyms([SynonymDecision("Ada Lovelace", "Luigi Menabrea", "rejected")]),
]


@pytest.mark.parametrize("change", CHANGES)
def test_changes_that_extract_nothing_leave_the_facts_of_what_was_remembered(memory, change):
    say(memory)
    change(memory)
    assert memory.waiting == memory.status().pending == 0
    assert [one.name for one in memory.entities("Luigi Menabrea")] == ["Luigi Menabrea"]
    assert memory.status().edges["contains"] > 0
    assert memory.merge().snapshot == memory.snapshot  # There is nothing left to do.


def test_what_would_be_deleted_counts_what_was_remembered(memory):
    [one, other] = memory.remember([Document("Told.", id="x"), Document("Told anew.", id="c")], metadata={"year": 1})
    memory.forget("a")
    assert memory.select(where="year = 1") == memory.select(one, other) == ["c", "x"]
    assert memory.select(where="year is null") == ["b"]
    assert memory.select("a", missing_ok=True) == []
    with pytest.raises(DocumentError, match="no document of this id"):
        memory.select("a", forget=True)
    assert memory.waiting == 3
    memory.delete(where="year = 1")
    assert memory.select("x", missing_ok=True) == []
    assert memory.select("x", forget=True) == ["x"]


def test_facts_by_rules_stay_until_a_model_is_asked(tmp_path):
    options = {"encoder": "hashing", "extractor": "llm", "config": MANUAL}
    with Hippo.open(tmp_path / "index", llm=ScriptedLLM(), **options) as memory:
        memory.add(CORPUS)
    with Hippo.open(tmp_path / "index", config=MANUAL) as memory:  # Without any model.
        say(memory)
        memory.delete("c")
        assert memory.status().pending == len(SAID)
        assert [one.name for one in memory.entities("Luigi Menabrea")] == ["Luigi Menabrea"]
    with Hippo.open(tmp_path / "index", llm=ScriptedLLM(), **options) as memory:
        memory.merge()
        assert memory.status().pending == 0
        merged = memory.contents().facts.column("text").to_pylist()
    with Hippo.open(tmp_path / "other", llm=ScriptedLLM(), **options) as memory:
        memory.add(CORPUS[:2])
        say(memory)
        memory.merge()
        assert memory.contents().facts.column("text").to_pylist() == merged
