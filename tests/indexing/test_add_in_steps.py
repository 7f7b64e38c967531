"""However documents come, the index is that of all of them at once: every table and every array."""

import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hippo import Document, Hippo
from hippo.snapshot import Snapshot

TEXTS = [
    "Ada Lovelace met Charles Babbage in 1833. He showed her the Difference Engine.",
    "Charles Babbage was born in London. Charles Babbages Maschine is in the Science Museum.",
    "London lies on the Thames. The Thames flows into the North Sea.",
    "The Science Museum, London, holds the Difference Engine No. 2.",
    "nothing is named here. nor here.",
    "東京は日本の首都です。東京タワーは東京にあります。",
    "The North Sea is a sea. The Thames and the Rhine flow into it.",
]
DOCUMENTS = [
    Document(
        text,
        id=f"doc-{number}",
        title=[None, "Charles Babbage", "Ada"][number % 3],
        metadata={"number": number},
        source=f"file-{number}",
    )
    for number, text in enumerate(TEXTS)
]
OPTIONS = {"graph": {"synonym_threshold": 0.5, "synonym_max": 2}, "chunking": {"max_tokens": 16}}


def content(root: Path) -> dict[str, object]:
    """Everything that a snapshot holds of the present, by name; all but how and when it was made."""
    with Snapshot.open(root) as snapshot:
        files = {
            file.stem: file.suffix
            for file in snapshot.path.iterdir()
            if file.suffix in (".npy", ".arrow") and not file.stem.startswith(("history.", "past."))
        }
        found: dict[str, object] = {
            name: snapshot.table(name).to_pydict() if suffix == ".arrow" else snapshot.array(name).copy()
            for name, suffix in files.items()
        }
        return {**found, "info": {name: one for name, one in snapshot.info.items() if name != "versions"}}


def assert_same(first: dict[str, object], second: dict[str, object]) -> None:
    assert first.keys() == second.keys()
    for name, value in first.items():
        if isinstance(value, np.ndarray):
            other = second[name]
            assert isinstance(other, np.ndarray)
            assert (value.dtype, value.shape) == (other.dtype, other.shape), name
            assert np.array_equal(value, other), name
        else:
            assert value == second[name], name


def index(*steps: list[Document], encoder: str = "hashing") -> dict[str, object]:
    """Add in steps, opening the index anew for each."""
    with tempfile.TemporaryDirectory() as folder:
        for step in steps:
            with Hippo.open(folder, encoder=encoder, config=OPTIONS) as memory:
                memory.add(step)
        return content(Path(folder))


WHOLE = index(DOCUMENTS)
# Every example makes whole indexes, so a failing one is shown as found.
IN_EARNEST = settings(max_examples=4, phases=[Phase.explicit, Phase.reuse, Phase.generate])


def test_the_corpus_has_all_that_can_go_wrong():
    assert set(WHOLE["info"]["edges"]) == {"relation", "contains", "titles", "synonym", "follows"}
    assert all(WHOLE["info"]["edges"].values())
    assert len(WHOLE["chunks"]["text"]) > len(DOCUMENTS)


@IN_EARNEST
@given(st.permutations(DOCUMENTS), st.lists(st.integers(0, len(DOCUMENTS)), min_size=1, max_size=2), st.data())
def test_in_steps_as_at_once(order, cuts, data):
    bounds = [0, *sorted(cuts), len(order)]
    steps = [order[start:end] for start, end in pairwise(bounds)]
    again = data.draw(st.lists(st.sampled_from(DOCUMENTS), max_size=3, unique_by=lambda document: document.id))
    steps[-1] = [*steps[-1], *(document for document in again if document not in steps[-1])]
    assert_same(index(*steps), WHOLE)


@IN_EARNEST
@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from(TEXTS)), min_size=1, max_size=4, unique_by=lambda x: x[0]))
def test_changed_documents_leave_nothing_behind(changes):
    old = [Document(f"{text} Old Rome fell.", id=f"doc-{number}", title="Old Title") for number, text in changes]
    assert_same(index(old, DOCUMENTS), WHOLE)


def test_without_vectors():
    assert_same(
        index(DOCUMENTS[3:], DOCUMENTS[:3], encoder="none"),
        index(DOCUMENTS, encoder="none"),
    )


def test_synonyms_that_were_switched_off_come_when_they_are_switched_on(tmp_path):
    off = {**OPTIONS, "graph": {"synonym_threshold": 0.5, "synonym_max": 0}}
    with Hippo.open(tmp_path, encoder="hashing", config=off) as memory:
        memory.add(DOCUMENTS[:5])
        assert memory.status().edges["synonym"] == 0
    with Hippo.open(tmp_path, encoder="hashing", config=OPTIONS) as memory:
        memory.add(DOCUMENTS[5:])
    assert_same(content(tmp_path), WHOLE)


def test_another_threshold_is_applied_to_all(tmp_path):
    strict = {**OPTIONS, "graph": {"synonym_threshold": 0.99, "synonym_max": 2}}
    with Hippo.open(tmp_path, encoder="hashing", config=strict) as memory:
        memory.add(DOCUMENTS)
        assert memory.status().edges["synonym"] < WHOLE["info"]["edges"]["synonym"]
    with Hippo.open(tmp_path, encoder="hashing", config=OPTIONS) as memory:
        memory.add([])
    assert_same(content(tmp_path), WHOLE)
