"""Whatever was done to an index, it holds what a fresh one of the present documents holds: bit by bit."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hippo import Hippo, SynonymDecision
from hippo.documents import coerce_documents
from hippo.maintenance import check, prune, repair
from hippo.snapshot import Snapshot

SENTENCES = [
    "Ada Lovelace met Charles Babbage in 1833.",
    "Charles Babbage was born in London. Charles Babbages Maschine is in the Science Museum.",
    "London lies on the Thames. The Thames flows into the North Sea.",
    "The Science Museum, London, holds the Difference Engine No. 2.",
    "nothing is named here. nor here.",
    "東京は日本の首都です。東京タワーは東京にあります。",
    "The North Sea is a sea. The Thames and the Rhine flow into it.",
    "Yesterday Ada Lovelace saw the Thames. Two months ago she was in London.",
]
TITLES = [None, "Charles Babbage", "Ada"]
QUESTIONS = ["Where was the man whom Ada Lovelace met born?", "What flows into the North Sea?"]
OPTIONS = {
    "graph": {"synonym_threshold": 0.5, "synonym_max": 2},
    "chunking": {"method": "document"},
    "indexing": {"merge_after": 0},
}
SYNONYMS = [("Ada Lovelace", "Charles Babbage"), ("London", "Thames"), ("North Sea", "Thames")]
VALUES = st.fixed_dictionaries(
    {
        "text": st.sampled_from(SENTENCES),
        "title": st.sampled_from(TITLES),
        "year": st.integers(1999, 2001),
        "session": st.sampled_from([None, "s", "t"]),
        "day": st.integers(1, 3),
    }
)
OWN, FROM_FILES = st.sampled_from(["a", "b", "c", "d"]), st.sampled_from(["x", "y", "z"])
NAMES = ["text", "title", "year", "session", "day"]
Value = Mapping[str, Any]


def metadata_of(value: Value) -> dict[str, Any]:
    """The year, and the session if there is one, in which documents then follow one another."""
    return {"year": value["year"], **({"session": value["session"]} if value["session"] else {})}


def openie(path: Path) -> None:
    """A file of triples for every passage there can be: its capitalised words, each related to the next."""
    records = []
    for sentence in SENTENCES:
        for title in TITLES:
            names = [word.strip(".,") for word in sentence.split() if word[0].isupper()]
            triples = [[one, "stands before", other] for one, other in pairwise(names)]
            passage = f"{title}\n{sentence}" if title else sentence
            records.append({"passage": passage, "extracted_entities": names, "extracted_triples": triples})
    path.write_text(json.dumps({"docs": records}), encoding="utf-8")


class Listening:
    """A PageRank engine that remembers the restart vectors that it was given."""

    def __init__(self, engine: Any) -> None:
        self.engine, self.heard = engine, []

    def rank(self, walk: Any, restart: Any, **options: Any) -> Any:
        self.heard.append(np.asarray(restart.toarray() if hasattr(restart, "toarray") else restart).copy())
        return self.engine.rank(walk, restart, **options)


def state_of(root: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """All that readers see: tables and arrays of the snapshot, restart vectors and rankings for some questions."""
    found: dict[str, Any] = {}
    with Snapshot.open(root) as snapshot:
        for file in sorted(snapshot.path.iterdir()):
            if file.name.startswith(("history.", "past.")):
                continue  # When a document came, and what it was before, is no part of what it is.
            if file.suffix == ".npy":
                found[file.name] = snapshot.array(file.stem).copy()
            elif file.suffix == ".arrow":
                # Where a document was read is no part of what it is.
                found[file.name] = {**snapshot.table(file.stem).to_pydict(), "source": None}
        # It holds the path of the file of triples, and how many versions there were and what was remembered before.
        passing = ("identity", "versions", "fresh", "consolidated")
        found["info"] = {key: value for key, value in snapshot.info.items() if key not in passing}
    with Hippo.open(root, config=options) as memory:
        memory._engine = listening = Listening(memory._engine)
        for retrieval in memory.retrieve_many(QUESTIONS, k=5) if memory.status().chunks else ():
            found[f"ranking: {retrieval.question}"] = [(hit.chunk_id, hit.score) for hit in retrieval.hits]
            found[f"seeds: {retrieval.question}"] = retrieval.seeds
        found |= {f"restart {number}": heard for number, heard in enumerate(listening.heard)}
    return found


def assert_same(seen: Mapping[str, Any], fresh: Mapping[str, Any]) -> None:
    assert seen.keys() == fresh.keys()
    for name, value in seen.items():
        if isinstance(value, np.ndarray):
            assert (value.dtype, value.shape) == (fresh[name].dtype, fresh[name].shape), name
            assert np.array_equal(value, fresh[name]), name
        else:
            assert value == fresh[name], name


class Changes(RuleBasedStateMachine):
    """Random changes of one index, and a mapping that says what has to be in it."""

    extractor = "pattern"

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="hippo-test-"))
        self.root, self.files = self.folder / "index", self.folder / "files"
        self.files.mkdir()
        openie(self.folder / "openie.json")
        named = {"name": self.extractor, "imported": {"path": str(self.folder / "openie.json")}}
        self.options = {**OPTIONS, "extractor": named}
        self.held: dict[str, Value] = {}
        self.decided: dict[tuple[str, str], str] = {}
        self.memory = self.opened()

    def opened(self, root: Path | None = None) -> Hippo:
        return Hippo.open(root or self.root, encoder="hashing", config=self.options)

    def documents(self, values: Mapping[str, Value]) -> list[dict[str, Any]]:
        return [
            {
                "id": key,
                "text": value["text"],
                "title": value["title"],
                "metadata": metadata_of(value),
                "timestamp": f"2024-05-0{value['day']}",
            }
            for key, value in values.items()
        ]

    @initialize(values=st.dictionaries(OWN, VALUES, min_size=1, max_size=3))
    def begin(self, values: dict[str, Value]) -> None:
        self.add(values)

    @rule(values=st.dictionaries(OWN, VALUES, min_size=1, max_size=3))
    def add(self, values: dict[str, Value]) -> None:
        self.memory.add(self.documents(values))
        self.held |= values

    @precondition(lambda self: any(key in "abcd" for key in self.held))
    @rule(data=st.data(), value=VALUES, names=st.sets(st.sampled_from(NAMES), min_size=1))
    def update(self, data: st.DataObject, value: Value, names: set[str]) -> None:
        key = data.draw(st.sampled_from(sorted(key for key in self.held if key in "abcd")))
        if "title" in names:
            names.add("text")  # A title alone is refused.
        new = {name: value[name] for name in sorted(names)}
        self.held[key] = {**self.held[key], **new}
        if new.pop("year", None) is not None or "session" in new:
            new["metadata"] = metadata_of(self.held[key])
        new.pop("session", None)
        if (day := new.pop("day", None)) is not None:
            new["timestamp"] = f"2024-05-0{day}"
        self.memory.update(key, **new)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        keys = data.draw(st.lists(st.sampled_from(sorted(self.held)), min_size=1, max_size=2, unique=True))
        assert self.memory.delete(*keys).deleted == len(keys)
        for key in keys:
            del self.held[key]

    @rule(values=st.dictionaries(OWN, VALUES, min_size=1, max_size=3))
    def remember(self, values: dict[str, Value]) -> None:
        self.memory.remember(list(coerce_documents(self.documents(values))))
        self.held |= values

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.held)))
        assert self.memory.forget(key) == [key]
        del self.held[key]

    @rule()
    def merge(self) -> None:
        self.memory.merge()

    @rule(pair=st.sampled_from(SYNONYMS), decision=st.sampled_from(["accepted", "rejected", None]))
    def decide(self, pair: tuple[str, str], decision: str | None) -> None:
        if decision is None:
            self.memory.reset_synonym(*pair)
            self.decided.pop(pair, None)
        else:
            decide = self.memory.accept_synonym if decision == "accepted" else self.memory.reject_synonym
            decide(*pair, missing_ok=True)
            self.decided[pair] = decision

    @rule(year=st.integers(1999, 2001))
    def delete_where(self, year: int) -> None:
        self.memory.delete(where={"year": year})
        self.held = {key: value for key, value in self.held.items() if value["year"] != year}

    @rule(values=st.dictionaries(FROM_FILES, VALUES, min_size=1, max_size=3))
    def sync(self, values: dict[str, Value]) -> None:
        shutil.rmtree(self.files)
        self.files.mkdir()
        for document in self.documents(values):
            flat = {**document, **document.pop("metadata")}
            (self.files / f"{document['id']}.jsonl").write_text(json.dumps(flat) + "\n", encoding="utf-8")
        self.memory.sync(self.files)
        self.held = {key: value for key, value in self.held.items() if key in "abcd"} | values

    @rule()
    def consolidate(self) -> None:
        """What is derived leaves nothing behind."""
        self.memory.consolidate()
        derived = [one.id for one in self.memory.documents() if "derived" in one.metadata]
        if derived:
            self.memory.delete(*derived, forget=True)

    @rule()
    def reopen(self) -> None:
        self.memory.close()
        self.memory = self.opened()

    @rule()
    def prune(self) -> None:
        prune(self.root)

    @rule(lost=st.sampled_from(["CURRENT", "identity.json", "snapshot", "store.duckdb"]))
    def lose_and_repair(self, lost: str) -> None:
        self.memory.close()
        if lost == "snapshot":
            shutil.rmtree(self.root / "snapshots" / (self.root / "CURRENT").read_text().strip())
        else:
            (self.root / lost).unlink()
        assert repair(self.root).sound
        self.memory = self.opened()
        self.memory.add([])

    @invariant()
    def exact(self) -> None:
        if not self.root.exists():
            return
        if self.memory.waiting:
            # Until it is merged, what was remembered is beside the snapshot.
            assert {one.id for one in self.memory.documents()} == set(self.held)
            for document in self.documents(self.held):
                found = self.memory.get(document["id"])
                told = {"text": found.text, "title": found.title, "metadata": found.metadata}
                assert told == {name: document[name] for name in told}
            return
        key = (self.extractor, json.dumps([sorted(self.held.items()), sorted(self.decided.items())]))
        if key not in _FRESH:
            fresh = self.folder / "fresh"
            with self.opened(fresh) as memory:
                memory.add(self.documents(self.held))
                memory.decide_synonyms(SynonymDecision(*pair, one) for pair, one in self.decided.items())
            _FRESH[key] = state_of(fresh, self.options)
            shutil.rmtree(fresh)
        assert_same(state_of(self.root, self.options), _FRESH[key])

    def teardown(self) -> None:
        self.memory.close()
        sound = not self.root.exists() or check(self.root).sound
        shutil.rmtree(self.folder)
        assert sound


class ChangesOfTriples(Changes):
    """The same with facts from a file of triples."""

    extractor = "imported"


_FRESH: dict[tuple[str, str], dict[str, Any]] = {}
"""What fresh builds give: the same documents come again in many histories."""
_PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
"""Every step makes an index, so a failing history is shown as found."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("machine", [Changes, ChangesOfTriples])
def test_short_histories(machine: type[Changes]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=2, stateful_step_count=6, phases=_PHASES))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("machine", [Changes, ChangesOfTriples])
def test_long_histories(machine: type[Changes]) -> None:
    checks = [HealthCheck.too_slow]
    many = settings(max_examples=60, stateful_step_count=20, phases=_PHASES, suppress_health_check=checks)
    run_state_machine_as_test(machine, settings=many)
