"""Questions about an index of one's own, with the passages that answer them, made of paths in its graph.

They show what chains are worth where there are any. They do not show how often people ask for one: that is for
questions of people to show. And they are made of what the extractor saw, so they are kinder to a graph than those.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hippo.errors import InputError, QuestionError
from hippo.evaluation.chains import Chain, Chains
from hippo.evaluation.phrasing import phrase
from hippo.evaluation.questions import Question
from hippo.evaluation.statements import gaps, statements
from hippo.export.place import new_file
from hippo.protocols import LLM
from hippo.types import Usage

if TYPE_CHECKING:
    from hippo.engine import Hippo

__all__ = ["Generated", "generate_questions", "write_questions"]

_BLOCK = 16
"""Questions that a language model is asked to write at a time."""


@dataclass(frozen=True, slots=True)
class Generated:
    """Questions, and what did not become one.

    Attributes:
        questions: The questions, with their answer and the ids of the documents that are needed.
        made: Number of questions by number of hops.
        dropped: What a language model wrote that was no question of use, by reason.
        usage: What the language model took.
    """

    questions: tuple[Question, ...]
    made: Mapping[int, int]
    dropped: Mapping[str, int]
    usage: Usage


def generate_questions(
    memory: "Hippo", n: int, *, hops: Sequence[int] = (1, 2), seed: int = 0, llm: LLM | None = None
) -> Generated:
    """Make questions of what an index says.

    A path leads from a name over facts of different documents to another name. The question names the first, or shows a
    sentence that lacks it, and asks for the last; it is put together from the words of the facts, or written by a
    language model that is shown them. Of an index that extracts nothing but sentences, facts are names with some words
    between them (`hippo.evaluation.statements`).

    Args:
        memory: The index.
        n: Number of questions, at least 1; there may be fewer where the index has too few paths.
        hops: Numbers of documents on a path, each at least 1; every length has an equal share.
        seed: The same index and seed give the same questions.
        llm: Who writes them; None: a template. `Hippo.language_model()` keeps replies.

    Raises:
        InputError: The index has no such path, or `hops` holds no number of at least 1.
        QuestionError: `n` is below 1.
        IndexEmptyError: Nothing has been added yet.
        LLMError: The language model cannot be used.
    """
    if type(n) is not int or n < 1:
        raise QuestionError("n must be a whole number of at least 1", n)
    lengths = list(dict.fromkeys(hops))
    if not lengths or any(type(length) is not int or length < 1 for length in lengths):
        raise InputError(f"hops must be whole numbers of at least 1, got {list(hops)}")
    contents = memory.contents()
    found = statements(contents)
    documents = contents.chunks.column("document_id").to_pylist()
    mentions = contents.tables.mentions
    mentioned: dict[str, set[int]] = {document: set() for document in documents}
    for chunk, entity in zip(mentions.column("chunk").to_pylist(), mentions.column("entity").to_pylist(), strict=True):
        mentioned[documents[chunk]].add(entity)
    chains = Chains(found, gaps(contents), {document: frozenset(rows) for document, rows in mentioned.items()})
    questions: list[Question] = []
    made: dict[int, int] = {}
    dropped: dict[str, int] = {}
    usage = Usage()
    for place, length in enumerate(lengths):
        wanted = n // len(lengths) + (place < n % len(lengths))
        drawn = _distinct(chains.draw(length, np.random.default_rng((seed, length))))
        for chain, text, taken, problem in _worded(drawn, wanted, llm):
            usage += taken
            if problem is not None:
                dropped[problem] = dropped.get(problem, 0) + 1
                continue
            made[length] = made.get(length, 0) + 1
            identity = f"generated-{length}-{made[length]:04d}"
            questions.append(Question(identity, text, (chain.answer,), chain.gold))
    if not questions:
        wanted_hops = " or ".join(map(str, lengths))
        problem = f"no question of {wanted_hops} hops can be made of {len(found)} statements in {memory.path}"
        raise InputError(f"{problem}. It needs facts that lead from one document to another; ask for --hops 1")
    return Generated(tuple(questions), made, dropped, usage)


def _distinct(drawn: Iterator[Chain]) -> Iterator[Chain]:
    """Chains of which no two end alike: many paths may lead to one fact, and questions had better not."""
    ends: set[tuple[int, str]] = set()
    for chain in drawn:
        end = chain.steps[-1].subject, chain.steps[-1].words.casefold()
        if end not in ends:
            ends.add(end)
            yield chain


def _worded(drawn: Iterator[Chain], wanted: int, llm: LLM | None) -> Iterator[tuple[Chain, str, Usage, str | None]]:
    """Chains with their questions, as many as are wanted: chain, question, what it took, why it is of no use."""
    got = 0
    while got < wanted:
        size = wanted - got if llm is None else min(_BLOCK, wanted - got)
        block = list(islice(drawn, size))
        if not block:
            return
        texts = [(chain.question, Usage(), None) for chain in block] if llm is None else phrase(llm, block)
        for chain, (text, usage, problem) in zip(block, texts, strict=True):
            got += problem is None
            yield chain, text, usage, problem


def write_questions(questions: Iterable[Question], path: Path) -> None:
    """Write questions with ids of gold documents, one JSON object a line, as `load_questions` reads them.

    Args:
        questions: The questions.
        path: The file, which must not exist.

    Raises:
        InputError: There is something at `path`, its folder does not exist, or the disk refused.
    """
    with new_file(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for question in questions:
            record = {
                "id": question.id,
                "question": question.text,
                "answer": list(question.answers),
                "gold": sorted(question.gold),
            }
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
