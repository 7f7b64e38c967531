"""Values are frozen, slotted, comparable and convertible to JSON."""

import dataclasses
import json
import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hippo import types
from hippo.types import (
    Answer,
    BackgroundWork,
    Backup,
    ChangeReport,
    Chunk,
    Citation,
    Completion,
    Consolidation,
    Context,
    ContextItem,
    Document,
    DocumentEntry,
    Entity,
    EntityPath,
    Estimate,
    Explanation,
    Extraction,
    ExtractionFailure,
    Fact,
    FactHit,
    Health,
    Hit,
    Link,
    LLMRequest,
    Mention,
    Message,
    Neighbor,
    Passage,
    PathStep,
    Problem,
    Progress,
    Pruned,
    PrunedDocument,
    Recognition,
    Retrieval,
    Run,
    SeedFact,
    Sentence,
    Skipped,
    SourceShare,
    Spread,
    Status,
    Step,
    StoredDocument,
    Synonym,
    SynonymDecision,
    SynonymName,
    Triple,
    Usage,
    Version,
    View,
    ViewEdge,
    ViewNode,
    to_dict,
)

FACT = Fact("Lima: It lies in Peru.", ("lima", "peru"), (("lima", "peru"),), 0, 16, Triple("Lima", "lies in", "Peru"))
SEED = SeedFact("Lima: It lies in Peru.", ("lima", "peru"), "c1", 2.5, 1.0)
STEP = PathStep("question", "lima", "seed", None, None, 0.5)
HIT = Hit(
    1, 0.25, "It lies in Peru.", "Lima", "d1", "c1", {"year": 1535}, Explanation((SEED,), (STEP,), 1.0, None, 0.2)
)
USAGE = Usage(2, 1, 300, 40, 0.0125, 1)
RECOGNITION = Recognition("none", (), 4, "fact 9 was not shown", "dense", USAGE)
ROUND = Step("Where?", ("c1",), (0.25,), "Lima is a city.")
RETRIEVAL = Retrieval(
    "Where?",
    "hippo",
    (HIT,),
    {"damping": 0.5, "kinds": {"contains": 1.0}},
    (SEED,),
    {"walk": 0.001},
    RECOGNITION,
    (ROUND,),
    {"recognition": USAGE},
)
SENTENCE = Sentence("Lima lies in Peru.", ("Lima", "Peru"), "c1", "d1", "Lima")
VALUES: list[Any] = [
    Document(
        "It lies in Peru.",
        "d1",
        "Lima",
        {"tags": ["a", 1, None, {"b": True}]},
        datetime(2024, 2, 29, 12, tzinfo=UTC),
        "lima.md",
    ),
    Skipped("empty.txt", "holds no text"),
    Chunk("c1", "d1", 0, "It lies in Peru.", 0, 16, "Lima"),
    Mention("peru", "Peru", 11, 15),
    FACT.triple,
    FACT,
    Extraction("c1", (Mention("peru", "Peru", 11, 15),), (FACT,), {"sentence without entity": 2}),
    ExtractionFailure("c1", "no model"),
    Progress("extract", 1, None),
    Message("user", "Where is Lima?"),
    LLMRequest((Message("user", "Where is Lima?"),), 100, "answer/1", {"title": "Answer", "type": "object"}),
    USAGE,
    Completion("In Peru.", "length", USAGE),
    ChangeReport(
        1, 0, 0, (Skipped("x", "y"),), (ExtractionFailure("c1", "z"),), 1, 1, 2, 4, {}, {"embed": 0.5}, "000001"
    ),
    Estimate(1, 0, 0, (Skipped("x", "y"),), 1, 2, 0, 400, 300, None, 20, {"extract": 1.5}),
    SEED,
    STEP,
    HIT.explanation,
    HIT,
    RECOGNITION,
    ROUND,
    RETRIEVAL,
    Citation(1, "c1", "d1", "Lima"),
    Answer(
        "Where?",
        "In Peru [1].",
        True,
        (Citation(1, "c1", "d1", "Lima"),),
        None,
        RETRIEVAL,
        ("c1",),
        "stop",
        {"citation of no passage": 1},
        {"reader": USAGE},
        {"read": 0.5},
    ),
    Status("my-index", None, 0, 0, 0, 0, {}, {}, 0, None, "pattern-1", {"store": 0}),
    BackgroundWork(3, 1, 0.5, "the disk is full"),
    Problem("current", "it is missing", None),
    Health("my-index", ("store",), (Problem("store", "it is damaged", "makes it again"),), ("1 chunk waits",), ()),
    Backup("copy", "000001", 3, 4096),
    Pruned(("000001",), 2, {"store": 2}, {"store": 1}),
    Run("20240501T120000.000000Z", "add", "done", None, 1.5, {"added": 1}, {"numpy": "2"}, None, "pattern/1", "0", {}),
    Entity("lima", "Lima", 2, "exact", 1.0),
    Neighbor("relation", "Peru", "peru", 1.0, "Lima: It lies in Peru.", "c1"),
    EntityPath((STEP,), 0.5),
    Passage("c1", "d1", 0, "Lima", "It lies in Peru.", 0, 16, {"year": 1535}),
    DocumentEntry("d1", "Lima", {"year": 1535}, datetime(2024, 5, 1, tzinfo=UTC), "lima.txt", 1, 16),
    Version("d1", "Lima", {}, None, "lima.txt", 1, datetime(2024, 5, 1, tzinfo=UTC), None, "replaced"),
    SourceShare("by press", 0.5, 0.25),
    SynonymName("lima", "Lima", 2, "Lima lies in Peru.", "d1"),
    SynonymDecision("lima", "limas", "rejected"),
    Synonym(SynonymName("a", "A", 1, None, None), SynonymName("b", "b", 0, None, None), "accepted", None, 0.0),
    Consolidation(3, 1, 0, 2, 1, "000002"),
    ContextItem("fact", "Lima lies in Peru.", "c1", "d1", "Lima", datetime(2024, 5, 1, tzinfo=UTC)),
    Context("Where is Lima?", "Lima lies in Peru.", (), 6, {"budget": 1}, RETRIEVAL),
    FactHit(1, 0.5, "Lima lies in Peru.", Triple("Lima", "lies in", "Peru"), 0, 18, "c1", "d1", "Lima", None),
    Link("d1", "d2", "cites", 1.0),
    PrunedDocument("d1", "monday", 12.5, 0.25),
    SENTENCE,
    Spread(RETRIEVAL, (((0, 4),),), ((0.5, 0.5),), (0.1,)),
    ViewNode("entity", "lima", "Lima", 0.5, -0.5, 2),
    ViewEdge(0, 1, {"contains": 1.0}, (SENTENCE,)),
    View("Where is Lima?", (ViewNode("passage", "c1", "Lima", 0.0, 0.0, 1),), (), (), {"nodes": 3}),
    StoredDocument(
        "d1",
        "Lima",
        {"year": 1535},
        None,
        "lima.txt",
        "It lies in Peru.",
        (Chunk("c1", "d1", 0, "It lies in Peru.", 0, 16, "Lima"),),
        {"c1": (FACT,)},
    ),
]

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def test_every_value_has_an_example() -> None:
    classes = {name for name in types.__all__ if dataclasses.is_dataclass(getattr(types, name))}
    assert {type(value).__name__ for value in VALUES} == classes


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values(value: Any) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(value)[0].name, "other")
    assert not hasattr(value, "__dict__")
    assert value == dataclasses.replace(value)
    assert pickle.loads(pickle.dumps(value)) == value
    data = to_dict(value)
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert list(data) == [item.name for item in dataclasses.fields(value)]
    if not isinstance(value, Progress):
        assert value.to_dict() == data


