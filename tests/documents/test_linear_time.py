"""Texts made to be slow take time in proportion to their length, not to its square."""

import time
from collections.abc import Callable

import pytest

from hippo.documents import SentenceChunker, WordCounter, sentence_spans
from hippo.documents.html import html_text
from hippo.documents.markup import _FRONT_MATTER, _front_title, markdown_text
from hippo.extraction.mentions import title_mentions
from hippo.extraction.pattern import PatternExtractor
from hippo.ids import ascii_key, entity_key, nfkc
from hippo.search.terms import terms
from hippo.types import Chunk, Document

SMALL = 4_000
GROWTH = 8
"""Times as long: a linear function takes 8 times as long, a quadratic one 64 times."""
MOST = 28
NOISE = 0.02
"""Seconds that are too few to be compared."""

PIECES = {
    "flags": "🇦🇧",
    "families": "👨\u200d",
    "marks": "\u0301\u0323",
    "accents": "é\u0301",
    "jamo": "ᄀ",
    "ligatures": "\ufdfa",
    "full stops": ".",
    "spaces": " ",
    "line breaks": "\n",
    "openers": "“(",
    "closers": ")”",
    "possessives": "s'",
    "abbreviations": "U.S.",
    "initials": "A. ",
    "dates": "12 May 1900 ",
    "numbers": "1,2.",
    "capitals": "Aa and ",
    "hyphens": "A-",
    "clauses": ',"',
    "items": "\n- ",
    "cells": " |",
    "han": "的一是",
    "thai": "กำ",
    "kana": "か\u3099",
    "tags": "<b>",
    "blocks": "<div>",
    "comments": "<!--",
    "unclosed": "<",
    "entities": "&",
    "quotes": ">",
    "brackets": "[",
    "stars": "*a ",
    "ticks": "`",
    "links": "[a](",
}


def _chunk(text: str) -> object:
    return SentenceChunker(max_tokens=32, counter=WordCounter()).chunk(Document(text, id="a"))


def _extract(text: str) -> object:
    return PatternExtractor().extract([Chunk("c", "d", 0, text, 0, len(text), text)])


FUNCTIONS: dict[str, Callable[[str], object]] = {
    "sentences": sentence_spans,
    "chunks": _chunk,
    "extraction": _extract,
    "titles": title_mentions,
    "terms": terms,
    "keys": entity_key,
    "ascii keys": ascii_key,
    "nfkc": nfkc,
    "html": html_text,
    "preformatted": lambda text: html_text(f"<pre>{text}x</pre>"),
    "markdown": markdown_text,
    "front matter": lambda text: _FRONT_MATTER.match(f"---\n{text}"),
    "front title": lambda text: _front_title(f"title: a{text}b"),
}


def _seconds(function: Callable[[str], object], text: str) -> float:
    # Of this thread alone: what else the machine does is no time of the function's.
    began = time.thread_time()
    function(text)
    return time.thread_time() - began


def _is_linear(function: Callable[[str], object], piece: str) -> bool:
    small, large = (piece * (size // len(piece)) for size in (SMALL, SMALL * GROWTH))
    for _ in range(5):
        # Noise only ever adds: one good measurement settles it.
        long = _seconds(function, large)
        if long < NOISE or long < MOST * min(_seconds(function, small) for _ in range(3)):
            return True
    return False


@pytest.mark.parametrize("name", FUNCTIONS)
def test_time_is_linear(name: str) -> None:
    function = FUNCTIONS[name]
    function("warm up é")
    assert [shape for shape, piece in PIECES.items() if not _is_linear(function, piece)] == []


def test_noun_phrases_that_end_in_brackets() -> None:
    spacy = pytest.importorskip("spacy")
    from spacy.tokens import Doc, Span

    from hippo.extraction.noun_phrases import NounPhrases

    vocab = spacy.blank("en").vocab

    def phrases(words: str) -> object:
        doc = Doc(vocab, words=["name", *words])
        doc.ents = [Span(doc, 0, len(doc), "PERSON")]
        return [span.text for span in NounPhrases(doc)]

    assert phrases("))") == ["name"]
    assert phrases("()") == ["name ( )"]
    assert _is_linear(phrases, ")")
