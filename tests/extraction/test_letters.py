"""Patterns of letters: what text in ASCII is searched by finds what the pattern itself finds."""

import re

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from hippo.extraction import language, mentions, pattern
from hippo.extraction.letters import Letters, in_ascii

PATTERNS = {
    "word": language._WORD,
    "lower": pattern._LOWER,
    "number": mentions._NUMBER,
    "token": mentions._TOKEN,
}
ALPHABET = st.one_of(st.sampled_from("aBz9 .,'-\n\t(_"), st.characters(max_codepoint=127))


@pytest.mark.parametrize("name", PATTERNS)
@given(text=st.text(ALPHABET, max_size=60))
def test_twins_find_the_same(name: str, text: str) -> None:
    any_script, ascii_only = PATTERNS[name]._any, PATTERNS[name]._ascii
    assert PATTERNS[name].of(text) is ascii_only
    found = [match.span() for match in ascii_only.finditer(text)]
    assert found == [match.span() for match in any_script.finditer(text)]


def test_other_text_is_searched_as_it_was() -> None:
    letters = Letters(r"\p{Lu}\p{M}*")
    assert letters.of("É").findall("É Ä") == ["É", "Ä"]
    assert isinstance(letters.of("e"), re.Pattern)
    assert isinstance(letters.of("é"), regex.Pattern)
    assert in_ascii(r"[^\s\p{N}]\]\p{N}") == r"[^ \t-\r0-9]\][0-9]"
