"""Who does what to whom: subject, predicate, object from the dependency tree of a sentence.

Reads both ClearNLP labels (spaCy's English pipelines: `nsubjpass`, `dobj`, `prep` and `pobj`, `attr`, `agent`) and
Universal Dependencies (`nsubj:pass`, `obj`, `obl` and `case`, `cop`). What is read:

* verbs with objects and prepositions, their conjuncts, and verbs that borrow their subject (`xcomp`, participles,
  relative clauses): "Marie discovered radium and moved to Paris";
* passives, turned round where the agent is named: "radium was discovered by Marie" is (Marie, discover, radium);
* copulas and appositions: "Paris is the capital of France" and "Paris, the capital of France" are (Paris, is, capital)
  and (Paris, is capital of, France);
* possessives: "Marie's laboratory" is (Marie, has, laboratory).

A verb without auxiliaries appears as its lemma, any other verb group as written: "discover", "was born in".
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hippo.extraction.noun_phrases import NounPhrases, base_label

if TYPE_CHECKING:
    from spacy.tokens import Span, Token

__all__ = ["Relation", "antecedent", "knows_labels", "relations"]

_SUBJECTS = frozenset({"nsubj", "nsubjpass", "csubj", "csubjpass"})
_LINKS = _SUBJECTS | {"cop"}
_OBJECTS = frozenset({"dobj", "obj", "iobj", "dative", "attr", "oprd"})
_AUXILIARIES = frozenset({"aux", "auxpass"})
_BORROWERS = frozenset({"conj", "xcomp", "advcl", "acl", "relcl"})
_PREDICATES = frozenset({"VERB", "AUX"})
_NOUNS = frozenset({"NOUN", "PROPN"})
_TYPICAL = (
    _SUBJECTS | _OBJECTS | frozenset({"det", "amod", "compound", "nmod", "case", "prep", "pobj", "obl", "advmod"})
)
_COMMON = frozenset({"ROOT", "root", "punct", "dep", ""})
_DEPTH = 2  # prepositions followed from an object: "capital of the province of Lublin"


@dataclass(frozen=True, slots=True)
class Relation:
    """Subject and object are head words: `NounPhrases.of` gives their phrases."""

    subject: "Token"
    predicate: str
    object: "Token"


def knows_labels(sentence: "Span") -> bool:
    """False where a sentence was parsed under neither of the two schemes, as by spaCy's German pipelines."""
    labels = {base_label(token) for token in sentence}
    return labels <= _COMMON or not labels.isdisjoint(_TYPICAL)


def antecedent(token: "Token") -> "Token | None":
    """The noun that the relative clause around a word modifies; None outside of relative clauses."""
    for ancestor in (token, *token.ancestors):
        if base_label(ancestor) in {"relcl", "acl"}:
            return ancestor.head
    return None


def relations(sentence: "Span", phrases: NounPhrases) -> Iterator[Relation]:
    """Relations of a sentence in the order of their heads; pronouns are left for the caller to resolve."""
    for token in sentence:
        label = base_label(token)
        if label == "poss" and not phrases.same_entity(token, token.head):
            for owner in _coordinated(token, phrases):
                yield Relation(owner, "has", token.head)
        elif label == "appos" and not phrases.same_entity(token, token.head):
            targets = [("", noun) for noun in _coordinated(token, phrases)]
            yield from _state([token.head], "is", targets, phrases)
        if _is_predicate(token):
            yield from _clause(token, phrases)


def _clause(head: "Token", phrases: NounPhrases) -> Iterator[Relation]:
    subjects = _subjects(head, phrases)
    passive = _is_passive(head)
    predicate = _predicate(head, passive=passive)
    if _has_copula(head):
        for word in _coordinated(head, phrases):
            if word.pos_ == "ADJ":
                yield from _state(subjects, f"{predicate} {word.text}", list(_complements(word, phrases)), phrases)
            else:
                yield from _state(subjects, predicate, [("", word)], phrases)
    else:
        yield from _state(subjects, predicate, list(_complements(head, phrases)), phrases)
    active = " ".join(
        _lemma(word) for word in _verb_group(head) if word == head or base_label(word) in {"prt", "compound"}
    )
    for agent in _agents(head, phrases) if passive else ():
        for subject in subjects:
            yield Relation(agent, active, subject)


