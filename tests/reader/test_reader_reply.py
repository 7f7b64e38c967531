import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hippo.reader.reply import NOT_FOUND, LiveAnswer, Reply, parse

DRESSED = ["[ None ]", "[ Answer ]", "**[answer]**", "\n### [answer]\n", "`[none]`:", "[answer]: ", "- [none]"]
replies = st.lists(
    st.sampled_from(
        [*"[thought] [answer] [none] [ ] ［none］ [1] [no . : ** * ` # > - _ Ulm é".split(), " ", "\n", *DRESSED]
    )
    | st.text(max_size=3)
).map("".join)
marked = st.tuples(st.sampled_from(["[answer]", "**[answer]**:", "[none]", "[thought] x [answer] ", ""]), replies).map(
    "".join
)


def test_plain_replies() -> None:
    assert parse(" Ulm [1]. \n") == parse("[answer] Ulm [1].") == Reply("Ulm [1].", True, None)
    assert parse(" \n") == parse("[answer] \n") == Reply("", False, None)


@pytest.mark.parametrize(
    "answer",
    ["**[answer]**", "[answer]:", "### [answer]\n", "**[answer]:**", "**[Answer]**:", "`[answer]`", "> [answer]"],
)
@pytest.mark.parametrize(
    "thought", ["**[thought]**", "[thought]:", "## [thought]\n\n", "- _[thought]_", '"[thought]":']
)
def test_marks_may_be_dressed(thought: str, answer: str) -> None:
    assert parse(f"{answer} Germany [2].") == Reply("Germany [2].", True, None)
    assert parse(f"{thought} **Ulm** [1].\n\n{answer} **Germany** [2].") == Reply(
        "**Germany** [2].", True, "**Ulm** [1]."
    )


@pytest.mark.parametrize(
    "none", ["**[none]**", "- [none]", "`[none]`", '"[none]"', "[none]:", "[None] -", "[none],", "【none】—"]
)
def test_nothing_found_may_be_dressed(none: str) -> None:
    for before in ("", "[answer] ", "**[answer]**: "):
        assert parse(f"{before}{none} The year.") == Reply("The year.", False, None)
        assert parse(f"{before}{none}") == Reply(NOT_FOUND, False, None)
    dressed = none.rstrip(":-,— ")
    for end in (f" {dressed.removeprefix('- ')}.", f"\n\n{dressed}\n"):
        text = f"The passages [1][2] do not say when.{end}"
        assert parse(text) == Reply(text.strip(), False, None)


def test_replies_that_find_nothing() -> None:
    assert parse("[none]") == Reply(NOT_FOUND, False, None)
    assert parse("\n[NONE]. : ") == Reply(NOT_FOUND, False, None)
    assert parse("【none】: only the place [1].") == Reply("only the place [1].", False, None)
    assert parse("The year is not given [none].") == Reply("The year is not given [none].", False, None)
    assert parse("Ulm [1]. The year: [none].").answered
    assert parse("Built `[none]` [1] and later.").answered
    assert parse("none of them") == Reply("none of them", True, None)


def test_replies_with_a_thought() -> None:
    assert parse("[thought] a [1] \n[answer] b [2]") == Reply("b [2]", True, "a [1]")
    assert parse("Let me see. [Answer] b") == Reply("b", True, "Let me see.")
    assert parse("[answer] b [answer] c") == Reply("b [answer] c", True, None)
    assert parse("b") == Reply("b", True, None)
    assert parse(" [thought] a") == Reply("", False, "a")
    assert parse("[thought] a [answer] ") == Reply("", False, "a")
    assert parse("[thought] [none]? [answer] [none]") == Reply(NOT_FOUND, False, "[none]?")


def told(pieces: list[str]) -> str:
    live = LiveAnswer()
    return "".join(map(live.feed, pieces))


@given(marked, st.data())
@example("[none]. Ulm", None)
@example("[thought] x [answer] [1] Ulm", None)
def test_what_is_told_is_the_beginning_of_the_answer(reply: str, data: st.DataObject | None) -> None:
    text = parse(reply).text
    for cut in range(len(reply) + 1):
        assert text.startswith(told([reply[:cut], reply[cut:]]))
    assert text.startswith(told(list(reply)))
    if data is not None:
        cuts = sorted(data.draw(st.sets(st.integers(0, len(reply)))))
        pieces = [reply[start:end] for start, end in zip([0, *cuts], [*cuts, len(reply)], strict=True)]
        assert text.startswith(told(pieces))


@given(marked)
def test_at_every_moment_what_was_told_begins_the_answer(reply: str) -> None:
    live, text = LiveAnswer(), parse(reply).text
    sofar = ""
    for character in reply:
        sofar += live.feed(character)
        assert text.startswith(sofar)


def test_pieces_come_as_soon_as_they_are_certain() -> None:
    live = LiveAnswer()
    pieces = ["[thought] Is it [1]? [an", "swer", "] ", "**[no", "w]** Ulm, which is the old city", " ", "[1].", "\n"]
    told = ["", "", "", "", "**[now]** Ulm, which is the old city", "", " [1].", ""]
    assert [live.feed(piece) for piece in pieces] == told
    live = LiveAnswer()
    assert [live.feed(piece) for piece in ("[ans", "wer]", " U", "lm")] == ["", "", "U", "lm"]


def test_nothing_is_told_of_what_may_be_a_thought() -> None:
    live = LiveAnswer()
    reply = "Okay, I should say [answer] first.\n</think>\n\n[answer] Ulm [1]."
    assert "".join(live.feed(piece) for piece in reply) == ""


def test_thoughts_are_taken_apart_unasked() -> None:
    assert parse("Let me see. [answer] Ulm [1].") == Reply("Ulm [1].", True, "Let me see.")


def test_a_long_thought_is_searched_once() -> None:
    thought = "[thought] " + "Ulm is in Germany, I think. " * 4000
    reply = f"{thought}**[answer]** Germany [2]."
    live = LiveAnswer()
    began = time.process_time()
    told = "".join(live.feed(reply[place : place + 3]) for place in range(0, len(reply), 3))
    assert told == "Germany [2]."
    assert time.process_time() - began < 5
