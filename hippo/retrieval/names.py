"""Linking by names: a name in a question leads to the entity that has it, or to the one that is nearest."""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from hippo.backends.scoring import held, scoring
from hippo.ids import ASCII_NORMALISER, ascii_key, entity_key
from hippo.search.lexical import LexicalIndex
from hippo.snapshot.contents import Contents

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NameLinker", "names_in", "without_names"]

_REMEMBERED = 4096
"""Names whose entities are remembered; each question asks for its own twice."""


def names_in(question: str) -> list[str]:
    """Names in a question, by the rules of the extractor `pattern`, in order of appearance.

    Examples:
        >>> names_in("Where did Marie Curie meet Pierre?")
        ['Marie Curie', 'Pierre']
    """
    return list(_names_in(question))


@lru_cache(maxsize=1024)
def _names_in(question: str) -> tuple[str, ...]:
    from hippo.extraction.pattern import mentions_of

    return tuple(mention.surface for mention in mentions_of(question))


def without_names(question: str, names: Iterable[str]) -> str:
    """What a question leaves open once its names are found: the rest of it; all of it where that has no word.

    Examples:
        >>> without_names("Where was the painter Ada Smith born?", ["Ada Smith", "Ada"])
        'Where was the painter born?'
        >>> without_names("Ada Smith?", ["Ada Smith"])
        'Ada Smith?'
    """
    rest = question
    for name in sorted(set(names), key=lambda name: (-len(name), name)):
        rest = _without(rest, name)
    return " ".join(rest.split()) if any(map(str.isalpha, rest)) else question


def _without(text: str, name: str) -> str:
    """A text with a space in place of a name, wherever that is not a part of a longer word."""
    place = text.find(name) if name else -1
    while place >= 0:
        end = place + len(name)
        if text[place - 1 : place].isalnum() or text[end : end + 1].isalnum():
            place = text.find(name, place + 1)
        else:
            text = f"{text[:place]} {text[end:]}"
            place = text.find(name, place + 1)
    return text


class NameLinker:
    """Finds the entity of a name: the nearest by cosine similarity, or by words where there are no vectors.

    By words it is the entity whose key is that of the name, else the one with the highest BM25 score; a name that
    shares no word with any entity has none.

    Args:
        contents: The index.
        encode: Unit vectors of names, float32 `(n, d)`; None: by words.
    """

    def __init__(
        self, contents: Contents, encode: "Callable[[Sequence[str]], NDArray[np.float32]] | None" = None
    ) -> None:
        self._contents = contents
        vectors = contents.vectors.get("entity")
        self._vectors = None if vectors is None else held(vectors)
        self._encode = encode
        identity = contents.info.get("identity", {})
        self._row = lru_cache(maxsize=_REMEMBERED)(self._look_up)
        self._key = ascii_key if identity.get("key_normaliser") == ASCII_NORMALISER else entity_key

    def link(self, names: Sequence[Sequence[str]]) -> list[dict[str, int]]:
        """For each question, the row of the entity of every name that has one, by the name as given."""
        keys = {name: self._key(name) for own in names for name in own}
        rows = self._rows(list(dict.fromkeys(key for key in keys.values() if key)))
        return [{name: rows[keys[name]] for name in own if keys[name] in rows} for own in names]

    def known(self, names: Iterable[str]) -> list[str]:
        """Those of some names that an entity has."""
        return [name for name in names if len(self.exact([name]))]

    def exact(self, names: Iterable[str]) -> "NDArray[np.int64]":
        """Rows of the entities that have these names, int64, ascending, without repeats."""
        rows = {self._row(name) for name in names}
        return np.array(sorted(row for row in rows if row is not None), np.int64)

    def _look_up(self, name: str) -> int | None:
        """Row of the entity that has a name."""
        return self._contents.entity_row(self._key(name))

    def _rows(self, keys: list[str]) -> dict[str, int]:
        """Row of the nearest entity of each key; ties by row."""
        if not keys or not self._contents.graph.n_entities:
            return {}
        if self._encode is None or self._vectors is None:
            found = {key: self._by_words(key) for key in keys}
            return {key: row for key, row in found.items() if row is not None}
        vectors, queries = self._vectors, self._encode(keys)
        multiply = scoring(len(vectors)).products
        nearest = (int(multiply(vectors, query[None]).argmax()) for query in queries)
        return dict(zip(keys, nearest, strict=True))

    def _by_words(self, key: str) -> int | None:
        if key in self._known:
            return self._known[key]
        scores = self._words.scores(key)
        best = int(scores.argmax())
        return best if scores[best] > 0 else None

    @cached_property
    def _keys(self) -> list[str]:
        keys: list[str] = self._contents.entities.column("key").to_pylist()
        return keys

    @cached_property
    def _known(self) -> dict[str, int]:
        return {key: row for row, key in enumerate(self._keys)}

    @cached_property
    def _words(self) -> LexicalIndex:
        return LexicalIndex.build(self._keys)
