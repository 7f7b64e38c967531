"""Steps of questions as conversations, and whether they find their passages."""

from pathlib import Path

from hippo import Hippo
from hippo.ids import content_id
from pipelines.follow_ups import measure, talks

PEOPLE = {"Ada Smith": "Riga", "Ben Hill": "Ulm", "Eve Stone": "Oslo", "Tom Wood": "Bern"}


def test_what_was_said_finds_the_passage(tmp_path: Path) -> None:
    works = [(f"{name} Works", f"The {name.split()[1]} Works were founded by {name}.") for name in PEOPLE]
    born = [(name, f"{name} was born in {town}.") for name, town in PEOPLE.items()]
    items = [
        {
            "paragraphs": [{"title": title, "paragraph_text": text} for title, text in pair],
            "question_decomposition": [
                {"question": f"{pair[0][0]} >> founder", "answer": pair[1][0], "paragraph_support_idx": 0},
                {"question": "Where was #1 born?", "answer": "Riga", "paragraph_support_idx": 1},
            ],
        }
        for pair in zip(works, born, strict=True)
    ]
    cases = talks(items)
    asked = cases["the last answer"]
    assert [(one.question, one.whole) for one in asked[:1]] == [("Where was it born?", "Where was Ada Smith born?")]
    assert asked[0].history.turns[0] == ("user", "What is the founder of Ada Smith Works?")
    assert asked[0].gold == content_id(*born[0])
    assert cases["the subject"][0].gold == content_id(*works[0])
    assert cases["nothing said"][0].history == asked[2].history
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        memory.add([{"id": content_id(*one), "title": one[0], "text": one[1]} for one in [*works, *born]])
        recall = measure(memory, cases)["recall"]
    said = recall["the last answer"]
    assert said["written out"][0] == said["with history"][0] == 100.0 > said["alone"][0]
    assert recall["nothing said"]["alone"] == recall["nothing said"]["written out"]
