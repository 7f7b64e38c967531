"""Ids depend on content alone; entity keys work for every script."""

import os
import subprocess
import sys
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import hippo.ids
from hippo.ids import chunk_id, content_id, entity_key, text_hash

any_text = st.text(st.characters())  # surrogates included
names = st.text(st.characters(categories=["L", "M", "N"]), min_size=1)


@given(any_text)
@example("ͅ")
@example("ǰ̣'s's")
@example("İstanbul’s")
@example("5  %  %")
def test_entity_key_is_idempotent(text: str) -> None:
    assert entity_key(entity_key(text)) == entity_key(text)


@given(st.text(st.sampled_from("aZs9 '.(%")))
@example("The Beatles")
@example("9 %")
def test_plain_names_have_the_key_that_any_name_has(text: str) -> None:
    assert entity_key(text) == hippo.ids._entity_key(text)


@given(any_text)
def test_entity_key_has_no_stray_space(text: str) -> None:
    key = entity_key(text)
    assert key == key.strip()
    assert "  " not in key
    assert not any(character in "\n\t\r\u00a0\u3000" for character in key)


@given(names)
def test_entity_key_keeps_letters_marks_and_digits(name: str) -> None:
    """Nothing of a name is lost: its key is its case-folded normal form, up to the spaces that NFKC makes."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    kept = [character for character in entity_key(name) if unicodedata.category(character)[0] in "LMN"]
    assert kept == [character for character in folded if unicodedata.category(character)[0] in "LMN"]


def test_entity_key_keeps_every_letter_and_digit() -> None:
    """All of Unicode's, not those of one range."""
    letters = (chr(point) for point in range(sys.maxunicode + 1) if unicodedata.category(chr(point))[0] in "LN")
    assert [letter for letter in letters if not entity_key(letter)] == []


@given(names, st.sampled_from(["{}", " {} ", "({})", "“{}”", "«{}»", "{},", "{}.", "¿{}?", "{}’s", "{}'s", "「{}」"]))
def test_entity_key_ignores_outer_punctuation_and_case(name: str, frame: str) -> None:
    assert entity_key(frame.format(name)) == entity_key(name)
    assert entity_key(name.casefold()) == entity_key(name)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Straße", "strasse"),
        ("ＡＢＣ", "abc"),
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("محمد بن سلمان", "محمد بن سلمان"),
        ("हिन्दी", "हिन्दी"),
        ("ภาษาไทย", "ภาษาไทย"),
        ("C#", "c#"),
        ("F.C. Barcelona", "f.c. barcelona"),
        ("-40 °C", "-40 °c"),
        ("€20", "€20"),
        ("5 %", "5%"),
        ("James's", "james"),
        ("—", ""),
        ("", ""),
    ],
)
def test_entity_key_examples(name: str, key: str) -> None:
    assert entity_key(name) == key


def test_entity_key_tells_names_apart() -> None:
    apart = ["C", "C++", "C#", "NET", ".NET", "5", "5 %", "β-carotene", "carotene", "Ⅳ.", "한국", "韓国"]
    assert len({entity_key(name) for name in apart}) == len(apart)


@given(any_text, any_text)
def test_ids_tell_contents_apart(left: str, right: str) -> None:
    same = left == right
    assert (text_hash(left) == text_hash(right)) is same
    assert (content_id("", left) == content_id("", right)) is same
    assert (chunk_id("d", 0, left) == chunk_id("d", 0, right)) is same


@given(any_text, any_text)
def test_ids_do_not_run_parts_together(left: str, right: str) -> None:
    """Moving a character from one part to the next gives another id."""
    assert content_id(left + "x", right) != content_id(left, "x" + right)
    assert chunk_id(left + "1", 0, right) != chunk_id(left, 10, right)


@given(any_text)
def test_kinds_have_ids_of_their_own(text: str) -> None:
    ids = {text_hash(text), content_id(None, text), chunk_id("", 0, text)}
    assert len(ids) == 3
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in ids)


def test_ids_are_the_same_in_every_process() -> None:
    code = (
        "from hippo.ids import *; print(text_hash('ä'), content_id('t', 'ä'), chunk_id('d', 3, 'ä'), entity_key('Ä’s'))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-X", "utf8", "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1", "4242")
    }
    assert printed == {f"{text_hash('ä')} {content_id('t', 'ä')} {chunk_id('d', 3, 'ä')} ä"}


def test_ids_never_change() -> None:
    """Ids are stored in indexes: a new way to make them makes every index on disk a stranger."""
    assert text_hash("hippo") == "f3e02935ea21933d10d0869d72e49425"
    assert content_id("title", "text") == "4aa24e381dc6bc91e244dd18715b4fee"
    assert chunk_id("document", 1, "text") == "72f7f9152d1dd12f56403dbd5c153fd3"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("'s" * 50_000 + "x", "s" + "'s" * 49_999 + "x"),
        ("x" + "'s" * 50_000, "x"),
        ("a(" + "+" * 50_000, "a"),
        ("a" + ")'s" * 50_000, "a"),
    ],
    ids=["possessives first", "possessives last", "symbols", "brackets"],
)
def test_entity_key_takes_linear_time(name: str, key: str) -> None:
    began = time.process_time()
    assert entity_key(name) == key
    assert time.process_time() - began < 2
