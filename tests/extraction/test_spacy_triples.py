from typing import Any

import pytest
import spacy
from spacy.tokens import Doc

from hippo.errors import ExtractionError
from hippo.extraction.spacy import extract_doc
from hippo.types import Chunk, Extraction

VOCABS = {language: spacy.blank(language).vocab for language in ("en", "de", "xx")}

Triples = list[tuple[str, str, str]]


def chunk_of(text: str, title: str | None = None) -> Chunk:
    return Chunk(f"chunk of {text[:20]}", "document", 0, text, 0, len(text), title)


def parse(rows: str, language: str) -> Doc:
    """A hand-annotated text, one word a line: text, lemma, part of speech, label, head (from 0), marks."""
    columns: dict[str, list[Any]] = {
        name: [] for name in ("words", "lemmas", "pos", "deps", "heads", "ents", "morphs", "tags")
    }
    for line in rows.strip().splitlines():
        word, lemma, pos, dep, head, *more = line.split()
        marks = dict(item.split(":", 1) for item in more if ":" in item)
        for name, value in zip(("words", "lemmas", "pos", "deps"), (word, lemma, pos, dep), strict=True):
            columns[name].append(value)
        columns["heads"].append(int(head))
        columns["ents"].append(marks.get("ent", "O"))
        columns["morphs"].append(marks.get("m", ""))
        columns["tags"].append(marks.get("t", ""))
    return Doc(VOCABS[language], **columns)


def extract(rows: str, language: str = "en", title: str | None = None) -> Extraction:
    doc = parse(rows, language)
    return extract_doc(doc, chunk_of(doc.text, title))


def triples(extraction: Extraction) -> Triples:
    found = [fact.triple for fact in extraction.facts if fact.triple]
    return [(triple.subject, triple.predicate, triple.object) for triple in found]


# "Marie Curie discovered radium and polonium ." in both styles of labels
LISTS = """
Marie Marie PROPN compound 1 ent:B-PERSON
Curie Curie PROPN nsubj 2 ent:I-PERSON
discovered discover VERB ROOT 2
radium radium NOUN {object} 2
and and CCONJ cc {cc}
polonium polonium NOUN conj 3
. . PUNCT punct 2
"""

CLEARNLP_PASSIVE = """
Radium radium NOUN nsubjpass 2
was be AUX auxpass 2
discovered discover VERB ROOT 2 t:VBN
in in ADP prep 2
Paris Paris PROPN pobj 3 ent:B-GPE
by by ADP agent 2
Curie Curie PROPN pobj 5 ent:B-PERSON
. . PUNCT punct 2
"""

UD_PASSIVE = """
Radium radium NOUN nsubj:pass 2
was be AUX aux:pass 2
discovered discover VERB ROOT 2
in in ADP case 4
Paris Paris PROPN obl 2 ent:B-GPE
by by ADP case 6
Curie Curie PROPN {agent} 2 ent:B-PERSON
. . PUNCT punct 2
"""

CLEARNLP_COPULA = """
Paris Paris PROPN nsubj 1 ent:B-GPE
is be AUX ROOT 1
n't not PART neg 1
the the DET det 4
capital capital NOUN attr 1
of of ADP prep 4
Spain Spain PROPN pobj 5 ent:B-GPE
. . PUNCT punct 1
"""

UD_COPULA = """
Paris Paris PROPN nsubj 4 ent:B-GPE
is be AUX cop 4
n't not PART advmod 4 m:Polarity=Neg
the the DET det 4
capital capital NOUN ROOT 4
of of ADP case 6
Spain Spain PROPN nmod 4 ent:B-GPE
. . PUNCT punct 4
"""

CLEARNLP_APPOSITION = """
Paris Paris PROPN nsubj 6 ent:B-GPE
, , PUNCT punct 0
the the DET det 3
capital capital NOUN appos 0
of of ADP prep 3
France France PROPN pobj 4 ent:B-GPE
hosts host VERB ROOT 6
the the DET det 8
Olympics Olympics PROPN dobj 6 ent:B-EVENT
"""

