"""Names and triples to mentions, facts and evidence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.extraction.places import Places
from hippo.extraction.triples import extraction_of
from hippo.types import Chunk, Extraction, Triple

TEXT = "Ada met Bob in Rome.  Bob wrote to Ada. It rained in Oslo.\nLater Cleo came. Ada left."


def chunk_of(text: str, title: str | None = None) -> Chunk:
    return Chunk("c", "d", 0, text, 0, len(text), title)


def evidence_of(found: Extraction, chunk: Chunk) -> list[str]:
    return [chunk.text[fact.start : fact.end] for fact in found.facts]


def test_a_triple_is_a_fact_of_its_subject_and_object() -> None:
    triple = Triple(" Ada ", "met\n in Rome", "BOB")
    (fact,) = extraction_of(chunk_of(TEXT), [], [triple]).facts
    assert fact.text == "Ada met in Rome BOB"
    assert fact.entities == ("ada", "bob")
    assert fact.relations == (("ada", "bob"),)
    assert fact.triple == triple


@pytest.mark.parametrize(
    ("subject", "target", "evidence"),
    [
        ("Ada", "Bob", "Bob wrote to Ada."),  # the shorter of two sentences that name both
        ("Ada", "Rome", "Ada met Bob in Rome."),
        ("Oslo", "Cleo", "It rained in Oslo.\nLater Cleo came."),  # two sentences
        ("Ada", "Cleo", "Later Cleo came. Ada left."),  # the nearest Ada, not the first
        ("Cleo", "a guest", "Later Cleo came."),
        ("nobody", "Oslo", "It rained in Oslo."),
        ("nobody", "nowhere", TEXT),
        ("Ada", "Ada", "Ada left."),
    ],
)
def test_evidence_is_the_smallest_run_of_sentences(subject: str, target: str, evidence: str) -> None:
    chunk = chunk_of(TEXT)
    assert evidence_of(extraction_of(chunk, [], [Triple(subject, "x", target)]), chunk) == [evidence]


def test_evidence_holds_all_of_a_name_that_looks_like_two_sentences() -> None:
    chunk = chunk_of("Ada edits Doctor Who? Weekly. Bob left.")
    found = extraction_of(chunk, [], [Triple("Doctor Who? Weekly", "is about", "Who")])
    assert evidence_of(found, chunk) == ["Ada edits Doctor Who? Weekly."]


def test_names_without_letters_are_no_entities() -> None:
    found = extraction_of(chunk_of(TEXT), ["..."], [Triple("Ada", "said", "..."), Triple("?", "is", "!")])
    assert [(fact.text, fact.entities, fact.relations) for fact in found.facts] == [("Ada said ...", ("ada",), ())]
    assert found.dropped == {"entity without a name": 1, "triple without an entity": 1}


def test_a_fact_about_itself_has_one_entity_and_no_relation() -> None:
    (fact,) = extraction_of(chunk_of(TEXT), [], [Triple("Ada", "is", "ADA's")]).facts
    assert (fact.entities, fact.relations) == (("ada",), ())


def test_counts_repeated_triples_and_what_came_dropped() -> None:
    triples = [Triple("Ada", "met", "Bob"), Triple("Ada ", "met", "Bob"), Triple("Ada met", "x", "Bob")]
    found = extraction_of(chunk_of(TEXT), [], triples, {"repeated triple": 1, "other": 2})
    assert len(found.facts) == 2
    assert found.dropped == {"repeated triple": 2, "other": 2}


def test_mentions_are_titles_then_places_then_paraphrases() -> None:
    text = "She met Charles  Babbage, and ada lovelace was glad."
    triples = [Triple("Ada Lovelace", "met", "Charles Babbage"), Triple("Ada Lovelace", "felt", "happiness")]
    found = extraction_of(chunk_of(text, "Ada Lovelace (poet)"), ["poet", "Atlantis"], triples)
    assert [(mention.key, mention.surface, mention.start) for mention in found.mentions] == [
        ("ada lovelace (poet)", "Ada Lovelace (poet)", -1),
        ("ada lovelace", "Ada Lovelace", -1),
        ("charles babbage", "Charles  Babbage", 8),
        ("ada lovelace", "ada lovelace", 30),
        ("poet", "poet", -1),
        ("happiness", "happiness", -1),
    ]
    assert found.dropped == {"entity not in the passage": 1}


def test_a_text_that_is_empty_still_has_its_title() -> None:
    found = extraction_of(chunk_of("", "Ada"), ["Ada"], [Triple("Ada", "met", "Bob")])
    assert [mention.key for mention in found.mentions] == ["ada", "bob"]
    assert (found.facts[0].start, found.facts[0].end) == (0, 0)


def test_what_no_store_can_hold_is_taken_out() -> None:
    found = extraction_of(chunk_of(TEXT), ["A\0da"], [Triple("Ada", "said\ud800", "Bob\0")])
    assert found.facts[0].triple == Triple("Ada", "said\ufffd", "Bob")
    assert [mention.key for mention in found.mentions] == ["ada", "bob"]
    assert not found.dropped


@pytest.mark.parametrize(
    ("text", "name", "found"),
    [
        ("東京都は日本の首都です。", "東京都", ["東京都"]),
        ("Она жила в МОСКВЕ.", "москве", ["МОСКВЕ"]),
        ("ذهب إلى والقاهرة", "القاهرة", ["القاهرة"]),
        ("Die STRASSE brannte", "straße", ["STRASSE"]),
        ("O’Brien – the «Old» one", 'o\'brien - the "old" one', ["O’Brien – the «Old» one"]),
        ("Zu\u0308rich", "Zürich", ["Zu\u0308rich"]),
        ("Zürich", "Zu\u0308rich", ["Zürich"]),
        ("İzmir'de", "İzmir", ["İzmir"]),
        ("Romeo in Rome", "Rome", ["Rome"]),
        ("Helsingissä", "Helsin", ["Helsin"]),
        ("He said so", "ai", []),
        ("각", "가", []),
        ("café", "cafe", []),
        ("the cost: 5 %", "5%", []),
        ("the “Skarv”", "'Skarv'", ["Skarv"]),
        ("a\n b\t\tc", "A B C", ["a\n b\t\tc"]),
        ("a b", " ", []),
        ("", "a", []),
    ],
)
def test_names_are_found_in_any_script_and_spelling(text: str, name: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in Places(text).of(name)] == found


@given(st.text(max_size=60), st.text(max_size=10), st.lists(st.tuples(st.text(max_size=6), st.text(max_size=6))))
def test_any_text_gives_a_sound_extraction(text: str, title: str, pairs: list[tuple[str, str]]) -> None:
    chunk = chunk_of(text, title)
    names = [text[i : i + 3] for i in range(0, len(text), 5)]
    found = extraction_of(chunk, names, [Triple(left, "x", right) for left, right in pairs])
    keys = {mention.key for mention in found.mentions}
    for mention in found.mentions:
        assert mention.start == mention.end == -1 or text[mention.start : mention.end] == mention.surface
    for fact in found.facts:
        assert 0 <= fact.start <= fact.end <= len(text)
        assert keys.issuperset(fact.entities)
        assert set(fact.entities).issuperset(key for pair in fact.relations for key in pair)
    dropped = found.dropped.get("repeated triple", 0) + found.dropped.get("triple without an entity", 0)
    assert len(found.facts) + dropped == len(pairs)


@given(st.text(max_size=80), st.integers(0, 80), st.integers(1, 10))
def test_whole_pieces_are_found_where_they_stand(text: str, start: int, size: int) -> None:
    piece = text[start : start + size]
    padded = f"{text} | {piece} | end"
    for left, right in Places(padded).of(piece):
        assert 0 <= left < right <= len(padded)
    if piece.strip().isalnum() and len(piece) > 3:
        assert Places(padded).of(piece)