def test_nesting_is_kept() -> None:
    data = RETRIEVAL.to_dict()
    assert data["hits"][0]["explanation"]["path"][0]["kind"] == "seed"
    assert data["hits"][0]["metadata"] == {"year": 1535}
    assert data["usage"]["recognition"]["cost"] == 0.0125
    assert data["steps"] == [{"query": "Where?", "chunk_ids": ["c1"], "scores": [0.25], "thought": "Lima is a city."}]
    assert FACT.to_dict()["triple"] == {"subject": "Lima", "predicate": "lies in", "object": "Peru"}


def test_usages_add_up() -> None:
    assert USAGE + Usage(1, 2, 3, 4, 0.5, 0) == Usage(3, 3, 303, 44, 0.5125, 1)
    assert sum([USAGE, USAGE], start=Usage()) == Usage(4, 2, 600, 80, 0.025, 2)


@settings(max_examples=30)
@given(st.dictionaries(st.text(), plain))
def test_plain_data_is_left_as_it_is(metadata: dict[str, Any]) -> None:
    assert Document("text", metadata=metadata).to_dict()["metadata"] == metadata


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.float64(0.5), 0.5),
        (np.int64(7), 7),
        (datetime(2024, 2, 29, tzinfo=timezone(timedelta(hours=1))), "2024-02-29T00:00:00+01:00"),
        (date(2024, 2, 29), "2024-02-29"),
        (Path("a") / "b", str(Path("a") / "b")),
        ((1, (2,)), [1, [2]]),
        ({"x"}, ["x"]),
        ({1: {2: 3}}, {"1": {"2": 3}}),
        (True, True),
    ],
)
def test_what_json_does_not_know(value: object, expected: object) -> None:
    data = to_dict(value)
    assert data == expected
    assert type(data) is type(expected)
    json.dumps(data)


@pytest.mark.parametrize(("title", "passage"), [("Lima", "Lima\nIn Peru."), (None, "In Peru."), ("", "In Peru.")])
def test_passage(title: str | None, passage: str) -> None:
    assert Chunk("c", "d", 0, "In Peru.", 0, 8, title).passage == passage
