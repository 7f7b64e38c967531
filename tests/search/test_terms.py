"""Terms of every script."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.search.terms import term_hash, terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Quick, brown-fox 2x", ["the", "quick", "brown", "fox", "2x"]),
        ("Zoë's CAFÉ", ["zoë", "s", "café"]),
        ("Ｆｕｌｌ ﬁne", ["full", "fine"]),
        ("東京都は京", ["東京", "京都", "都は", "は京"]),
        ("京", ["京"]),
        ("タワー", ["タワ", "ワー"]),
        ("AI技術", ["ai", "技術"]),
        ("กรุง", ["กร", "รุ", "ุง"]),
        ("서울 수도", ["서울", "수도"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("مصر القاهرة", ["مصر", "القاهرة"]),
        ("Лев Толстой", ["лев", "толстой"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("", []),
        ("… !?", []),
    ],
)
def test_terms(text, expected):
    assert terms(text) == expected


@given(st.text())
def test_terms_are_folded_words(text):
    found = terms(text)
    assert all(found)
    assert not set("".join(found)) & set(string.punctuation + string.whitespace)
    assert terms(text) == found


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_ascii_is_no_special_case(text):
    assert terms(text) == terms(text + " é")[:-1]


@given(st.text(alphabet="abcdefgh東京ÄÖé"), st.text(alphabet="abcdefgh東京ÄÖé"))
def test_case_makes_no_difference_and_texts_do_not_run_together(left, right):
    assert terms(left.upper()) == terms(left)
    assert terms(f"{left} {right}") == terms(left) + terms(right)


def test_hashes_do_not_depend_on_the_process():
    assert term_hash("hippo") == 5137933215534715463
    assert term_hash("\ud800") != term_hash("\ud801")
