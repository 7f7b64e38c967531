"""What `pipelines.fuzz` tries: every reader of documents and every function that reads text from outside.

What reads other files is in `pipelines.fuzz_files`. A test compares both with the parsers that the library calls.
"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cache, partial
from pathlib import Path

from hippo.config import load_config
from hippo.dates import find_dates
from hippo.documents import Columns, Limits, SentenceChunker, WordCounter, coerce_documents, sentence_spans
from hippo.documents.front import read_front_matter
from hippo.documents.load import read_file
from hippo.documents.process import ParserProcess
from hippo.documents.source import FileInput
from hippo.evaluation.questions import load_questions
from hippo.extraction.openie_records import parse_records
from hippo.extraction.parse import names_of, read_reply, triples_of
from hippo.extraction.pattern import PatternExtractor
from hippo.extraction.places import Places
from hippo.filters import parse_where
from hippo.ids import ascii_key, entity_key
from hippo.indexing.decisions import parse_decisions
from hippo.reader import History
from hippo.reader.marks import cited, cites, disarm, without_citations
from hippo.reader.reply import LiveAnswer, parse
from hippo.recognition.reply import read_reply as read_selection
from hippo.retrieval.when import asked_times
from hippo.search.terms import term_hash, terms
from hippo.types import Chunk, Document, Extraction, Skipped
from pipelines.fuzz_files import file_targets
from pipelines.fuzz_inputs import docx, json_text, mutated, pages, parquet, pick, rows, text
from pipelines.fuzz_seeds import (
    ANSWER_WORDS,
    ANSWERS,
    CHAT_KEYS,
    CHAT_WORDS,
    CHATS,
    CORPORA,
    CUE_WORDS,
    CUES,
    DATE_WORDS,
    DATES,
    DECIDED,
    DECISIONS,
    EACH_PASSAGE,
    EACH_QUESTION,
    FRONT_MATTER,
    FRONT_WORDS,
    HTML,
    HTML_WORDS,
    KEEP,
    KEEP_WORDS,
    LIST_OF_QUESTIONS,
    LIST_WORDS,
    LISTS,
    MAIL,
    MAIL_WORDS,
    MAPPINGS,
    MARKDOWN,
    MARKDOWN_WORDS,
    OPENIE,
    OPERATORS,
    PASSAGES,
    PROSE,
    QUESTIONS,
    RECORDS,
    SETTINGS,
    TOML,
    TOML_WORDS,
    WHATSAPP,
    WHERE,
    WHERE_WORDS,
)
from pipelines.fuzz_target import Target, must, of_text, written

__all__ = ["CONTAINED", "TARGETS"]

CONTAINED = "contained"
"""Outcome of a file that crashed its parser, or took more than it may, in the process that is there for this."""
_MOST_BYTES = 2**20
_ENCODINGS = ("utf-8", "utf-8", "cp1252", "utf-16", "utf-32", "shift_jis", "cp1251")
_MARKS = [b"\xff\xfe", b"\xef\xbb\xbf", b"\0", b"\x81", b"\xe9"]
_LIMITS = Limits(memory=512 * 2**20, seconds=5.0)


# Text of documents


def _chunks(value: str) -> str:
    spans = sentence_spans(value, "de" if len(value) % 3 else None)
    must("".join(value[start:end] for start, end in spans) == value, "sentences cover the text")
    title = value[:20] if len(value) % 2 else None
    chunks = SentenceChunker(max_tokens=16, counter=WordCounter()).chunk(Document(value, id="a", title=title))
    must("".join(chunk.text for chunk in chunks) == value, "chunks cover the text")
    return "chunks"


@cache
def _extractor() -> PatternExtractor:
    return PatternExtractor()


def _extract(value: str) -> str:
    chunk = Chunk("c", "d", 0, value, 0, len(value), value[-40:] if len(value) % 2 else None)
    (found,) = _extractor().extract([chunk])
    must(isinstance(found, Extraction), "rules do not fail")
    for mention in found.mentions if isinstance(found, Extraction) else ():
        must(mention.start == -1 or value[mention.start : mention.end] == mention.surface, "mentions stand where said")
    return "extraction"


def _keys(value: str) -> str:
    key = entity_key(value)
    ascii_key(value)
    return "key" if key else "none"


def _terms(value: str) -> str:
    found = terms(value)
    for term in found[:8]:
        term_hash(term)
    return "terms" if found else "none"


def _dates(value: str) -> str:
    found = find_dates(value, datetime(1 if len(value) % 7 == 0 else 9999, 12, 31))  # noqa: DTZ001
    must(all(one.span.start < one.span.end and one.span.name for one in found), "a date is some time")
    must(all(0 <= one.start < one.end <= len(value) for one in found), "dates stand where said")
    times, rest = asked_times(value, datetime(2024, 5, 1))  # noqa: DTZ001
    must(bool(times) or rest == value or " ".join(value.split()) == rest, "where no time is asked about, all is")
    return "dates" if found else "none"


def _places(value: str) -> str:
    places = Places(value)
    for name in (value[:3], value[2:9], "Ada Lovelace", value):
        for start, end in places.of(name):
            must(0 <= start < end <= len(value), "places lie in the text")
    return "places"


def _front_matter(value: str) -> str:
    found = read_front_matter(value)
    list(coerce_documents([{"text": "x", "metadata": found or {}}]))
    return "none" if found is None else "mapping"


# Replies of language models


def _lists(value: str) -> str:
    keys = ["entities", "triples"] if len(value) % 2 else ["entities"]
    reply = read_reply(value, keys)
    if reply.problem is None:
        names_of(reply.lists[keys[0]])
        triples_of(reply.lists[keys[-1]])
    return "read" if reply.problem is None else "unusable"


def _answer(value: str) -> str:
    reply = parse(value)
    live = LiveAnswer()
    told = "".join(live.feed(value[place : place + 3]) for place in range(0, len(value), 3))
    must(reply.text.startswith(told) or not reply.answered, "what is told is the beginning of the answer")
    numbers, unknown = cited(reply.text, 5)
    must(all(1 <= number <= 5 for number in numbers) and unknown >= 0, "citations name passages")
    without_citations(value)
    must(not cites(disarm(value)), "no mark is left")
    return "answer" if reply.answered else "none"


def _selection(value: str) -> str:
    chosen = read_selection(value, 7)
    must(all(0 <= number < 7 for number in chosen.kept), "facts are among those shown")
    return "read" if chosen.problem is None else "unusable"


def _openie(value: str) -> str:
    for record in parse_records(value):
        names, triples = record.items()
        names_of(names)
        triples_of(triples)
    return "records"


# What users write


def _where(value: str) -> str:
    condition = parse_where(value)
    must(parse_where(str(condition)) == condition, "what a condition says of itself is read as the same")
    return "condition"


def _where_mapping(value: str) -> str:
    try:
        mapping = json.loads(value)
    except (ValueError, RecursionError):
        return "no JSON"
    condition = parse_where(mapping)
    must(parse_where(condition.to_dict()) == condition, "what a condition says of itself is read as the same")
    return "condition"


def _decisions(value: str) -> str:
    found = parse_decisions(value.split("\n"), entity_key, "decisions.jsonl")
    must(all(first < second for first, second in found), "pairs are in order")
    return "decisions" if found else "none"


def _config(value: str | bytes, folder: Path) -> str:
    path = written(folder / "hippo.toml", value)
    load_config(path, environment={})
    return "config"


def _environment(value: str) -> str:
    name, _, rest = value.partition("=")
    load_config(environment={f"HIPPO_{name}": rest})
    return "config"


def _questions(suffix: str, value: str | bytes, folder: Path) -> str:
    return "questions" if load_questions(written(folder / f"questions{suffix}", value)) else "none"


def _history(value: str) -> str:
    try:
        messages = json.loads(value)
    except (ValueError, RecursionError):
        return "no JSON"
    talk = History.of(messages if isinstance(messages, list) else [messages])
    return "history" if talk.turns else "none"


# Files


@cache
def _process() -> ParserProcess:
    return ParserProcess(_LIMITS)


def _file(suffix: str, value: str | bytes, folder: Path) -> str:
    path = written(folder / f"file{suffix}", value)
    if not value:
        return "empty"
    items = list(read_file(FileInput(path, path.name, Columns(), _MOST_BYTES), _process()))
    found = list(coerce_documents(item for item in items if isinstance(item, Document)))
    for document in found:
        if isinstance(document, Document):
            # What a store needs.
            document.text.encode()
            json.dumps(dict(document.metadata), allow_nan=False, ensure_ascii=False).encode()
    reasons = [item.reason for item in items if isinstance(item, Skipped)]
    if any(reason.startswith(("crashed its parser", "takes more than", "its parser gave")) for reason in reasons):
        return CONTAINED
    return "documents" if any(isinstance(item, Document) for item in found) else "skipped"


def _encoded(chance: random.Random) -> bytes:
    """A text in one of many encodings, sometimes with its bytes mutated."""
    value = text(chance, PROSE).encode(pick(chance, _ENCODINGS), "ignore")
    return mutated(chance, value, [value], _MARKS) if chance.random() < 0.5 else value


def _lines(chance: random.Random, examples: Sequence[str], keys: Sequence[str]) -> str:
    return "\n".join(json_text(chance, examples, keys) for _ in range(1 + int(3 * chance.random())))


def _of_file(suffix: str, share: float, make: Callable[[random.Random], str | bytes], batch: int = 500) -> Target:
    return Target(f"file{suffix}", share, batch, make, partial(_file, suffix))


def _targets() -> Iterator[Target]:
    prose = partial(text, seeds=PROSE)
    yield of_text("chunks", 1.0, 5000, prose, _chunks)
    yield of_text("extraction", 1.0, 3000, prose, _extract)
    yield of_text("keys", 3.0, 20000, prose, _keys)
    yield of_text("terms", 2.0, 20000, prose, _terms)
    yield of_text("places", 0.5, 3000, prose, _places)
    front = partial(text, seeds=FRONT_MATTER, words=FRONT_WORDS)
    yield of_text("front matter", 0.3, 1000, front, _front_matter)
    yield of_text("replies with lists", 1.0, 3000, partial(text, seeds=LISTS, words=LIST_WORDS), _lists)
    yield of_text("answers", 1.0, 5000, partial(text, seeds=ANSWERS, words=ANSWER_WORDS), _answer)
    yield of_text("selections", 1.0, 10000, partial(text, seeds=KEEP, words=KEEP_WORDS), _selection)
    yield of_text("conditions", 1.0, 5000, partial(text, seeds=WHERE, words=WHERE_WORDS), _where)
    mapping = partial(json_text, examples=MAPPINGS, keys=OPERATORS)
    yield of_text("conditions as mappings", 0.3, 3000, mapping, _where_mapping)
    records = partial(json_text, examples=OPENIE, keys=RECORDS)
    yield of_text("OpenIE records", 0.3, 3000, records, _openie, (ValueError,))
    decisions = partial(_lines, examples=DECISIONS, keys=DECIDED)
    yield of_text("synonym decisions", 0.3, 3000, decisions, _decisions)
    yield of_text("history", 0.2, 3000, partial(json_text, examples=CHATS, keys=CHAT_KEYS), _history)
    yield of_text("environment", 0.1, 1000, partial(text, seeds=SETTINGS, words=TOML_WORDS), _environment)
    yield Target("configuration", 0.1, 1000, partial(text, seeds=TOML, words=TOML_WORDS), _config)
    questions = partial(json_text, examples=LIST_OF_QUESTIONS, keys=QUESTIONS)
    yield Target("questions", 0.1, 1000, questions, partial(_questions, ".json"))
    lines = partial(_lines, examples=EACH_QUESTION, keys=QUESTIONS)
    yield Target("questions by line", 0.1, 1000, lines, partial(_questions, ".jsonl"))
    yield _of_file(".txt", 0.1, _encoded)
    yield _of_file(".csv", 0.2, partial(rows, delimiter=","))
    yield _of_file(".tsv", 0.1, partial(rows, delimiter="\t"))
    yield _of_file(".json", 0.2, partial(json_text, examples=CORPORA, keys=PASSAGES))
    yield _of_file(".jsonl", 0.2, partial(_lines, examples=EACH_PASSAGE, keys=PASSAGES))
    yield _of_file("-chat.json", 0.2, partial(json_text, examples=CHATS, keys=CHAT_KEYS))
    yield _of_file("-chat.jsonl", 0.1, partial(_lines, examples=CHATS, keys=CHAT_KEYS))
    yield _of_file("-chat.txt", 0.1, partial(text, seeds=WHATSAPP, words=CHAT_WORDS))
    yield _of_file(".vtt", 0.1, partial(text, seeds=CUES, words=CUE_WORDS))
    yield _of_file(".mbox", 0.01, partial(text, seeds=MAIL, words=MAIL_WORDS))
    yield of_text("dates", 1.0, 5000, partial(text, seeds=DATES, words=DATE_WORDS), _dates)
    yield _of_file(".html", 0.01, partial(text, seeds=HTML, words=HTML_WORDS))
    yield _of_file(".md", 0.01, partial(text, seeds=MARKDOWN, words=MARKDOWN_WORDS))
    yield _of_file(".pdf", 0.005, pages, 100)
    yield _of_file(".docx", 0.005, docx, 100)
    yield _of_file(".parquet", 0.01, parquet, 200)
    yield from file_targets()


TARGETS = {target.name: target for target in _targets()}
"""Every target by its name."""
