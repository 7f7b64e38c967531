"""Cut sentences that are too long for one chunk: at clauses, else at white space, else between grapheme clusters."""

import re

from hippo.documents.graphemes import cut_before, joins
from hippo.protocols import TokenCounter

__all__ = ["split_long"]

_CLAUSE = re.compile(r"[,;:)\]—–…][\"'”’»]*\s+|[，、；：،؛၊፣][”’」』）]*\s*|\n\s*")
_SPACE = re.compile(r"\s+")


def split_long(texts: list[str], counts: list[int], budget: int, counter: TokenCounter) -> tuple[list[str], list[int]]:
    """Replace every text that is over the budget by pieces within it.

    Pieces aim at half of the budget, so that packing them fills chunks well; one that is still too long, because its
    tokens are denser than the average of its text, is cut again. Only a single grapheme cluster may stay too long.

    Args:
        texts: Sentences in order.
        counts: Tokens of each.
        budget: Most tokens of a piece, at least 1.
        counter: Counts the pieces; called once a round.

    Returns:
        Pieces in order and their tokens; joined they give the joined texts.
    """
    whole: set[int] = set()
    while any(count > budget and index not in whole for index, count in enumerate(counts)):
        pieces: list[str] = []
        known: list[int | None] = []
        kept: set[int] = set()
        for index, (text, count) in enumerate(zip(texts, counts, strict=True)):
            parts = [text]
            if count > budget and index not in whole:
                parts = _cut(text, max(1, len(text) * budget // (2 * count)))
            if len(parts) > 1:
                pieces.extend(parts)
                known.extend([None] * len(parts))
                continue
            if count > budget:
                kept.add(len(pieces))
            pieces.append(text)
            known.append(count)
        fresh = iter(counter.count([piece for piece, count in zip(pieces, known, strict=True) if count is None]))
        texts, counts, whole = pieces, [next(fresh) if count is None else count for count in known], kept
    return texts, counts


def _cut(text: str, size: int) -> list[str]:
    """Pieces of about `size` characters, each at least one grapheme cluster."""
    pieces = []
    start = 0
    while len(text) - start > size:
        end = _border(text, start, start + size)
        pieces.append(text[start:end])
        start = end
    if start < len(text):
        pieces.append(text[start:])
    return pieces


def _border(text: str, start: int, limit: int) -> int:
    """Where to cut in the second half of `text[start:limit]`: after its last clause, else its last white space."""
    for pattern in (_CLAUSE, _SPACE):
        found = 0
        for match in pattern.finditer(text, start + (limit - start) // 2, limit):
            if not joins(text[match.end() - 1], text[match.end()]):
                found = match.end()
        if found:
            return found
    return cut_before(text, start, limit)
