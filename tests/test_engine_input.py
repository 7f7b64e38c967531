"""What callers may hand to `Hippo`, and what they are told when it cannot be used."""

import json
import time
from datetime import datetime, timedelta, timezone

import pytest

from hippo import Document, Hippo
from hippo.errors import (
    ConfigError,
    DocumentError,
    DuplicateDocumentError,
    IndexEmptyError,
    IndexMismatchError,
    IndexPathError,
    QuestionError,
    UnknownNameError,
)

TEXTS = ["Ada Lovelace met Charles Babbage.", "Charles Babbage was born in London.", "London lies on the Thames."]
PROFILES = ["hippo", "dense", "bm25", "hybrid"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """For tests that only ask."""
    with Hippo.open(tmp_path_factory.mktemp("input") / "index", encoder="hashing") as opened:
        opened.add(TEXTS)
        yield opened


@pytest.fixture
def memory(tmp_path):
    """For tests that add."""
    with Hippo.open(tmp_path / "index", encoder="hashing") as opened:
        opened.add(TEXTS)
        yield opened


def test_a_path_that_is_a_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("x")
    with pytest.raises(IndexPathError, match="this is a file"):
        Hippo.open(path)


def test_a_folder_of_something_else(tmp_path):
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(IndexPathError, match="holds no index"):
        Hippo.open(tmp_path, encoder="hashing")
    assert [item.name for item in tmp_path.iterdir()] == ["thesis.txt"]


def test_what_a_crash_left_of_the_first_store_is_no_obstacle(tmp_path):
    (tmp_path / ".store-0123abcd.duckdb").write_bytes(b"half")
    with Hippo.open(tmp_path, encoder="hashing") as memory:
        assert memory.add(TEXTS).added == 3


def test_opening_makes_nothing(tmp_path):
    with Hippo.open(tmp_path / "new", encoder="hashing") as memory:
        status = memory.status()
        assert (status.snapshot, status.documents, status.encoder) == (None, 0, "hashing-1:256")
        for call in (lambda: memory.retrieve("Who?"), memory.contents):
            with pytest.raises(IndexEmptyError, match="no published documents"):
                call()
    assert not (tmp_path / "new").exists()


def test_an_index_is_opened_as_it_was_made(shared):
    with Hippo.open(shared.path) as again:
        assert again.status().encoder == "hashing-1:256"
        assert again.retrieve("Who met Babbage?").hits == shared.retrieve("Who met Babbage?").hits


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"encoder": "none"}, "encoder 'hashing-1:256', but 'none'"),
        ({"config": {"encoder": {"hashing": {"dimension": 64}}}}, "encoder 'hashing-1:256', but 'hashing-1:64'"),
        ({"config": {"chunking": {"max_tokens": 99}}}, "chunking .*max_tokens=256.* but .*max_tokens=99"),
        ({"config": {"chunking": {"method": "document"}}}, "chunking"),
    ],
)
def test_another_encoder_or_chunking(shared, options, what):
    with pytest.raises(IndexMismatchError, match=what):
        Hippo.open(shared.path, **options)


def test_two_that_begin_one_index_differently(tmp_path):
    """Both opened when there was nothing; the second to add is refused."""
    with (
        Hippo.open(tmp_path, encoder="hashing") as first,
        Hippo.open(tmp_path, encoder="hashing", config={"chunking": {"max_tokens": 99}}) as second,
    ):
        first.add(TEXTS[:1])
        with pytest.raises(IndexMismatchError, match="chunking"):
            second.add(TEXTS[1:])


@pytest.mark.parametrize("k", [0, -1, True, "5", 2.0, None])
def test_wrong_numbers_of_passages(shared, k):
    with pytest.raises(QuestionError, match="k must be a whole number of at least 1, got"):
        shared.retrieve("Who?", k=k)


@pytest.mark.parametrize("question", ["", " \n", None, 5])
def test_wrong_questions(shared, question):
    with pytest.raises(QuestionError, match="a question must be a text"):
        shared.retrieve(question)
    with pytest.raises(QuestionError, match="a question must be a text"):
        shared.retrieve_many(["Who?", question])


def test_one_text_is_no_list_of_questions(shared):
    with pytest.raises(QuestionError, match="must be a list"):
        shared.retrieve_many("Who?")
    assert shared.retrieve_many([]) == []


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("question", ["where " * 10_000, "?!", "\x00", "\ud800", "東京", "xyzzy"])
def test_odd_questions_are_answered(shared, profile, question):
    hits = shared.retrieve(question, k=2, profile=profile, explain=True).hits
    assert len(hits) == 2


def test_wrong_profiles(shared):
    with pytest.raises(UnknownNameError, match="unknown profile 'nope'"):
        shared.retrieve("Who?", profile="nope")
    with pytest.raises(UnknownNameError, match=r"unknown encoder 'nope'.*hashing"):
        Hippo.open(shared.path, encoder="nope")
    with pytest.raises(ConfigError, match=r"chunking\.max_token"):
        Hippo.open(shared.path, config={"chunking": {"max_token": 99}})
    with pytest.raises(ConfigError, match="no such option"):
        Hippo.open(shared.path, config={"encoder": {"hashing": {"dimensions": 64}}})


