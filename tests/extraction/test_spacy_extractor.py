import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.training import Example

from hippo.errors import ConfigError, ExtractionError, ModelNotFoundError
from hippo.extraction.spacy import SpacyExtractor, extract_doc
from hippo.protocols import Extractor
from hippo.types import Chunk, Extraction, ExtractionFailure

VOCABS = {language: spacy.blank(language).vocab for language in ("en", "xx")}


def chunk_of(text: str, title: str | None = None) -> Chunk:
    return Chunk(f"chunk of {text[:20]}", "document", 0, text, 0, len(text), title)


def test_entities_without_a_parser() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "GPE", "pattern": name} for name in ("Paris", "the Seine")])
    text = " Paris is old.  The river is the Seine. Nothing here."
    (found,) = SpacyExtractor(nlp=nlp).extract([chunk_of(text, "Paris")])
    assert isinstance(found, Extraction)
    assert [fact.text for fact in found.facts] == ["Paris. Paris is old.", "Paris. The river is the Seine."]
    assert [text[fact.start : fact.end] for fact in found.facts] == ["Paris is old.", "The river is the Seine."]
    assert [mention.key for mention in found.mentions] == ["paris", "paris", "the seine"]


@spacy.Language.component("fails_on_bad")  # type: ignore[untyped-decorator]
def fails_on_bad(doc: Doc) -> Doc:
    if "bad" in doc.text:
        raise ValueError("cannot read this")
    return doc


def test_one_bad_text_is_one_failure() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "GPE", "pattern": "Paris"}])
    nlp.add_pipe("fails_on_bad")
    chunks = [chunk_of(text) for text in ("Paris one", "bad Paris", "Paris two", "Paris three")]
    outcomes = SpacyExtractor(nlp=nlp, batch_size=3).extract(chunks)
    assert [type(outcome) for outcome in outcomes] == [Extraction, ExtractionFailure, Extraction, Extraction]
    assert [outcome.chunk_id for outcome in outcomes] == [chunk.id for chunk in chunks]
    assert outcomes[1] == ExtractionFailure(chunks[1].id, "ValueError: cannot read this")


def test_unusable_pipelines(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"python -m spacy download xx_no_such_model`, or give the path"):
        SpacyExtractor(model="xx_no_such_model")
    nlp = spacy.blank("en")
    with pytest.raises(ExtractionError, match=r"neither an entity recogniser \(ner\) nor .*; it has no components"):
        SpacyExtractor(nlp=nlp)
    nlp.add_pipe("sentencizer")
    with pytest.raises(ExtractionError, match="it has sentencizer"):
        SpacyExtractor(nlp=nlp)
    nlp.to_disk(tmp_path / "saved")
    config = tmp_path / "saved" / "config.cfg"
    config.write_text(config.read_text().replace('factory = "sentencizer"', 'factory = "unheard_of"'))
    with pytest.raises(ExtractionError, match="cannot be loaded"):
        SpacyExtractor(model=str(tmp_path / "saved"))
    with pytest.raises(ConfigError, match="batch_size: must be at least 1, got 0"):
        SpacyExtractor(nlp=nlp, batch_size=0)


LABELS = ["nsubj", "nsubj:pass", "obj", "dobj", "conj", "xcomp", "relcl", "acl:relcl", "advcl", "appos", "poss"]
LABELS += ["nmod:poss", "prep", "pobj", "obl", "case", "cop", "det", "agent"]
WORDS = ["Bohr", "met", "who", "his", "it", "the", "laboratory", "of", "by", "no", "was", ","]
POS = ["VERB", "AUX", "NOUN", "PROPN", "PRON", "DET", "ADJ", "ADP"]