def _state(
    subjects: "Iterable[Token]",
    predicate: str,
    targets: "list[tuple[str, Token]]",
    phrases: NounPhrases,
    depth: int = 0,
) -> Iterator[Relation]:
    """Relations to each target and to what hangs on it by a preposition."""
    for preposition, target in targets:
        denial = [child.text for child in target.lefts if base_label(child) in {"det", "neg"} and _is_negation(child)]
        words = " ".join(filter(None, [predicate, preposition, *denial]))
        for subject in subjects:
            if subject != target:
                yield Relation(subject, words, target)
        if depth < _DEPTH:
            nested = [
                item for item in _nominal_complements(target, phrases) if not phrases.same_entity(target, item[1])
            ]
            yield from _state(subjects, f"{words} {phrases.of(target).text}", nested, phrases, depth + 1)


def _is_predicate(token: "Token") -> bool:
    if any(base_label(child) in _SUBJECTS for child in token.children):
        return True
    return base_label(token) in _BORROWERS and (token.pos_ in _PREDICATES or _has_copula(token))


def _subjects(head: "Token", phrases: NounPhrases) -> "list[Token]":
    while True:
        label = base_label(head)
        found = [child for child in head.children if base_label(child) in _SUBJECTS]
        if not found and label == "xcomp":  # "asked Marie to leave": Marie leaves
            found = [child for child in head.head.children if base_label(child) in {"dobj", "obj"}]
        if found:
            return [token for child in found for token in _coordinated(child, phrases)]
        if label in {"acl", "relcl"}:
            return [head.head]
        if label not in _BORROWERS:
            return []
        head = head.head


def _is_passive(head: "Token") -> bool:
    labels = {child.dep_ for child in head.children}
    if not labels.isdisjoint(
        {"nsubjpass", "nsubj:pass", "csubjpass", "csubj:pass", "auxpass", "aux:pass", "agent", "obl:agent"}
    ):
        return True
    if any(base_label(child) in _SUBJECTS | _AUXILIARIES for child in head.children):
        return False
    participle = head.tag_ == "VBN" or "Pass" in head.morph.get("Voice") or {"Part", "Past"} <= _form(head)
    label = base_label(head)
    return participle and (label in {"acl", "advcl"} or (label == "conj" and _is_passive(head.head)))


def _form(token: "Token") -> set[str]:
    return {*token.morph.get("VerbForm"), *token.morph.get("Tense")}


def _has_copula(head: "Token") -> bool:
    return any(base_label(child) == "cop" for child in head.children)


def _predicate(head: "Token", *, passive: bool) -> str:
    group = _verb_group(head)
    as_written = passive or base_label(head) == "xcomp" or any(base_label(word) in _AUXILIARIES for word in group)
    words = _written(group) if as_written or _has_copula(head) or _is_be(head) else " ".join(map(_lemma, group))
    if base_label(head) == "xcomp" and _is_predicate(head.head):
        return f"{_predicate(head.head, passive=_is_passive(head.head))} {words}"
    return words


def _verb_group(head: "Token") -> "list[Token]":
    """The verb (or its copula) with auxiliaries, negation, particles and the "to" of an infinitive, in order."""
    group = [] if _has_copula(head) else [head]
    for child in head.children:
        label = base_label(child)
        particle = label == "prt" or child.dep_ == "compound:prt"
        infinitive = label == "mark" and base_label(head) == "xcomp"
        negation = label in {"neg", "advmod"} and _is_negation(child)
        if label in _AUXILIARIES or label == "cop" or particle or infinitive or negation:
            group.append(child)
    return sorted(group, key=lambda token: token.i)


