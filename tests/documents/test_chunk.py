import time

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from hippo.documents import SentenceChunker, WholeDocumentChunker, WordCounter
from hippo.errors import ConfigError, DocumentError
from hippo.ids import chunk_id
from hippo.protocols import Chunker, TokenCounter
from hippo.types import Chunk, Document

COUNTER = WordCounter()


def chunks_of(text: str, max_tokens: int = 256, title: str | None = None) -> list[Chunk]:
    return SentenceChunker(max_tokens=max_tokens, counter=COUNTER).chunk(Document(text, id="d", title=title))


def test_they_are_what_the_protocols_ask_for() -> None:
    assert isinstance(COUNTER, TokenCounter)
    assert isinstance(WholeDocumentChunker(), Chunker)
    assert isinstance(SentenceChunker(counter=COUNTER), Chunker)


def test_whole_document_is_one_chunk() -> None:
    (chunk,) = WholeDocumentChunker().chunk(Document("One. Two.", id="d", title="T"))
    assert chunk == Chunk(chunk_id("d", 0, "One. Two."), "d", 0, "One. Two.", 0, 9, "T")
    assert WholeDocumentChunker().chunk(Document("", id="d")) == []


def test_sentences_are_packed_greedily() -> None:
    chunks = chunks_of("One is here. Two is there. Three came.", max_tokens=8)
    assert [chunk.text for chunk in chunks] == ["One is here. Two is there. ", "Three came."]
    assert [(chunk.position, chunk.start, chunk.end) for chunk in chunks] == [(0, 0, 27), (1, 27, 38)]
    assert [chunk.id for chunk in chunks] == [chunk_id("d", index, chunk.text) for index, chunk in enumerate(chunks)]


def test_a_paragraph_that_ends_late_ends_the_chunk() -> None:
    sentence = "One two three. "
    late = sentence * 3 + "Four five six.\n\n" + sentence * 4
    assert [chunk.text.count(".") for chunk in chunks_of(late, max_tokens=20)] == [4, 4]
    early = "One two three.\n\n" + sentence * 7
    assert [chunk.text.count(".") for chunk in chunks_of(early, max_tokens=20)] == [5, 3]


def test_the_title_counts_but_leaves_room() -> None:
    text = "One two three. " * 40
    plain = chunks_of(text, max_tokens=64)
    titled = chunks_of(text, max_tokens=64, title="Alpha beta gamma delta epsilon zeta eta theta")
    assert len(plain[0].text) > len(titled[0].text)
    assert all(COUNTER.count([chunk.passage])[0] <= 64 for chunk in titled)
    crowded = chunks_of(text, max_tokens=64, title="word " * 500)
    assert COUNTER.count([crowded[0].text]) == [32]


def test_long_sentences_are_cut_at_clauses_then_at_spaces() -> None:
    clauses = "alpha beta gamma, one two three four five six seven, " * 20
    assert all(chunk.text.endswith(", ") for chunk in chunks_of(clauses, max_tokens=40))
    words = "alphabet " * 200
    assert all(chunk.text.endswith(" ") for chunk in chunks_of(words, max_tokens=40))
    assert len(chunks_of(words, max_tokens=40)) <= 2 * 200 / 40


@pytest.mark.parametrize("cluster", ["e\u0301", "👩‍👩‍👧", "🇩🇪", "각", "நி"])
def test_clusters_stay_whole(cluster: str) -> None:
    chunks = chunks_of(cluster * 400, max_tokens=7)
    assert len(chunks) > 5
    assert all(regex.fullmatch(rf"(?:{cluster})+", chunk.text) for chunk in chunks)


PIECES = st.sampled_from(
    [
        "Word. ",
        "long ",
        "a,",
        ", ",
        "\n\n",
        "\n",
        "北京",
        "。",
        "e\u0301",
        "👩‍👧",
        " \u0301",
        "x" * 50,
        "\ud800",
        "\u200d",
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)), st.integers(1, 40), st.none() | st.text(max_size=30))
@example("x" * 1000, 1, None)
@example("\u0301" * 50, 1, "t")
def test_chunks_cover_any_text_within_budget(text: str, max_tokens: int, title: str | None) -> None:
    chunks = chunks_of(text, max_tokens, title)
    assert "".join(chunk.text for chunk in chunks) == text
    assert all(text[chunk.start : chunk.end] == chunk.text != "" for chunk in chunks)
    assert [chunk.position for chunk in chunks] == list(range(len(chunks)))
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    borders = {match.end() for match in regex.finditer(r"\X", text)}
    assert {chunk.end for chunk in chunks} <= borders
    allowed = max(max_tokens, min(32, max_tokens))
    for chunk in chunks:
        assert COUNTER.count([chunk.text])[0] <= allowed or regex.fullmatch(r"\X", chunk.text.strip() or "x")


@given(st.text(), st.text())
def test_word_counts_are_subadditive(left: str, right: str) -> None:
    both, first, second = COUNTER.count([left + right, left, right])
    assert both <= first + second


def test_word_counter_knows_scripts() -> None:
    assert COUNTER.count(["The cat sat.", "北京大学", "नमस्ते दुनिया", "สวัสดี", "  \n", "x" * 90]) == [4, 4, 2, 6, 0, 10]


def test_bad_input() -> None:
    with pytest.raises(ConfigError, match="max_tokens: must be at least 1, got 0"):
        SentenceChunker(max_tokens=0, counter=COUNTER)
    with pytest.raises(DocumentError, match="has no id"):
        SentenceChunker(counter=COUNTER).chunk(Document("text"))
    with pytest.raises(DocumentError, match=r"a\.txt: has no id"):
        WholeDocumentChunker().chunk(Document("text", source="a.txt"))


def seconds(text: str) -> float:
    begin = time.process_time()
    chunks_of(text)
    return time.process_time() - begin


@pytest.mark.parametrize(
    "unit",
    [
        "The quick brown fox met Dr. Dog at 5 p.m. on the hill. It was late, and nobody came.\n\n",
        "no stop at all, ",
        "x",
    ],
    ids=["prose", "one sentence", "one word"],
)
def test_two_megabytes_in_linear_time(unit: str) -> None:
    text = unit * (2_000_000 // len(unit))
    quarter = min(seconds(text[: len(text) // 4]) for _ in range(3))
    whole = min(seconds(text) for _ in range(2))
    # Quadratic time would give a factor of 16; caches and other processes may cost some.
    assert whole < 12 * quarter + 0.1
