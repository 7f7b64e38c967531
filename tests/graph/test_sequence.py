"""Which passages follow which: chunks of a document, documents of a session."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hippo import Hippo
from hippo.errors import ConfigError
from hippo.graph.sequence import follow_pairs, in_sequence


def documents(*rows: tuple[Mapping[str, Any], int | None]) -> pa.Table:
    times = [None if day is None else datetime(2024, 1, day, tzinfo=UTC) for _, day in rows]
    return pa.table(
        {
            "document_id": [f"d{number}" for number in range(len(rows))],
            "metadata": pa.array([json.dumps(metadata) for metadata, _ in rows], pa.string()),
            "timestamp": pa.array(times, pa.timestamp("us", "UTC")),
        }
    )


def joined(table: pa.Table, owners: list[int], distance: int) -> dict[tuple[int, int], float]:
    low, high, weights = follow_pairs(np.array(owners, np.int32), in_sequence(table), 10, distance)
    assert (low < high).all()
    return dict(zip(zip(low.tolist(), high.tolist(), strict=True), weights.tolist(), strict=True))


def test_chunks_of_one_document_follow_one_another() -> None:
    assert joined(documents(({}, 1), ({}, 2), ({}, 3)), [0, 0, 0, 1, 2, 2], 1) == {
        (10, 11): 1.0,
        (11, 12): 1.0,
        (14, 15): 1.0,
    }
    assert joined(documents(({}, 1)), [0, 0, 0, 0], 3)[10, 13] == pytest.approx(1 / 3)
    assert joined(documents(({}, 1)), [0, 0], 0) == {}
    assert joined(documents(), [], 2) == {}


def test_documents_of_a_session_are_in_the_order_of_position_time_and_id() -> None:
    named = [({"session": "s", "position": position}, day) for position, day in ((2, 1), (1, 9), (None, 5), (None, 4))]
    other = [
        ({"session": "t"}, 1),
        ({"session": None}, 1),
        ({"note": "session"}, 1),
        ({"session": "s", "position": True}, 6),
    ]
    # Positions first, then by time: d1, d0, d3, d2, d7.
    assert joined(documents(*named, *other), [0, 1, 2, 3, 4, 5, 6, 7], 1) == {
        (10, 11): 1.0,
        (10, 13): 1.0,
        (12, 13): 1.0,
        (12, 17): 1.0,
    }
    huge = documents(({"session": 1, "position": 10**400}, 1), ({"session": 1, "position": -(10**400)}, 1))
    assert joined(huge, [0, 1], 1) == {(10, 11): 1.0}
    # The number 1 is no text "1".
    assert joined(documents(({"session": 1}, 1), ({"session": "1"}, 1)), [0, 1], 2) == {}


def test_a_long_turn_goes_on_where_it_ends() -> None:
    table = documents(({"session": "s", "position": 1}, 1), ({"session": "s", "position": 0}, 1))
    # d1 stands before d0: its last chunk is next to the first one of d0.
    assert set(joined(table, [0, 0, 1, 1], 1)) == {(10, 11), (12, 13), (10, 13)}


def test_neighbours_are_found_by_what_stands_before_them(tmp_path: Path) -> None:
    turns = ["Which pet did you get, Ann?", "A small grey one.", "How was the weather?", "Rain all day.", "I see."]
    metadata = [{"session": "s", "position": place} for place in range(len(turns))]
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        memory.add([{"id": str(place), "text": text, **metadata[place]} for place, text in enumerate(turns)])
        assert memory.status().edges["follows"] == 4 + 3 + 2
        found = memory.retrieve("Which pet did Ann get?", k=2, explain=True).hits
        assert [hit.text for hit in found] == turns[:2]
        assert found[1].explanation is not None
        assert [step.kind for step in found[1].explanation.path][-1] == "follows"
        around = memory.passages(found[1].chunk_id, before=2, after=2)
        assert [passage.text for passage in around] == turns[:4]
        memory.update("1", metadata={"session": "another", "position": 1})
        assert memory.status().edges["follows"] == 3 + 2 + 1
        assert [passage.text for passage in memory.passages(found[0].chunk_id, after=2)] == [turns[0], *turns[2:4]]
    with Hippo.open(tmp_path / "none", encoder="hashing", config={"graph": {"follow_distance": 0}}) as memory:
        memory.add([{"id": str(place), "text": text, **metadata[place]} for place, text in enumerate(turns)])
        assert memory.status().edges["follows"] == 0
    with pytest.raises(ConfigError, match=r"graph\.follow_distance"):
        Hippo.open(tmp_path / "none", config={"graph": {"follow_distance": -1}})


def test_what_is_remembered_follows_what_the_snapshot_holds(tmp_path: Path) -> None:
    turns = [{"id": f"s/{place}", "text": f"Number {place}.", "session": "s", "position": place} for place in range(6)]
    with (
        Hippo.open(tmp_path / "whole", encoder="hashing") as whole,
        Hippo.open(tmp_path / "b", encoder="hashing") as memory,
    ):
        whole.add(turns)
        memory.add(turns[:4])
        for one in turns[4:]:
            memory.remember(one["text"], session="s", metadata={"position": one["position"]})
        memory.refresh()
        beside, built = memory._retriever_now(None, None).contents, whole.contents()
        assert beside.fresh is not None
        assert joined_texts(beside) == joined_texts(built)


def joined_texts(contents: Any) -> dict[frozenset[str], float]:
    graph, texts = contents.graph, contents.chunks.column("text").to_pylist()
    rows = np.repeat(np.arange(graph.n_nodes), np.diff(graph.indptr))
    ends = zip(rows.tolist(), graph.indices.tolist(), graph.weights["follows"].tolist(), strict=True)
    first = graph.n_entities
    return {frozenset([texts[one - first], texts[two - first]]): weight for one, two, weight in ends if weight}
