"""`hippo query`: ask an index."""

import sys
from typing import Annotated

import typer

from hippo.cli.evidence import show_path, show_recognition, show_retrieval, warn_of_no_match
from hippo.cli.options import (
    AsOfOption,
    ConfigOption,
    IndexArgument,
    JsonOption,
    LLMOption,
    NewestWinsOption,
    ProfileOption,
    RecencyOption,
    RecognitionOption,
    RerankingOption,
    StepsOption,
    WhereOption,
    as_profile,
    open_existing,
)
from hippo.cli.output import console, print_json, printable, warn
from hippo.cli.waiting import waiting
from hippo.errors import InputError

__all__ = ["EXAMPLES", "QuestionArgument", "query", "read_questions"]

EXAMPLES = (
    'hippo query my-index "Who founded the company that built the bridge?"',
    'hippo query my-index "Where was her teacher born?" -k 10 --explain',
    'hippo query my-index "Where was her teacher born?" --profile bm25 --json',
    'hippo query my-index "Where was her teacher born?" --steps 3 --llm openai:gpt-4o-mini',
    'hippo query my-index "Who was born in London?" --where "year < 1900 and lang = \'en\'"',
    'hippo query my-index "Who is head of Acme?" --as-of 2021-06-30 --newest-wins',
    "hippo query my-index - --json < questions.txt",
)


QuestionArgument = Annotated[
    str,
    typer.Argument(
        metavar="QUESTION",
        help="The question; - reads many from standard input, one a line.",
        show_default=False,
    ),
]


def query(
    index: IndexArgument,
    question: QuestionArgument,
    k: Annotated[int, typer.Option("-k", metavar="N", help="Number of passages.")] = 5,
    profile: ProfileOption = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show the path of evidence to every passage.")] = False,
    recognition: RecognitionOption = None,
    reranking: RerankingOption = None,
    steps: StepsOption = None,
    where: WhereOption = None,
    as_of: AsOfOption = None,
    recency: RecencyOption = None,
    newest_wins: NewestWinsOption = None,
    llm: LLMOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Rank the passages of an index for a question.

    Passages come best first, with --explain each with the path of evidence that led to it. With --json a question gives
    one object; questions from standard input give a list.
    """
    questions = read_questions(question)
    with open_existing(index, config, llm=llm, recognition=recognition, reranking=reranking) as memory:
        rounds = 1 if steps is None else steps
        with waiting(memory, as_json=json_):
            found = memory.retrieve_many(
                questions,
                k=k,
                profile=as_profile(profile) if profile else None,
                explain=explain,
                steps=rounds,
                where=where,
                as_of=as_of,
                recency_half_life=recency,
                newest_wins=newest_wins,
            )
        documents = memory.contents().documents
    if json_:
        print_json([one.to_dict() for one in found] if question == "-" else found[0].to_dict())
        return
    out = console()
    for number, retrieval in enumerate(found):
        if question == "-":
            out.print(printable(("\n" if number else "") + retrieval.question), style="bold")
        show_retrieval(out, retrieval)
        show_recognition(out, retrieval)
        if as_of is not None and where is None and not retrieval.hits:
            warn(f"nothing was known at {retrieval.parameters['as_of']}")
        if where is not None and not retrieval.hits:
            warn_of_no_match(documents, where)
        if explain:
            for hit in retrieval.hits:
                show_path(out, hit)


def read_questions(question: str) -> list[str]:
    """The question of the command line, or those of standard input for "-".

    Raises:
        InputError: Standard input holds no question, or is not UTF-8.
    """
    if question != "-":
        return [question]
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"standard input must be UTF-8: {error}") from error
    questions = [line.strip() for line in text.split("\n") if line.strip()]
    if not questions:
        raise InputError("standard input holds no question; write one a line")
    return questions
