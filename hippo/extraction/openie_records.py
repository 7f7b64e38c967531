"""The records of a published OpenIE file, kept small, and found again by the passage that they were made from."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hippo.documents.records import clean
from hippo.types import Chunk

__all__ = ["Record", "Records", "parse_records"]


@dataclass(frozen=True, slots=True)
class Record:
    """What was extracted from one passage. Hashes have 16 bytes.

    Attributes:
        passage: Hash of the passage.
        words: Hash of the passage with its white space collapsed.
        text: The same of its text without the title; None where the file does not keep them apart.
        extracted: JSON of the entities and triples, which takes far less memory than the lists.
    """

    passage: bytes
    words: bytes
    text: bytes | None
    extracted: bytes

    def items(self) -> tuple[list[Any], list[Any]]:
        """Entities and triples as the file has them: lists of anything."""
        entities, triples = json.loads(self.extracted)
        return entities, triples


class Records:
    """Records by passage.

    Args:
        records: In the order of the file; their rows are their positions in it.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._passages: dict[bytes, list[int]] = {}
        self._words: dict[bytes, list[int]] = {}
        self._texts: dict[bytes, list[int]] = {}
        for row, record in enumerate(records):
            self._passages.setdefault(record.passage, []).append(row)
            self._words.setdefault(record.words, []).append(row)
            if record.text is not None:
                self._texts.setdefault(record.text, []).append(row)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, row: int) -> Record:
        return self._records[row]

    def rows_of(self, chunk: Chunk) -> Sequence[int] | None:
        """Rows of a chunk's passage, ascending: by the passage, else by its words, else by the text without its title.

        Empty: the file has none. None: it has the text under several titles, and under none of them the chunk's.
        """
        text = _hash_of_words(chunk.text)
        rows = (
            self._passages.get(_hash(chunk.passage))
            or self._words.get(_hash_of_words(chunk.passage))
            or self._words.get(text)
            or self._texts.get(text)
            or []
        )
        return rows if len({self._records[row].words for row in rows}) <= 1 else None


def parse_records(text: str) -> list[Record]:
    """The records of a file. They are made small while the JSON is read, so that it is never held as objects.

    Args:
        text: The file. NaN is read: HippoRAG writes it for averages of nothing. Numbers keep their spelling.

    Raises:
        ValueError: It is no JSON, has no list "docs", or a record lacks what it must have; the message begins with the
            place.
    """
    try:
        content = json.loads(text, object_hook=_record, parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno}: no JSON: {error.msg}") from error
    except RecursionError as error:
        raise ValueError("whole file: lists are nested too deeply") from error
    docs = content.get("docs") if isinstance(content, dict) else None
    if not isinstance(docs, list):
        raise ValueError('top level: no object with a list "docs"')
    for row, record in enumerate(docs):
        if not isinstance(record, Record):
            raise ValueError(f"docs[{row}]: {_problem(record)}")
    return docs


def _record(item: dict[str, Any]) -> Record | dict[str, Any]:
    """An object of the file as a record, or as it is where it is none."""
    passage, text = item.get("passage"), item.get("text")
    if _problem(item) or not isinstance(passage, str):
        return item
    lists = [item["extracted_entities"], item["extracted_triples"]]
    # A record within a record is neither a name nor a triple, and null is counted as such.
    extracted = clean(json.dumps(lists, ensure_ascii=False, default=lambda _: None)).encode()
    words = _hash_of_words(text) if isinstance(text, str) and text.strip() else None
    return Record(_hash(passage), _hash_of_words(passage), words, extracted)


def _problem(item: Any) -> str | None:
    """What keeps an item of "docs" from being a record."""
    if not isinstance(item, dict):
        return "must be an object"
    passage = item.get("passage")
    if not isinstance(passage, str) or not passage.strip():
        return '"passage" must be a text that is not empty'
    for key in ("extracted_entities", "extracted_triples"):
        if not isinstance(item.get(key), list):
            return f'"{key}" must be a list'
    return None


def _hash(text: str) -> bytes:
    # Documents are cleaned on their way into an index: what they are compared with must be too.
    return hashlib.blake2b(clean(text).encode(), digest_size=16).digest()


def _hash_of_words(text: str) -> bytes:
    return _hash(" ".join(clean(text).split()))