@pytest.mark.parametrize("texts", [["Rome."], ["..."], ["hello there", "..."], ["Rome fell."] * 3, []])
def test_tiny_corpora(tmp_path, texts):
    with Hippo.open(tmp_path, encoder="hashing") as memory:
        memory.add([Document(text, id=str(number)) for number, text in enumerate(texts)])
        for profile in PROFILES:
            result = memory.retrieve("Where is Rome?", profile=profile, explain=True)
            assert [hit.rank for hit in result.hits] == list(range(1, len(texts) + 1))
            json.dumps(result.to_dict(), allow_nan=False)
        json.dumps(memory.status().to_dict(), allow_nan=False)


def test_documents_without_text_are_skipped_and_counted(memory):
    report = memory.add(["", " \n ", {"text": None}, {"text": "Rome.", "title": ""}])
    assert (report.added, len(report.skipped), report.chunks) == (1, 3, 4)
    assert {item.reason for item in report.skipped} == {"no text"}
    json.dumps(report.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("documents", "error", "match"),
    [
        ([Document("a", id="x"), Document("b", id="x")], DuplicateDocumentError, "'x'"),
        ([5], DocumentError, r"documents\[0\]"),
        (["fine", {"title": "no text"}], DocumentError, r"documents\[1\].*no key 'text'"),
        ([Document("a", metadata=["no", "mapping"])], DocumentError, "metadata"),
        ([Document("a", id=7)], DocumentError, "'id'"),
        (b"bytes", DocumentError, "bytes"),
        (None, DocumentError, "NoneType"),
        (
            [Document("a", id="0", timestamp=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))))],
            DocumentError,
            "years 1 to 9999",
        ),
    ],
)
def test_wrong_documents_leave_the_index_as_it_was(memory, documents, error, match):
    before = memory.status()
    with pytest.raises(error, match=match):
        memory.add(documents)
    assert memory.status() == before
    assert memory.add(TEXTS).unchanged == 3


def test_repeats_of_one_text_are_skipped(memory):
    report = memory.add(["Rome.", "Rome."])
    assert (report.added, [item.reason for item in report.skipped]) == (1, ["duplicate of documents[0]"])


def test_metadata_becomes_plain_json(memory):
    when = datetime(2024, 5, 1, tzinfo=timezone.utc)  # noqa: UP017
    memory.add([Document("Rome fell.", id="r", metadata={"when": when, "nan": float("nan"), 1: {"a", "b"}})])
    hit = memory.retrieve("When did Rome fall?", k=1).hits[0]
    assert hit.document_id == "r"
    assert hit.metadata == {"when": when.isoformat(), "nan": None, "1": ["a", "b"]}


def test_changed_and_unchanged_documents(memory):
    memory.add([Document("Rome fell.", id="r")])
    assert memory.add([Document("Rome fell.", id="r")]).unchanged == 1
    for changed in (
        Document("Rome rose.", id="r"),
        Document("Rome rose.", id="r", title="Rome"),
        Document("Rome rose.", id="r", title="Rome", metadata={"a": 1}),
        Document("Rome rose.", id="r", title="Rome", metadata={"a": 1}, timestamp=datetime(2024, 5, 1)),  # noqa: DTZ001
    ):
        report = memory.add([changed])
        assert (report.added, report.changed, report.unchanged, report.chunks) == (0, 1, 0, 4)
        assert memory.add([changed]).unchanged == 1
    titles = {hit.title for hit in memory.retrieve("Rome", k=9).hits}
    assert titles == {None, "Rome"}


def test_single_values_files_and_progress(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text("Rome fell.")
    (folder / "b.md").write_text("# Paris\n\nParis stood.")
    seen = []
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        assert memory.add("One text.").added == 1
        assert memory.add({"text": "Two.", "id": 2}).added == 1
        assert memory.add(Document("Three.")).added == 1
        report = memory.add_files(folder, progress=seen.append)
        assert report.added == 2
        assert memory.add_files(folder).unchanged == 2
        with pytest.raises(DocumentError, match="no such file"):
            memory.add_files(tmp_path / "missing")
    assert {"read", "chunk", "extract", "embed"} <= {step.stage for step in seen}
    assert {step.stage: step for step in seen}["embed"].done == report.embedded


@pytest.mark.slow
def test_a_large_document(tmp_path):
    """10 MB, without vectors: linear work."""
    words = " ".join(f"Person{number} met Friend{number % 977} in Town{number % 101}." for number in range(230_000))
    text = words[: 10 * 2**20]
    began = time.process_time()
    with Hippo.open(tmp_path, encoder="none") as memory:
        report = memory.add([Document(text, id="large")])
        assert report.chunks > 5_000
        assert "Person4711 " in memory.retrieve("Whom did Person4711 meet?", k=1).hits[0].text
    assert time.process_time() - began < 150
