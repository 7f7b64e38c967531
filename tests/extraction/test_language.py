"""Which language a text is taken for, and what follows from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.extraction.language import detect_language, is_cased, stop_words


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The river rises in the hills and ends in the sea.", "en"),
        ("El río nace en la sierra y muere en el mar.", "es"),
        ("Où est la gare et le marché ?", "fr"),
        ("Wo ist der Bahnhof und die Post?", "de"),
        ("Где живёт кит?", "ru"),
        ("Українська мова є державною, та це так", "uk"),
        ("Το ψωμί είναι ζεστό", "el"),
        ("القاهرة هي عاصمة مصر", "ar"),
        ("گنگا بھارت کی سب سے لمبی ندی ہے", "ur"),
        ("שלום לכולם", "he"),
        ("गंगा भारत की सबसे लंबी नदी है", "hi"),
        ("서울은 대한민국의 수도이다", "ko"),
        ("東京は日本の首都です。", "ja"),
        ("北京是中国的首都。", "zh"),
        ("กรุงเทพเป็นเมืองหลวง", "th"),
        ("ಬೆಂಗಳೂರು ರಾಜಧಾನಿ", "kn"),
        ("თბილისი დედაქალაქია", "ka"),
        ("", "en"),
        ("42 …", "en"),
        ("Bob met Ada 0.", "en"),
        ("Die Hard", "en"),
    ],
)
def test_languages(text, language):
    assert detect_language(text) == language


def test_case():
    assert all(map(is_cased, ["en", "ru", "el", "hy", "fi"]))
    assert not any(map(is_cased, ["ar", "he", "hi", "zh", "ja", "ko", "th", "kn", "ka", "am"]))


def test_stop_words_are_casefolded_and_missing_lists_are_empty():
    assert "the" in stop_words("en")
    assert "и" in stop_words("ru")
    assert all(word == word.casefold() for word in stop_words("de"))
    assert stop_words("km") == frozenset()


@given(st.text())
def test_every_text_has_a_language(text):
    assert len(detect_language(text)) == 2
