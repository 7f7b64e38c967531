import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.reader.marks import ANSWER, ENOUGH, NONE, THOUGHT, cited, cites, disarm, without_citations

marked = st.text(alphabet="[]［］【】()0123789,;- \nnoneNONE`") | st.lists(
    st.sampled_from(
        [*"[ ] ［ 】 1 23 1999 - – \u2011 , & and passage Passages none Answer thought enough x ٣ ` ```".split(), " "]
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
        ("Ulm [0] [5] [3-7] [00000000000000000002]", (3, 4), 3),
        ("Ulm [1-999999999999999999999999]", (1, 2, 3, 4), 1),
        ("Ulm [" + "9" * 5000 + "]", (), 0),
        ("Ulm [Passage 1]", (1,), 0),
        ("Ulm [passages 1, 2 and 4]", (1, 2, 4), 0),
        ("Ulm [Passage 3 and passage 1]", (3, 1), 0),
        ("Ulm [1 and 2] [3, and 4] [1 & 4]", (1, 2, 3, 4), 0),
        *[(f"Ulm [1{dash}3]", (1, 2, 3), 0) for dash in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"],
        ("Ulm **[2]**, *[1]*: [3].", (2, 1, 3), 0),
        ("It was built in [1999], [1914-1918] and [2001, 2005].", (), 0),
        ("Ulm [7] [999] [1, 1999]", (1,), 3),
        ("Call `x[1]`, or\n```python\ny[2] = z[3]\n```\nas told [4].", (4,), 0),
        ("Three ``` and one ` stay open [1].", (1,), 0),
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


def test_numbers_of_passages_that_were_shown_cite_them() -> None:
    assert cited("Ulm [1200]", 1500) == ((1200,), 0)
    assert cited("Ulm [1501]", 1500) == ((), 0)


def test_years_and_code_stay() -> None:
    text = "Built in [1999], see `x[1]` and ```y[2]```"
    assert without_citations(f"{text} [3].") == f"{text}."
    assert not cites(text)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.data())
def test_citations_are_read_however_they_are_written(numbers: list[int], data: st.DataObject) -> None:
    start = data.draw(st.sampled_from(["", "Passage ", "passages ", " "]))
    joint = data.draw(st.sampled_from([",", ", ", "; ", " and ", ", and ", " & ", " ", "、"]))
    opening, closing = data.draw(st.sampled_from(["[]", "［］", "【】"]))
    mark = f"{opening}{start}{joint.join(map(str, numbers))}{closing}"
    assert cited(f"Ulm **{mark}**: so", 9) == (tuple(dict.fromkeys(numbers)), 0)
    assert without_citations(f"Ulm {mark} so") == "Ulm so"


def test_other_brackets_stay() -> None:
    text = "a[i] = [x, y]; [sic] [12a] [[noted]]"
    assert disarm(text) == text


def test_marks_are_found_in_linear_time() -> None:
    began = time.perf_counter()
    numbers = ("[1" + " " * 200_000, "[1" + ", 1" * 70_000, "[" + "1" * 200_000, "[1 - " * 40_000, "[1 and " * 30_000)
    for text in ("[" * 200_000, "`" * 200_000, "` [" * 70_000, "```" + "`x" * 70_000, "[passage " * 20_000, *numbers):
        disarm(text)
        cited(text, 3)
        without_citations(text)
    assert time.perf_counter() - began < 5
