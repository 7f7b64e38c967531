"""What was known at a time is what an index of the versions of that time holds, array by array and score by score."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hippo import Document, Hippo
from hippo.errors import IndexMismatchError, QuestionError

SENTENCES = [
    "Rome fell.",
    "ROME stood, and Rome fell in 1911.",
    "Then Ada Lovelace met Charles Babbage near the Thames.",
    "Charles Babbages Maschine was in Rome.",
    "The Thames flows into the North Sea, and the north sea is cold.",
    "Zoë saw the North Seas and Ada Lovelaces Maschine.",
]
QUESTION = "Who met Charles Babbage near the Thames?"
TIMES = [datetime(year, 1, 1, tzinfo=UTC) for year in (2001, 2002, 2003, 2100, 2101)]

changes = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "date", "mark", "delete"]),
        st.sampled_from("abc"),
        st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=3).map(" ".join),
        st.sampled_from([None, "Rome", "Ada Lovelaces"]),
        st.sampled_from([None, *TIMES]),
    ),
    min_size=2,
    max_size=7,
)


@dataclass
class Known:
    """A version of a document as the test knows it."""

    document: Document
    started: datetime
    ended: datetime | None = None


class Model:
    """What should be in force when, kept by the plainest means."""

    def __init__(self) -> None:
        self.versions: dict[str, list[Known]] = {}

    def present(self, key: str) -> Document | None:
        known = self.versions.get(key)
        return known[-1].document if known and known[-1].ended is None else None

    def put(self, document: Document, now: datetime) -> None:
        known = self.versions.setdefault(document.id, [])
        floor = (known[-1].ended or known[-1].started) if known else None
        time = document.timestamp
        later = time is not None and (floor is None or time > floor)
        started = time if later else max(now, floor or now)
        if known and known[-1].ended is None:
            known[-1].ended = started
        known.append(Known(document, started))

    def delete(self, key: str, now: datetime) -> None:
        last = self.versions[key][-1]
        last.ended = max(now, last.started)

    def at(self, time: datetime) -> list[Document]:
        every = [one for known in self.versions.values() for one in known]
        return [one.document for one in every if one.started <= time and (one.ended is None or time < one.ended)]


def apply(memory: Hippo, model: Model, change: tuple[Any, ...]) -> datetime:
    """Change both, and tell when that was done."""
    kind, key, text, title, time = change
    before = model.present(key)
    if kind == "put":
        document = Document(text, key, title, {"of": len(text)}, time)
        changed = memory.add([document])
        assert changed.unchanged == (before == document)
    elif before is None:
        return datetime.now(UTC)
    elif kind == "delete":
        memory.delete(key)
    else:
        new = {"timestamp": time} if kind == "date" else {"metadata": {"mark": len(text)}}
        memory.update(key, **new)
        document = replace(before, **new)
    now = datetime.now(UTC)
    if kind == "delete":
        model.delete(key, now)
    elif document != before:
        model.put(document, now)
    return now


def plain(value: Any, *, top: bool = False) -> Any:
    """Everything in a value, types and orders included, so that two can be compared."""
    if isinstance(value, pa.Table):
        return str(value.schema), value.to_pydict()
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tobytes()
    if isinstance(value, Mapping):
        return [(key, plain(one)) for key, one in value.items()]
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    if is_dataclass(value):
        return [
            (one.name, plain(getattr(value, one.name))) for one in fields(value) if not (top and one.name == "info")
        ]
    return value


def found(memory: Hippo, **options: Any) -> list[tuple[Any, ...]]:
    hits = memory.retrieve(QUESTION, k=4, explain=True, **options).hits
    return [(hit.chunk_id, hit.score, hit.text, hit.metadata, hit.explanation) for hit in hits]


@settings(max_examples=3, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(changes, st.sampled_from(["hippo", "hipporag"]), st.sampled_from(["hashing", "none"]))
def test_the_index_of_a_time_is_that_of_the_versions_in_force_then(history, rules, encoder):
    config = {
        "graph": {"synonym_threshold": 0.4, "synonym_max": 1, "rules": rules},
        "chunking": {"max_tokens": 16},
    }
    model = Model()
    with tempfile.TemporaryDirectory() as folder, Hippo.open(folder, encoder=encoder, config=config) as memory:
        moments = [apply(memory, model, change) for change in history]
        if not (Path(folder) / "CURRENT").exists():
            return
        seen: list[list[Document]] = []
        for time in [None, TIMES[1], *moments[:-1], TIMES[3]]:
            documents = model.at(time) if time else [one for key in "abc" if (one := model.present(key))]
            if documents in seen:
                continue
            seen.append(documents)
            with tempfile.TemporaryDirectory() as other, Hippo.open(other, encoder=encoder, config=config) as fresh:
                fresh.add(documents)
                naive = time and time.replace(tzinfo=None)
                mine, its = memory._retriever_now(None, naive).contents, fresh.contents()
                assert plain(mine, top=True) == plain(its, top=True)
                assert {key: mine.info[key] for key in its.info if key != "failed"} == {
                    key: value for key, value in its.info.items() if key != "failed"
                }
                assert found(memory, as_of=time) == found(fresh)
                where = "mark > 0 or of > 60"
                assert found(memory, as_of=time, where=where) == found(fresh, where=where)


@pytest.fixture
def memory(tmp_path):
    with Hippo.open(tmp_path / "index", encoder="hashing") as opened:
        opened.add([{"id": "head", "text": "Alice Smith leads Acme.", "timestamp": "2020-01-01"}])
        opened.add([{"id": "head", "text": "Bob Jones leads Acme.", "timestamp": "2022-01-01"}])
        yield opened


def test_a_time_may_be_given_in_every_way(memory):
    for time in ("2021-05-01", "2021-05-01T10:00:00+02:00", date(2021, 5, 1), datetime(2021, 5, 1, tzinfo=UTC)):
        [retrieval] = memory.retrieve_many(["Who leads Acme?"], as_of=time)
        assert [hit.text for hit in retrieval.hits] == ["Alice Smith leads Acme."]
        assert retrieval.parameters["as_of"].startswith("2021-05-01T")
    assert memory.retrieve("Who leads Acme?", as_of="2020-01-01").hits[0].text == "Alice Smith leads Acme."
    assert memory.retrieve("Who leads Acme?", as_of="2019-12-31").hits == ()
    for time in ("May", 2021, "2021", True):
        with pytest.raises(QuestionError, match="as_of must be a datetime, a date or their ISO 8601 text"):
            memory.retrieve("Who leads Acme?", as_of=time)


def test_times_between_two_changes_are_cut_once(memory):
    first, second = (memory._retriever_now(None, datetime(2021, month, 1)) for month in (2, 9))  # noqa: DTZ001
    assert first is second
    assert memory._retriever_now(None, datetime(2023, 1, 1)) is memory._retriever_now()  # noqa: DTZ001


def test_nothing_is_extracted_or_embedded_for_what_was(tmp_path):
    with Hippo.open(tmp_path / "index", encoder="hashing") as opened:
        opened.add([{"id": "a", "text": "Ada met Charles Babbage in London."}, {"id": "b", "text": "Rome fell."}])
        assert opened.update("a", metadata={"year": 1}).embedded == 0
        assert opened.delete("a").embedded == 0
        assert opened.status().documents == 1


def test_versions_are_not_kept_where_the_configuration_says_so(tmp_path):
    config = {"indexing": {"keep_versions": False}}
    with Hippo.open(tmp_path / "index", encoder="hashing", config=config) as opened:
        opened.add([{"id": "a", "text": "Rome fell.", "timestamp": "2001-01-01"}])
        opened.add([{"id": "a", "text": "Rome stood.", "timestamp": "2002-01-01"}])
        assert opened.retrieve("Rome?", as_of="2001-06-01").hits == ()
        assert opened.retrieve("Rome?", as_of="2002-06-01").hits[0].text == "Rome stood."


def test_a_snapshot_that_does_not_know_says_so(memory):
    [file] = (memory.path / "snapshots" / memory.status().snapshot).glob("history.starts.npy")
    memory._snapshot._files = {name: size for name, size in memory._snapshot._files.items() if name != file.name}
    memory._snapshot._names -= {file.name}
    with pytest.raises(IndexMismatchError, match=r"snapshot format.*Run `hippo index` once"):
        memory.retrieve("Who leads Acme?", as_of="2021-01-01")
    assert memory.retrieve("Who leads Acme?").hits
