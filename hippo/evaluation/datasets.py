"""Benchmarks as `NAME.json` (questions) and `NAME_corpus.json` (passages), as those of HippoRAG are published."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from hippo.errors import DocumentError, QuestionError
from hippo.evaluation.questions import Question, load_questions, read_json, validation_message
from hippo.ids import content_id
from hippo.types import Document

__all__ = ["Dataset", "load_dataset"]


@dataclass(frozen=True, slots=True)
class Dataset:
    """Passages and questions about them.

    Attributes:
        name: As given to `load_dataset`.
        documents: In the order of the corpus; ids are `hippo.ids.content_id(title, text)`.
        questions: In the order of the file; every gold id is the id of a document.
    """

    name: str
    documents: tuple[Document, ...]
    questions: tuple[Question, ...]


class _Passage(BaseModel):
    title: str
    text: str


_PASSAGES = TypeAdapter(list[_Passage])
_ARTICLES = TypeAdapter(dict[str, list[str]])


def load_dataset(directory: Path, name: str, *, limit: int | None = None) -> Dataset:
    """A benchmark from `directory` or `directory/name`.

    The corpus is either a list of `{"title", "text"}`, or an object from title to sentences, which are joined as they
    are. Passages with one title and different texts are different documents; those with the same title and text are
    merged. Gold passages are matched by title in a corpus of the second kind, by title and text in one of the first, or
    by title where a question gives no text. See `hippo.evaluation.questions` for the shapes of questions.

    Args:
        directory: Where the two files are, or the folder `name` that holds them.
        name: Stem of the questions file.
        limit: Keep the first so many questions, at least 1; the corpus stays whole.

    Raises:
        DocumentError: A file is missing or malformed, a question has no gold passage, or one that is not in the corpus.
        QuestionError: `limit` is below 1.
    """
    if limit is not None and limit < 1:
        raise QuestionError("limit must be at least 1", limit)
    nested = directory / name
    folder = nested if (nested / f"{name}.json").is_file() else directory
    path = folder / f"{name}.json"
    raw = load_questions(path, limit=limit)
    documents, titled = _load_corpus(folder / f"{name}_corpus.json")

    by_title: dict[str, list[str]] = defaultdict(list)
    for identity, document in documents.items():
        by_title[document.title or ""].append(identity)

    questions = []
    for item in raw:
        question = item.resolve(lambda title: by_title.get(title, ()), by_text=not titled)
        if not question.gold:
            raise DocumentError(item.source, f"question {item.id!r} names no gold passage")
        unknown = sorted(question.gold.difference(documents))
        if unknown:
            raise DocumentError(item.source, f"question {item.id!r}: gold id {unknown[0]!r} is not in the corpus")
        questions.append(question)
    return Dataset(name, tuple(documents.values()), tuple(questions))


def _load_corpus(path: Path) -> tuple[dict[str, Document], bool]:
    """Documents by id, and whether the corpus is keyed by title."""
    content = read_json(path)
    titled = isinstance(content, dict)
    try:
        if titled:
            pairs = [(title, "".join(sentences)) for title, sentences in _ARTICLES.validate_python(content).items()]
        else:
            pairs = [(passage.title, passage.text) for passage in _PASSAGES.validate_python(content)]
    except ValidationError as error:
        raise DocumentError(str(path), validation_message(error)) from error
    if not pairs:
        raise DocumentError(str(path), "must hold one or more passages")
    documents: dict[str, Document] = {}
    for position, (title, text) in enumerate(pairs):
        identity = content_id(title, text)
        if identity not in documents:
            documents[identity] = Document(text, id=identity, title=title, source=f"{path}, passage {position}")
    return documents, titled
