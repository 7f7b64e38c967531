"""`pipelines.diagnose`: every stage can lose a passage, and is then the one that is named."""

import json
from pathlib import Path

import pytest

from hippo import Hippo
from hippo.evaluation import Dataset
from hippo.evaluation.questions import Question
from hippo.types import Document
from pipelines import diagnose
from pipelines.losses import STAGES

OTHERS = [
    Document("A lake in the hills of the north, deep and cold.", id="lake", title="Loch Awe"),
    Document("Bread is baked from flour, water and salt.", id="bread", title="Bread"),
]


def losses(tmp_path: Path, question: str, gold: dict[str, tuple[str, str]]) -> list[diagnose.Loss]:
    """With k = 1 every gold passage but one is lost, if not both."""
    documents = [*OTHERS, *(Document(text, id=name, title=title) for name, (title, text) in gold.items())]
    dataset = Dataset("tiny", tuple(documents), (Question("q", question, (), frozenset(gold)),))
    with Hippo.open(tmp_path / "index", encoder=None, config={"chunking": {"method": "document"}}) as memory:
        memory.add(documents)
        return diagnose.diagnose(memory, dataset, "hippo", 1)


@pytest.mark.parametrize(
    ("stage", "detail", "second"),
    [
        ("mention", "radium house", ("Radium House", "It stands in Lyon.")),
        ("entity", "ada smith = smith", ("Smith", "A poet of Lyon.")),
        ("bridge", "no name in common", ("Cathedral", "It was built in Lyon.")),
        ("outranked", "of the same bridge", ("Riga", "A harbour.")),
    ],
)
def test_the_stage_that_lost_a_passage(tmp_path: Path, stage: str, detail: str, second: tuple[str, str]) -> None:
    first = ("Ada Smith", "She was born in Riga and worked at the radium house.")
    found = losses(tmp_path, "Where was Ada Smith born?", {"first": first, "second": second})
    assert [(loss.title, loss.stage) for loss in found] == [(second[0], stage)]
    assert detail in found[0].detail or stage == "outranked"
    assert found[0].rank is None or found[0].rank > 1


def test_a_chain_that_no_seed_fact_touches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gold = {"first": ("Ada Smith", "Born in Riga."), "second": ("Riga", "A harbour.")}
    # More facts about bread than may seed.
    monkeypatch.setitem(globals(), "OTHERS", [Document("It needs salt. " * 12, id="bread", title="Bread")])
    found = losses(tmp_path, "Which salt, flour and water makes Bread?", gold)
    assert {loss.stage for loss in found} == {"fact"}


def test_a_table_the_questions_and_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = [{"title": "Ada Smith", "text": "Born in Riga."}, {"title": "Riga", "text": "A harbour of Latvia."}]
    questions = [{"id": "1", "question": "Where was Ada Smith born?", "paragraphs": corpus, "answer": "Riga"}]
    for item in questions[0]["paragraphs"]:
        assert isinstance(item, dict)
    questions[0]["paragraphs"] = [
        {"title": item["title"], "paragraph_text": item["text"], "is_supporting": True} for item in corpus
    ]
    (tmp_path / "tiny.json").write_text(json.dumps(questions), "utf-8")
    (tmp_path / "tiny_corpus.json").write_text(json.dumps(corpus), "utf-8")
    out = tmp_path / "out.json"
    options = [
        "--encoder",
        "none",
        "--k",
        "1",
        "--index",
        str(tmp_path / "runs"),
        "--show",
        "outranked",
        "--out",
        str(out),
    ]
    monkeypatch.setattr("sys.argv", ["diagnose", "tiny", "--datasets", str(tmp_path), *options])
    diagnose.main()
    printed = capsys.readouterr().out
    assert all(words in printed for words in STAGES.values())
    assert "tiny, reachable but outranked:" in printed
    [loss] = json.loads(out.read_text("utf-8"))["tiny"]["losses"]
    assert loss["stage"] == "outranked"
    assert f"{loss['title']} (rank 2" in printed
