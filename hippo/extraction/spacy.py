"""Extraction with a trained spaCy pipeline: named entities, noun chunks, and triples from the dependency tree."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hippo.errors import ConfigError, ExtractionError, ModelNotFoundError
from hippo.extraction.clauses import antecedent, knows_labels, relations
from hippo.extraction.mentions import title_mentions
from hippo.extraction.noun_phrases import NounPhrases, base_label
from hippo.extraction.pattern import evidence
from hippo.ids import entity_key
from hippo.types import Chunk, Extraction, ExtractionFailure, Fact, Mention, Triple

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, Span, Token

__all__ = ["SpacyExtractor", "extract_doc"]

_NAME = "spacy"
_VERSION = "1"
_THIRD_PERSON = frozenset({"he", "she", "it", "they", "his", "her", "hers", "its", "their", "theirs"})
_RELATIVE = frozenset({"who", "whom", "whose", "which", "that"})
_POINTING = frozenset({"nsubj", "nsubjpass", "poss"})


class SpacyExtractor:
    """Entities, evidence sentences and triples with a trained pipeline, for any language that spaCy has one for.

    A pipeline with an entity recogniser only gives entities and evidence; triples need a parser with ClearNLP or
    Universal Dependencies labels. Sentences parsed under other labels are counted in `dropped`.

    Args:
        model: Installed package, such as `en_core_web_sm`, or path of a saved pipeline.
        nlp: A loaded pipeline, used as it is; `model` is then not looked at.
        batch_size: Texts that the pipeline works on at a time, at least 1.

    Raises:
        ModelNotFoundError: No package and no folder of that name.
        ExtractionError: The pipeline cannot be loaded, or finds neither entities nor dependencies.
        ConfigError: `batch_size` is below 1.
    """

    def __init__(self, *, model: str = "en_core_web_sm", nlp: "Language | None" = None, batch_size: int = 64) -> None:
        if batch_size < 1:
            raise ConfigError(type(self).__name__, "batch_size", f"must be at least 1, got {batch_size}")
        self._nlp = _load(model) if nlp is None else nlp
        self._batch_size = batch_size
        _require_components(self._nlp)

    @property
    def fingerprint(self) -> str:
        """Versions of this extractor and of spaCy; language, name and version of the pipeline, and its components."""
        import spacy

        meta = self._nlp.meta
        pipeline = f"{meta['lang']}_{meta['name']}-{meta['version']}"
        return f"{_NAME}-{_VERSION} spacy-{spacy.__version__} {pipeline} {'+'.join(self._nlp.pipe_names)}"

    def extract(self, chunks: Sequence[Chunk]) -> list[Extraction | ExtractionFailure]:
        """One outcome per chunk, in order; a text that the pipeline fails on does not touch its neighbours."""
        outcomes: list[Extraction | ExtractionFailure] = []
        for start in range(0, len(chunks), self._batch_size):
            batch = chunks[start : start + self._batch_size]
            outcomes.extend(map(self._outcome, batch, self._parse(batch)))
        return outcomes

    def _parse(self, batch: Sequence[Chunk]) -> "Sequence[Doc | None]":
        """Parsed texts; None for all where the batch failed, since spaCy does not say on which text."""
        try:
            docs = list(self._nlp.pipe([chunk.text for chunk in batch], batch_size=self._batch_size))
        except Exception:  # components are third-party code; the text at fault fails again alone, in `_outcome`
            return [None] * len(batch)
        return docs if len(docs) == len(batch) else [None] * len(batch)

    def _outcome(self, chunk: Chunk, doc: "Doc | None") -> Extraction | ExtractionFailure:
        try:
            return extract_doc(self._nlp(chunk.text) if doc is None else doc, chunk)
        except Exception as error:
            return ExtractionFailure(chunk.id, f"{type(error).__name__}: {error}")


def extract_doc(doc: "Doc", chunk: Chunk) -> Extraction:
    """Extraction of a chunk from its parsed text.

    Pronouns of the third person in subject or possessor position stand for the chunk's title. Every sentence that names
    an entity gives an evidence fact (without relations), followed by its triples: facts that relate subject to object.

    Args:
        doc: The chunk's text with entities, dependencies or both.
        chunk: Where it comes from.

    Raises:
        ExtractionError: `doc` is of another text.
    """
    if doc.text != chunk.text:
        raise ExtractionError(_NAME, f"the parsed text is not that of chunk {chunk.id!r}")
    names = _Names(doc, chunk)
    facts: dict[tuple[object, ...], Fact] = {}
    for sentence in _sentences(doc):
        triples = list(_triples(sentence, names))
        for fact in (*_evidence(sentence, names, triples), *triples):
            if facts.setdefault((fact.text, fact.entities, fact.relations), fact) is not fact:
                names.dropped["repeated fact"] += 1
    return Extraction(chunk.id, names.mentions(), tuple(facts.values()), dict(names.dropped))


class _Names:
    """What the words of one chunk name, and a count of those that name nothing."""

    def __init__(self, doc: "Doc", chunk: Chunk) -> None:
        self.dropped: Counter[str] = Counter()
        self.phrases = NounPhrases(doc)
        self.titles = title_mentions(chunk.title)
        # What pronouns stand for: the title without what only tells it from its namesakes.
        self.title = self.titles[-1] if self.titles else None
        self.title_text = chunk.title
        self._found: dict[tuple[int, int], Mention] = {}
        for span in self.phrases:
            if self._mention(span) is None:
                self.dropped["mention without a name"] += 1

    def mentions(self) -> tuple[Mention, ...]:
        """The titles first, then in order of the text."""
        return (*self.titles, *(self._found[place] for place in sorted(self._found)))

    def keys_between(self, start: int, end: int) -> Iterator[str]:
        """Keys of the mentions that begin in a span of characters, in order."""
        return (self._found[place].key for place in sorted(self._found) if start <= place[0] < end)

    def argument(self, token: "Token", *, is_subject: bool) -> Mention | None:
        """The mention that a head word stands for; None, counted, where it stands for none."""
        noun = antecedent(token) if token.lower_ in _RELATIVE or "Rel" in token.morph.get("PronType") else None
        if noun is not None:
            return self.argument(noun, is_subject=is_subject)
        if _is_third_person(token) and (is_subject or base_label(token) in _POINTING):
            if self.title is None:
                self.dropped["pronoun without a title"] += 1
            return self.title
        mention = self._mention(self.phrases.of(token))
        if mention is None:
            self.dropped["argument without a name"] += 1
        return mention

    def _mention(self, span: "Span") -> Mention | None:
        if not self.phrases.names(span):
            return None
        mention = Mention(entity_key(span.text), span.text, span.start_char, span.end_char)
        return self._found.setdefault((mention.start, mention.end), mention)


def _triples(sentence: "Span", names: _Names) -> Iterator[Fact]:
    if not sentence.doc.has_annotation("DEP"):
        return
    if not knows_labels(sentence):
        names.dropped["sentence with unknown dependency labels"] += 1
        return
    start, end = _characters(sentence)
    for relation in relations(sentence, names.phrases):
        subject = names.argument(relation.subject, is_subject=True)
        target = names.argument(relation.object, is_subject=False)
        if subject is None or target is None:
            continue
        if subject.key == target.key:
            names.dropped["subject equals object"] += 1
            continue
        triple = Triple(*(" ".join(part.split()) for part in (subject.surface, relation.predicate, target.surface)))
        pair = (subject.key, target.key)
        yield Fact(f"{triple.subject} {triple.predicate} {triple.object}", pair, (pair,), start, end, triple)


def _evidence(sentence: "Span", names: _Names, triples: Sequence[Fact]) -> Iterator[Fact]:
    """The sentence as a fact, if it names an entity, were it by a pronoun that stands for the title."""
    start, end = _characters(sentence)
    keys = list(names.keys_between(start, end))
    if keys or triples:
        titles = [mention.key for mention in names.titles]
        text = evidence(names.title_text, " ".join(sentence.text.split()))
        yield Fact(text, tuple(dict.fromkeys([*titles, *keys])), (), start, end)


def _characters(sentence: "Span") -> tuple[int, int]:
    """Where the sentence begins and ends, without the white space around it."""
    text: str = sentence.text
    start = int(sentence.start_char) + len(text) - len(text.lstrip())
    return start, start + len(text.strip())


def _sentences(doc: "Doc") -> "Iterator[Span]":
    """Sentences of the pipeline; by punctuation where it marks none."""
    if doc.has_annotation("SENT_START"):
        yield from doc.sents
        return
    from spacy.pipeline import Sentencizer

    starts = [token for token, first in enumerate(Sentencizer().predict([doc])[0]) if first]
    for start, end in zip(starts, [*starts[1:], len(doc)], strict=True):
        yield doc[start:end]


def _is_third_person(token: "Token") -> bool:
    return token.lower_ in _THIRD_PERSON or (token.pos_ == "PRON" and "3" in token.morph.get("Person"))


def _load(model: str) -> "Language":
    import spacy

    try:
        return spacy.load(model)
    except OSError as error:
        remedy = f"Install it with `python -m spacy download {model}`, or give the path of a saved pipeline"
        raise ModelNotFoundError(model, str(error).rstrip("."), remedy) from error
    except (ImportError, ValueError) as error:
        raise ExtractionError(_NAME, f"pipeline {model!r} cannot be loaded: {error}") from error


def _require_components(nlp: "Language") -> None:
    assigned = {attribute for name in nlp.pipe_names for attribute in nlp.get_pipe_meta(name).assigns}
    if assigned.isdisjoint({"doc.ents", "token.dep"}) and {"ner", "parser"}.isdisjoint(nlp.pipe_names):
        components = ", ".join(nlp.pipe_names) or "no components"
        raise ExtractionError(
            _NAME,
            f"pipeline '{nlp.meta['lang']}_{nlp.meta['name']}' has neither an entity recogniser (ner) nor a dependency "
            f"parser (parser), and one is needed; it has {components}",
        )
