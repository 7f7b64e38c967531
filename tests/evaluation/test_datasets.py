import json
from pathlib import Path

import pytest

from hippo.errors import DocumentError, QuestionError
from hippo.evaluation import load_dataset, load_questions
from hippo.ids import content_id

SPRING = {"title": "Spring", "text": "A season."}
SPRING_WATER = {"title": "Spring", "text": "Water from the ground."}
AUTUMN = {"title": "Autumn", "text": "Another season."}


def paragraph(passage: dict[str, str], supporting: bool | None = None) -> dict[str, object]:
    item: dict[str, object] = {"idx": 0, "title": passage["title"], "paragraph_text": passage["text"]}
    return item if supporting is None else item | {"is_supporting": supporting}


def write(folder: Path, questions: object, corpus: object, name: str = "set") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(questions), encoding="utf-8")
    (folder / f"{name}_corpus.json").write_text(json.dumps(corpus), encoding="utf-8")
    return folder


def gold_of(folder: Path) -> list[frozenset[str]]:
    return [question.gold for question in load_dataset(folder, "set").questions]


def ids(*passages: dict[str, str]) -> frozenset[str]:
    return frozenset(content_id(passage["title"], passage["text"]) for passage in passages)


def test_musique_matches_title_and_text(tmp_path: Path) -> None:
    question = {
        "id": "2hop__1",
        "question": "What is spring?",
        "answer": "season",
        "answer_aliases": ["a season", "season"],
        "paragraphs": [paragraph(SPRING, False), paragraph(SPRING_WATER, True), paragraph(AUTUMN)],
    }
    dataset = load_dataset(write(tmp_path, [question], [SPRING, SPRING_WATER, AUTUMN]), "set")
    (loaded,) = dataset.questions
    assert loaded.gold == ids(SPRING_WATER, AUTUMN)
    assert (loaded.id, loaded.text, loaded.answers) == ("2hop__1", "What is spring?", ("season", "a season"))
    assert [document.id for document in dataset.documents] == [
        content_id(passage["title"], passage["text"]) for passage in (SPRING, SPRING_WATER, AUTUMN)
    ]
    assert dataset.documents[1].text == "Water from the ground."
    assert dataset.documents[1].title == "Spring"


def test_hotpotqa_matches_titles_and_joins_sentences_as_they_are(tmp_path: Path) -> None:
    question = {
        "_id": "5a",
        "question": "?",
        "answer": "yes",
        "supporting_facts": [["Spring", 1], ["Spring", 0], ["Autumn", 0]],
        "context": [["Spring", ["Altered", " text."]], ["Winter", ["Cold."]]],
    }
    corpus = {"Spring": ["A season.", " It is warm."], "Autumn": ["Wind."], "Winter": ["Cold."]}
    dataset = load_dataset(write(tmp_path, [question], corpus), "set")
    assert [document.text for document in dataset.documents] == ["A season. It is warm.", "Wind.", "Cold."]
    assert dataset.questions[0].gold == {content_id("Spring", "A season. It is warm."), content_id("Autumn", "Wind.")}


@pytest.mark.parametrize("separator", [" ", ""])
def test_2wiki_matches_titles_within_the_context_by_text(tmp_path: Path, separator: str) -> None:
    other, meant = {"title": "Spring", "text": "No."}, {"title": "Spring", "text": f"One.{separator}Two."}
    question = {
        "_id": "w",
        "question": "?",
        "answer": "x",
        "supporting_facts": [["Spring", 1]],
        "context": [["Spring", ["One.", "Two."]], ["Autumn", ["Another season."]]],
    }
    assert gold_of(write(tmp_path, [question], [other, meant, AUTUMN])) == [ids(meant)]


def test_titles_alone_and_document_ids(tmp_path: Path) -> None:
    questions = [
        {"id": 7, "question": "?", "answer": ["a", "b"], "supporting_facts": ["Autumn"], "language": "en"},
        {"question": "?", "gold": [content_id("Spring", "A season.")]},
    ]
    dataset = load_dataset(write(tmp_path / "set", questions, [SPRING, AUTUMN]).parent, "set")
    assert [question.gold for question in dataset.questions] == [ids(AUTUMN), ids(SPRING)]
    assert [question.id for question in dataset.questions] == ["7", "1"]
    assert dataset.questions[0].answers == ("a", "b")
    assert dataset.questions[1].answers == ()


def test_equal_passages_are_merged(tmp_path: Path) -> None:
    question = {"id": "q", "question": "?", "supporting_facts": ["Spring"]}
    dataset = load_dataset(write(tmp_path, [question], [SPRING, AUTUMN, SPRING]), "set")
    assert [document.title for document in dataset.documents] == ["Spring", "Autumn"]
    assert dataset.documents[0].source == f"{tmp_path / 'set_corpus.json'}, passage 0"
    assert dataset.questions[0].gold == ids(SPRING)


