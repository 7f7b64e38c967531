from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.config import ReaderConfig
from hippo.errors import QuestionError
from hippo.reader import ANSWER_VERSION, THOUGHT_VERSION, build, build_thought
from hippo.reader.context import assemble, tokens
from hippo.types import Hit

Make = Callable[..., Hit]
words = st.text(alphabet="ab .!\n北é😀[1]-", max_size=400)
passages = st.lists(st.tuples(words | st.just("x" * 3000), st.none() | words), max_size=8)


def size(messages: tuple[object, ...]) -> int:
    return sum(tokens(message.content) for message in messages)  # type: ignore[attr-defined]


@given(st.text(max_size=300), st.text(max_size=300))
def test_an_estimate_never_exceeds_that_of_the_parts(first: str, second: str) -> None:
    assert tokens(first + second) <= tokens(first) + tokens(second)
    assert tokens(first) <= tokens(first + second)


@given(passages, st.integers(256, 1500), st.booleans(), st.lists(words, max_size=4))
def test_the_prompt_keeps_its_budget(
    hit: Make, texts: list[tuple[str, str | None]], budget: int, reasoning: bool, thoughts: list[str]
) -> None:
    hits = [hit(rank, text, title) for rank, (text, title) in enumerate(texts, start=1)]
    settings = ReaderConfig(context_tokens=budget, reasoning=reasoning)
    prompts = (build("Who?", hits, settings), build_thought("Who?", hits, thoughts, settings))
    for prompt in prompts:
        assert size(prompt.request.messages) <= budget
        assert prompt.shown == tuple(hits[: len(prompt.shown)])
        assert len(prompt.shown) >= min(1, len(hits))
        assert prompt.dropped.get("passage beyond the token budget", 0) == len(hits) - len(prompt.shown)
    assert prompts[0] == build("Who?", hits, settings)


def test_layout(hit: Make) -> None:
    context = assemble("Where?", [hit(1, "Ulm lies\nthere.", " The\ntown "), hit(2, "No title.")], budget=500)
    code, *lines = context.text.split("\n")
    assert lines == [
        f"{code} [1]", "The town", "Ulm lies", "there.", f"{code} [2]", "No title.", f"{code} question", "Where?"
    ]  # fmt: skip
    assert context.dropped == {}


def test_the_code_depends_on_everything_and_occurs_nowhere_else(hit: Make) -> None:
    def code(question: str, text: str) -> str:
        return assemble(question, [hit(1, text)], budget=500).text.split("\n")[0]

    first = code("Where?", "Ulm.")
    assert first == code("Where?", "Ulm.")
    assert len({first, code("When?", "Ulm."), code("Where?", "Bern.")}) == 3


def test_passages_are_left_out_from_the_worst_up(hit: Make) -> None:
    hits = [hit(1, "good " * 20), hit(2, "long " * 400), hit(3, "short")]
    context = assemble("Where?", hits, budget=120)
    assert context.shown == tuple(hits[:1])
    assert context.dropped == {"passage beyond the token budget": 2}


def test_a_long_best_passage_is_cut_at_a_sentence(hit: Make) -> None:
    sentence = "The river flows past the old town. "
    context = assemble("Where?", [hit(1, sentence * 50, "River"), hit(2, "more")], budget=100)
    body = context.text.split("\n")[3]
    assert body.count(sentence.strip()) > 3
    assert body.endswith("town.")
    assert context.dropped == {"passage beyond the token budget": 1, "end of a passage beyond the token budget": 1}


def test_a_long_sentence_is_cut_between_words_and_a_long_word_between_characters(hit: Make) -> None:
    first = assemble("Where?", [hit(1, "1,234,567 " * 500)], budget=100).text.split("\n")[2]
    assert first.split(" ") == ["1,234,567"] * len(first.split(" "))
    accented = "e\N{COMBINING ACUTE ACCENT}"
    second = assemble("Where?", [hit(1, accented * 5000)], budget=100).text.split("\n")[2]
    assert second == accented * (len(second) // 2)
    assert 10 < len(second) < 400


def test_a_question_that_fills_the_prompt_is_an_error(hit: Make) -> None:
    with pytest.raises(QuestionError, match=r"leaves no room for passages in \d+ tokens"):
        build("why " * 300, [hit(1, "Ulm.")], ReaderConfig(context_tokens=256))


def test_lone_surrogates_can_be_sent(hit: Make) -> None:
    context = assemble("Wh\ud800?", [hit(1, "U\udfffm", "\ud800")], budget=100, thoughts=["\ud801"])
    assert context.text.encode()
    assert "U?m" in context.text


def test_requests_name_their_prompt_and_length(hit: Make) -> None:
    hits = [hit(1, "Ulm.")]
    plain = build("Where?", hits, ReaderConfig(max_tokens=100)).request
    reasoned = build("Where?", hits, ReaderConfig(max_tokens=100, reasoning=True, language="Swahili")).request
    thought = build_thought("Where?", hits, ["It may be Ulm."], ReaderConfig(max_tokens=100)).request
    assert (plain.prompt, thought.prompt) == (ANSWER_VERSION, THOUGHT_VERSION)
    assert (plain.max_tokens, reasoned.max_tokens, thought.max_tokens) == (100, 200, 100)
    assert "language of the question" in plain.messages[0].content
    assert "[thought]" not in plain.messages[0].content
    assert "Swahili" in reasoned.messages[0].content
    assert "[thought]" in reasoned.messages[0].content
    assert "- It may be Ulm.\n" in thought.messages[1].content


def test_the_oldest_thoughts_go_first(hit: Make) -> None:
    thoughts = [f"Thought number {number} about the town." for number in range(40)]
    context = assemble("Where?", [hit(1, "Ulm. " * 400)], budget=200, thoughts=thoughts)
    assert thoughts[-1] in context.text
    assert thoughts[0] not in context.text
    assert context.text.count("Ulm.") > 30
