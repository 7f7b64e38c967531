import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.reader.marks import ANSWER, ENOUGH, NONE, THOUGHT, cited, cites, disarm, without_citations

marked = st.text(alphabet="[]［］【】()0123789,;- \nnoneNONE") | st.lists(
    st.sampled_from(
        ["[", "]", "［", "】", "1", "23", "-", "–", ",", " ", "none", "Answer", "thought", "enough", "x", "٣"]
    )
).map("".join)


@pytest.mark.parametrize(
    ("text", "numbers", "unknown"),
    [
        ("Ulm [2]. Bern [1].", (2, 1), 0),
        ("Ulm [1, 3]", (1, 3), 0),
        ("Ulm [1][3][1]", (1, 3), 0),
        ("Ulm [1-3]", (1, 2, 3), 0),
        ("Ulm [3–1; 4]", (1, 2, 3, 4), 0),
        ("Ulm [ 4 2 ]", (4, 2), 0),
        ("乌尔姆【2】［1］", (2, 1), 0),
        ("Ulm [0] [5] [3-7] [00000000000000000002]", (3, 4), 4),
        ("Ulm [1-999999999999999999999999]", (1, 2, 3, 4), 1),
        ("Ulm [" + "9" * 5000 + "]", (), 1),
        ("On [2020-01-02], x[i], [], [,], [-1], [a1], [1 to 3], (1), 1]", (), 0),
    ],
)
def test_citations(text: str, numbers: tuple[int, ...], unknown: int) -> None:
    assert cited(text, 4) == (numbers, unknown)


@given(marked)
def test_a_disarmed_text_holds_no_mark(text: str) -> None:
    safe = disarm(text)
    assert len(safe) == len(text)
    assert not cites(safe)
    assert cited(safe, 9) == ((), 0)
    assert not any(mark.search(safe) for mark in (NONE, THOUGHT, ANSWER, ENOUGH))
    assert disarm(safe) == safe


@given(marked)
def test_without_citations_cites_nothing_it_did_not_write(text: str) -> None:
    plain = without_citations(text)
    assert len(plain) <= len(text)
    assert (plain == text) == (not cites(text))


def test_other_brackets_stay() -> None:
    text = "a[i] = [x, y]; [sic] [12a] [[noted]]"
    assert disarm(text) == text


def test_marks_are_found_in_linear_time() -> None:
    began = time.perf_counter()
    for text in ("[1" + " " * 200_000, "[" * 200_000, "[1" + ", 1" * 70_000, "[" + "1" * 200_000, "[1 - " * 40_000):
        disarm(text)
        cited(text, 3)
        without_citations(text)
    assert time.perf_counter() - began < 5
