"""Whole retrievals in which facts are found by their vectors in 8 bits, as in every index of some thousands."""

import shutil
from pathlib import Path

import pytest

from hippo import Hippo
from hippo.backends import scoring
from hippo.backends.scoring import codes
from hippo.retrieval.linkers import Linkers


def found(memory: Hippo, questions: list[str]) -> list[list[tuple[str, float]]]:
    alone = [memory.retrieve(question, k=10) for question in questions]
    together = memory.retrieve_many(questions, k=10)
    assert [one.hits for one in alone] == [one.hits for one in together]
    assert [one.seeds for one in alone] == [one.seeds for one in together]
    return [[(hit.chunk_id, hit.score) for hit in one.hits] for one in together]


def test_passages_are_those_of_all_similarities_also_beside_what_was_remembered(
    sample_path: Path, questions: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "COMPILED_FROM", 1)
    made = []
    encode = codes.Codes.__init__

    def counted(self: codes.Codes, vectors: object) -> None:
        made.append(len(vectors))  # type: ignore[arg-type]
        encode(self, vectors)  # type: ignore[arg-type]

    monkeypatch.setattr(codes.Codes, "__init__", counted)
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
