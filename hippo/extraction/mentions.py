"""Mentions by rules, in one sentence at a time: no model, no dictionary but a stop list.

Scripts with case: capitalised spans with inner connectives ("University of St Andrews"), their parts around "and" and
possessives, quoted titles, dates, years and numbers. Scripts without case: quoted titles, numbers, and the words
between stop words (as in RAKE, Rose et al. 2010), of which those that occur again in the chunk count as salient.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from hippo.extraction.letters import Letters
from hippo.ids import entity_key
from hippo.types import Mention

__all__ = ["Context", "find_mentions", "recurring_pieces", "title_mentions"]

_CONNECTIVES = frozenset(
    # English, Romance, Germanic and Scandinavian, Arabic and Hebrew, Welsh, Slavic
    "of the and for in on at to a an & de la le les du des d da do das dos del della di el los las y e et und von vom "
    "van der den dem das zu zur ter ten af av och og al bin ibn ben ap и в на".split()
)
_SPLITTING = frozenset("and & y e et und och og и in on at to for from в на".split())
_MOST_CONNECTIVES = 2
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_DATE = regex.compile(
    rf"\b(?:\d{{1,2}}(?:st|nd|rd|th)?\s+(?:{_MONTHS})(?:,?\s+\d{{4}})?"
    rf"|(?:{_MONTHS})\s+\d{{1,2}}(?:st|nd|rd|th)?(?:\s*,\s*\d{{4}})?|(?:{_MONTHS})\s+\d{{4}})\b"
)
_NUMBER = Letters(r"(?<![\p{L}\p{N}])\p{N}[\p{N}.,]*\p{N}(?:s\b)?")
_QUOTED = regex.compile(
    r"[\"“«„]\s?([^\"“”«»„\n]{2,80}?)\s?[\"”»“]|``\s?([^`'\n]{2,80}?)\s?''|[《〈「『]([^《》〈〉「」『』\n]{1,40})[》〉」』]"
)
_TOKEN = Letters(
    r"\p{L}[\p{L}\p{M}\p{N}]*+(?:[.'’\-–][\p{L}\p{N}][\p{L}\p{M}\p{N}]*+)*+(?:\.(?=\s+\p{Lu}|\p{L}))?+"
    r"|\p{N}[\p{L}\p{N}]*+(?:[.,]++[\p{L}\p{N}]++)*+|[^\s\p{L}\p{N}]"
)
_POSSESSIVE = regex.compile(r"(?:['’]s|(?<=s)['’])(?=\s)")
_LAST_PARENTHESES = regex.compile(r"[(（][^()（）]*[)）]\s*$")
_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]"
_UNSPACED_RUN = regex.compile(rf"{_UNSPACED}+")
_RUN = regex.compile(rf"(?P<unspaced>{_UNSPACED}+)|(?:(?!{_UNSPACED})[\p{{L}}\p{{M}}\p{{N}}])+")
_HIRAGANA = regex.compile(r"\p{Hiragana}+")
_YEAR = 4
_LONGEST_TERM = 8
_MOST_WORDS = 3
_LONGEST_NAME = 120
"""Characters; a longer span is a heading or a list in capitals, not a name."""


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of the chunk that a sentence stands in.

    Attributes:
        stop: Stop words of its language, casefolded.
        cased: Whether its script has case.
        lower: Words that the chunk also writes without a capital, for cased scripts.
        recurring: Pieces that the chunk says twice or more, for scripts without spaces: see `recurring_pieces`.
    """

    stop: frozenset[str]
    cased: bool
    lower: frozenset[str]
    recurring: frozenset[str]


def title_mentions(title: str | None) -> list[Mention]:
    """The title as an entity, and once more without a closing parenthesis that only tells it from its namesakes.

    A title longer than a name may be is cut at a word, so that its document keeps an entity.

    Examples:
        >>> [mention.key for mention in title_mentions("Mercury (planet)")]
        ['mercury (planet)', 'mercury']
    """
    if not title:
        return []
    if len(title) > _LONGEST_NAME:
        title = title[: _LONGEST_NAME + 1].rstrip()
        title = (title.rsplit(None, 1)[0] if len(title) > _LONGEST_NAME else title)[:_LONGEST_NAME]
    names = [title, _LAST_PARENTHESES.sub("", title)]
    keys = {entity_key(name): name.strip() for name in dict.fromkeys(names)}
    return [Mention(key, surface, -1, -1) for key, surface in keys.items() if key]


def find_mentions(sentence: str, context: Context) -> list[Mention]:
    """Mentions in order of appearance, longest first where they begin together; each key once.

    Args:
        sentence: The sentence.
        context: Of its chunk.

    Returns:
        Mentions with offsets in the sentence.
    """
    spans = [match.span(match.lastindex or 0) for match in _QUOTED.finditer(sentence)]
    if context.cased:
        dates = [match.span() for match in _DATE.finditer(sentence)]
        spans += dates
        spans += _numbers(sentence, dates)
        spans += _capitalised(sentence, context)
    else:
        spans += _numbers(sentence, ())
        spans += _terms(sentence, context)
    found: dict[str, Mention] = {}
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        key = entity_key(sentence[start:end]) if end - start <= _LONGEST_NAME else ""
        if key and key not in found and key not in context.stop:
            found[key] = Mention(key, sentence[start:end], start, end)
    return list(found.values())


