"""Questions with their answers and gold passages, in the shapes in which multi-hop benchmarks publish them.

A questions file names its gold passages in one of three ways; whichever it is, `RawQuestion.resolve` turns it into
document ids, given a function from a title to the ids that bear it:

* `gold`: document ids;
* `paragraphs` (or `contexts`), each with title, text and `is_supporting` (true when absent), as MuSiQue does;
* `supporting_facts`, titles or (title, sentence number) pairs, and optionally `context`, (title, sentences) pairs, as
  HotpotQA and 2WikiMultihopQA do.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from hippo.errors import DocumentError
from hippo.ids import content_id

__all__ = ["GoldPassage", "Question", "RawQuestion", "load_questions", "read_json", "validation_message"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question whose gold passages are known documents.

    Attributes:
        id: Unique in its dataset.
        text: The question.
        answers: Accepted answers, without repeats; empty when unknown.
        gold: Ids of the documents that are needed to answer it.
    """

    id: str
    text: str
    answers: tuple[str, ...]
    gold: frozenset[str]


@dataclass(frozen=True, slots=True)
class GoldPassage:
    """A gold passage as a questions file names it: a title, and the texts that it may have (empty: not given)."""

    title: str
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RawQuestion:
    """A question as published: its gold passages still have to be found among the documents.

    Attributes:
        id: Unique in its file.
        text: The question.
        answers: Accepted answers, without repeats; empty when unknown.
        gold_ids: Gold given as document ids.
        gold_passages: Gold given as titles, with or without texts.
        source: File and place in it, for messages.
    """

    id: str
    text: str
    answers: tuple[str, ...]
    gold_ids: tuple[str, ...]
    gold_passages: tuple[GoldPassage, ...]
    source: str

    def resolve(self, find: Callable[[str], Collection[str]], *, by_text: bool = False) -> Question:
        """The question with its gold passages as document ids.

        A passage whose text is given is the document of that title and that text (`hippo.ids.content_id`). Where
        there is none such, or the text is not given, it is the only document of its title.

        Args:
            find: From a title to the ids of the documents that bear it; empty when there are none.
            by_text: Where the text is given, accept nothing but a document with that text.

        Raises:
            DocumentError: A gold passage is not among the documents, or its title does not tell which one it is. The
                message names question and title.
        """
        gold = set(self.gold_ids)
        for passage in self.gold_passages:
            titled = frozenset(find(passage.title))
            exact = titled.intersection(content_id(passage.title, text) for text in passage.texts)
            if exact:
                gold |= exact
            elif len(titled) == 1 and not (by_text and passage.texts):
                gold |= titled
            else:
                raise DocumentError(self.source, f"question {self.id!r}: {_missing(passage, len(titled))}")
        return Question(self.id, self.text, self.answers, frozenset(gold))


def _missing(passage: GoldPassage, titled: int) -> str:
    if titled == 0:
        return f"gold passage {passage.title!r} is not among the documents"
    if passage.texts:
        return f"gold passage {passage.title!r}: {titled} document(s) have this title, none of them the text given"
    return f"gold passage {passage.title!r} is ambiguous: {titled} documents have this title; give gold as document ids"


class _Shape(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True, frozen=True)


class _Paragraph(_Shape):
    title: str
    text: str = Field(validation_alias=AliasChoices("paragraph_text", "text"))
    is_supporting: bool = True


class _Record(_Shape):
    id: str | None = Field(None, validation_alias=AliasChoices("id", "_id"))
    question: str = Field(min_length=1)
    gold: tuple[str, ...] = ()
    paragraphs: tuple[_Paragraph, ...] = Field((), validation_alias=AliasChoices("paragraphs", "contexts"))
    supporting_facts: tuple[str | tuple[str, int], ...] = ()
    context: tuple[tuple[str, tuple[str, ...]], ...] = ()
    answer: str | tuple[str, ...] = Field(
        (), validation_alias=AliasChoices("answer", "answers", "gold_ans", "reference", "obj")
    )
    answer_aliases: tuple[str, ...] = ()
    possible_answers: str | tuple[str, ...] = ()
    o_wiki_title: str | tuple[str, ...] = ()
    o_aliases: str | tuple[str, ...] = ()

    def answers(self) -> tuple[str, ...]:
        groups = (self.answer, self.answer_aliases, self.possible_answers, self.o_wiki_title, self.o_aliases)
        return tuple(
            dict.fromkeys(answer for group in groups for answer in ((group,) if isinstance(group, str) else group))
        )

    def passages(self) -> tuple[GoldPassage, ...]:
        found = [GoldPassage(item.title, (item.text,)) for item in self.paragraphs if item.is_supporting]
        for fact in self.supporting_facts:
            title = fact if isinstance(fact, str) else fact[0]
            # Sentences are joined by a space in 2WikiMultihopQA, by nothing in HotpotQA, which keeps their own spaces.
            quoted = [
                tuple({" ".join(sentences), "".join(sentences)}) for name, sentences in self.context if name == title
            ]
            found.extend(GoldPassage(title, tuple(sorted(texts))) for texts in quoted or [()])
        return tuple(dict.fromkeys(found))


def load_questions(path: Path, *, limit: int | None = None) -> tuple[RawQuestion, ...]:
    """Questions of a `.json` list or a `.jsonl` file, in order.

    Answers are `answer` (or `answers`), a string or a list, and `answer_aliases`. A question without `id` or `_id` gets
    its position, counted from 0, as id.

    Args:
        path: The file, UTF-8.
        limit: Keep the first so many.

    Raises:
        DocumentError: The file is missing, malformed or empty, or two questions share an id; the message says where.
    """
    records = read_json(path)
    if not isinstance(records, list) or not records:
        raise DocumentError(str(path), "must hold a list of one or more questions")
    questions: dict[str, RawQuestion] = {}
    for position, record in enumerate(records[:limit]):
        source = f"{path}, record {position + 1}"
        try:
            parsed = _Record.model_validate(record)
        except ValidationError as error:
            raise DocumentError(source, validation_message(error)) from error
        name = str(position) if parsed.id is None else parsed.id
        if name in questions:
            raise DocumentError(source, f"the id {name!r} was used before, by {questions[name].source}")
        questions[name] = RawQuestion(name, parsed.question, parsed.answers(), parsed.gold, parsed.passages(), source)
    return tuple(questions.values())


def read_json(path: Path) -> Any:
    """Content of a UTF-8 JSON file, or the list of the lines of a `.jsonl` file.

    Raises:
        DocumentError: The file cannot be read or is not JSON.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".jsonl":
            return [_parse_line(line, number) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        return json.loads(text)
    except FileNotFoundError as error:
        raise DocumentError(str(path), "no such file") from error
    except (OSError, ValueError, RecursionError) as error:
        raise DocumentError(str(path), f"cannot be read as JSON: {error}") from error


def _parse_line(line: str, number: int) -> Any:
    """One line of a `.jsonl` file; what is wrong with it is told with its number."""
    try:
        return json.loads(line)
    except ValueError as error:
        raise ValueError(f"line {number} of the file: {error}") from error


def validation_message(error: ValidationError) -> str:
    """The first problem of a failed validation: where it is and what is wrong."""
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else first["msg"]
