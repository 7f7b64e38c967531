r"""Borders between grapheme clusters: what a reader takes for one character is never cut in two.

Clusters are those of Unicode Standard Annex 29, as `\X` of the `regex` package finds them.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regex import Pattern

__all__ = ["cut_before", "joins"]


@cache
def _cluster() -> "Pattern[str]":
    import regex

    return regex.compile(r"\X")


def joins(left: str, right: str) -> bool:
    r"""Whether two neighbouring characters belong to one cluster.

    The pair alone decides unless `left` is a joiner, an emoji, a flag or Hangul, where what stands further left counts;
    white space and punctuation, after which texts are cut, are none of these.

    Examples:
        >>> joins("a", "b"), joins("e", "\N{COMBINING ACUTE ACCENT}"), joins("\r", "\n")
        (False, True, True)
    """
    if left.isascii() and right.isascii():
        return left == "\r" and right == "\n"
    return _cluster().fullmatch(left + right) is not None


def cut_before(text: str, start: int, limit: int) -> int:
    """Last border in `(start, limit]`, or the first after `limit` when one cluster fills all of it.

    Args:
        text: The text.
        start: A border to begin from.
        limit: Where the cut is wanted, `start < limit <= len(text)`.

    Returns:
        Index of a border, `len(text)` at most.

    Examples:
        >>> cut_before("abcdef", 0, 3), cut_before("ae\N{COMBINING ACUTE ACCENT}b", 0, 2)
        (3, 1)
    """
    if limit == len(text) or (text[limit - 1 : limit + 1].isascii() and not joins(text[limit - 1], text[limit])):
        return limit
    # A window, since in a long run of flags every match looks back to where the text begins.
    size = limit + 1 - start
    while True:
        window = text[start : start + size]
        border = 0
        for cluster in _cluster().finditer(window):
            if start + cluster.end() > limit:
                break
            border = cluster.end()
        if border:
            return start + border
        if cluster.end() < size:
            return start + cluster.end()
        size *= 2
