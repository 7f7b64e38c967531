"""`hippo query`: ask an index."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hippo.cli.evidence import show_path, show_recognition, show_retrieval, warn_of_no_match
from hippo.cli.options import (
    AsOfOption,
    ConfigOption,
    DerivedOption,
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

if TYPE_CHECKING:
    from hippo import Hippo, Profile, Retrieval

__all__ = ["EXAMPLES", "QuestionArgument", "query", "read_questions"]

EXAMPLES = (
    'hippo query my-index "Who founded the company that built the bridge?"',
    'hippo query my-index "Where was her teacher born?" -k 10 --explain',
    'hippo query my-index "Where was her teacher born?" --profile bm25 --json',
    'hippo query my-index "Where was her teacher born?" --steps 3 --llm openai:gpt-4o-mini',
    'hippo query my-index "Who was born in London?" --where "year < 1900 and lang = \'en\'"',
    'hippo query my-index "Who is head of Acme?" --as-of 2021-06-30 --newest-wins',
    'hippo query my-index "Where was her teacher born?" --html view.html --compare bm25',
    "hippo query my-index - --json < questions.txt",
)
_SENTENCES = 3
"""Of each edge of a drawn page."""


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
    derived: DerivedOption = None,
    llm: LLMOption = None,
    config: ConfigOption = None,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also draw the question as one page of HTML: passages, graph, and activation as it spreads.",
            show_default=False,
        ),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Draw a second profile beside the first; with --html.", show_default=False),
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="With --html: most nodes that are drawn, at most 5000. Default: 150.", show_default=False
        ),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Rank the passages of an index for a question.

    Passages come best first, with --explain each with the path of evidence that led to it. With --json a question gives
    one object; questions from standard input give a list.
    """
    questions = read_questions(question)
    if html is not None and (question == "-" or steps not in (None, 1)):
        raise InputError("--html draws one question of one round; leave out - and --steps")
    if compare is not None and html is None:
        raise InputError("--compare draws a second profile; give --html FILE too")
    if nodes is not None and html is None:
        raise InputError("--nodes is about what is drawn; give --html FILE too")
    with open_existing(index, config, llm=llm, recognition=recognition, reranking=reranking) as memory:
        options: dict[str, Any] = {
            "k": k,
            "where": where,
            "as_of": as_of,
            "recency_half_life": recency,
            "newest_wins": newest_wins,
            "derived": derived,
        }
        with waiting(memory, as_json=json_):
            named = as_profile(profile) if profile else None
            if html is None:
                rounds = 1 if steps is None else steps
                found = memory.retrieve_many(questions, profile=named, explain=explain, steps=rounds, **options)
            else:
                found = [
                    _drawn(memory, question, html, named, compare, nodes=150 if nodes is None else nodes, **options)
                ]
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


def _drawn(
    memory: "Hippo", question: str, html: Path, profile: "str | Profile | None", compare: str | None, **options: Any
) -> "Retrieval":
    """Passages of the first profile, after the page has been written."""
    from hippo.explorer import write_page

    profiles = [profile] if compare is None else [profile, as_profile(compare)]
    view = memory.view(question, profiles=profiles, sentences=_SENTENCES, **options)
    warn(f"drawn: {write_page(view, html)}")
    return view.spreads[0].retrieval


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
