"""Published OpenIE files: both formats, matching, every fault, and what is wrong with a whole file."""

import hashlib
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo import registry
from hippo.documents import WholeDocumentChunker
from hippo.errors import ExtractionError
from hippo.extraction.imported import ImportedExtractor
from hippo.extraction.openie_records import Records, parse_records
from hippo.protocols import DialogueExtractor, Extractor
from hippo.types import Chunk, Document, Extraction, ExtractionFailure

TITLE, TEXT = "Ada Lovelace", "She met Babbage in London."
ENTITIES = ["Ada Lovelace", "Babbage", "London"]
TRIPLES = [["Ada Lovelace", "met", "Babbage"], ["Ada Lovelace", "was in", "London"]]


def chunk(text: str = TEXT, title: str | None = TITLE, position: int = 0, key: str = "c") -> Chunk:
    return Chunk(key, "d", position, text, 0, len(text), title)


def first(
    title: str = TITLE, text: str = TEXT, entities: list[Any] = ENTITIES, triples: list[Any] = TRIPLES
) -> dict[str, Any]:
    """A record as HippoRAG 1 writes it."""
    lists = {"extracted_entities": entities, "extracted_triples": triples}
    return {"title": title, "text": text, "passage": f"{title}\n{text}", **lists}


def second(
    passage: str = f"{TITLE}\n{TEXT}", entities: list[Any] = ENTITIES, triples: list[Any] = TRIPLES
) -> dict[str, Any]:
    """A record as HippoRAG 2 writes it."""
    key = hashlib.md5(passage.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
    return {"idx": f"chunk-{key}", "passage": passage, "extracted_entities": entities, "extracted_triples": triples}


def written(folder: Path, *records: Mapping[str, Any], name: str = "openie.json") -> ImportedExtractor:
    path = folder / name
    # HippoRAG 1 has keys beside "docs", and NaN where it had no entities to average.
    content = {"docs": records, "ents_by_doc": [], "avg_ent_chars": float("nan"), "current_cost": 0.0}
    path.write_text(json.dumps(content), encoding="utf-8")
    return ImportedExtractor(path=str(path))


def extract(extractor: Extractor, asked: Chunk | None = None) -> Extraction:
    [found] = extractor.extract([asked or chunk()])
    assert isinstance(found, Extraction), found
    return found


def failure(extractor: Extractor, asked: Chunk) -> str:
    [found] = extractor.extract([asked])
    assert isinstance(found, ExtractionFailure), found
    assert found.chunk_id == asked.id
    return found.reason


def test_the_registry_makes_it_from_a_path(tmp_path: Path):
    written(tmp_path, first())
    made = registry.create("extractor", "imported", path=str(tmp_path / "openie.json"))
    assert isinstance(made, ImportedExtractor)
    assert isinstance(made, Extractor)
    assert not isinstance(made, DialogueExtractor)


@pytest.mark.parametrize("record", [first(), second()], ids=["HippoRAG 1", "HippoRAG 2"])
def test_both_formats_give_mentions_and_facts(tmp_path: Path, record: dict[str, Any]):
    found = extract(written(tmp_path, record))
    assert [fact.text for fact in found.facts] == ["Ada Lovelace met Babbage", "Ada Lovelace was in London"]
    assert found.facts[0].relations == (("ada lovelace", "babbage"),)
    assert {mention.key for mention in found.mentions} == {"ada lovelace", "babbage", "london"}
    assert found.chunk_id == "c"
    assert not found.dropped


def test_a_whole_document_is_matched_as_a_chunker_cuts_it(tmp_path: Path):
    [cut] = WholeDocumentChunker().chunk(Document(TEXT, id="d", title=TITLE))
    assert len(extract(written(tmp_path, second()), cut).facts) == 2


def test_outcomes_are_in_the_order_of_the_chunks_and_unused_records_are_counted(tmp_path: Path):
    records = [second(f"T{row}\nBody {row}.", [], [[f"A{row}", "is", f"B{row}"]]) for row in range(5)]
    extractor = written(tmp_path, *records)
    asked = [chunk(f"Body {row}.", f"T{row}", key=str(row)) for row in (3, 9, 1, 3)]
    outcomes = extractor.extract(asked)
    assert [outcome.chunk_id for outcome in outcomes] == ["3", "9", "1", "3"]
    assert [type(outcome) for outcome in outcomes] == [Extraction, ExtractionFailure, Extraction, Extraction]
    assert [outcome.facts[0].text for outcome in outcomes if isinstance(outcome, Extraction)] == [
        "A3 is B3",
        "A1 is B1",
        "A3 is B3",
    ]
    assert extractor.unused == 3


@pytest.mark.parametrize(
    ("record", "asked"),
    [
        (second(f" {TITLE}  \r\n She met  Babbage\tin London."), chunk()),
        (second(), chunk("She met\n\nBabbage in London. ")),
        (second(TEXT), chunk()),
        (first(), chunk(title=None)),
        (first(), chunk(title="Countess of Lovelace")),
        (second(f"{TITLE}\n{TEXT}\x00\ud83d"), chunk(f"{TEXT}\N{REPLACEMENT CHARACTER}")),
        (second(f"{TITLE} \n{TEXT} \x00 Then."), chunk(f"{TEXT}  Then.")),
    ],
    ids=[
        "white space",
        "white space of the chunk",
        "no title in the file",
        "no title",
        "another title",
        "cleaned",
        "both",
    ],
)
def test_passages_are_matched_beyond_spelling(tmp_path: Path, record: dict[str, Any], asked: Chunk):
    extractor = written(tmp_path, record)
    assert extract(extractor, asked).facts[0].text == "Ada Lovelace met Babbage"
    assert extractor.unused == 0


def test_the_very_passage_goes_before_one_that_differs_in_white_space(tmp_path: Path):
    loose = second(f"{TITLE}\n {TEXT}", [], [["Loose", "is", "Spaced"]])
    extractor = written(tmp_path, loose, second())
    assert [fact.text for fact in extract(extractor).facts] == [
        "Ada Lovelace met Babbage",
        "Ada Lovelace was in London",
    ]
    assert extractor.unused == 1


def test_records_of_one_passage_are_merged(tmp_path: Path):
    extractor = written(tmp_path, second(triples=TRIPLES[:1]), first(triples=TRIPLES))
    found = extract(extractor)
    assert len(found.facts) == 2
    assert found.dropped == {"repeated triple": 1}
    assert extractor.unused == 0


def test_a_text_under_several_titles_is_matched_by_its_own_title_only(tmp_path: Path):
    other = first("Ada Byron", triples=[["Ada Byron", "met", "Babbage"]])
    extractor = written(tmp_path, first(), other)
    assert extract(extractor, chunk(title="Ada Byron")).facts[0].text == "Ada Byron met Babbage"
    reason = failure(extractor, chunk(title="Countess"))
    assert "several records of this text under other titles" in reason
    assert extractor.unused == 1


def test_a_paragraph_of_a_record_is_no_match(tmp_path: Path):
    extractor = written(tmp_path, second(f"It rained.\n{TEXT}"))
    assert "has no record of this passage" in failure(extractor, chunk(title=None))


def test_a_chunk_without_record_is_a_failure_with_a_remedy(tmp_path: Path):
    reason = failure(written(tmp_path, first()), chunk("Else."))
    assert str(tmp_path / "openie.json") in reason
    assert "has no record of this passage. Index with `--chunking document` if" in reason
    piece = failure(written(tmp_path, first()), chunk("She met", position=1))
    assert "no record of this passage, which is piece 2 of its document. Index with `--chunking document`" in piece


def test_a_record_without_triples_is_no_failure(tmp_path: Path):
    found = extract(written(tmp_path, first(entities=[], triples=[])))
    assert found.facts == ()
    assert not found.dropped


def test_every_fault_is_dropped_and_counted(tmp_path: Path):
    entities = ["Babbage", "", " ", None, ["London"], {"passage": "London"}, first(), "...", "Paris", "x" * 400]
    triples = [
        *TRIPLES,
        TRIPLES[0],
        ["Ada Lovelace", "met"],
        [],
        ["Ada Lovelace", "met", "Babbage", "in London"],
        [["Ada Lovelace", "met", "Babbage"]],
        ["Ada Lovelace", "met", ["Babbage"]],
        ["Ada Lovelace", "met", None],
        ["Ada Lovelace", True, "Babbage"],
        ["Ada Lovelace", " ", "Babbage"],
        "Ada Lovelace met Babbage",
        None,
        first(),
        ["...", "met", "?!"],
        ["Ada Lovelace", "x" * 400, "Babbage"],
    ]
    found = extract(written(tmp_path, first(entities=entities, triples=triples)))
    assert [fact.text for fact in found.facts] == [
        "Ada Lovelace met Babbage",
        "Ada Lovelace was in London",
        f"Ada Lovelace {'x' * 400} Babbage",  # what was published is taken as it is, however long
    ]
    assert found.dropped == {
        "entity that is empty": 2,
        "entity that is no text": 4,
        "entity without a name": 1,
        "entity not in the passage": 1,
        "entity longer than 300 characters": 1,
        "repeated triple": 1,
        "triple of 0 parts": 1,
        "triple of 1 part": 1,
        "triple of 2 parts": 1,
        "triple of 4 parts": 1,
        "triple with a part that is no text": 3,
        "triple with an empty part": 1,
        "triple that is no list": 3,
        "triple without an entity": 1,
    }


def test_numbers_keep_their_spelling_and_half_characters_are_replaced(tmp_path: Path):
    path = tmp_path / "openie.json"
    body = r'[["Ada", "weighed", 5.10], ["Ada", "counted", 1%s], ["Ada", "wrote \ud83d", "北京"]]' % ("0" * 20)
    path.write_text(f'{{"docs": [{{"passage": "P", "extracted_entities": [], "extracted_triples": {body}}}]}}', "utf-8")
    found = extract(ImportedExtractor(path=str(path)), chunk("P", None))
    assert [fact.text for fact in found.facts] == [
        "Ada weighed 5.10",
        f"Ada counted 1{'0' * 20}",
        "Ada wrote \N{REPLACEMENT CHARACTER} 北京",
    ]


def test_the_fingerprint_is_that_of_the_content(tmp_path: Path):
    one, same = written(tmp_path, first()), written(tmp_path, first(), name="copy.json")
    sha = hashlib.sha256((tmp_path / "openie.json").read_bytes()).hexdigest()
    assert one.fingerprint == same.fingerprint == f"imported/2/{sha[:16]}"
    assert written(tmp_path, second(), name="other.json").fingerprint != one.fingerprint


def test_it_pickles_before_and_after_reading(tmp_path: Path):
    extractor = written(tmp_path, first())
    assert len(extract(pickle.loads(pickle.dumps(extractor))).facts) == 2
    extract(extractor)
    assert pickle.loads(pickle.dumps(extractor)).unused == 0


def test_the_home_folder_may_be_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    written(tmp_path, first())
    assert len(extract(ImportedExtractor(path="~/openie.json")).facts) == 2


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_a_file_that_is_not_there_fails_at_once(tmp_path: Path, name: str):
    with pytest.raises(
        ExtractionError, match=r"cannot be read: .*\. Give the path of an openie_results_ner_"
    ) as caught:
        ImportedExtractor(path=str(tmp_path / name))
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "line 1, column 1: no JSON"),
        (b'{"docs": [\n{"passage": "P", }]}', r"line 2, column \d+: no JSON"),
        (b'{"docs": ["\xff"]}', "can't decode byte 0xff in position 11"),
        (b"[" * 200_000, "nested too deeply"),
        (b"[]", 'top level: no object with a list "docs"'),
        (b'{"docs": {}}', 'top level: no object with a list "docs"'),
        (json.dumps(first()).encode(), 'top level: no object with a list "docs"'),
        (json.dumps({"docs": [first(), 7]}).encode(), r"docs\[1\]: must be an object"),
        (json.dumps({"docs": [{**first(), "passage": " "}]}).encode(), r'docs\[0\]: "passage" must be a text'),
        (json.dumps({"docs": [{**first(), "passage": None}]}).encode(), r'docs\[0\]: "passage" must be a text'),
        (
            json.dumps({"docs": [{**first(), "extracted_entities": "A"}]}).encode(),
            '"extracted_entities" must be a list',
        ),
        (json.dumps({"docs": [{**first(), "extracted_triples": None}]}).encode(), '"extracted_triples" must be a list'),
        (
            json.dumps({"docs": [{"passage": "P", "extracted_entities": []}]}).encode(),
            '"extracted_triples" must be a li',
        ),
    ],
)
def test_a_malformed_file_is_told_with_its_place_on_first_use(tmp_path: Path, content: bytes, problem: str):
    path = tmp_path / "openie.json"
    path.write_bytes(content)
    extractor = ImportedExtractor(path=str(path))
    with pytest.raises(ExtractionError, match=problem) as caught:
        extractor.extract([chunk()])
    assert str(caught.value).startswith(f"extractor 'imported': {path}, ")
    assert "Take a whole openie_results_ner_*.json file" in str(caught.value)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path):
    path = tmp_path / "openie.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"docs": [first()]}).encode())
    assert len(extract(ImportedExtractor(path=str(path))).facts) == 2


def test_a_file_that_changes_before_it_is_read_is_an_error(tmp_path: Path):
    extractor = written(tmp_path, first())
    written(tmp_path, second())
    with pytest.raises(ExtractionError, match=r"openie\.json has changed since it was opened"):
        extractor.extract([chunk()])
    (tmp_path / "openie.json").unlink()
    with pytest.raises(ExtractionError, match="cannot be read: No such file"):
        extractor.extract([chunk()])


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=4)
)


@given(st.text(min_size=1).filter(str.strip), st.lists(ANYTHING, max_size=6), st.lists(ANYTHING, max_size=6))
def test_any_passage_is_found_again_with_its_lists(passage: str, entities: list[Any], triples: list[Any]):
    content = {"docs": [second("Something else."), second(passage, entities, triples)]}
    records = Records(parse_records(json.dumps(content)))
    asked = Chunk("c", "d", 0, passage, 0, len(passage))
    rows = records.rows_of(asked)
    assert rows
    assert rows[-1] == 1
    assert [len(items) for items in records[1].items()] == [len(entities), len(triples)]
