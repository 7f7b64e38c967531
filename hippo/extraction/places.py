"""Where names stand in a text, whatever case, white space, quotes, dashes and Unicode form they are written in."""

import unicodedata
from functools import lru_cache

from hippo.ids import entity_key

__all__ = ["Places"]

_LOOKS = str.maketrans("‘’‛`ʼ“”„«»‐‒–—−", "'''''" + '"' * 5 + "-" * 5)
"""Quotes and dashes that models replace by plain ones."""
_SHORT = 3


class Places:
    """The places of names in one text. Building it takes time linear in the text, each search too.

    Args:
        text: Any string.

    Examples:
        >>> text = "Pierre  CURIE met Marie; Curie died in 1906."
        >>> [text[start:end] for start, end in Places(text).of("Pierre Curie")], Places(text).of("Rie")
        (['Pierre  CURIE'], [])
    """

    def __init__(self, text: str) -> None:
        pieces: list[str] = []
        starts: list[int] = []
        for offset, character in enumerate(text):
            folded = _fold(character)
            if folded == " " and pieces and pieces[-1] == " ":
                continue
            pieces.append(folded)
            starts.extend([offset] * len(folded))
        self._text = text
        self._folded = "".join(pieces)
        self._starts = starts
        self._found: dict[str, list[tuple[int, int]]] = {}

    def of(self, name: str) -> list[tuple[int, int]]:
        """Places of a name, `(start, end)` in characters of the text, in order, without overlaps.

        Whole words go first. Where there are none, places within words count too, since many languages join endings
        and particles to names or write without spaces; not so for ASCII names of up to three letters.
        """
        found = self._found.get(name)
        if found is None:
            found = self._search(_folded(name)) or self._search(_folded(entity_key(name)))
            self._found[name] = found
        return found

    def _search(self, name: str) -> list[tuple[int, int]]:
        if not name:
            return []
        found, whole = [], []
        start = self._folded.find(name)
        while start >= 0:
            end = start + len(name)
            place = self._starts[start], self._starts[end - 1] + 1
            if not (self._splits(start) or self._splits(end)):
                found.append(place)
                if not (self._joins(start) or self._joins(end)):
                    whole.append(place)
            start = self._folded.find(name, end)
        if whole or (name.isascii() and len(name) <= _SHORT):
            return whole
        return found

    def _splits(self, border: int) -> bool:
        """Whether a place of the folded text lies within a character, marks included."""
        if not 0 < border < len(self._folded):
            return False
        return self._starts[border - 1] == self._starts[border] or _kind(self._folded[border]) == "M"

    def _joins(self, border: int) -> bool:
        """Whether a place of the folded text lies within a word."""
        if not 0 < border < len(self._folded):
            return False
        return all(_kind(self._folded[place]) in "LMN" for place in (border - 1, border))


def _folded(name: str) -> str:
    return " ".join("".join(map(_fold, name)).split())


@lru_cache(maxsize=4096)
def _fold(character: str) -> str:
    """A character without case and compatibility forms, decomposed; a space for every white space."""
    if character.isspace():
        return " "
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    return folded.translate(_LOOKS)


def _kind(character: str) -> str:
    """General category: L for letters, M for marks, N for numbers."""
    return unicodedata.category(character)[0]
