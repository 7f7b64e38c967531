"""Formats of data sets, told apart by what is in a folder."""

import json
from pathlib import Path
from typing import Any

import pytest

from hippo.errors import DocumentError, InputError, QuestionError
from hippo.evaluation import Question, RawQuestion, open_dataset

CORPUS = [{"_id": "d1", "title": "Riga", "text": "A town."}, {"_id": 2, "title": "", "text": "Another town."}]
QUERIES = [
    {"_id": "q1", "text": "Which town?"},
    {"_id": "q2", "text": "What else?"},
    {"_id": "q3", "text": "Unjudged?"},
]
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\t2\t1\nq2\t2\t1\nq3\td1\t0\n"


def write(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("\n".join(map(json.dumps, lines)) + "\n", "utf-8")


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    folder = tmp_path / "towns"
    (folder / "qrels").mkdir(parents=True)
    write(folder / "corpus.jsonl", CORPUS)
    write(folder / "queries.jsonl", QUERIES)
    (folder / "qrels" / "test.tsv").write_text(QRELS)
    return folder


def test_beir(beir: Path) -> None:
    asked = open_dataset(beir)
    assert asked.questions == (
        Question("q1", "Which town?", (), frozenset({"d1", "2"})),
        Question("q2", "What else?", (), frozenset({"2"})),
    )
    assert asked.documents is not None
    assert [(one.id, one.title, one.text) for one in asked.documents] == [
        ("d1", "Riga", "A town."),
        ("2", None, "Another town."),
    ]
    write(beir / "corpus.jsonl", [CORPUS[0], {"_id": "2", "title": "Hull", "text": " "}])
    titled = open_dataset(beir, split="test").documents
    assert titled is not None
    assert [(one.title, one.text) for one in titled] == [("Riga", "A town."), ("Hull", "Hull")]
    with pytest.raises(InputError, match="leave it out"):
        open_dataset(beir / "corpus.jsonl", split="test")
    assert len(open_dataset(beir, limit=1).questions) == 1
    with pytest.raises(QuestionError, match="limit must be"):
        open_dataset(beir, limit=0)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("qrels/test.tsv", "h\nq9\td1\t1\n", "question 'q9' is not in queries.jsonl"),
        ("qrels/test.tsv", "h\nq1\td9\t1\n", "question 'q1': document 'd9' is not in corpus.jsonl"),
        ("qrels/test.tsv", "h\nq1\td1\n", "line 2: must be question, document and grade"),
        ("qrels/test.tsv", "h\nq1\td1\t0\n", "no question has a relevant document"),
        ("corpus.jsonl", '{"_id": "d1"}', "line 1: 'text' must be a text, got None"),
        ("corpus.jsonl", "[1]", "line 1: must be an object"),
        ("queries.jsonl", "{", "cannot be read as JSON"),
    ],
)
def test_what_is_wrong_with_a_folder(beir: Path, file: str, content: str, message: str) -> None:
    (beir / file).write_text(content)
    with pytest.raises(DocumentError, match=message):
        open_dataset(beir)


def test_other_formats(project: Path, beir: Path, tmp_path: Path) -> None:
    published = tmp_path / "sample"
    published.mkdir()
    for name in ("sample.json", "sample_corpus.json"):
        (published / name).write_bytes((project / "data" / name).read_bytes())
    asked = open_dataset(published, limit=3)
    assert len(asked.questions) == 3
    assert asked.documents is not None
    file = open_dataset(published / "sample.json")
    assert file.documents is None
    assert isinstance(file.questions[0], RawQuestion)
    with pytest.raises(DocumentError, match=r"qrels/dev.tsv: no such file"):
        open_dataset(beir, split="dev")
    with pytest.raises(DocumentError, match=f"holds no questions: expected {tmp_path.name}.json and"):
        open_dataset(tmp_path)
    with pytest.raises(DocumentError, match="no such file"):
        open_dataset(tmp_path / "missing.json")
