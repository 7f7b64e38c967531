"""`hippo bench` and the function behind it, on a small index."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from hippo import Hippo
from hippo.errors import QuestionError
from hippo.evaluation import measure_speed

Run = Callable[..., Result]


def test_stages_add_up_and_the_encoder_is_measured(run: Run, index_path: Path, tmp_path: Path) -> None:
    questions = tmp_path / "questions.json"
    questions.write_text(json.dumps([{"question": "Where was Ada Smith born?"}, {"question": "What is Riga?"}]))
    done = run("bench", index_path, "--questions", questions, "--batch", 3, "--rounds", 2, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["passages"], found["batch"], found["engine"]) == (5, 3, "power")
    assert found["encoding"]["name"].startswith("hashing")
    assert found["encoding"]["texts_per_second"] > 0 < found["encoding"]["question_ms"]
    for stages in (found["alone"], found["in_batch"]):
        assert all(stages[name] > 0 for name in ("search", "walk", "hits"))
        assert max(stages[name] for name in ("search", "walk", "hits")) < stages["total"]


def test_a_table_for_people(run: Run, index_path: Path) -> None:
    done = run("bench", index_path, "--rounds", 1, "--batch", 2, "--profile", "bm25")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert "  5 passages, " in lines[0]
    assert any("walk 0.00" in line for line in lines)
    assert any(line.startswith("in a batch of 2") for line in lines)


def test_an_index_of_words_has_no_encoder(wordless_path: Path) -> None:
    with Hippo.open(wordless_path) as memory:
        found = measure_speed(memory, rounds=1, batch=2)
        assert found.encoding is None is memory.encoder
        assert found.alone.total > 0


@pytest.mark.parametrize("options", [{"questions": []}, {"batch": 0}, {"rounds": 0}])
def test_what_cannot_be_measured_is_refused(index_path: Path, options: dict[str, object]) -> None:
    with Hippo.open(index_path) as memory, pytest.raises(QuestionError):
        measure_speed(memory, **options)  # type: ignore[arg-type]
