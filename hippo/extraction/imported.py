"""Extraction from a file of triples that the published HippoRAG systems wrote, or others in their format.

Both formats are read: that of HippoRAG 1, whose records have a title, text, passage, extracted_entities and
extracted_triples, and that of HippoRAG 2, which has an idx in place of title and text. Other keys are not looked at.
"""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from math import inf
from pathlib import Path

from hippo.errors import ExtractionError
from hippo.extraction.openie_records import Records, parse_records
from hippo.extraction.parse import names_of, triples_of
from hippo.extraction.triples import extraction_of
from hippo.types import Chunk, Extraction, ExtractionFailure

__all__ = ["ImportedExtractor"]

_NAME = "imported"
_VERSION = "2"


class ImportedExtractor:
    """The entities and triples that a published `openie_results_ner_*.json` file holds.

    A chunk is matched to the records of the same passage (title, newline, text), else to those whose passage differs in
    white space only, else to those that have its text under another title or none. Records of one passage are merged;
    texts that several passages share under different titles are no match.

    The constructor reads the file once for its hash, the first `extract` once more for its records, of which only the
    extracted lists and hashes of the passages are kept.

    Args:
        path: The file; "~" stands for the home folder.

    Raises:
        ExtractionError: There is no such file, or it cannot be read.
    """

    def __init__(self, *, path: str) -> None:
        self._path = Path(path).expanduser()
        try:
            with self._path.open("rb") as file:
                self._hash = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise self._unreadable(error) from error
        self._matched: set[int] = set()

    @property
    def fingerprint(self) -> str:
        """Name, version and hash of the file: the same content elsewhere is the same."""
        return f"{_NAME}/{_VERSION}/{self._hash[:16]}"

    @property
    def unused(self) -> int:
        """Records of the file that no chunk has matched so far.

        Raises:
            ExtractionError: See `extract`.
        """
        return len(self._records) - len(self._matched)

    def extract(self, chunks: Sequence[Chunk]) -> list[Extraction | ExtractionFailure]:
        """One outcome per chunk, in order; a failure where the file has no record of it.

        A record without triples is an extraction without facts. `dropped` counts what `hippo.extraction.parse` finds
        unusable as a name or triple, by the same reasons as for replies of language models, and what
        `hippo.extraction.triples.extraction_of` counts.

        Raises:
            ExtractionError: On the first call, if the file is malformed or has changed since it was opened.
        """
        return [self._extract(chunk) for chunk in chunks]

    def _extract(self, chunk: Chunk) -> Extraction | ExtractionFailure:
        rows = self._records.rows_of(chunk)
        if rows is None:
            problem = f"{self._path} has several records of this text under other titles, and none under its own. "
            return ExtractionFailure(chunk.id, problem + "Give the document the title that its record has")
        if not rows:
            return ExtractionFailure(chunk.id, self._no_record(chunk))
        self._matched.update(rows)
        items = [self._records[row].items() for row in rows]
        entities, faulty = names_of(list(chain.from_iterable(names for names, _ in items)))
        triples, broken = triples_of(list(chain.from_iterable(lists for _, lists in items)), longest=inf)
        return extraction_of(chunk, entities, triples, faulty + broken)

    def _no_record(self, chunk: Chunk) -> str:
        piece = f", which is piece {chunk.position + 1} of its document" if chunk.position else ""
        return (
            f"{self._path} has no record of this passage{piece}. Index with `--chunking document` if the file holds "
            "whole documents; otherwise take the file that was made from these documents, or another extractor"
        )

    @cached_property
    def _records(self) -> Records:
        try:
            return Records(parse_records(self._text()))
        except ValueError as error:
            remedy = "Take a whole openie_results_ner_*.json file, as HippoRAG writes it"
            raise ExtractionError(_NAME, f"{self._path}, {error}. {remedy}") from error

    def _text(self) -> str:
        try:
            data = self._path.read_bytes()
        except OSError as error:
            raise self._unreadable(error) from error
        if hashlib.sha256(data).hexdigest() != self._hash:
            raise ExtractionError(_NAME, f"{self._path} has changed since it was opened. Open the index again")
        return data.decode("utf-8-sig")

    def _unreadable(self, error: OSError) -> ExtractionError:
        remedy = "Give the path of an openie_results_ner_*.json file"
        return ExtractionError(_NAME, f"{self._path} cannot be read: {error.strerror}. {remedy}")
