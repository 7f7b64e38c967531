"""Which parts of a parsed text name something: named entities and noun phrases, without what only points at them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hippo.ids import entity_key

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span, Token

__all__ = ["NounPhrases", "base_label"]

_CLAUSAL_SUBJECTS = frozenset({"csubj", "csubjpass"})
_LEFT_OUT = frozenset({"det", "predet", "poss", "case", "cc", "preconj"})
_BEFORE_HEAD = frozenset({"compound", "amod", "nummod", "quantmod", "nmod", "nn", "flat", "name"})
_AFTER_HEAD = frozenset({"compound", "flat", "fixed", "goeswith", "name", "nummod"})
_POINTERS = frozenset({"PRON", "DET", "PUNCT", "SPACE"})


def base_label(token: "Token") -> str:
    """Dependency label without its subtype, so that `acl:relcl` and `acl` compare equal; `nmod:poss` becomes `poss`.

    ClearNLP labels (spaCy's English pipelines) have no subtypes and come back as they are.
    """
    label: str = token.dep_
    if label in {"nmod:poss", "det:poss"}:
        return "poss"
    return label.partition(":")[0]


class NounPhrases:
    """Noun phrases of one parsed `Doc`.

    A word inside a named entity stands for the whole entity. Any other stands for its noun chunk where the pipeline has
    a parser and the language has rules for chunks, else for itself with its compounds, adjectives and numbers.
    Determiners and possessors are left out: "Claude's first opera" is "first opera".
    """

    def __init__(self, doc: "Doc") -> None:
        self._doc = doc
        self._entities = {token.i: entity for entity in doc.ents for token in entity}
        has_chunks = doc.has_annotation("DEP") and doc.vocab.get_noun_chunks is not None
        self._chunks = {chunk.root.i: chunk for chunk in doc.noun_chunks} if has_chunks else {}

    def __iter__(self) -> "Iterator[Span]":
        """Entities, then noun chunks whose head is in no entity. Some name nothing: see `names`."""
        for entity in self._doc.ents:
            yield self._trim(entity.start, entity.end)
        for chunk in self._chunks.values():
            if chunk.root.i not in self._entities:
                yield self.of(chunk.root)

    def of(self, head: "Token") -> "Span":
        """The phrase that a head word stands for, never empty."""
        if head.i in self._entities:
            entity = self._entities[head.i]
            return self._trim(entity.start, entity.end)
        if base_label(head) in _CLAUSAL_SUBJECTS:
            return self._trim(head.left_edge.i, head.right_edge.i + 1)
        if head.i in self._chunks:
            start, end = self._chunks[head.i].start, self._chunks[head.i].end
        else:
            parts = [child for child in head.lefts if base_label(child) in _BEFORE_HEAD]
            start = min([head.i, *(child.left_edge.i for child in parts)])
            tails = [child for child in head.rights if base_label(child) in _AFTER_HEAD]
            end = max([head.i, *(child.right_edge.i for child in tails)]) + 1
        outside = [child.right_edge.i + 1 for child in head.lefts if base_label(child) in _LEFT_OUT]
        return self._trim(max([start, *outside]), end)

    def same_entity(self, first: "Token", second: "Token") -> bool:
        """Whether both words are parts of one named entity, so that nothing is said between them."""
        entity = self._entities.get(first.i)
        return entity is not None and entity.start <= second.i < entity.end

    def names(self, span: "Span") -> bool:
        """Whether a phrase names something: it has a key, and holds more than pronouns, determiners and stop words.

        Capitals make a name of a stop word inside an entity: "the Who", "US".
        """
        if not entity_key(span.text):
            return False
        if all(token.i in self._entities for token in span):
            return not all(token.is_stop and token.is_lower for token in span)
        return not all(token.is_stop or token.pos_ in _POINTERS for token in span)

    def _trim(self, start: int, end: int) -> "Span":
        doc = self._doc
        opened = next((place for place in range(start, end) if doc[place].text == "("), end)
        while end - start > 1 and (doc[end - 1].is_punct or doc[end - 1].is_space):
            if doc[end - 1].text == ")" and opened < end:
                # It closes a bracket of the phrase: "Spring (season)".
                break
            end -= 1
        # "the United States" but "The Hague": a capital may belong to the name.
        while end - start > 1 and (
            doc[start].is_space or (doc[start].pos_ in {"DET", "PUNCT"} and not doc[start].is_title)
        ):
            start += 1
        return doc[start:end]
