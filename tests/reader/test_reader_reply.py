from hypothesis import example, given
from hypothesis import strategies as st

from hippo.reader.reply import NOT_FOUND, LiveAnswer, Reply, parse

replies = st.lists(
    st.sampled_from(
        [
            "[thought]",
            "[answer]",
            "[none]",
            "[ None ]",
            "[",
            "]",
            "［none］",
            "[1]",
            "[no",
            ".",
            ":",
            " ",
            "\n",
            "Ulm",
            "é",
        ]
    )
    | st.text(max_size=3)
).map("".join)


def test_plain_replies() -> None:
    assert parse(" Ulm [1]. \n", reasoning=False) == Reply("Ulm [1].", True, None)
    assert parse("[thought] a [answer] b", reasoning=False).text == "[thought] a [answer] b"
    assert parse(" \n", reasoning=False) == Reply("", False, None)


def test_replies_that_find_nothing() -> None:
    assert parse("[none]", reasoning=False) == Reply(NOT_FOUND, False, None)
    assert parse("\n[NONE]. : ", reasoning=False) == Reply(NOT_FOUND, False, None)
    assert parse("【none】: only the place [1].", reasoning=False) == Reply("only the place [1].", False, None)
    assert parse("The year is not given [none].", reasoning=False) == Reply(
        "The year is not given [none].", False, None
    )
    assert parse("Ulm [1]. The year: [none].", reasoning=False).answered
    assert parse("none of them", reasoning=False) == Reply("none of them", True, None)


def test_replies_with_a_thought() -> None:
    assert parse("[thought] a [1] \n[answer] b [2]", reasoning=True) == Reply("b [2]", True, "a [1]")
    assert parse("Let me see. [Answer] b", reasoning=True) == Reply("b", True, "Let me see.")
    assert parse("[answer] b [answer] c", reasoning=True) == Reply("b [answer] c", True, None)
    assert parse("b", reasoning=True) == Reply("b", True, None)
    assert parse(" [thought] a", reasoning=True) == Reply("", False, "a")
    assert parse("[thought] a [answer] ", reasoning=True) == Reply("", False, "a")
    assert parse("[thought] [none]? [answer] [none]", reasoning=True) == Reply(NOT_FOUND, False, "[none]?")


def told(pieces: list[str], *, reasoning: bool) -> str:
    live = LiveAnswer(reasoning=reasoning)
    return "".join(map(live.feed, pieces))


@given(replies, st.booleans(), st.data())
@example("[none]. Ulm", False, None)
@example("[thought] x [answer] [1] Ulm", True, None)
def test_what_is_told_is_the_beginning_of_the_answer(reply: str, reasoning: bool, data: st.DataObject | None) -> None:
    text = parse(reply, reasoning=reasoning).text
    whole = told([reply], reasoning=reasoning)
    assert text.startswith(whole)
    assert told(list(reply), reasoning=reasoning) == whole
    for cut in range(len(reply) + 1):
        assert told([reply[:cut], reply[cut:]], reasoning=reasoning) == whole
    if data is not None:
        cuts = sorted(data.draw(st.sets(st.integers(0, len(reply)))))
        pieces = [reply[start:end] for start, end in zip([0, *cuts], [*cuts, len(reply)], strict=True)]
        assert told(pieces, reasoning=reasoning) == whole


@given(replies)
def test_at_every_moment_what_was_told_begins_the_answer(reply: str) -> None:
    live = LiveAnswer(reasoning=True)
    sofar = ""
    for character in reply:
        sofar += live.feed(character)
        assert parse(reply, reasoning=True).text.startswith(sofar)


def test_pieces_come_as_soon_as_they_are_certain() -> None:
    live = LiveAnswer(reasoning=True)
    pieces = ["[thought] Is it [1]? [an", "swer", "] ", "[no", "w] Ulm", " ", "[1].", "\n"]
    assert [live.feed(piece) for piece in pieces] == ["", "", "", "", "[now] Ulm", "", " [1].", ""]
