"""Whole retrievals in which facts are found by their vectors in 8 bits, as in every index of some thousands."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hippo import Hippo
from hippo.backends import scoring
from hippo.backends.scoring import codes
from hippo.maintenance import check, repair
from hippo.maintenance.invariants import violations
from hippo.retrieval.linkers import Linkers


def found(memory: Hippo, questions: list[str]) -> list[list[tuple[str, float]]]:
    alone = [memory.retrieve(question, k=10) for question in questions]
    together = memory.retrieve_many(questions, k=10)
    assert [one.hits for one in alone] == [one.hits for one in together]
    assert [one.seeds for one in alone] == [one.seeds for one in together]
    return [[(hit.chunk_id, hit.score) for hit in one.hits] for one in together]


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many vectors were encoded in 8 bits, each time."""
    made: list[int] = []
    encode = codes.Codes.of

    def counting(vectors: Any, *room: Any) -> codes.Codes:
        made.append(len(vectors))
        return encode(vectors, *room)

    monkeypatch.setattr(codes.Codes, "of", counting)
    return made


def test_passages_are_those_of_all_similarities_also_beside_what_was_remembered(
    sample_path: Path, questions: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "COMPILED_FROM", 1)
    made = counted(monkeypatch)
    path = tmp_path / "index"
    shutil.copytree(sample_path, path)

    def asked() -> list[list[list[tuple[str, float]]]]:
        with Hippo.open(path) as memory:
            before = found(memory, questions)
            memory.remember("The harbour of the city was closed by a storm.", session="s")
            after = found(memory, questions)
        shutil.rmtree(path)
        shutil.copytree(sample_path, path)
        return [before, after]

    coded = asked()
    assert made
    assert len(set(made)) == len(made) == 1  # What was remembered is compared as it is.
    monkeypatch.setattr(Linkers, "codes", None)
    for some, whole in zip(coded, asked(), strict=True):
        for one, other in zip(some, whole, strict=True):
            assert [key for key, _ in one] == [key for key, _ in other]
            assert [score for _, score in one] == pytest.approx([score for _, score in other], rel=1e-5)
    assert len(made) == 1


def test_a_snapshot_carries_them_for_all_its_readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "COMPILED_FROM", 1)
    made, path, question = counted(monkeypatch), tmp_path / "index", ["Who met Charles Babbage?"]
    config = {"encoder": {"name": "hashing", "storage": "float16"}, "indexing": {"merge_after": 0}}
    with Hippo.open(path, config=config) as memory:
        memory.add(["Ada Lovelace met Charles Babbage.", "London lies on the Thames.", "Luigi Menabrea met a king."])
        memory.remember("Charles Babbage met a king.", session="s")
        expected, facts = found(memory, question), memory.contents().vectors["fact"].shape[0]
        assert made == [facts]  # once, by the writer
        coded, contents = memory.contents().codes["fact"], memory.contents()
        assert not coded.codes.flags.writeable  # It is mapped.
        wrong = codes.Codes(coded.codes, coded.scales[::-1] * 2, coded.bounds)
        assert not list(violations(contents))
        [problem] = violations(replace(contents, codes={"fact": wrong}))
        assert problem == "vectors of fact rows in 8 bits are not those of the same rows"
    assert check(path).sound
    file = next(path.glob("snapshots/*/codes.fact.codes.npy"))
    file.write_bytes(file.read_bytes()[:-1] + b"\x55")
    assert not check(path).sound
    made.clear()
    assert repair(path).sound
    with Hippo.open(path) as memory:
        assert found(memory, question) == expected
    assert made == [facts]
    monkeypatch.setattr("hippo.snapshot.contents._CODE_ARRAYS", ("none",))  # as a snapshot without them is read
    with Hippo.open(path) as memory:
        assert not memory.contents().codes
        assert found(memory, question) == expected
    assert made == [facts, facts]
