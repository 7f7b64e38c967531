import subprocess
import sys
import time
from itertools import pairwise

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from hippo.documents import sentence_spans

TRICKY = [
    ["Mr. Smith met Dr. Jones at St. Mary's Hospital. ", "They talked for 3.5 hours."],
    ["J. R. R. Tolkien wrote The Hobbit. ", "Stanley P. Morse read it."],
    ["She moved to the U.S. in 1990. ", "The U.S. Senate voted on No. 7 today."],
    ["They live in the U.S. ", "The city is large."],
    ['He said "Stop." ', "Then he left."],
    ['"Are you mad?!" she asked. ', '"No." ', "He smiled."],
    ["It was late... ", "Nobody came. ", "Well... maybe later. ", "He waited…  ", "She did not."],
    ["Some animals, e.g. dogs, i.e. pets, are loud. ", "See Fig. 3 and pp. 4-7 for it."],
    ["He said no. ", "It was over."],
    ["Pi is 3.14159. ", "Version 2.0.1 costs $9.99."],
    ["He works at Apple Inc. ", "She works at Acme Corp. in Boston."],
    ["Shopping:\n", "- apples\n", "- pears\n\n", "That is all."],
    ["1. First of all.\n", "2. Then this."],
    ["今天天气很好。", "你去哪里？", "真棒！", "他说：“好。”", "然后走了。"],
    ["राम घर गया। ", "वह खुश है।"],
    ["هل أنت بخير؟ ", "نعم."],
    ["یہ کتاب ہے۔ ", "وہ قلم ہے۔"],
    ["A heading without a stop\n\n", "The first paragraph begins here."],
    ["The meeting is at 5 p.m. ", "Bring food. ", "It opens at 9 a.m. on Monday."],
    ["The play was by G. B. Shaw Jr. and others. ", "King George V. ", "He died."],
    ["He lived (ca. 1850) in Paris. ", "(He was rich.) ", "He was born on Jan. 5, 1820."],
    ["Handel (c. 1711) in Harper v. Nation. ", "So am I. ", "You too."],
    ["Visit www.example.com today! ", "Node.js is fun."],
    ["Yahoo! was founded in 1994. ", "30 people came.[3] ", "It grew."],
    ["The text is hard\nwrapped at a\ncolumn. ", "Next one\nis here."],
    ["Il dit : « Oui. » ", "Puis il partit."],
]


def cut(text: str, language: str | None = None) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text, language)]


@pytest.mark.parametrize("sentences", TRICKY, ids=lambda sentences: sentences[0][:20])
def test_tricky_sentences(sentences: list[str]) -> None:
    assert cut("".join(sentences)) == sentences


def test_language_adds_abbreviations_and_ordinals() -> None:
    german = "Sie arbeitet bei der Fa. Meier, z. B. als Chefin. Er auch."
    assert cut(german, "de") == ["Sie arbeitet bei der Fa. Meier, z. B. als Chefin. ", "Er auch."]
    assert len(cut(german)) == 4
    assert cut("Am 3. Oktober war es. Dann nicht.", "de") == ["Am 3. Oktober war es. ", "Dann nicht."]
    assert cut("Room 3. October came.") == ["Room 3. ", "October came."]
    assert cut("One. Two.", "xx-unknown") == ["One. ", "Two."]


def test_leading_and_trailing_white_space_make_no_sentence() -> None:
    assert cut(" \n\n One. \n\n ") == [" \n\n One. \n\n "]
    assert cut("   ") == ["   "]
    assert cut("") == []


PIECES = st.sampled_from(
    [
        *".!?…。।\n\r \t\"')”»-*1aAéß北",
        "\u0301",
        "\u200d",
        "👩‍👧",
        "Dr",
        "U.S",
        "[1]",
        "\ud800",
        "e\u0301",
        "\u2028",
        "க்ஷி",
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
@example(". \u0301a")
@example("。\u3099")
def test_spans_cover_any_text_and_keep_clusters_whole(text: str) -> None:
    spans = sentence_spans(text)
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(start < end for start, end in spans)
    assert all(left[1] == right[0] for left, right in pairwise(spans))
    borders = {match.end() for match in regex.finditer(r"\X", text)}
    assert {end for _, end in spans} <= borders
    if text.strip():
        assert all(text[start:end].strip() for start, end in spans)


def test_fast_on_english() -> None:
    paragraph = (
        "Ada Lovelace, who had studied with Mrs. Somerville, wrote a program for a machine that did not exist yet. "
        "In 1843 her notes were printed beside a translation of a lecture on that machine, and they were three times "
        "as long as the lecture itself! Nobody could run the program while she lived, and most of her readers took it "
        "for a curiosity. "
    )
    text = paragraph * 6_000
    times = []
    for _ in range(3):
        begin = time.process_time()
        spans = sentence_spans(text)
        times.append(time.process_time() - begin)
    assert len(spans) == 18_000
    # Megabytes a second; the best of three, since other work may slow a run down.
    assert len(text) / 1e6 / min(times) > 5


@pytest.mark.parametrize("unit", [".", " ", "\n", ". ", '."', ".[1", "\n ", "a\n", "- \n", "!\u0301", "(", "\u0301"])
def test_hostile_repeats_stay_linear(unit: str) -> None:
    begin = time.process_time()
    spans = sentence_spans(unit * (300_000 // len(unit)))
    assert spans[-1][1] == 300_000 // len(unit) * len(unit)
    assert time.process_time() - begin < 3


def test_abbreviations_need_no_model() -> None:
    code = "import sys; from hippo.documents import sentence_spans; sentence_spans('Fa. Meier', 'de')"
    code += "; print('spacy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"


def test_what_the_library_splitter_gets_wrong() -> None:
    """The reasons that the module gives for being own code hold: a splitter without these faults would replace it."""
    spacy = pytest.importorskip("spacy", reason="spaCy is not installed")
    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    for text, wanted in (
        ("He won No. 5 in 1990. It left.", 2),
        ("A heading\n\nA sentence follows.", 2),
        ("List:\n- one thing\n- another thing\n", 3),
    ):
        assert len(sentence_spans(text)) == wanted
        assert len(list(pipeline(text).sents)) != wanted
