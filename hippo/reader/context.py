"""Passages and question as one message that a passage cannot break out of, within a budget of tokens."""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate, count

from hippo.documents import WordCounter, sentence_spans
from hippo.documents.graphemes import cut_before
from hippo.documents.turns import SESSION
from hippo.errors import QuestionError
from hippo.reader.marks import disarm
from hippo.types import Hit

__all__ = ["Context", "assemble", "tokens"]

_LEAST = 16
"""Tokens that must be left for passages: less says nothing."""
_WORDS = WordCounter()


@dataclass(frozen=True, slots=True)
class Context:
    """A message with passages.

    Attributes:
        text: Passages, each after a line with its number, then what was thought and said before, then the question.
        shown: The passages in it, in its order; number n is `shown[n - 1]`.
        dropped: What was left out, by reason.
    """

    text: str
    shown: tuple[Hit, ...]
    dropped: Mapping[str, int]


def tokens(text: str) -> int:
    """Estimated tokens of a text, rather too many than too few: its words, or a quarter of its UTF-8 bytes.

    A text never counts more than its parts together.

    Examples:
        >>> tokens("The cat sat."), tokens("Санкт-Петербург"), tokens("北京")
        (4, 8, 2)
    """
    return max(_WORDS.count([text])[0], -(-len(text.encode("utf-8", "surrogatepass")) // 4))


def assemble(
    question: str,
    hits: Sequence[Hit],
    *,
    budget: int,
    thoughts: Sequence[str] = (),
    turns: Sequence[tuple[str, str]] = (),
    dated: bool = False,
) -> Context:
    """Write the message.

    Its first line is a code, a hash of its contents that occurs in none of them; only lines that begin with the code
    divide the message, so no passage can end itself or forge another. Marks in passages are disarmed. The same
    contents always give the same message.

    Args:
        question: The question.
        hits: Passages, best first.
        budget: Most tokens of the message, as `tokens` estimates them. Passages that do not fit are left out from the
            worst up; a best passage that is too long alone is cut, at a sentence where one fits.
        thoughts: What was thought before; the newest of them that fit into a quarter of the space.
        turns: Who said what before the question, oldest first; the newest of them that fit into a quarter of the space,
            the beginning of the last where not even that one fits.
        dated: Whether the day that a passage is from stands beside its number, as far as it is known; so it does for
            turns of conversations in any case.

    Raises:
        QuestionError: The question leaves no room for passages.
    """
    question = _sendable(question)
    blocks = [_block(hit) for hit in hits]
    thoughts = [f"- {disarm(_sendable(thought))}\n" for thought in thoughts]
    recent = _recent(turns, 4 * budget)
    said = [f"{disarm(_sendable(f'{speaker}: {text}'))}\n" for speaker, text in recent]
    code = _code(question, *blocks, *thoughts, *said)
    opening, closing = f"{code}\n", f"{code} question\n{question}"
    room = budget - tokens(opening) - tokens(closing)
    if room < _LEAST:
        problem = (
            f"the question leaves no room for passages in {budget} tokens: ask shorter or raise reader.context_tokens"
        )
        raise QuestionError(problem, question if len(question) <= 80 else question[:80] + "…")
    notes, _ = _newest(thoughts, f"{code} thoughts so far\n", room // 4)
    talk, unsaid = _newest(said, f"{code} conversation so far\n", room // 4, cut=True, older=len(turns) - len(recent))
    days = [f" {hit.timestamp.date()}" if hit.timestamp and (dated or SESSION in hit.metadata) else "" for hit in hits]
    sections = [
        f"{code} [{number}]{day}\n{block}\n"
        for number, (day, block) in enumerate(zip(days, blocks, strict=True), start=1)
    ]
    shown, dropped = _fit(sections, room - tokens(notes) - tokens(talk))
    text = opening + "".join(shown) + notes + talk + closing
    return Context(text, tuple(hits[: len(shown)]), {**dropped, **unsaid})


def _block(hit: Hit) -> str:
    title = " ".join(hit.title.split()) if hit.title else ""
    return disarm(_sendable(f"{title}\n{hit.text}" if title else hit.text))


def _sendable(text: str) -> str:
    """The text with "?" for lone surrogates, which no request can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _code(*texts: str) -> str:
    contents = "\0".join(texts).encode()
    codes = (blake2b(contents, digest_size=6, salt=attempt.to_bytes(8)).hexdigest() for attempt in count())
    return next(code for code in codes if not any(code in text for text in texts))


def _recent(turns: Sequence[tuple[str, str]], most: int) -> Sequence[tuple[str, str]]:
    """The newest turns, as many as have so many characters: those before them cannot fit, and may be megabytes."""
    lengths = accumulate(len(text) for _, text in reversed(turns))
    first = len(turns) - 1 - sum(length <= most for length in lengths)
    kept = list(turns[max(first, 0) :])
    if first >= 0:
        speaker, text = kept[0]
        kept[0] = speaker, text[: most + 1]
    return kept


def _newest(
    lines: Sequence[str], heading: str, budget: int, *, cut: bool = False, older: int = 0
) -> tuple[str, dict[str, int]]:
    """The last lines that fit under their heading, "" where none does; and what was left out of them, by reason.

    Args:
        lines: Oldest first.
        heading: Stands above them.
        budget: Most tokens of all.
        cut: Whether the last line is cut where it does not fit.
        older: How many lines before these were left out.
    """
    totals = accumulate(tokens(line) for line in reversed(lines))
    fitting = sum(tokens(heading) + total <= budget for total in totals)
    dropped = {"earlier message beyond the token budget": older + len(lines) - fitting}
    if lines and not fitting and cut:
        beginning = _cut(heading + lines[-1], budget)
        if beginning.startswith(heading):
            dropped["earlier message beyond the token budget"] -= 1
            return beginning, {"end of an earlier message beyond the token budget": 1, **_some(dropped)}
    return "".join((heading, *lines[-fitting:])) if fitting else "", _some(dropped)


def _some(dropped: Mapping[str, int]) -> dict[str, int]:
    return {reason: number for reason, number in dropped.items() if number}


def _fit(sections: Sequence[str], budget: int) -> tuple[list[str], dict[str, int]]:
    """The first sections that fit together, and what was left out, by reason."""
    shown = bisect_right(list(accumulate(map(tokens, sections))), budget)
    if shown == len(sections):
        return list(sections), {}
    dropped = {"passage beyond the token budget": len(sections) - max(shown, 1)}
    kept = list(sections[:shown])
    if not shown:
        kept = [_cut(sections[0], budget)]
        dropped["end of a passage beyond the token budget"] = 1
    return kept, _some(dropped)


def beginning(text: str, budget: int) -> str:
    """As many words of a text as a budget of tokens holds; the whole text where that is all."""
    if tokens(text) <= budget:
        return text
    head = text[: 4 * budget + 1]
    return head[: _last_within([space.start() for space in re.finditer(r"\s++", head)], head, budget)].rstrip()


def _cut(section: str, budget: int) -> str:
    """The beginning of a section: whole sentences, else words, else characters, as many as the budget holds."""
    head = section[: 4 * budget + 1]  # every character has a byte, so the rest can never fit
    sentences = [end for _, end in sentence_spans(head)]
    words = [space.start() for space in re.finditer(r"\s++", head)]
    for borders in (sentences, words):
        kept = head[: _last_within(borders, head, budget)].rstrip()
        if "\n" in kept:  # more than the line with the number
            return kept + "\n"
    return head[: cut_before(head, 0, _last_within(range(1, len(head) + 1), head, budget))] + "\n"


def _last_within(ends: Sequence[int], text: str, budget: int) -> int:
    fitting = bisect_right(ends, budget, key=lambda end: tokens(text[:end] + "\n"))
    return ends[fitting - 1] if fitting else 0
