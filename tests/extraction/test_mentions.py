"""Mentions by rules: names, quotes, dates, numbers and titles, in scripts with case and without."""

import pytest

from hippo.extraction.language import is_cased, stop_words
from hippo.extraction.mentions import Context, find_mentions, recurring_pieces, title_mentions


def keys(sentence: str, language: str = "en", lower: str = "") -> list[str]:
    recurring = recurring_pieces(sentence)
    context = Context(stop_words(language), is_cased(language), frozenset(lower.split()), recurring)
    found = find_mentions(sentence, context)
    assert all(sentence[mention.start : mention.end] == mention.surface for mention in found)
    return [mention.key for mention in found]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("The University of St Andrews was founded there.", ["university of st andrews"]),
        ("She read about Isle of the Dogs today.", ["isle of the dogs"]),
        ("Miguel de Cervantes wrote it.", ["miguel de cervantes"]),
        ("He was seen in Saint-Denis.", ["saint-denis"]),
        ("They flew on Apollo 11.", ["apollo 11", "11"]),
        ("The U.S. Army left.", ["u.s. army"]),
    ],
)
def test_names_reach_over_connectives_hyphens_and_numbers(sentence, expected):
    assert keys(sentence) == expected


def test_a_name_does_not_reach_over_more_than_two_connectives():
    assert keys("It went from Paris in the of and to Rome.") == ["paris", "rome"]


def test_a_name_around_and_is_offered_whole_and_in_parts():
    assert keys("Then Bank of England and Royal Mint agreed.") == [
        "bank of england and royal mint",
        "bank of england",
        "royal mint",
    ]


def test_a_possessive_inside_a_name_cuts_it_and_at_its_end_is_dropped():
    assert keys("Mary Shelley's Frankenstein sold.") == ["mary shelley's frankenstein", "mary shelley", "frankenstein"]
    assert keys("We met Dickens's brother.") == ["dickens"]


def test_stop_words_that_begin_a_sentence_are_no_names():
    assert keys("However it rained.") == []
    assert keys("The Thames rose.") == ["thames"]


def test_a_first_word_that_the_chunk_also_writes_small_is_no_name():
    assert keys("House prices fell.", lower="house") == []
    assert keys("House prices fell.") == ["house"]


@pytest.mark.parametrize(
    "quoted", ['"bleak house"', "“bleak house”", "„bleak house“", "«bleak house»", "« bleak house »", "``bleak house''"]
)
def test_quoted_titles(quoted):
    assert keys(f"he wrote {quoted} then") == ["bleak house"]


def test_dates_are_names_and_so_is_their_year():
    assert keys("born on 12 May 1961 and gone") == ["12 may 1961", "1961"]
    assert keys("gone on June 3, 2001 at last") == ["june 3, 2001", "june 3", "2001"]
    assert keys("since March 1999 or so") == ["march 1999", "1999"]


def test_numbers_of_two_digits_or_more():
    assert keys("they sold 1,500 of 7 in 1911.") == ["1,500", "1911"]
    assert keys("it grew in the 1920s, by 3.5 or so") == ["1920s", "3.5"]


def test_long_runs_of_capitals_are_no_names():
    assert keys("Alpha " * 30) == []


@pytest.mark.parametrize(
    ("language", "sentence", "expected"),
    [
        ("ru", "Лев Толстой написал роман «Война и мир».", ["лев толстой", "война и мир", "война"]),
        ("es", "Miguel de Cervantes nació en Alcalá de Henares.", ["miguel de cervantes", "alcalá de henares"]),
        ("zh", "北京是中国的首都。《红楼梦》是小说。", ["北京", "中国", "红楼梦"]),
        ("ja", "東京タワーは東京にあります。", ["東京タワー", "東京"]),
        ("ar", "القاهرة هي عاصمة مصر.", ["القاهرة", "عاصمة مصر", "عاصمة", "مصر"]),
        ("hi", "गंगा हिमालय से निकलती है।", ["गंगा हिमालय", "गंगा", "हिमालय", "निकलती"]),
        ("el", "Ο Νίκος Καζαντζάκης γεννήθηκε.", ["νίκοσ καζαντζάκησ"]),
    ],
)
def test_names_in_many_scripts(language, sentence, expected):
    assert set(expected) <= set(keys(sentence, language))


def test_scripts_in_one_run_are_told_apart():
    assert keys("AI技術は東京大学で研究される。", "ja") == ["ai", "技術", "東京大学", "研究"]


def test_titles_are_named_with_and_without_what_tells_them_apart():
    assert [(m.key, m.start) for m in title_mentions("Mercury (planet)")] == [("mercury (planet)", -1), ("mercury", -1)]
    assert [m.key for m in title_mentions("Red Hat")] == ["red hat"]
    assert title_mentions("...") == title_mentions("") == title_mentions(None) == []


def test_recurring_pieces_count_without_overlap():
    assert recurring_pieces("東東東") == frozenset()
    assert recurring_pieces("東東東東") == {"東東"}
    assert recurring_pieces("東京 x 東京") == {"東京"}
    text = "北京大学と北京大学院と京大"
    slow = {
        text[start : start + size]
        for size in range(2, 9)
        for start in range(len(text) - size + 1)
        if text.count(text[start : start + size]) > 1
    }
    assert recurring_pieces(text) == slow


def test_a_name_before_a_place_is_found_alone_and_with_it():
    found = keys("She met Charles Babbage in London after reading Alice in Wonderland.")
    assert {"charles babbage", "london", "alice in wonderland"} <= set(found)


def test_long_titles_are_cut_at_a_word():
    (mention,) = title_mentions("word " * 60)
    assert mention.key == ("word " * 24).strip()
    (mention,) = title_mentions("x" * 500)
    assert mention.key == "x" * 120