def test_limit_keeps_the_whole_corpus(tmp_path: Path) -> None:
    questions = [{"id": str(i), "question": "?", "supporting_facts": ["Spring"]} for i in range(3)]
    folder = write(tmp_path, questions, [SPRING, AUTUMN])
    dataset = load_dataset(folder, "set", limit=2)
    assert [question.id for question in dataset.questions] == ["0", "1"]
    assert len(dataset.documents) == 2
    with pytest.raises(QuestionError, match="limit must be at least 1, got 0"):
        load_dataset(folder, "set", limit=0)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"supporting_facts": ["Winter"]}, "question 'q': gold passage 'Winter' is not among the documents"),
        ({"supporting_facts": ["Spring"]}, "gold passage 'Spring' is ambiguous: 2 documents"),
        ({"paragraphs": [paragraph(AUTUMN | {"text": "Other."})]}, "'Autumn': 1 document.s. have this title, none"),
        ({"supporting_facts": ["Autumn"], "context": [["Autumn", ["Other."]]]}, "'Autumn': 1 document.s. have this"),
        ({"gold": ["f00"]}, "question 'q': gold id 'f00' is not in the corpus"),
        ({"paragraphs": [paragraph(AUTUMN, False)]}, "question 'q' names no gold passage"),
        ({"supporting_facts": [["Autumn"]]}, "set.json, record 1: supporting_facts.0"),
        ({"question": ""}, "set.json, record 1: question: "),
    ],
)
def test_gold_is_never_dropped(tmp_path: Path, question: dict[str, object], message: str) -> None:
    record = {"id": "q", "question": "?", "answer": "a"} | question
    folder = write(tmp_path, [record], [SPRING, SPRING_WATER, AUTUMN])
    with pytest.raises(DocumentError, match=message):
        load_dataset(folder, "set")


@pytest.mark.parametrize(
    ("questions", "corpus", "message"),
    [
        ([{"question": "?"}], [{"title": "Spring"}], "set_corpus.json: 0.text: Field required"),
        ([{"question": "?"}], {"Spring": "text"}, "set_corpus.json: Spring: "),
        ([{"question": "?"}], [], "set_corpus.json: must hold one or more passages"),
        ([], [SPRING], "set.json: must hold a list of one or more questions"),
        ({"question": "?"}, [SPRING], "set.json: must hold a list"),
        ([{"text": "?"}], [SPRING], "set.json, record 1: question: Field required"),
        (["?"], [SPRING], "set.json, record 1: "),
        (
            [{"id": 1, "question": "?"}, {"id": "1", "question": "!"}],
            [SPRING],
            "record 2: the id '1' was used before",
        ),
    ],
)
def test_malformed_files_are_named(tmp_path: Path, questions: object, corpus: object, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        load_dataset(write(tmp_path, questions, corpus), "set")


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"set\.json: no such file"):
        load_dataset(tmp_path, "set")
    path = tmp_path / "broken.json"
    path.write_bytes(b'["\xff"]')
    with pytest.raises(DocumentError, match=r"broken\.json: cannot be read as JSON"):
        load_questions(path)
    for text in ("[1,", "[" * 100_000):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(DocumentError, match=r"broken\.json: cannot be read as JSON"):
            load_questions(path)
    lines = tmp_path / "broken.jsonl"
    lines.write_text('{"question": "?"}\n\n{"question"}\n', encoding="utf-8")
    with pytest.raises(DocumentError, match=r"broken\.jsonl: cannot be read as JSON: line 3 of the file: "):
        load_questions(lines)


def test_questions_alone_resolve_against_any_index(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    records = [
        {"id": "a", "question": "?", "supporting_facts": ["Autumn"]},
        {"id": "b", "question": "?", "paragraphs": [paragraph(SPRING_WATER)]},
        {"id": "c", "question": "?", "paragraphs": [paragraph(AUTUMN | {"text": "An older version."})]},
        {"id": "d", "question": "?"},
    ]
    path.write_text("\n".join(json.dumps(record) for record in records) + "\n\n", encoding="utf-8")
    index = {"Autumn": ["my-id"], "Spring": sorted(ids(SPRING, SPRING_WATER))}
    resolved = [question.resolve(lambda title: index.get(title, [])) for question in load_questions(path)]
    assert [question.gold for question in resolved] == [{"my-id"}, ids(SPRING_WATER), {"my-id"}, frozenset()]
    assert [question.id for question in load_questions(path, limit=1)] == ["a"]


def test_popqa_answers(tmp_path: Path) -> None:
    path = tmp_path / "popqa.json"
    record = {"question": "?", "obj": "politician", "possible_answers": ["politician", "pol"], "o_aliases": "statesman"}
    path.write_text(json.dumps([record]), encoding="utf-8")
    assert load_questions(path)[0].answers == ("politician", "pol", "statesman")
