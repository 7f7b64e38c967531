"""JSON: conversations, and corpora in the shapes in which question-answering benchmarks are published."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from hippo.documents.chats import chat_turns
from hippo.documents.decode import read_text
from hippo.documents.records import record_document
from hippo.documents.source import FileInput
from hippo.errors import DocumentError
from hippo.types import Document, Skipped

__all__ = ["read_json"]

_MOST_SHOWN = 80
"""Characters of a title in a message."""
_SHAPES = (
    'known shapes: [{"title": ..., "text": ...}, ...] and {title: [sentence, ...], ...}; one object a line is .jsonl'
)


def read_json(file: FileInput) -> Iterator[Document | Skipped]:
    """The passages of a corpus: a list of objects, or an object of titles and lists of sentences (joined as they are).

    Conversations, as `hippo.documents.chats.chat_turns` knows them, are read as turns.

    Raises:
        DocumentError: The file is JSON of another shape.
    """
    text = read_text(file.path)
    if isinstance(text, Skipped):
        yield text
        return
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        yield file.skip(f"not JSON: {error}")
        return
    if (turns := chat_turns(data, file)) is not None:
        yield from turns
        return
    records = list(_records(data, file))
    if not records:
        yield file.skip("no passages")
        return
    file.columns.require(records[0], file.source)
    for item, record in enumerate(records, 1):
        source = f"{file.source}:{item}"
        try:
            yield record_document(record, file.columns, source)
        except DocumentError as error:
            yield Skipped(source, error.args[1])


def _records(data: Any, file: FileInput) -> Iterator[Mapping[str, Any]]:
    if isinstance(data, list):
        for item, record in enumerate(data, 1):
            if not isinstance(record, dict):
                raise DocumentError(
                    f"{file.source}:{item}", f"expected an object, got {type(record).__name__}; {_SHAPES}"
                )
            yield record
    elif isinstance(data, dict):
        for title, sentences in data.items():
            if not isinstance(sentences, list) or not all(isinstance(sentence, str) for sentence in sentences):
                raise DocumentError(file.source, f"{title[:_MOST_SHOWN]!r} holds no list of sentences; {_SHAPES}")
            yield {file.columns.title: title, file.columns.text: "".join(sentences)}
    else:
        raise DocumentError(file.source, f"holds a {type(data).__name__}; {_SHAPES}")