UD_APPOSITION = """
Paris Paris PROPN nsubj 6 ent:B-GPE
, , PUNCT punct 3
the the DET det 3
capital capital NOUN appos 0
of of ADP case 5
France France PROPN nmod 3 ent:B-GPE
hosts host VERB ROOT 6
the the DET det 8
Olympics Olympics PROPN obj 6 ent:B-EVENT
"""

POSSESSIVE = """
Curie Curie PROPN {poss} 2 ent:B-PERSON
's 's PART case 0
laboratory laboratory NOUN nsubj 3
burned burn VERB ROOT 3
down down ADP {particle} 3
"""


@pytest.mark.parametrize("style", [{"object": "dobj", "cc": 3}, {"object": "obj", "cc": 5}])
@pytest.mark.parametrize("language", ["en", "xx"])
def test_objects_are_taken_apart(style: dict[str, Any], language: str) -> None:
    found = extract(LISTS.format(**style), language)
    assert triples(found) == [("Marie Curie", "discover", "radium"), ("Marie Curie", "discover", "polonium")]
    assert [mention.key for mention in found.mentions] == ["marie curie", "radium", "polonium"]


@pytest.mark.parametrize(
    "rows", [CLEARNLP_PASSIVE, UD_PASSIVE.format(agent="obl:agent"), UD_PASSIVE.format(agent="obl")]
)
def test_passives_are_turned_round_to_their_agent(rows: str) -> None:
    assert triples(extract(rows)) == [("Radium", "was discovered in", "Paris"), ("Curie", "discover", "Radium")]


@pytest.mark.parametrize("rows", [CLEARNLP_COPULA, UD_COPULA])
def test_copula_keeps_the_negation(rows: str) -> None:
    rows_en, rows_ud = extract(rows), extract(rows, "xx")
    expected = [("Paris", "is n't", "capital"), ("Paris", "is n't capital of", "Spain")]
    assert triples(rows_en) == triples(rows_ud) == expected


@pytest.mark.parametrize("rows", [CLEARNLP_APPOSITION, UD_APPOSITION])
def test_appositions_are_copulas(rows: str) -> None:
    assert triples(extract(rows)) == [
        ("Paris", "is", "capital"),
        ("Paris", "is capital of", "France"),
        ("Paris", "host", "Olympics"),
    ]


@pytest.mark.parametrize("style", [("poss", "prt"), ("nmod:poss", "compound:prt")])
def test_possessives(style: tuple[str, str]) -> None:
    found = extract(POSSESSIVE.format(poss=style[0], particle=style[1]))
    assert triples(found) == [("Curie", "has", "laboratory")]
    assert [mention.surface for mention in found.mentions] == ["Curie", "laboratory"]


def test_coordinated_verbs_borrow_the_subject() -> None:
    rows = """
    She she PRON nsubjpass 2
    was be AUX auxpass 2
    born bear VERB ROOT 2 t:VBN
    in in ADP prep 2
    Warsaw Warsaw PROPN pobj 3 ent:B-GPE
    and and CCONJ cc 2
    moved move VERB conj 2 t:VBD
    to to ADP prep 6
    Paris Paris PROPN pobj 7 ent:B-GPE
    """
    found = extract(rows, title="Marie Curie")
    assert triples(found) == [("Marie Curie", "was born in", "Warsaw"), ("Marie Curie", "move to", "Paris")]
    assert found.mentions[0].key == "marie curie"
    assert (found.mentions[0].start, found.mentions[0].end) == (-1, -1)
    untitled = extract(rows)
    assert triples(untitled) == []
    assert untitled.dropped["pronoun without a title"] == 2
    assert [fact.entities for fact in untitled.facts] == [("warsaw", "paris")]


def test_relative_clauses_participles_and_infinitives() -> None:
    rows = """
    Pierre Pierre PROPN nsubj 4 ent:B-PERSON
    , , PUNCT punct 0
    who who PRON nsubj 3
    taught teach VERB relcl 0
    wanted want VERB ROOT 4
    to to PART aux 6
    study study VERB xcomp 4
    crystals crystal NOUN dobj 6
    found find VERB acl 7 t:VBN
    in in ADP prep 8
    Brazil Brazil PROPN pobj 9 ent:B-GPE
    """
    assert triples(extract(rows)) == [("Pierre", "want to study", "crystals"), ("crystals", "found in", "Brazil")]


