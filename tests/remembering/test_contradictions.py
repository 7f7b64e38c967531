"""What contradicts each other: what holds of one thing at a time, and no events."""

import json
from datetime import UTC, datetime

from hippo import Document, Hippo
from hippo.documents.turns import turn

MANUAL = {"indexing": {"merge_after": 0}}
STATES = [
    ("Ann lives in Rome.", "Ann lives in Oslo."),
    ("I work for Acme.", "I work for Bond."),
    ("Acme has 300 workers.", "Acme has 450 workers."),
    ("We moved to Turin.", "We moved to Hull."),
    ("Ada Smith was born in Riga.", "Ada Smith was born in Lyon."),
    ("The party is on Monday in Hull.", "The party is on Sunday in Hull."),
    ("Bond has been led by Eve since May.", "Bond has been led by Tom since May."),
]
EVENTS = [
    ("Ann met Ben in Rome.", "Ann met Ben in Oslo."),
    ("I visited Rome.", "I visited Oslo."),
    ("Eve said hello to Tom.", "Eve said hello to Ben."),
    ("We have been to Turin.", "We have been to Hull."),
    ("Ada Smith was head of Acme.", "Ada Smith was head of Bond."),
    ("I like Rome.", "I like Oslo."),
    ("Do you live in Rome?", "Do you live in Oslo?"),
    ("Maybe Tom lives in Rome.", "Maybe Tom lives in Oslo."),
    ("Ben Hill lives in Rome.", "Ben Hill works in Rome."),
    ("I am at the Colosseum today.", "I am at the Colosseum tomorrow."),
    ("Yesterday it rained in Rome.", "Yesterday it rained in Rome."),
    ("I am learning the harp in Rome.", "I am learning the cello in Rome."),
    ("I am happy for Tom!", "I am afraid of Tom!"),
    ("Dot Hill works for Acme.", "Max Lee works for Acme."),
    ("We adopted a dog, she is called Kip.", "We adopted a dog, she is called Iris."),
]


def test_states_contradict_each_other_and_events_do_not(tmp_path):
    said = [(f"Speaker {number}", *pair) for number, pair in enumerate([*STATES, *EVENTS])]
    turns = [
        turn(text, session=str(row), position=day, speaker=who, timestamp=datetime(2024, 5, day, tzinfo=UTC))
        for row, (who, *texts) in enumerate(said)
        for day, text in enumerate(texts, 1)
    ]
    # Whoever says it, it is of whom it is told.
    turns += [
        turn(f"Max Hill lives in {town}.", session="x", position=day, speaker=who, timestamp=turns[day].timestamp)
        for day, (who, town) in enumerate([("Zoe", "Rome"), ("Kim", "Oslo")])
    ]
    told_of = [
        ("Alice Smith leads it.", "Bob Jones leads it."),
        ("Alice Smith works for it.", "Bob Jones works for it."),
    ]
    turns += [
        Document(text, title=f"Company {number}", timestamp=turns[day].timestamp)
        for number, pair in enumerate(told_of)
        for day, text in enumerate(pair)
    ]
    with Hippo.open(tmp_path / "index", encoder="none", config=MANUAL) as memory:
        memory.add(turns)
        memory.consolidate(kinds=["contradictions"])
        found = {
            tuple(side["text"] for side in one.metadata["sides"]): one.metadata["of"]
            for one in memory.documents(where="derived = 'contradiction'")
        }
        told = ("Max Hill lives in Rome.", "Max Hill lives in Oslo.")
        assert found.pop(told) == "max hill"
        assert set(found) == {*STATES, told_of[0]}


def test_triples_contradict_each_other_by_their_predicates(tmp_path):
    said = [
        (
            "2021",
            [
                ["Ann", "lives in", "Rome"],
                ["Ann", "met", "Ben"],
                ["Acme", "has", "300 workers"],
                ["Ann", "has", "a dog"],
            ],
        ),
        (
            "2022",
            [
                ["Ann", "lives in", "Oslo"],
                ["Ann", "met", "Eve"],
                ["Acme", "has", "450 workers"],
                ["Ann", "has", "a cat"],
            ],
        ),
    ]
    docs = [
        {"passage": f"Year {year}", "extracted_entities": [], "extracted_triples": triples} for year, triples in said
    ]
    path = tmp_path / "openie.json"
    path.write_text(json.dumps({"docs": docs}), encoding="utf-8")
    config = {**MANUAL, "extractor": {"name": "imported", "imported": {"path": str(path)}}}
    with Hippo.open(tmp_path / "index", encoder="none", config=config) as memory:
        memory.add([{"id": year, "text": f"Year {year}", "timestamp": f"{year}-01-01"} for year, _ in said])
        memory.consolidate(kinds=["contradictions"])
        sides = [one.metadata["sides"] for one in memory.documents(where="derived = 'contradiction'")]
        found = sorted(tuple((side["relation"], side["object"], side["document"]) for side in pair) for pair in sides)
        assert found == [
            (("has", "300 workers", "2021"), ("has", "450 workers", "2022")),
            (("lives in", "Rome", "2021"), ("lives in", "Oslo", "2022")),
        ]
