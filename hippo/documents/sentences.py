"""Where sentences end: one regular expression finds the candidates, a few rules drop the false ones.

Own code because spaCy's sentencizer ends a sentence at "No. 5" but not at a blank line or a list item, and because
importing spaCy imports torch where that is installed. `python -m pipelines.sentences` compares the speed of the two.
"""

import re

from hippo.documents.abbreviations import (
    ENDS_BEFORE_CAPITAL,
    MAYBE_LAST,
    NEVER_LAST,
    ORDINAL_LANGUAGES,
    STARTERS,
    WITH_NUMBER,
    of_language,
)
from hippo.documents.graphemes import joins

__all__ = ["sentence_spans"]

_SPACED = ".!?…‼⁇⁈⁉։።፧"
"""Terminators that end a sentence only before white space."""
_ALWAYS = "。！？｡।॥۔؟။។៕།꘎᠃᠉"
"""Terminators that end a sentence whatever follows."""
_CLOSERS = r"\"'”’»›)\]}*_」』）】》〉〕］｝＂＇"
_LISTED = r"(?:[-*+•‣▪◦·–]|\d{1,3}[.)])[^\S\n]"
_CANDIDATE = re.compile(
    # The leading class lets the engine skip ordinary text at C speed; the lookbehinds then say which kind was found.
    # Possessive quantifiers keep long runs of full stops or blanks linear.
    rf"[{_SPACED}{_ALWAYS}\n](?:"
    rf"(?<=[{_ALWAYS}])[{_ALWAYS}{_SPACED}]*+[{_CLOSERS}]*+\s*+"
    rf"|(?<=[{_SPACED}])(?<![{_SPACED}]{{2}})(?P<more>[{_SPACED}]*+)"
    rf"(?P<closers>[{_CLOSERS}]*+(?:[ \u00a0\u202f]»)?+)(?:\[\d{{1,3}}\])*+(?P<gap>\s++)"
    rf"|(?<=\n)[^\S\n]*+(?:\n\s*+|(?={_LISTED})))"
)
_BULLET = re.compile(_LISTED)
_OPENERS = "\"'“‘«‹([{¿¡*_„「『（"
_QUOTES = frozenset("\"'”’»")
_GOES_ON = frozenset(",;:)]}»›”–—&/%")
_ACRONYM = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}")
_WORD = re.compile(r"[^\W\d_]+")
_REACH = 24
"""Characters looked at on either side of a full stop: abbreviations are short."""


def sentence_spans(text: str, language: str | None = None) -> list[tuple[int, int]]:
    """Sentences of a text of any script.

    Blank lines and list items end a sentence too; a single line break does not. White space belongs to the sentence
    before it, and no border lies inside a grapheme cluster. Time is linear in the length of the text.

    Args:
        text: Any string.
        language: ISO 639-1 code; adds the abbreviations listed for it, and reads numbers as ordinals
            ("3. Oktober") where its spelling has them. None: the built-in rules, which are made for English.

    Returns:
        `(start, end)` in characters, in order, without gaps or overlaps: they cover the text. Empty for "".

    Examples:
        >>> text = "Dr. No met J. R. R. Tolkien. They spoke for 3.5 hours."
        >>> [text[start:end] for start, end in sentence_spans(text)]
        ['Dr. No met J. R. R. Tolkien. ', 'They spoke for 3.5 hours.']
        >>> sentence_spans("你好。再见！")
        [(0, 3), (3, 6)]
    """
    if not text:
        return []
    extra = _extra(language)
    ordinals = language in ORDINAL_LANGUAGES
    size = len(text)
    spans = []
    start = 0
    # White space before the first word is part of the first sentence, not a sentence of its own.
    for match in _CANDIDATE.finditer(text, size - len(text.lstrip())):
        end = match.end()
        if end == size:
            break
        if match["gap"] is not None and not _ends(text, match, extra, ordinals):
            continue
        if not text[end].isascii() and joins(text[end - 1], text[end]):
            continue
        spans.append((start, end))
        start = end
    spans.append((start, size))
    return spans


def _extra(language: str | None) -> frozenset[str]:
    return of_language(language) if language and language != "en" else frozenset()


def _ends(text: str, match: re.Match[str], extra: frozenset[str], ordinals: bool) -> bool:
    """Whether a terminator that white space follows ends a sentence."""
    stop, end = match.start(), match.end()
    more, closers, gap = match.group("more", "closers", "gap")
    if "\n" in gap and (gap.count("\n") > 1 or _BULLET.match(text, end)):
        return True
    following = text[end]
    if not following.isalnum():
        if following in _GOES_ON:
            return False
        following = text[end : end + _REACH].lstrip(_OPENERS)[:1]
    if following.islower():
        return False
    if more or text[stop] != "." or closers[:1] in _QUOTES:
        return True
    return not _abbreviates(text, stop, end, following, extra, ordinals)


def _abbreviates(text: str, stop: int, end: int, following: str, extra: frozenset[str], ordinals: bool) -> bool:
    """Whether the full stop at `stop` belongs to the word before it and the sentence goes on at `end`."""
    before = text[max(0, stop - _REACH) : stop]
    word = before[-1:].strip() and before.split()[-1].lstrip(_OPENERS)
    if word.isdecimal():
        indent = before[: -len(word)].rpartition("\n")
        enumerates = len(word) <= 3 and not indent[2].strip() and (indent[1] == "\n" or stop <= _REACH)
        return enumerates or (ordinals and len(word) <= 2)
    key = word.lower()
    if len(word) == 1 and word.islower():
        # "c. 1711", "Harper v. Nation", "z. B."; elsewhere a variable or a list letter that ends the sentence.
        return following.isdigit() or word == "v" or bool(extra)
    if len(word) > 1:
        if key in NEVER_LAST:
            return True
        if key in WITH_NUMBER:
            return following.isdigit()
        if key in ENDS_BEFORE_CAPITAL or not (key in MAYBE_LAST or key in extra or _ACRONYM.fullmatch(word)):
            return False
    elif not word.isupper() or word == "I":
        # "I" is a pronoun or a numeral far more often than an initial.
        return False
    begins = _WORD.match(text[end : end + _REACH].lstrip(_OPENERS))
    return begins is None or begins[0].lower() not in STARTERS
