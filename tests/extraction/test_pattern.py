"""The default extractor: its facts, and what holds for every text."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.extraction.pattern import PatternExtractor, evidence
from hippo.protocols import Extractor
from hippo.types import Chunk, Extraction


def chunk(text: str, title: str | None = None) -> Chunk:
    return Chunk("c", "d", 0, text, 0, len(text), title)


def extract(text: str, title: str | None = None, **options: str) -> Extraction:
    [found] = PatternExtractor(**options).extract([chunk(text, title)])
    assert isinstance(found, Extraction)
    return found


def test_it_is_an_extractor_whose_language_shows_in_its_fingerprint():
    assert isinstance(PatternExtractor(), Extractor)
    assert PatternExtractor(language="de").fingerprint != PatternExtractor().fingerprint


def test_a_fact_is_a_sentence_with_its_title_entities_and_relations():
    found = extract("She met Charles Babbage near London. It rained.", "Ada Lovelace")
    first, second = found.facts
    assert first.text == "Ada Lovelace. She met Charles Babbage near London."
    assert first.entities == ("ada lovelace", "charles babbage", "london")
    assert set(first.relations) == {
        ("ada lovelace", "charles babbage"),
        ("ada lovelace", "london"),
        ("charles babbage", "london"),
    }
    assert second.entities == ("ada lovelace",)
    assert second.relations == ()
    assert not found.dropped


def test_sentences_that_name_nothing_are_counted():
    found = extract("It rained. They slept. Rome burnt. It was hot.")
    assert [fact.text for fact in found.facts] == ["Rome burnt."]
    assert found.dropped == {"sentence without entity": 3}


def test_white_space_around_a_sentence_is_no_part_of_it():
    text = " \n Rome fell.  Paris stood. "
    found = extract(text)
    assert [text[fact.start : fact.end] for fact in found.facts] == ["Rome fell.", "Paris stood."]
    assert [(mention.surface, mention.start) for mention in found.mentions] == [("Rome", 3), ("Paris", 15)]


def test_white_space_is_no_sentence_even_under_a_title():
    found = extract(" \n ", "Rome")
    assert found.facts == ()
    assert not found.dropped


def test_one_outcome_per_chunk_in_order():
    chunks = [Chunk(str(number), "d", number, f"Rome {number}.", 0, 7) for number in range(5)]
    assert [outcome.chunk_id for outcome in PatternExtractor().extract(chunks)] == list("01234")
    assert PatternExtractor().extract([]) == []


def test_a_given_language_is_used():
    assert extract("Die Stadt ist alt.", language="de").facts[0].entities == ("stadt",)
    assert extract("Die Stadt ist alt.", language="en").facts[0].entities == ("die stadt",)


PIECES = [
    "The", "of", "and", "A", "a", "Rome", "Mary's", "is", "x", "U.S.", "1911", "12 May 1961", "3.5.", "'s", "’", '"',
    "“", "”", "«", "»", "``", "''", "(", ")", "-", "–", "/", "+", ".", "!", "?", ",", "\n", "\n\n", "\t", "北京", "京",
    "東京タワー", "は", "《", "》", "。", "القاهرة", "هي", "गंगा", "है", "।", "Лев", "и", "Ångström", "ß", "İ", "ǅ",
    "e\u0301", "\u200b", "\ufeff", "😀", "กรุงเทพ", "C++", "٣٤", "Ⅷ", "²",
]  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join),
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
)


@given(TEXTS, st.one_of(st.none(), st.text(max_size=30), st.sampled_from(["Mercury (planet)", "红楼梦"])))
def test_what_holds_for_every_text(text, title):
    found = extract(text, title)
    for mention in found.mentions:
        assert mention.key
        if mention.start >= 0:
            assert text[mention.start : mention.end] == mention.surface
            assert mention.surface
        else:
            assert (mention.start, mention.end) == (-1, -1)
    named = {mention.key for mention in found.mentions}
    for fact in found.facts:
        assert fact.text == evidence(title, text[fact.start : fact.end])
        assert fact.entities
        assert len(set(fact.entities)) == len(fact.entities)
        assert set(fact.entities) <= named
        pairs = [frozenset(pair) for pair in fact.relations]
        assert all(len(pair) == 2 and pair <= set(fact.entities) for pair in pairs)
        assert len(set(pairs)) == len(pairs)
    assert all(left.end <= right.start for left, right in pairwise(found.facts))
    assert extract(text, title) == found


def rare_han(count: int) -> str:
    return "".join(chr(0x4E00 + place * 7919 % 20_000) for place in range(count))


LONG = {
    "capitals": lambda n: "Alpha " * (n // 6),
    "capitalised connectives": lambda n: "The " * (n // 4),
    "connectives": lambda n: "A of of " * (n // 8),
    "and": lambda n: "Alpha and Beta and " * (n // 19),
    "hyphens": lambda n: "A-" * (n // 2),
    "one word": lambda n: "A" * n,
    "small word": lambda n: "a" * n,
    "possessives": lambda n: "A" + "'s" * (n // 2),
    "names with possessives": lambda n: "Bob's " * (n // 6),
    "quotes": lambda n: '"' * n,
    "open quotes": lambda n: "«ab " * (n // 4),
    "backquotes": lambda n: "``a" * (n // 3),
    "digits and a full stop": lambda n: "1" * n + ".",
    "commas": lambda n: "1," * (n // 2),
    "dates": lambda n: "May 1, " * (n // 7),
    "full stops": lambda n: "." * n,
    "blanks": lambda n: "A." + " " * n + "b",
    "parentheses": lambda n: "(" * n,
    "one character": lambda n: "東" * n,
    "rare characters": rare_han,
    "repeated characters": lambda n: rare_han(1000) * (n // 1000),
    "thai": lambda n: "ประเทศไทย" * (n // 9),
    "hindi": lambda n: "भारत की " * (n // 8),
}


@pytest.mark.parametrize("name", LONG)
def test_time_is_linear(name):
    """100 kB in one sentence: linear work takes a fraction of a second, quadratic work half a minute and more."""
    extract("Warm up. 東京 भारत")
    text = LONG[name](100_000)
    began = time.process_time()
    extract(text)
    assert time.process_time() - began < 5


@pytest.mark.parametrize("title", ["a" + " " * 50_000 + "b", "(" * 50_000, "(a) " * 12_000, ")" * 50_000])
def test_long_titles_take_linear_time(title):
    began = time.process_time()
    extract("Rome.", title)
    assert time.process_time() - began < 5
