"""Questions made of an index: deterministic, with the passages that they need, and no name told that they ask for."""

from pathlib import Path

import pytest

from hippo import Hippo
from hippo.errors import InputError, LLMRefusedError, QuestionError
from hippo.evaluation import evaluate, generate_questions, load_questions, match_questions, verdicts, write_questions
from hippo.evaluation.statements import statements
from hippo.testing import ScriptedLLM
from hippo.types import LLMRequest


def test_questions_of_one_and_two_passages(works: Hippo) -> None:
    made = generate_questions(works, 12, seed=3)
    assert made.made == {1: 6, 2: 6}
    assert not made.dropped
    documents = {
        document.id: document.text for document in map(works.get, {one for q in made.questions for one in q.gold})
    }
    for question in made.questions:
        hops = len(question.gold)
        assert question.id.startswith(f"generated-{hops}-")
        [answer] = question.answers
        assert answer not in question.text
        assert sum(answer in documents[gold] for gold in question.gold) == 1
        if hops == 2:
            work = question.text.partition(" was designed by")[0]
            assert question.text == f"{work} was designed by what, which was born in what?"
            [person] = question.gold - {work}
            assert person in documents[work]
            assert person not in question.text


def test_the_seed_decides_and_nothing_else(works: Hippo, works_documents: list[dict[str, str]], tmp_path: Path) -> None:
    with Hippo.open(tmp_path / "other", encoder="none") as other:
        other.add(works_documents[::-1])
        assert generate_questions(other, 8, seed=1).questions == generate_questions(works, 8, seed=1).questions
    assert generate_questions(works, 8, seed=1).questions != generate_questions(works, 8, seed=2).questions


def test_a_file_of_them_is_read_again(works: Hippo, tmp_path: Path) -> None:
    made = generate_questions(works, 6)
    write_questions(made.questions, tmp_path / "q.jsonl")
    assert tuple(match_questions(works, load_questions(tmp_path / "q.jsonl"))) == made.questions


def test_the_graph_helps_where_there_are_chains(works: Hippo) -> None:
    questions = generate_questions(works, 12, hops=[2]).questions
    found = evaluate(works, questions, systems=["hippo", "dense", "bm25", "hybrid"], ks=(2, 5))
    assert found.systems["hippo"].scores["All@5"].mean() > found.systems["bm25"].scores["All@5"].mean()
    [said] = verdicts(found, measure="All@5")
    assert said.says == "helps"


def asks(request: LLMRequest) -> str:
    shown = request.messages[-1].content
    if "Ada Smith" in shown.partition("Begins with")[0]:
        return "No."
    if "Bertil" in shown.partition("Begins with")[0]:
        return '{"question": "Was it Bertil Lang or somebody born in Hull?"}'
    begins = shown.partition("Begins with: ")[2].partition("\n")[0]
    return f'Here: {{"question": "From where is who made {begins[1:-1]}?"}}'


def test_a_language_model_words_them(works: Hippo) -> None:
    llm = ScriptedLLM(replies=asks)
    made = generate_questions(works, 12, hops=[2], llm=llm)
    assert made.made == {2: 10}
    assert made.dropped == {"the reply holds no JSON object": 1, "the question tells a name that it must not": 1}
    assert made.usage.requests == 12
    assert all(question.text.startswith("From where is who made ") for question in made.questions)
    with pytest.raises(LLMRefusedError):
        generate_questions(
            works, 2, llm=ScriptedLLM(replies=lambda _: LLMRefusedError("scripted", "no key", "Get one"))
        )


def test_facts_with_predicates(tmp_path: Path) -> None:
    """Of triples the words of the relation are taken as they are."""
    import json

    records = [
        {
            "passage": "Iron Bridge\nIt is admired.",
            "extracted_entities": ["Iron Bridge", "Ada Smith"],
            "extracted_triples": [["Iron Bridge", "was designed by", "Ada Smith"]],
        },
        {
            "passage": "Ada Smith\nShe is remembered.",
            "extracted_entities": ["Ada Smith", "Riga"],
            "extracted_triples": [["Ada Smith", "hails from", "Riga"]],
        },
    ]
    (tmp_path / "openie.json").write_text(json.dumps({"docs": records}))
    config = {
        "chunking": {"method": "document"},
        "extractor": {"name": "imported", "imported": {"path": str(tmp_path / "openie.json")}},
    }
    with Hippo.open(tmp_path / "index", encoder="none", config=config) as memory:
        memory.add(
            [
                {"id": "bridge", "title": "Iron Bridge", "text": "It is admired."},
                {"id": "ada", "title": "Ada Smith", "text": "She is remembered."},
            ]
        )
        [question] = generate_questions(memory, 1, hops=[2]).questions
    assert question.text == "Iron Bridge was designed by what, which hails from what?"
    assert question.answers == ("Riga",)
    assert question.gold == {"bridge", "ada"}


def test_a_sentence_with_a_gap_begins_a_path(tmp_path: Path) -> None:
    """Where no name and verb lead on, a sentence does that lacks the name."""
    texts = {
        "guide": "Visitors of Graz, most of them, come for Ada Smith.",
        "ada": "Ada Smith was born in Riga.",
        "list": "Riga, Graz and others.",
    }
    with Hippo.open(tmp_path / "index", encoder="none") as memory:
        memory.add([{"id": name, "text": text} for name, text in texts.items()])
        [question] = generate_questions(memory, 1, hops=[2]).questions
        assert question.text == "“Visitors of Graz, most of them, come for ….” What … stands for was born in what?"
        assert question.gold == {"guide", "ada"}
        assert question.answers == ("Riga",)
        asked = []
        llm = ScriptedLLM(replies=lambda request: asked.append(request.messages[-1].content) or '{"question": "Who?"}')
        assert generate_questions(memory, 1, hops=[2], llm=llm).questions[0].text == "Who?"
        assert 'Facts:\n1: "Visitors of Graz, most of them, come for Ada Smith."\n2: "Ada Smith was born' in asked[0]
        memory.add([{"id": f"{row}", "text": f"In {row} Ada Smith was seen."} for row in range(1900, 1908)])
        with pytest.raises(InputError, match="no question of 2 hops"):  # so common a name says little
            generate_questions(memory, 1, hops=[2])


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("The Iron Bridge was designed by Ada Smith.", ("Iron Bridge", "was designed by", "Ada Smith")),
        ("The singer Ada Smith and the painter Bert Lang met.", None),
        ("The Iron Bridge of Ada Smith stands.", None),
        ("The Iron Bridge was designed by Riga architect Ada Smith.", None),
        ("The Iron Bridge, which was old, pleased Ada Smith.", None),
        ("The Iron Bridge is in Riga.", None),
    ],
)
def test_what_a_sentence_says(tmp_path: Path, sentence: str, said: tuple[str, str, str] | None) -> None:
    with Hippo.open(tmp_path / "index", encoder="none") as memory:
        memory.add([sentence])
        found = statements(memory.contents())
    assert [(one.names[0], one.words, one.names[1]) for one in found] == ([said] if said else [])


def test_what_cannot_be_made(works: Hippo, tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match="n must be"):
        generate_questions(works, 0)
    with pytest.raises(InputError, match="hops must be"):
        generate_questions(works, 1, hops=[])
    with pytest.raises(InputError, match="no question of 9 hops can be made"):
        generate_questions(works, 1, hops=[9])
