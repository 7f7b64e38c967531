"""What back-ends share: hidden reasoning, estimated tokens, waiting times, errors of any provider."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.backends.llm.reply import Thinking, estimated_tokens, finish_of, usage_of, without_thinking
from hippo.backends.llm.translate import Refusal, classify, retry_after, translate
from hippo.errors import LLMError
from hippo.types import LLMRequest, Message

VALUES = st.none() | st.booleans() | st.integers() | st.text()
TAGGED = st.lists(st.sampled_from(["<think>", "</think>", "<thi", "nk>", "\n", " ", "a", "</", "{}"]), max_size=12)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("  plain ", "  plain "),
        ("<think>a</think>b", "b"),
        ("\n<think>\n\n</think>\n\nb\n", "b\n"),
        ("<think>a</think>b <think>c</think>", "b <think>c</think>"),
        ("<think>never closed", ""),
        ("thoughts\n</think>\n\nb", "b"),
        ('{"quote": "a </think> b"}', '{"quote": "a </think> b"}'),
        ("<thi", "<thi"),
        ("", ""),
    ],
)
def test_thinking_is_left_out(text: str, shown: str) -> None:
    assert without_thinking(text) == shown


@given(TAGGED)
def test_pieces_show_what_the_whole_shows(pieces: list[str]) -> None:
    thinking = Thinking()
    shown = "".join(thinking.feed(piece) for piece in pieces) + thinking.end()
    whole = "".join(pieces)
    assert shown == without_thinking(whole) or (not thinking.found and "</think>" in whole)


@given(st.text(), st.integers(0, 5))
def test_text_without_tags_is_untouched(text: str, cut: int) -> None:
    thinking = Thinking()
    assert thinking.feed(text[:cut]) + thinking.feed(text[cut:]) + thinking.end() == text


@given(st.text())
def test_tokens_are_estimated_for_every_text(text: str) -> None:
    assert len(text) / 4 <= estimated_tokens(text) <= len(text) + 1


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda item: st.dictionaries(st.text(), item))
)
def test_usage_never_fails(counts: object) -> None:
    usage = usage_of(counts, LLMRequest((Message("user", "hi"),), 5, "p"), "text", names=("prompt", ""))
    assert usage.requests == 1
    assert min(usage.input_tokens, usage.output_tokens) >= 0


@given(st.text() | st.none() | st.integers())
def test_finish_is_one_of_three(reason: object) -> None:
    assert finish_of(reason) in ("stop", "length", "filtered")


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms"]), st.text() | st.floats().map(str)))
def test_waiting_is_never_negative(headers: dict[str, str]) -> None:
    seconds = retry_after(headers)
    assert seconds is None or 0 <= seconds < float("inf")


JSON = st.recursive(
    VALUES,
    lambda item: (
        st.lists(item, max_size=2)
        | st.dictionaries(st.sampled_from(["error", "message", "code", "type", "param"]), item)
    ),
    max_leaves=6,
)


@given(JSON, st.none() | st.integers(400, 599))
def test_every_body_becomes_an_error(body: object, status: int | None) -> None:
    error = classify("m", Refusal.read(status, json.loads(json.dumps(body))))
    assert isinstance(error, LLMError)
    assert "\n" not in str(error)


def test_an_error_of_ours_stays_as_it_is() -> None:
    error = LLMError("m", "reason")
    assert translate("other", error) is error
