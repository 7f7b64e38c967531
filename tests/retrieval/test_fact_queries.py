"""Facts are looked up by a question's vector for facts, and further where the best of them say the same."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hippo import Hippo
from hippo.backends.pagerank.auto import AutoPageRank
from hippo.encoding import alike
from hippo.protocols import Encoder, InstructedEncoder
from hippo.retrieval.profiles import PROFILES
from hippo.retrieval.retrieve import Retriever
from hippo.testing.hashing import HashingEncoder
from hippo.types import TextKind


class Instructed:
    """Reads a question for facts as one about birds; remembers what it was given."""

    fingerprint = "instructed/1"
    dimension = 64

    def __init__(self) -> None:
        self._plain = HashingEncoder(dimension=64)
        self.calls: list[TextKind] = []

    def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> np.ndarray:
        self.calls.append(kind)
        return self._plain.encode(["robins nest" if kind == "query_to_fact" else text for text in texts])


DOCUMENTS = ["Robins nest in Norway.", "Ada met Charles.", "Charles lived in London.", "Bells ring in Delft."]
QUESTION = "Whom did Ada meet?"


def test_facts_are_found_by_a_vector_of_their_own(tmp_path: Path) -> None:
    encoder = Instructed()
    profile = {"lexical_weight": 0.0, "facts": 1}
    config = {"retrieval": {"profiles": {"mine": profile}}}
    with Hippo.open(tmp_path / "index", encoder=encoder, config=config) as memory:
        memory.add(DOCUMENTS)
        encoder.calls.clear()
        found = memory.retrieve(QUESTION, profile="mine", explain=True)
        assert encoder.calls == ["query_to_passage", "query_to_fact"]
        assert [fact.text for fact in found.seeds] == ["Robins nest in Norway."]
        # Passages are compared with the question as it is.
        best = max(found.hits, key=lambda hit: hit.explanation.dense if hit.explanation else 0.0)
        assert best.text == "Ada met Charles."
        for name, calls in (("dense", ["query_to_passage"]), ("bm25", [])):
            encoder.calls.clear()
            memory.retrieve(QUESTION, profile=name)
            assert encoder.calls == calls


def test_what_is_the_same_is_encoded_once(tmp_path: Path) -> None:
    class Counting(HashingEncoder):
        calls = 0

        def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> np.ndarray:
            self.calls += 1
            return super().encode(texts, kind=kind)

    encoder = Counting()
    with Hippo.open(tmp_path / "index", encoder=encoder) as memory:
        memory.add(DOCUMENTS)
        encoder.calls = 0
        memory.retrieve(QUESTION)
        assert encoder.calls == 1


def test_only_encoders_that_say_so_are_alike() -> None:
    class Task(HashingEncoder):
        def instruction(self, kind: TextKind) -> str:
            return "query: " if kind.startswith("query") else ""

    silent, plain, task = Instructed(), HashingEncoder(), Task()
    assert isinstance(silent, Encoder)
    assert not isinstance(silent, InstructedEncoder)
    assert not alike(silent, "query_to_passage", "query_to_fact")
    assert alike(plain, "passage", "query_to_fact")
    assert alike(task, "query_to_passage", "query_to_fact")
    assert not alike(task, "passage", "query_to_fact")


@pytest.fixture(scope="module")
def repeating(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hippo]:
    """Many documents that say the same, some that do not."""
    same = [{"id": f"same-{n}", "text": "Ada met Bob."} for n in range(400)]
    others = [{"id": f"other-{n}", "text": f"Ada met Name{chr(65 + n)}."} for n in range(20)]
    with Hippo.open(tmp_path_factory.mktemp("repeats") / "index", encoder="hashing") as opened:
        opened.add([*same, *others])
        yield opened


@pytest.mark.parametrize("facts", [1, 10, 30])
def test_a_search_that_sees_the_nearest_facts_looks_past_repeats(repeating: Hippo, facts: int) -> None:
    pytest.importorskip("faiss")
    profile = replace(PROFILES["hippo"], distinct_facts=True, facts=facts)
    questions = ["Ada met Bob", "Ada met NameC"]
    queries = HashingEncoder().encode(questions)
    found, whole = (
        Retriever(repeating.contents(), AutoPageRank(), tolerance=1e-9, vectors=vectors).retrieve(
            questions, queries, profile, k=3
        )
        for vectors in ("faiss", "numpy")
    )
    for some, every in zip(found, whole, strict=True):
        texts = [seed.text for seed in some.seeds]
        assert len(texts) == len(set(texts)) == min(facts, 21)
        assert texts == [seed.text for seed in every.seeds]