@st.composite
def random_docs(draw: st.DrawFn) -> Doc:
    """Any labels on any tree: each word hangs on one that comes before it in some order, the first on itself."""
    order = draw(st.permutations(range(draw(st.integers(1, 9)))))
    heads = [0] * len(order)
    for place, word in enumerate(order):
        heads[word] = order[draw(st.integers(0, place - 1))] if place else word
    count = len(order)
    choices = [draw(st.lists(st.sampled_from(items), min_size=count, max_size=count)) for items in (WORDS, POS, LABELS)]
    words, pos, deps = choices
    deps[order[0]] = "ROOT"
    ents = draw(st.lists(st.sampled_from(["O", "O", "B-X"]), min_size=count, max_size=count))
    return Doc(VOCABS[draw(st.sampled_from(["en", "xx"]))], words=words, heads=heads, deps=deps, pos=pos, ents=ents)


@given(random_docs(), st.sampled_from([None, "Niels Bohr"]))
def test_any_tree_gives_sound_facts(doc: Doc, title: str | None) -> None:
    found = extract_doc(doc, chunk_of(doc.text, title))
    keys = {mention.key for mention in found.mentions}
    for mention in found.mentions:
        assert mention.start == -1 or doc.text[mention.start : mention.end] == mention.surface
    for fact in found.facts:
        assert keys >= set(fact.entities)
        assert len(set(fact.entities)) == len(fact.entities)
        assert all(first != second and {first, second} <= set(fact.entities) for first, second in fact.relations)
        assert 0 <= fact.start < fact.end <= len(doc.text)
        assert (fact.triple is None) == (fact.relations == ())


PATTERNS: Sequence[tuple[str, list[int], list[str]]] = [
    ("{0} discovered {1} .", [1, 1, 1, 1], ["nsubj", "ROOT", "dobj", "punct"]),
    ("{0} moved to {1} .", [1, 1, 1, 2, 1], ["nsubj", "ROOT", "prep", "pobj", "punct"]),
]
NAMES = ["Marie", "Pierre", "Radium", "Warsaw", "Paris", "Bohr", "Uranium", "Vienna"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recogniser and a parser that have learnt two kinds of sentence, saved."""
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.meta["name"], nlp.meta["version"] = "tiny", "1.2.3"
    nlp.add_pipe("parser", config={"min_action_freq": 1})
    nlp.add_pipe("ner")
    examples = []
    for number, first in enumerate(NAMES):
        second = NAMES[(number + 3) % len(NAMES)]
        for pattern, heads, deps in PATTERNS:
            words = pattern.format(first, second).split()
            ents = ["B-NAME" if word in NAMES else "O" for word in words]
            gold = Doc(nlp.vocab, words=words, heads=heads, deps=deps, ents=ents)
            examples.append(Example(nlp.make_doc(gold.text), gold))
    optimizer = nlp.initialize(lambda: examples)
    order = random.Random(0)
    for _ in range(15):
        order.shuffle(examples)
        nlp.update(examples, sgd=optimizer)
    path = tmp_path_factory.mktemp("pipelines") / "tiny"
    nlp.to_disk(path)
    return path


def triples(extraction: Extraction) -> list[tuple[str, str, str]]:
    found = [fact.triple for fact in extraction.facts if fact.triple]
    return [(triple.subject, triple.predicate, triple.object) for triple in found]


def test_trained_pipeline_from_a_path(trained: Path) -> None:
    extractor = SpacyExtractor(model=str(trained), batch_size=2)
    assert isinstance(extractor, Extractor)
    texts = ["Pierre moved to Vienna .", "Marie discovered Radium .", "Bohr moved to Warsaw ."]
    outcomes = extractor.extract([chunk_of(text) for text in texts])
    found = [triples(outcome) for outcome in outcomes if isinstance(outcome, Extraction)]
    assert found == [
        [("Pierre", "moved to", "Vienna")],
        [("Marie", "discovered", "Radium")],
        [("Bohr", "moved to", "Warsaw")],
    ]
    assert extractor.fingerprint == f"spacy-1 spacy-{spacy.__version__} en_tiny-1.2.3 parser+ner"
    without = spacy.load(trained, disable=["parser"])
    assert SpacyExtractor(nlp=without).fingerprint != extractor.fingerprint
