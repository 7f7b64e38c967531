"""Published sets of conversations, and those that are made."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hippo import Hippo
from hippo.errors import DocumentError, UnknownNameError
from hippo.evaluation.conversations import load_conversations
from pipelines.conversations.__main__ import main
from pipelines.conversations.make import CATEGORIES, make_conversations

LOCOMO = [
    {
        "sample_id": "conv-1",
        "conversation": {
            "speaker_a": "Ann",
            "speaker_b": "Ben",
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [
                {"speaker": "Ann", "dia_id": "D1:1", "text": "I went to a museum yesterday."},
                {"speaker": "Ben", "dia_id": "D1:2", "text": "Look!", "img_url": ["u"], "blip_caption": "a dog"},
            ],
            "session_2_date_time": "10:00 am on 9 June, 2023",
            "session_2": [{"speaker": "Ben", "dia_id": "D2:1", "text": "Hello."}],
        },
        "qa": [
            {"question": "When did Ann go?", "answer": "7 May 2023", "evidence": ["D1:1; D9:9"], "category": 2},
            {"question": "What is Ben's car?", "adversarial_answer": "red", "evidence": ["D2:1"], "category": 5},
            {"question": "How many?", "answer": 3, "evidence": ["D1:1", "D2:1"], "category": 1},
        ],
    }
]
LONGMEMEVAL = [
    {
        "question_id": "q1",
        "question_type": "knowledge-update",
        "question": "Where do I live?",
        "answer": "Rome",
        "question_date": "2023/05/30 (Tue) 23:40",
        "haystack_session_ids": ["s1", "s2"],
        "haystack_dates": ["2023/05/20 (Sat) 02:21", "2023/05/22 (Mon) 12:00"],
        "haystack_sessions": [
            [
                {"role": "user", "content": "I moved to Rome.", "has_answer": True},
                {"role": "assistant", "content": "Ok."},
            ],
            [{"role": "user", "content": "Rain."}],
        ],
        "answer_session_ids": ["s1"],
    }
]
MEMORY_AGENT = {
    "context": "Dialogue 1:\nAnn: I like tea.\n\nDialogue 2:\nBen: I like Rome.",
    "questions": ["What does Ben like?", "Nothing?"],
    "answers": [["Rome", "the city of Rome"], [""]],
    "metadata": {"source": "longmemeval", "qa_pair_ids": ["a", "b"], "question_types": ["single", "other"]},
}


def written(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def test_locomo(tmp_path: Path) -> None:
    found = load_conversations(written(tmp_path / "x.json", LOCOMO), "locomo")
    assert [turn.id for turn in found.turns] == ["conv-1/D1:1", "conv-1/D1:2", "conv-1/D2:1"]
    assert found.turns[0].timestamp == datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
    assert found.turns[1].text == "Look! [image: a dog]"
    assert found.turns[1].metadata["media"] == [{"kind": "image", "uri": "u"}]
    assert [turn.metadata["session"] for turn in found.turns] == ["conv-1/1", "conv-1/1", "conv-1/2"]
    assert [(one.category, sorted(one.gold), one.answers) for one in found.questions] == [
        ("temporal", ["conv-1/D1:1"], ("7 May 2023",)),
        ("adversarial", [], ()),
        ("multi-hop", ["conv-1/D1:1", "conv-1/D2:1"], ("3",)),
    ]


def test_longmemeval(tmp_path: Path) -> None:
    absent = {**LONGMEMEVAL[0], "question_id": "q2_abs"}
    unmarked = json.loads(json.dumps({**LONGMEMEVAL[0], "question_id": "q3"}))
    del unmarked["haystack_sessions"][0][0]["has_answer"]
    found = load_conversations(written(tmp_path / "x.json", [*LONGMEMEVAL, absent, unmarked]), "longmemeval")
    first, second, third = found.questions
    assert (first.category, first.gold, first.conversation) == ("knowledge-update", {"q1/s1/0"}, "q1")
    assert first.asked == datetime(2023, 5, 30, 23, 40, tzinfo=UTC)
    assert (second.category, second.gold) == ("abstention", frozenset())
    assert third.gold == {"q3/s1/0", "q3/s1/1"}
    assert len({turn.id for turn in found.turns}) == len(found.turns) == 9


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".parquet"])
def test_memory_agent_bench(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([MEMORY_AGENT]), path)
    else:
        written(path, MEMORY_AGENT)
    found = load_conversations(path, "memoryagentbench")
    assert [turn.text for turn in found.turns] == ["Dialogue 1:\nAnn: I like tea.", "Dialogue 2:\nBen: I like Rome."]
    assert [(one.id, one.category, sorted(one.gold)) for one in found.questions] == [
        ("longmemeval/0/a", "single", ["longmemeval/0/1"]),
        ("longmemeval/0/b", "other", []),
    ]


@pytest.mark.parametrize("shape", ["locomo", "longmemeval", "memoryagentbench"])
@pytest.mark.parametrize("value", [[], [5], {"conversation": 1}, [{"qa": []}], {"context": None}, "text"])
def test_another_shape_is_named(tmp_path: Path, shape: str, value: Any) -> None:
    with pytest.raises(DocumentError, match=shape):
        load_conversations(written(tmp_path / "x.json", value), shape)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read"):
        load_conversations(tmp_path / "none.json", "locomo")
    with pytest.raises(UnknownNameError, match="Known: locomo, longmemeval, memoryagentbench"):
        load_conversations(tmp_path / "none.json", "other")


def test_made_conversations_are_the_same_by_seed_and_sound() -> None:
    made, again, other = (make_conversations(2, 10, 12, 60, seed=seed) for seed in (0, 0, 1))
    assert made == again
    assert made != other
    turns = {turn.id: turn for turn in made.turns}
    assert len(turns) == len(made.turns) >= 240
    assert len(made.questions) == 60
    assert {one.category for one in made.questions} == set(CATEGORIES)
    for one in made.questions:
        assert one.gold | one.older <= set(turns)
        assert bool(one.gold) == (one.category != "no answer")
        said = " ".join(turns[key].text.casefold() for key in one.gold)
        if one.category not in ("when", "no answer"):
            assert any(answer.casefold() in said for answer in one.answers), one
        if one.category == "present":
            [newest] = one.gold
            assert all(turns[key].timestamp < turns[newest].timestamp for key in one.older)  # type: ignore[operator]
        if one.asked is not None:
            assert all(turns[key].timestamp < one.asked for key in one.gold)  # type: ignore[operator]


def test_the_benchmark_runs_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--conversations", "1", "--sessions", "10", "--turns", "12", "--questions", "18", "--encoder", "hashing"]
    main([*small, "--index", str(tmp_path / "index"), "--out", str(tmp_path / "out.json")])
    printed = capsys.readouterr().out
    assert "1 conversations, " in printed
    result = json.loads((tmp_path / "out.json").read_text())
    assert 0 <= result["told apart"] <= 100
    found = result["profiles"]
    assert list(found) == ["dense", "bm25", "hybrid", "walk", "+ follows", "+ time", "+ newest wins", "+ retention"]
    assert found["bm25"]["when"]["recall@10"][0] > 50
    main(["--file", str(written(tmp_path / "x.json", LOCOMO)), "--encoder", "hashing", "--json"])
    assert json.loads(capsys.readouterr().out)["profiles"]["dense"]["temporal"]["recall@5"][0] == 100.0
    with Hippo.open(tmp_path / "index") as memory:
        assert memory.status().edges["follows"] > 0
