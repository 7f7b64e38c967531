"""Entities, neighbours, paths and passages, through the public face."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hippo import Hippo
from hippo.errors import FilterError, IndexEmptyError, InputError, NotInIndexError, QuestionError
from hippo.testing import HashingEncoder
from hippo.types import TextKind


def names(memory: Hippo, name: str, **options: Any) -> list[tuple[str, str]]:
    return [(one.name, one.match) for one in memory.entities(name, **options)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ada  LOVELACE", [("Ada Lovelace", "exact")]),
        ("London", [("London", "exact"), ("Tower of London", "words")]),
        ("tower london bridge", [("Tower of London", "words"), ("London", "words")]),
        ("babb", [("Charles Babbage", "words"), ("Charles Babbage on the Analytical Engine", "words")]),
        ("zzz", []),
        ("...", []),
    ],
)
def test_entities_by_name(wordless: Hippo, name: str, expected: list[tuple[str, str]]) -> None:
    assert names(wordless, name) == expected


def test_the_best_are_not_cut_off(wordless: Hippo) -> None:
    everything = names(wordless, "the mole", k=100)
    assert [names(wordless, "the mole", k=k) for k in range(1, 4)] == [everything[:k] for k in range(1, 4)]


class Nicknames(HashingEncoder):
    """An encoder for which one name means another."""

    def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> "NDArray[np.float32]":
        return super().encode([text.replace("countess", "ada lovelace") for text in texts], kind=kind)


def test_similar_names_fill_up(memory: Hippo, wordless: Hippo) -> None:
    assert names(wordless, "The Countess", k=99) == names(wordless, "the", k=99)
    with Hippo.open(memory.path, encoder=Nicknames()) as similar:
        found = similar.entities("Countess", k=2)
        assert [(one.name, one.match) for one in found] == [("Ada Lovelace", "similar")]
        assert found[0].similarity == pytest.approx(1.0)
        by_words = names(wordless, "The Countess", k=99)
        assert len(by_words) > 1
        assert names(similar, "The Countess", k=1) == by_words[:1]
        with pytest.raises(NotInIndexError, match="Did you mean 'Ada Lovelace'"):
            similar.neighbors("Countess")


def test_entities_of_a_part(memory: Hippo) -> None:
    assert names(memory, "Tartu", where="year > 0") == []
    assert [one.passages for one in memory.entities("London", k=1)] == [2]
    assert [one.passages for one in memory.entities("London", k=1, where="year < 1500")] == [1]


def test_neighbors_by_kind(memory: Hippo) -> None:
    found = memory.neighbors("Charles Babbage")
    assert {(one.kind, one.name) for one in found} >= {
        ("relation", "Ada Lovelace"),
        ("relation", "London"),
        ("contains", "Ada Lovelace"),
    }
    order = ["relation", "synonym", "titles", "contains"]
    assert [one.kind for one in found] == sorted((one.kind for one in found), key=order.index)
    assert ("titles", "Charles Babbage") in {(one.kind, one.name) for one in found}
    joined = [(one.key, one.key or one.chunk_id) for one in found]
    assert len(set(joined)) == len(joined)  # each once
    assert memory.neighbors("Charles Babbage", kinds=["contains"], k=1)[0].kind == "contains"
    london = next(one for one in found if one.key == "london")
    assert london.sentence is not None
    assert "born in London" in london.sentence
    assert memory.passages(str(london.chunk_id))[0].document_id == "babbage"
    [passage] = memory.neighbors("Ada Lovelace", kinds=["contains"])
    assert (passage.key, memory.passages(str(passage.chunk_id))[0].document_id) == (None, "ada")
    assert [one.kind for one in memory.neighbors("Charles Babbage", k=1)] == ["relation", "titles", "contains"]


def test_neighbors_of_a_part(memory: Hippo) -> None:
    found = memory.neighbors("Charles Babbage", where={"year": {"$lt": 1800}})
    assert not [one for one in found if one.name == "Ada Lovelace"]


def test_paths_lead_over_what_both_share(memory: Hippo) -> None:
    found = memory.paths("Ada Lovelace", "London", k=20)
    assert [one.probability for one in found] == sorted((one.probability for one in found), reverse=True)
    for one in found:
        assert 1 <= len(one.steps) <= 4
        assert (one.steps[0].source, one.steps[-1].target) == ("Ada Lovelace", "London")
        assert [step.source for step in one.steps[1:]] == [step.target for step in one.steps[:-1]]
        product = 1.0
        for step in one.steps:
            product *= step.probability
        assert product == pytest.approx(one.probability)
    short = memory.paths("Ada Lovelace", "London", steps=2)
    assert [[step.target for step in one.steps] for one in short] == [["Charles Babbage", "London"]]
    assert short[0].steps[1].sentence == "Charles Babbage. Charles Babbage was born in London."


def test_the_way_back_is_the_same(memory: Hippo) -> None:
    there = memory.paths("Ada Lovelace", "London", k=20)
    back = memory.paths("London", "Ada Lovelace", k=20)
    ratios = [one.probability / other.probability for one, other in zip(there, back, strict=True)]
    assert ratios == pytest.approx([ratios[0]] * len(ratios))
    assert [step.target for step in there[0].steps[:-1]] == [step.source for step in reversed(back[0].steps[1:])]


def test_no_path(memory: Hippo) -> None:
    assert memory.paths("Ada Lovelace", "Tartu", steps=8) == []
    assert memory.paths("Ada Lovelace", "London", steps=1) == []


def test_passages_in_their_place(memory: Hippo) -> None:
    every = [hit.chunk_id for hit in memory.retrieve("mole", k=99).hits if hit.document_id == "mole"]
    assert len(every) >= 2
    whole = memory.passages(every[0], before=9, after=9)
    assert [one.position for one in whole] == list(range(len(every)))
    assert "".join(one.text for one in whole).split()[-1] == "back."
    assert [one.start for one in whole[1:]] == [one.end for one in whole[:-1]]
    first = whole[0].chunk_id
    assert memory.passages(first) == whole[:1]
    assert memory.passages(first, before=3, after=1) == whole[:2]
    assert memory.passages(whole[1].chunk_id, before=1) == whole[:2]
    assert whole[0].to_dict()["title"] == "The Mole"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda memory: memory.entities(7), InputError, "name must be a text, got 7"),
        (lambda memory: memory.entities("a", k=0), QuestionError, "k must be a whole number"),
        (lambda memory: memory.entities("a", where="year >"), FilterError, "filter"),
        (lambda memory: memory.neighbors("Lovelace"), NotInIndexError, "Did you mean 'Ada Lovelace'"),
        (lambda memory: memory.neighbors("Qqq"), NotInIndexError, "no entity 'Qqq'. Nothing in it has a similar name"),
        (lambda memory: memory.neighbors("London", kinds="relation"), InputError, "kinds must be some of relation"),
        (lambda memory: memory.neighbors("London", kinds=["follows"]), InputError, "kinds must be some of"),
        (lambda memory: memory.paths("London", "LONDON"), InputError, "are one entity"),
        (lambda memory: memory.paths("London", "Riga", steps=9), InputError, "steps must be at most 8, got 9"),
        (lambda memory: memory.paths("London", "Riga", steps=0), QuestionError, "steps must be"),
        (lambda memory: memory.passages("nothing"), NotInIndexError, "no passage 'nothing'. Ids of passages are shown"),
        (lambda memory: memory.passages("x", before=-1), InputError, "before must be a whole number of at least 0"),
    ],
)
def test_errors_name_the_value(memory: Hippo, call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(memory)


def test_an_empty_index(tmp_path: Any) -> None:
    with Hippo.open(tmp_path / "new", encoder="hashing") as memory, pytest.raises(IndexEmptyError):
        memory.entities("Ada")


def test_a_name_that_a_text_breaks_over_two_lines_is_on_one(tmp_path: Path) -> None:
    with Hippo.open(tmp_path / "index", encoder="none") as memory:
        memory.add({"id": "a", "text": "It was built by Ada\nSmith for the city."})
        assert [entity.name for entity in memory.entities("ada smith")] == ["Ada Smith"]
