"""Indexes whose snapshots keep vectors in float16, through what people call: the same answers, in half the room."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hippo import Hippo
from hippo.backends import scoring
from hippo.config import load_config
from hippo.errors import ConfigError
from hippo.maintenance import backup, check, repair, restore
from hippo.snapshot import Snapshot
from hippo.snapshot.history import read_history

CORPUS = [
    {"id": "a", "text": "Ada Lovelace met Charles Babbage in London.", "metadata": {"year": 1833}},
    {"id": "b", "text": "Charles Babbage designed the Analytical Engine.", "metadata": {"year": 1837}},
    {"id": "c", "text": "Luigi Menabrea wrote about the Analytical Engine.", "metadata": {"year": 1842}},
    {"id": "d", "text": "London lies on the Thames, and Londoners row on it."},
]
QUESTIONS = ["Where did the designer of the Engine meet Ada Lovelace?", "Who wrote about the Analytical Engine?"]
HALVES = {"encoder": {"name": "hashing", "storage": "float16"}, "indexing": {"merge_after": 0}}


@pytest.fixture
def _compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts of a test are too few for compiled loops otherwise."""
    monkeypatch.setattr(scoring, "COMPILED_FROM", 1)


@pytest.fixture
def halves(tmp_path: Path) -> Iterator[Hippo]:
    with Hippo.open(tmp_path / "halves", config=HALVES) as memory:
        memory.add(CORPUS)
        yield memory


@pytest.fixture
def wholes(tmp_path: Path) -> Iterator[Hippo]:
    with Hippo.open(tmp_path / "wholes", encoder="hashing", config={"indexing": {"merge_after": 0}}) as memory:
        memory.add(CORPUS)
        yield memory


def answers(memory: Hippo, **options: Any) -> dict[str, float]:
    found = memory.retrieve_many(QUESTIONS, k=10, **options)
    assert [memory.retrieve(text, k=10, **options).hits for text in QUESTIONS] == [one.hits for one in found]
    return {f"{number} {hit.text}": hit.score for number, one in enumerate(found) for hit in one.hits}


def kinds(path: Path) -> set[str]:
    """Types of the vectors of a snapshot, those of older versions too."""
    with Snapshot.open(path, verify=True) as snapshot:
        names = [name.removesuffix(".npy") for name in snapshot.sums if "vectors." in name]
        assert names
        return {str(snapshot.array(name).dtype) for name in names}


@pytest.mark.usefixtures("_compiled")
def test_answers_are_those_of_float32_with_what_was_remembered_and_without_it(halves: Hippo, wholes: Hippo) -> None:
    def same(**options: Any) -> None:
        assert answers(halves, **options) == pytest.approx(answers(wholes, **options), rel=0.01, abs=1e-4)

    for profile in ("hippo", "dense", "hipporag2"):
        same(profile=profile)
    same(where="year > 1840")
    for memory in (halves, wholes):
        memory.remember("Babbage dined with Luigi Menabrea in Turin.", session="s")
    same()
    same(where="year > 1840 OR session = 's'")
    for memory in (halves, wholes):
        memory.merge()
        memory.update("b", text="Charles Babbage designed two engines.")
    same()
    assert answers(halves, as_of="2100-01-01") == answers(halves)
    assert kinds(halves.path) == {"float16"}
    names = [[one.key for one in memory.entities("Londoner")] for memory in (halves, wholes)]
    assert names[0] == names[1] != []


def test_equal_texts_are_equally_near_in_the_snapshot_and_beside_it(halves: Hippo) -> None:
    [twin] = halves.remember(CORPUS[1]["text"], metadata={"year": 1837})
    for where in (None, "year = 1837"):
        hits = halves.retrieve(QUESTIONS[0], k=10, profile="dense", where=where).hits
        found = {hit.document_id: hit.score for hit in hits}
        assert found[twin] == found["b"]
        assert (found.keys() == {"b", twin}) == (where is not None)


def test_the_option_can_be_changed_and_nothing_is_encoded_again(tmp_path: Path, wholes: Hippo) -> None:
    path = wholes.path
    wholes.update("b", text="Charles Babbage designed two engines.")
    wide = wholes.contents()
    wholes.close()
    sizes = {}
    for storage, publishes in (("float16", True), ("float32", True), ("float16", True), ("float16", False)):
        before = Snapshot.open(path)
        before.close()
        with Hippo.open(path, config={"encoder": {"storage": storage}}) as memory:
            report, status = memory.add([]), memory.status()
            assert (report.embedded, status.storage, report.snapshot != before.name) == (0, storage, publishes)
            for kind, vectors in memory.contents().vectors.items():
                assert vectors.dtype == storage
                np.testing.assert_array_equal(vectors, wide.vectors[kind].astype(storage))
            # Names are compared in float32 in any case.
            assert memory.contents().similar.similarity.tobytes() == wide.similar.similarity.tobytes()
            sizes[storage] = status.bytes["snapshots"]
        with Snapshot.open(path) as snapshot:
            past = read_history(snapshot).past.part.vectors
            assert {str(one.dtype) for one in past.values()} == {storage}
    with Hippo.open(path) as memory:  # It is kept in the index.
        memory.add([{"id": "e", "text": "Turin lies on the Po."}])
        assert (memory.status().storage, memory.config.encoder.storage) == ("float16", "float16")
    assert check(path).sound
    assert sizes["float16"] < sizes["float32"]


def test_a_wrong_type_is_refused() -> None:
    with pytest.raises(ConfigError, match="must be float32 or float16, got 'int8'"):
        load_config({"encoder": {"storage": "int8"}})


def test_copies_and_repairs_keep_it(halves: Hippo, tmp_path: Path) -> None:
    expected, path = answers(halves), halves.path
    halves.close()
    backup(path, tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "again")
    assert kinds(tmp_path / "again") == {"float16"}
    next((tmp_path / "again").glob("snapshots/*/vectors.fact.npy")).write_bytes(b"x")
    assert not check(tmp_path / "again").sound
    assert repair(tmp_path / "again").sound
    assert kinds(tmp_path / "again") == {"float16"}
    with Hippo.open(tmp_path / "again") as memory:
        assert answers(memory) == expected


def test_the_doctor_finds_vectors_of_another_type(halves: Hippo) -> None:
    from dataclasses import replace

    from hippo.maintenance.invariants import violations

    contents = halves.contents()
    assert not list(violations(contents))
    wrong = {**contents.vectors, "fact": contents.vectors["fact"].astype(np.float64)}
    assert list(violations(replace(contents, vectors=wrong))) == [
        "vectors of fact rows are float64, not float32 or float16"
    ]