def _numbers(sentence: str, dates: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Numbers of two digits or more; within a date only the year, which is a name of its own."""
    beginnings = [start for start, _ in dates]
    for match in _NUMBER.of(sentence).finditer(sentence):
        start, end = match.span()
        before = bisect_right(beginnings, start)
        within = before > 0 and end <= dates[before - 1][1]
        if end - start == _YEAR or not within:
            yield start, end


def _capitalised(sentence: str, context: Context) -> Iterator[tuple[int, int]]:
    tokens = [(match.group(), match.start(), match.end()) for match in _TOKEN.of(sentence).finditer(sentence)]
    place = 0
    while place < len(tokens):
        if not tokens[place][0][0].isupper():
            place += 1
            continue
        last = _end_of_span(tokens, place)
        first = place
        while first <= last and _leads_nowhere(tokens[first][0], first == place, context):
            first += 1
        if first <= last and not (first == last and _is_no_name(tokens[first][0], first == 0, context)):
            yield from _with_parts(sentence, tokens[first : last + 1])
        place = last + 1


def _end_of_span(tokens: list[tuple[str, int, int]], first: int) -> int:
    """Last token of the capitalised span that begins at `first`."""
    last = first
    while True:
        following = last + 1
        most = min(following + _MOST_CONNECTIVES, len(tokens) - 1)
        while following < most and tokens[following][0].casefold() in _CONNECTIVES:
            following += 1
        if following >= len(tokens):
            return last
        word = tokens[following][0]
        joined = word in "-–/" and following == last + 1 < len(tokens) - 1 and tokens[last][0][0].isalpha()
        if joined and tokens[following + 1][0][0].isupper():
            last = following + 1
        elif word[0].isupper() or (word[0].isdigit() and following == last + 1):
            last = following
        else:
            return last


def _leads_nowhere(word: str, is_first: bool, context: Context) -> bool:
    """A stop word with a capital begins a sentence, not a name; nor does a small connective or a number begin one."""
    return not word[0].isupper() or (is_first and word.casefold() in context.stop)


def _is_no_name(word: str, begins_sentence: bool, context: Context) -> bool:
    folded = word.casefold().rstrip(".")
    return len(folded) < 2 or folded in context.stop or (begins_sentence and folded in context.lower)


def _with_parts(sentence: str, tokens: list[tuple[str, int, int]]) -> Iterator[tuple[int, int]]:
    """A span, and its parts around "and", "in" and their like and possessives: either reading may be the name."""
    start, end = tokens[0][1], tokens[-1][2]
    yield start, end
    cuts = [(low, high) for word, low, high in tokens[1:-1] if word in _SPLITTING]
    cuts += [match.span() for match in _POSSESSIVE.finditer(sentence, start, end)]
    if not cuts:
        return
    left = start
    for low, high in [*sorted(cuts), (end, end)]:
        part = sentence[left:low]
        trimmed = part.strip()
        if trimmed:
            offset = left + part.index(trimmed)
            yield offset, offset + len(trimmed)
        left = high


def _terms(sentence: str, context: Context) -> Iterator[tuple[int, int]]:
    """Terms of a script without case."""
    run: list[tuple[int, int]] = []
    for match in _RUN.finditer(sentence):
        if match["unspaced"]:
            yield from _unspaced_terms(sentence, *match.span(), context)
            continue
        gap = sentence[run[-1][1] : match.start()] if run else ""
        if run and gap.strip():
            yield from _phrases(run)
            run = []
        if match.group().casefold() in context.stop or len(match.group()) < 2:
            yield from _phrases(run)
            run = []
        else:
            run.append(match.span())
    yield from _phrases(run)


def _phrases(run: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The words between two stop words, and the whole of them where they are few enough to be a name."""
    if 1 < len(run) <= _MOST_WORDS:
        yield run[0][0], run[-1][1]
    yield from run


def _unspaced_terms(sentence: str, start: int, end: int, context: Context) -> Iterator[tuple[int, int]]:
    """Terms of a run of characters without spaces: what stands between stop words, and what recurs in the chunk."""
    left = start
    for place in range(start, end + 1):
        if place == end or sentence[place] in context.stop or _HIRAGANA.match(sentence[place]):
            if 2 <= place - left <= _LONGEST_TERM:
                yield left, place
            if place - left > 2:
                yield from _recurring(sentence, left, place, context.recurring)
            left = place + 1


def _recurring(sentence: str, start: int, end: int, pieces: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Longest pieces of a run that the chunk says twice or more, from left to right."""
    place = start
    while place < end - 1:
        for size in range(min(_LONGEST_TERM, end - place), 1, -1):
            if sentence[place : place + size] in pieces:
                yield place, place + size
                place += size
                break
        else:
            place += 1


def recurring_pieces(text: str) -> frozenset[str]:
    """Pieces of 2 to 8 characters of scripts without spaces that a text says twice or more, without overlap.

    A piece can recur only where its beginning does, so each length looks only where the one before recurred: time and
    memory are linear in the length of the text.

    Examples:
        >>> sorted(recurring_pieces("東京都の人。東京都の夜。"))
        ['京都', '京都の', '東京', '東京都', '東京都の', '都の']
    """
    found: set[str] = set()
    ends = {place: match.end() for match in _UNSPACED_RUN.finditer(text) for place in range(*match.span())}
    places = list(ends)
    for size in range(2, _LONGEST_TERM + 1):
        first: dict[str, int] = {}
        again: set[str] = set()
        places = [place for place in places if place + size <= ends[place]]
        for place in places:
            piece = text[place : place + size]
            if place - first.setdefault(piece, place) >= size:
                again.add(piece)
        places = [place for place in places if text[place : place + size] in again]
        found |= again
    return frozenset(found)
