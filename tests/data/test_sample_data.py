"""The bundled corpora and questions keep the promises of data/README.md."""

import json
import re
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parents[2] / "data"
SETS = ("sample", "multilingual")
WITHOUT_SPACES = {"zh", "ja"}
SENTENCE_END = re.compile(r"(?<=[.!?؟।])\s+|(?<=[。！？])")


@cache
def read(name: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return items


def passages(name: str) -> dict[str, dict[str, Any]]:
    return {passage["title"]: passage for passage in read(f"{name}_corpus")}


def gold_titles(question: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(title for title, _ in question["supporting_facts"]))


def sentences(text: str) -> list[str]:
    return [sentence for sentence in SENTENCE_END.split(text) if sentence]


def proper_names(passage: dict[str, Any]) -> set[str]:
    """Capitalised words of four letters or more in the title, and in the text away from the start of a sentence."""
    words = re.findall(r"(?<=[\w,;:] )\w{4,}", passage["text"]) + re.findall(r"\w{4,}", passage["title"])
    return {word for word in words if word[0].isupper()}


def test_counts() -> None:
    assert len(read("sample_corpus")) >= 165
    assert len(read("sample")) >= 66
    assert sum(len(gold_titles(question)) > 1 for question in read("sample")) >= 48


def test_the_readme_states_the_counts() -> None:
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for name in ("sample_corpus", "sample", "multilingual_corpus", "multilingual"):
        assert re.search(rf"^\| `{name}\.json` \|.*\| {len(read(name))} \|$", readme, re.MULTILINE), name
    hops = {name: Counter(len(gold_titles(question)) for question in read(name)) for name in SETS}
    for number in range(1, 5):
        assert f"| {number} | {hops['sample'][number]} | {hops['multilingual'][number]} |" in readme


@pytest.mark.parametrize("name", SETS)
def test_fields(name: str) -> None:
    language = {"language"} if name == "multilingual" else set()
    for passage in read(f"{name}_corpus"):
        assert set(passage) == {"title", "text"} | language
        assert passage["text"] == " ".join(passage["text"].split())
    for question in read(name):
        expected = {"_id", "type", "question", "answer", "answer_aliases", "supporting_facts"}
        assert set(question) == expected | language
        assert question["type"] in {"bridge", "comparison", "single"}
        assert question["answer"]
        assert question["answer"] not in question["answer_aliases"]


@pytest.mark.parametrize("name", SETS)
def test_titles_texts_questions_and_ids_are_unique(name: str) -> None:
    for file, field in ((f"{name}_corpus", "title"), (f"{name}_corpus", "text"), (name, "question"), (name, "_id")):
        repeated = [value for value, count in Counter(item[field] for item in read(file)).items() if count > 1]
        assert not repeated, (file, field)


@pytest.mark.parametrize("name", SETS)
def test_gold_sentences_exist(name: str) -> None:
    corpus = passages(name)
    for question in read(name):
        assert question["supporting_facts"], question["_id"]
        for title, index in question["supporting_facts"]:
            assert title in corpus, (question["_id"], title)
            assert 0 <= index < len(sentences(corpus[title]["text"])), (question["_id"], title, index)


@pytest.mark.parametrize("name", SETS)
def test_type_agrees_with_the_number_of_gold_passages(name: str) -> None:
    for question in read(name):
        number = len(gold_titles(question))
        assert (number == 1) == (question["type"] == "single"), question["_id"]
        assert number == 2 or question["type"] != "comparison", question["_id"]


@pytest.mark.parametrize("name", SETS)
def test_two_thirds_of_the_questions_need_several_passages(name: str) -> None:
    questions = read(name)
    assert sum(len(gold_titles(question)) > 1 for question in questions) * 3 >= len(questions) * 2


@pytest.mark.parametrize("name", SETS)
def test_the_last_gold_passage_holds_the_answer(name: str) -> None:
    corpus = passages(name)
    for question in read(name):
        if question["type"] != "comparison":
            text = corpus[gold_titles(question)[-1]]["text"].casefold()
            answers = [question["answer"], *question["answer_aliases"]]
            assert any(answer.casefold() in text for answer in answers), question["_id"]


@pytest.mark.parametrize("name", SETS)
def test_the_answer_comes_only_at_the_end_of_the_chain(name: str) -> None:
    corpus = passages(name)
    for question in read(name):
        if question["type"] == "bridge":
            for title in gold_titles(question)[:-1]:
                assert question["answer"].casefold() not in corpus[title]["text"].casefold(), question["_id"]


@pytest.mark.parametrize("name", SETS)
def test_bridge_questions_do_not_name_what_lies_between(name: str) -> None:
    for question in read(name):
        if question["type"] == "bridge":
            for title in gold_titles(question)[1:]:
                entity = re.sub(r" \(.*\)$", "", title)
                assert entity.casefold() not in question["question"].casefold(), (question["_id"], title)


def test_neighbours_in_a_chain_share_a_name() -> None:
    corpus = passages("sample")
    for question in read("sample"):
        if question["type"] == "bridge":
            for here, there in pairwise(gold_titles(question)):
                assert proper_names(corpus[here]) & proper_names(corpus[there]), (question["_id"], here, there)


def test_languages() -> None:
    per_passage = Counter(passage["language"] for passage in read("multilingual_corpus"))
    per_question = Counter(question["language"] for question in read("multilingual"))
    assert {"zh", "ru", "ar", "es"} <= per_passage.keys()
    assert per_passage.keys() == per_question.keys()
    assert min(per_passage.values()) >= 8
    assert min(per_question.values()) >= 4


def test_question_and_gold_share_a_language() -> None:
    corpus = passages("multilingual")
    for question in read("multilingual"):
        assert {corpus[title]["language"] for title in gold_titles(question)} == {question["language"]}


@pytest.mark.parametrize("name", SETS)
def test_passages_are_neither_stubs_nor_articles(name: str) -> None:
    for passage in read(f"{name}_corpus"):
        if passage.get("language") not in WITHOUT_SPACES:
            assert 25 <= len(passage["text"].split()) <= 120, passage["title"]
        else:
            assert 60 <= len(passage["text"]) <= 300, passage["title"]