def test_relative_pronoun_is_its_antecedent() -> None:
    rows = """
    The the DET det 1
    physicist physicist NOUN ROOT 1
    who who PRON nsubj 3
    met meet VERB acl:relcl 1
    Einstein Einstein PROPN obj 3 ent:B-PERSON
    """
    assert triples(extract(rows, "xx")) == [("physicist", "meet", "Einstein")]


def test_object_control_adjectives_and_denied_objects() -> None:
    asked = """
    Bohr Bohr PROPN nsubj 1 ent:B-PERSON
    asked ask VERB ROOT 1
    Marie Marie PROPN obj 1 ent:B-PERSON
    to to PART mark 4
    leave leave VERB xcomp 1
    Paris Paris PROPN obj 4 ent:B-GPE
    """
    assert triples(extract(asked)) == [("Bohr", "ask", "Marie"), ("Marie", "ask to leave", "Paris")]
    famous = """
    Bohr Bohr PROPN nsubj 2 ent:B-PERSON
    was be AUX cop 2
    famous famous ADJ ROOT 2
    for for ADP case 5
    atomic atomic ADJ amod 5
    models model NOUN obl 2
    """
    assert triples(extract(famous, "xx")) == [("Bohr", "was famous for", "atomic models")]
    none = """
    Bohr Bohr PROPN nsubj 1 ent:B-PERSON
    had have VERB ROOT 1
    no no DET det 3
    siblings sibling NOUN dobj 1
    """
    assert triples(extract(none)) == [("Bohr", "have no", "siblings")]


def test_nothing_is_said_inside_one_entity() -> None:
    rows = """
    Schindler Schindler PROPN poss 2 ent:B-WORK
    's 's PART case 0 ent:I-WORK
    List List PROPN nsubj 3 ent:I-WORK
    won win VERB ROOT 3
    Oscars Oscar PROPN dobj 3 ent:B-WORK
    """
    found = extract(rows)
    assert triples(found) == [("Schindler 's List", "win", "Oscars")]
    assert [mention.key for mention in found.mentions] == ["schindler 's list", "oscars"]


def test_capitals_make_names_of_stop_words() -> None:
    rows = """
    Bohr Bohr PROPN nsubj 1 ent:B-PERSON
    toured tour VERB ROOT 1
    the the DET det 3 ent:B-GPE
    US US PROPN dobj 1 ent:I-GPE
    in in ADP prep 1
    two two NUM pobj 4 ent:B-CARDINAL
    """
    found = extract(rows)
    assert [mention.surface for mention in found.mentions] == ["Bohr", "US"]
    assert triples(found) == [("Bohr", "tour", "US")]
    assert found.dropped == {"mention without a name": 1, "argument without a name": 1}


def test_facts_spans_and_relations() -> None:
    found = extract(CLEARNLP_PASSIVE, title="Radium")
    evidence, *statements = found.facts
    text = parse(CLEARNLP_PASSIVE, "en").text
    assert evidence.text == f"Radium. {text.strip()}"
    assert evidence.entities == ("radium", "paris", "curie")
    assert evidence.relations == ()
    assert evidence.triple is None
    assert {text[fact.start : fact.end] for fact in found.facts} == {text.strip()}
    assert [fact.relations for fact in statements] == [(("radium", "paris"),), (("curie", "radium"),)]
    assert [fact.text for fact in statements] == ["Radium was discovered in Paris", "Curie discover Radium"]
    for mention in found.mentions[1:]:
        assert text[mention.start : mention.end] == mention.surface
    assert {key for fact in found.facts for key in fact.entities} <= {mention.key for mention in found.mentions}


