"""Questions about the present: what holds of a person, in its newest version."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from hippo import Document, Hippo
from hippo.cli.app import app
from hippo.documents.turns import turn
from hippo.retrieval.holding import About, Holding, _question_before
from hippo.retrieval.statements import asks_what_holds, statements
from hippo.snapshot.history import EVER

START = datetime(2023, 1, 2, 18)  # noqa: DTZ001
MANUAL = {"indexing": {"merge_after": 0}}


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("I live in Rome.", "holds"),
        ("My bike needs oil.", "holds"),
        ("They pay me badly at the mill.", "holds"),
        ("We've moved in with our parents.", "changed"),
        ("I swapped the bus for a bike.", "changed"),
        ("I play chess on Mondays now.", "changed"),
        ("I used to live in Rome.", "over"),
        ("I was at the zoo.", "over"),
        ("I heard a band in Rome yesterday.", "over"),
        ("My sister lives in Rome.", "of sister"),
        ("Our old neighbours are loud.", "of neighbour"),
        ("Ben Hill works for the zoo, I just learned.", "of ben hill"),
        ("The people next door are moving out, I think.", None),
        ("Somebody played under my window.", None),
        ("Where do I live?", None),
        ("How nice!", None),
        ("The US election was close.", None),
        ("Coal mine closed.", None),
        ("Red bike is mine.", "holds"),
        ("Ich wohne in Rom.", None),
    ],
)
def test_sentences_tell_what_holds_of_whom(sentence: str, told: str | None) -> None:
    found = statements(sentence)
    if told is None or told.startswith("of "):
        assert not any(one.own for one in found)
        names = [name for one in found for name in (*one.persons, one.name) if name]
        assert [f"of {name}" for name in names] == ([told] if told else [])
        return
    [one] = found
    assert one.own
    assert ("changed" if one.changed else "holds" if one.holds else "over") == told


@settings(max_examples=40)
@given(st.text(max_size=80))
def test_any_text_can_be_read(text: str) -> None:
    statements(text)
    asks_what_holds(text)
    About.of(text, [text[:5], text])


@pytest.mark.parametrize(
    ("question", "about"),
    [
        ("Where does Ann live?", True),
        ("Who employs Ann?", True),
        ("What is the name of Ann's cat?", True),
        ("What is the job of Ann?", True),
        ("Where does the man whom Ann met live?", False),
        ("Where is the town that Ann loves?", False),
        ("Where does the man Ann met live?", False),
    ],
)
def test_questions_are_about_somebody(question: str, about: bool) -> None:
    assert (About.of(question, ["Ann"]) is not None) is about
    assert About.of("Where do I live?", []) is not None
    assert About.of("Where is Rome?", []) is None
    assert About.of("Where does Ann live?", [*["Of"] * 16, "Ann"]) is None


SAID = [
    ("Nina", 0, "My phone is a Pixel, three years old by now."),
    ("Nina", 12, "My dentist is Dr Pohl, she is gentle."),
    ("Nina", 15, "I'm renting a room in Hamburg."),
    ("Omar", 16, "I'm a nurse at the children's hospital."),
    ("Omar", 18, "My flatmate is Luca, he cooks well."),
    ("Omar", 20, "I grew up in Cairo, near the river."),
    ("Nina", 33, "My brother lives in Berlin with his cats."),
    ("Omar", 34, "Nina, what are you most afraid of?"),
    ("Nina", 34, "Thunderstorms, no doubt."),
    ("Omar", 120, "Luca moved out, Pedro is my new flatmate."),
    ("Omar", 180, "I left the hospital and became a paramedic."),
    ("Nina", 200, "My phone died, so I switched to a Fairphone."),
    ("Nina", 225, "The dentist's waiting room was full."),
    ("Nina", 250, "Found a place of my own in Rostock and moved yesterday."),
    ("Nina", 255, "I visited Bremen last weekend, lovely."),
    ("Nina", 260, "Dr Pohl has retired, so my dentist is Dr Arslan now."),
    ("Omar", 275, "Pedro burnt the rice."),
    ("Omar", 280, "The neighbours from Leeds are moving out, I think."),
]
ASKED = [
    ("What phone does Nina have?", ["Pixel", "Fairphone"]),
    ("Who is Nina's dentist?", ["is Dr Pohl", "Arslan"]),
    ("In which city does Nina live at the moment?", ["Hamburg", "Rostock"]),
    ("What does Omar do for a living?", ["nurse", "paramedic"]),
    ("Who is Omar's flatmate?", ["is Luca", "new flatmate"]),
    ("Where does Nina's brother live?", ["Berlin"]),
    ("What is Nina afraid of?", ["Thunderstorms"]),
]


def days(number: int) -> datetime:
    return START + timedelta(days=number)


def test_the_newest_version_comes_first_and_as_of_a_time_that_of_then(tmp_path: Path) -> None:
    turns = [
        turn(text, session=f"s{day // 30}", position=place, speaker=speaker, timestamp=days(day))
        for place, (speaker, day, text) in enumerate(SAID)
    ]
    with Hippo.open(tmp_path / "i", encoder="minilm", config=MANUAL) as memory:
        memory.add(turns)
        for question, versions in ASKED:
            hits = memory.retrieve(question, k=5, explain=True).hits
            assert versions[-1] in hits[0].text, question
            assert hits[0].superseded_by is None
            assert hits[0].explanation is not None
            assert hits[0].explanation.time > 1
            when = [next(day for _, day, text in SAID if one in text) for one in versions]
            for place, version in enumerate(versions[:-1]):
                [old] = [hit for hit in hits if version in hit.text]
                assert old.superseded_by == hits[0].chunk_id
                then = days((when[place] + when[place + 1]) // 2)
                assert version in memory.retrieve(question, k=1, as_of=then).hits[0].text, question
        memory.remember("I live in Lima since today.", timestamp=days(300), metadata={"speaker": "Nina"}, session="s9")
        assert "Lima" in memory.recall("Where does Nina live now?").hits[0].text


def test_words_alone_tell_versions_too(tmp_path: Path) -> None:
    said = [("user", "I live in Rome."), ("user", "It rains."), ("user", "I moved to Oslo."), ("assistant", "Nice!")]
    with Hippo.open(tmp_path / "i", encoder="none") as memory:
        memory.add(
            turn(text, session="s", position=place, speaker=speaker, timestamp=days(place))
            for place, (speaker, text) in enumerate(said)
        )
        assert memory.retrieve("Where do I live?").hits[0].text == "I moved to Oslo."
        assert memory.retrieve("Where do I live?", as_of=days(1)).hits[0].text == "I live in Rome."
        assert memory.retrieve("Where did I live?").hits[0].text == "I live in Rome."
        shown = CliRunner().invoke(app, ["query", str(tmp_path / "i"), "Where do I live?"])
        assert "superseded" in shown.stdout


def dialogue(*said: tuple[str, str], days_apart: int) -> list[Document]:
    return [
        turn(text, session="s", position=place, speaker=speaker, timestamp=days(days_apart * place))
        for place, (speaker, text) in enumerate(said)
    ]


def test_nobody_replaces_what_another_speaker_says_of_themselves(tmp_path: Path) -> None:
    for other in ("assistant", "Ben"):
        with Hippo.open(tmp_path / other, encoder="none") as memory:
            memory.add(
                dialogue(("Ann", "I live in Rome."), ("Ann", "It rains."), (other, "I moved to Oslo."), days_apart=1)
            )
            hits = memory.retrieve("Where do I live?").hits
            assert {hit.superseded_by for hit in hits} == {None}
            assert hits[0].text == "I live in Rome." or other == "Ben"


def test_a_reply_follows_its_question_whatever_the_clock_says_and_what_is_hidden_asks_nothing(tmp_path: Path) -> None:
    said = [("Ben", "What are you afraid of?"), ("Ann", "Thunder."), ("Ben", "Which town is home?"), ("Ann", "Rome.")]
    with Hippo.open(tmp_path / "i", encoder="none", config=MANUAL) as memory:
        memory.add(dialogue(*said, days_apart=0))
        contents = memory.contents()
        texts = contents.chunks.column("text").to_pylist()
        asked = {
            text: _question_before(contents, row, "Ann", None) for row, text in enumerate(texts) if text[-1] != "?"
        }
        assert asked == {"Thunder.": texts.index(said[0][1]), "Rome.": texts.index(said[2][1])}
        hidden = np.array([text == said[2][1] for text in texts])
        assert _question_before(contents, texts.index("Rome."), "Ann", hidden) is None


def test_nothing_is_found_where_all_is_hidden(tmp_path: Path) -> None:
    with Hippo.open(tmp_path / "i", encoder="none", config=MANUAL) as memory:
        memory.add(dialogue(("Ann", "I live in Rome."), days_apart=1))
        memory.forget("s/0")
        assert memory.retrieve("Where do I live?").hits == ()
        assert memory.retrieve("Rome").hits == ()


def test_documents_are_ranked_as_before(tmp_path: Path) -> None:
    with Hippo.open(tmp_path / "i", encoder="hashing") as memory:
        memory.add(
            {"id": str(place), "title": "Ann", "text": text, "timestamp": f"202{place}-01-01"}
            for place, (_, _, text) in enumerate(SAID[:4])
        )
        found = memory.retrieve("Where does Ann live now?", explain=True)
        assert {hit.superseded_by for hit in found.hits} == {None}
        assert max(hit.explanation.time for hit in found.hits if hit.explanation) <= 5


def test_only_what_is_dated_replaces_and_ties_go_by_row() -> None:
    rows, spoken = np.array([3, 5, 7, 9]), np.array([3, 5, 7, 9])
    times = np.full(10, EVER)
    held = Holding(rows, np.array([9.0, 8.0, 8.0, 1.0]), np.zeros(4, bool), spoken)

    def vectors(some: Any) -> None:
        return None

    assert held.versions(times, vectors) == {}
    times[[3, 5, 7]] = 0, 5, 5
    assert held.versions(times, vectors) == {3: 5}
    times[9] = 9
    assert held.versions(times, vectors) == {3: 5}
    said = replace(held, speakers=("Ann", "Ben", "Ann", "Ann"))
    assert said.versions(times, vectors) == {3: 7}