def _is_negation(token: "Token") -> bool:
    negative = "Neg" in token.morph.get("Polarity") or "Neg" in token.morph.get("PronType")
    return negative or token.dep_ == "neg" or token.lower_ in {"no", "not", "n't", "n’t", "never"}


def _is_be(head: "Token") -> bool:
    """A verb of being, which links in ClearNLP labels: "is" says more than "be"."""
    return any(child.dep_ in {"attr", "acomp"} for child in head.children)


def _lemma(token: "Token") -> str:
    lemma: str = token.lemma_ or token.lower_  # pipelines without lemmatizer leave it empty
    return lemma


def _written(tokens: "list[Token]") -> str:
    """Words as written: "didn't win" keeps its spelling, words left out between them leave one space."""
    parts = []
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        joined = following is not None and following.i == token.i + 1 and not token.whitespace_
        parts.append(token.text if joined else f"{token.text} ")
    return "".join(parts).strip()


def _complements(head: "Token", phrases: NounPhrases) -> "Iterator[tuple[str, Token]]":
    """Objects with their prepositions, "" for direct ones; agents of passives are left out."""
    passive = _is_passive(head)
    for child in head.children:
        label = base_label(child)
        if label == "prep" or (label == "dative" and any(base_label(item) == "pobj" for item in child.children)):
            yield from _prepositional(child, phrases)
        elif label in _OBJECTS or (label == "xcomp" and child.pos_ in _NOUNS):
            yield from (("", noun) for noun in _coordinated(child, phrases))
        elif label == "obl" and not (passive and _is_agent(child)):
            yield from _cased(child, phrases)
        elif label == "acomp" or (label == "xcomp" and child.pos_ == "ADJ"):
            yield from ((f"{child.text} {words}".strip(), noun) for words, noun in _complements(child, phrases))


def _nominal_complements(noun: "Token", phrases: NounPhrases) -> "Iterator[tuple[str, Token]]":
    for child in noun.children:
        if base_label(child) == "prep":
            yield from _prepositional(child, phrases)
        elif base_label(child) in {"nmod", "obl"} and _case(child):
            yield from _cased(child, phrases)


def _prepositional(preposition: "Token", phrases: NounPhrases) -> "Iterator[tuple[str, Token]]":
    for child in preposition.children:
        label = base_label(child)
        if label == "pobj":
            yield from ((preposition.lower_, noun) for noun in _coordinated(child, phrases))
        elif label == "prep":
            yield from ((f"{preposition.lower_} {words}", noun) for words, noun in _prepositional(child, phrases))
        elif label == "conj":
            yield from _prepositional(child, phrases)


def _cased(noun: "Token", phrases: NounPhrases) -> "Iterator[tuple[str, Token]]":
    first = _case(noun)
    yield from ((_case(item) or first, item) for item in _coordinated(noun, phrases))


def _case(noun: "Token") -> str:
    words = [word for child in noun.children if base_label(child) == "case" for word in child.subtree]
    return " ".join(word.lower_ for word in words)


def _agents(head: "Token", phrases: NounPhrases) -> "Iterator[Token]":
    for child in head.children:
        if child.dep_ == "agent":
            yield from (noun for _, noun in _prepositional(child, phrases))
        elif _is_agent(child):
            yield from _coordinated(child, phrases)


def _is_agent(token: "Token") -> bool:
    return token.dep_ == "obl:agent" or (token.dep_ == "obl" and _case(token) == "by")


def _coordinated(token: "Token", phrases: NounPhrases) -> "list[Token]":
    """The word and those coordinated with it: "Marie, Pierre and Irène"."""
    found = [token]
    for item in found:  # grows: English lists hang each item on the one before, others on the first; no recursion
        for child in item.children:
            clause = child.pos_ in _PREDICATES or any(base_label(part) in _LINKS for part in child.children)
            if base_label(child) == "conj" and not clause and not phrases.same_entity(token, child):
                found.append(child)
    return found