def test_dropped_is_counted() -> None:
    rows = """
    He he PRON nsubj 1
    met meet VERB ROOT 1
    them they PRON dobj 1
    """
    found = extract(rows, title="Bohr")
    assert found.facts == ()
    assert found.dropped == {"mention without a name": 2, "argument without a name": 1}
    itself = "Bohr Bohr PROPN nsubj 1 ent:B-PERSON\nmet meet VERB ROOT 1\nBohr Bohr PROPN dobj 1 ent:B-PERSON"
    assert extract(itself).dropped == {"subject equals object": 1}
    german = "Bohr Bohr PROPN sb 1 ent:B-PER\ntraf treffen VERB ROOT 1\nCurie Curie PROPN oa 1 ent:B-PER"
    found = extract(german, "de")
    assert found.dropped == {"sentence with unknown dependency labels": 1}
    assert [fact.entities for fact in found.facts] == [("bohr", "curie")]


def test_predicate_nouns_are_taken_apart_and_keep_their_own_copula() -> None:
    rows = """
    Bohr Bohr PROPN nsubj 2 ent:B-PERSON
    was be AUX cop 2
    physicist physicist NOUN ROOT 2
    and and CCONJ cc 4
    goalkeeper goalkeeper NOUN conj 2
    , , PUNCT punct 8
    was be AUX cop 8
    never never ADV advmod 8
    king king NOUN conj 2
    and and CCONJ cc 10
    lived live VERB conj 2
    in in ADP case 12
    Copenhagen Copenhagen PROPN obl 10 ent:B-LOC
    """
    assert triples(extract(rows, "xx")) == [
        ("Bohr", "was", "physicist"),
        ("Bohr", "was", "goalkeeper"),
        ("Bohr", "was never", "king"),
        ("Bohr", "live in", "Copenhagen"),
    ]


def test_pronouns_own_things_and_suffer_passives() -> None:
    rows = """
    Its its PRON poss 1
    theory theory NOUN nsubj 2
    replaced replace VERB ROOT 2
    it it PRON dobj 2
    and and CCONJ cc 2
    it it PRON nsubjpass 7
    was be AUX auxpass 7
    praised praise VERB conj 2 t:VBN
    by by ADP agent 7
    Bohr Bohr PROPN pobj 8 ent:B-PERSON
    """
    found = extract(rows, title="Bohr model")
    assert triples(found) == [("Bohr model", "has", "theory"), ("Bohr", "praise", "Bohr model")]
    assert found.dropped["argument without a name"] == 1  # the object pronoun


def test_a_sentence_that_is_its_triple_keeps_its_relation() -> None:
    rows = "Bohr Bohr PROPN nsubj 1 ent:B-PERSON\nmet meet VERB ROOT 1\nCurie Curie PROPN obj 1 ent:B-PERSON"
    facts = extract(rows.replace("met meet", "meet meet")).facts
    assert [(fact.text, fact.relations) for fact in facts] == [
        ("Bohr meet Curie", ()),
        ("Bohr meet Curie", (("bohr", "curie"),)),
    ]


def test_long_lists_do_not_exhaust_the_stack() -> None:
    rows = ["Bohr Bohr PROPN nsubj 1 ent:B-PERSON", "met meet VERB ROOT 1", "x0 x0 NOUN dobj 1"]
    rows += [f"x{number} x{number} NOUN conj {number + 1}" for number in range(1, 1500)]
    assert len(triples(extract("\n".join(rows)))) == 1500


def test_empty_text_and_text_of_another_chunk() -> None:
    doc = spacy.blank("en")("")
    assert extract_doc(doc, chunk_of("", "Paris")).mentions[0].surface == "Paris"
    assert extract_doc(doc, chunk_of("")).facts == ()
    with pytest.raises(ExtractionError, match="not that of chunk 'chunk of Paris'"):
        extract_doc(doc, chunk_of("Paris"))


def test_a_title_with_parentheses_is_known_by_its_name_too() -> None:
    found = extract(CLEARNLP_PASSIVE, title="Radium (element)")
    assert [mention.key for mention in found.mentions][:2] == ["radium (element)", "radium"]
    assert all({"radium (element)", "radium"} <= set(fact.entities) for fact in found.facts if fact.triple is None)
