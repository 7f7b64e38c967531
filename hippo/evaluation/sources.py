"""Where questions come from: a file of them, a benchmark as HippoRAG publishes its own, or one in BEIR's format."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hippo.errors import DocumentError, InputError, QuestionError
from hippo.evaluation.datasets import Dataset, load_dataset
from hippo.evaluation.questions import Question, RawQuestion, load_questions, read_json
from hippo.types import Document

__all__ = ["Asked", "load_beir", "open_dataset"]


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions, and the corpus that they are about if it came with them.

    Attributes:
        questions: With ids of gold documents, or as a file names them.
        documents: The corpus; None: it is whatever the index holds.
    """

    questions: Sequence[Question | RawQuestion]
    documents: Sequence[Document] | None = None


def open_dataset(path: Path, *, split: str | None = None, limit: int | None = None) -> Asked:
    """Questions of a file or folder, whatever its format.

    Args:
        path: A `.json` or `.jsonl` file of questions; a folder NAME of `NAME.json` and `NAME_corpus.json`; or a folder
            of BEIR: `corpus.jsonl`, `queries.jsonl` and `qrels/SPLIT.tsv`.
        split: Of BEIR; None: "test".
        limit: Keep the first so many questions, at least 1.

    Raises:
        DocumentError: There is no such file, it is malformed, or the folder has none of these formats.
        InputError: `split` is given, and it is no folder of BEIR.
        QuestionError: `limit` is below 1.
    """
    if limit is not None and limit < 1:
        raise QuestionError("limit must be at least 1", limit)
    if split is not None and path.exists() and not (path / "queries.jsonl").is_file():
        raise InputError(f"{path}: a split is a part of a folder in BEIR's format, which this is not; leave it out")
    if not path.is_dir():
        return Asked(load_questions(path, limit=limit))
    if (path / "queries.jsonl").is_file():
        dataset = load_beir(path, split=split or "test", limit=limit)
    else:
        name = path.resolve().name
        if not (path / f"{name}.json").is_file():
            wanted = (
                f"{name}.json and {name}_corpus.json, or corpus.jsonl, queries.jsonl and qrels/{split or 'test'}.tsv"
            )
            raise DocumentError(str(path), f"holds no questions: expected {wanted}")
        dataset = load_dataset(path, name, limit=limit)
    return Asked(dataset.questions, dataset.documents)


def load_beir(folder: Path, *, split: str = "test", limit: int | None = None) -> Dataset:
    """A data set in the format of BEIR (Thakur et al., NeurIPS 2021, data sets and benchmarks).

    Questions without a relevant document in the split are left out; all grades above 0 count alike.

    Args:
        folder: Of `corpus.jsonl` (`_id`, `title`, `text`), `queries.jsonl` (`_id`, `text`) and `qrels/SPLIT.tsv` (a
            header, then question, document and grade).
        split: Name of the judgements.
        limit: Keep the first so many questions.

    Raises:
        DocumentError: A file is missing or malformed, or a judgement names a document or question that is not there.
    """
    documents = {}
    for place, record in enumerate(_records(folder / "corpus.jsonl"), 1):
        source = f"{folder / 'corpus.jsonl'}, line {place}"
        identity = _text(record, "_id", source)
        title = str(record.get("title") or "") or None
        text = _text(record, "text", source)
        # Some corpora hold documents of which there is only a title.
        documents[identity] = Document(text if text.strip() else title or text, identity, title, source=source)
    texts = {}
    for place, record in enumerate(_records(folder / "queries.jsonl"), 1):
        source = f"{folder / 'queries.jsonl'}, line {place}"
        texts[_text(record, "_id", source)] = _text(record, "text", source)
    gold = _judgements(folder / "qrels" / f"{split}.tsv")
    for question, relevant in gold.items():
        source = str(folder / "qrels" / f"{split}.tsv")
        if question not in texts:
            raise DocumentError(source, f"question {question!r} is not in queries.jsonl")
        if missing := sorted(relevant - documents.keys()):
            raise DocumentError(source, f"question {question!r}: document {missing[0]!r} is not in corpus.jsonl")
    questions = [
        Question(identity, text, (), frozenset(gold[identity]))
        for identity, text in texts.items()
        if gold.get(identity)
    ]
    if not questions:
        raise DocumentError(str(folder), f"no question has a relevant document in qrels/{split}.tsv")
    return Dataset(folder.name, tuple(documents.values()), tuple(questions[:limit]))


def _records(path: Path) -> list[dict[str, Any]]:
    records = read_json(path)
    for place, record in enumerate(records, 1):
        if not isinstance(record, dict):
            raise DocumentError(f"{path}, line {place}", "must be an object")
    return list(records)


def _text(record: dict[str, Any], key: str, source: str) -> str:
    value = record.get(key)
    if isinstance(value, int) and not isinstance(value, bool) and key == "_id":
        value = str(value)
    if not isinstance(value, str):
        raise DocumentError(source, f"{key!r} must be a text, got {value!r}")
    return value


def _judgements(path: Path) -> dict[str, set[str]]:
    """Relevant documents of each question."""
    gold: dict[str, set[str]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for place, row in enumerate(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE), 1):
                if place == 1 or not row:
                    continue
                try:
                    question, document, grade = row[0], row[1], float(row[2])
                except (IndexError, ValueError) as error:
                    raise DocumentError(f"{path}, line {place}", "must be question, document and grade") from error
                if grade > 0:
                    gold.setdefault(question, set()).add(document)
    except FileNotFoundError as error:
        raise DocumentError(str(path), "no such file") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DocumentError(str(path), f"cannot be read: {error}") from error
    return gold
