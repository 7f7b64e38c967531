"""`hippo ask`: answers from an index, with citations."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hippo.cli.evidence import name, show_recognition, taken
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
from hippo.cli.output import console, print_json, printable
from hippo.cli.query import QuestionArgument, read_questions
from hippo.cli.waiting import waiting
from hippo.errors import InputError, LLMError, QuestionError

if TYPE_CHECKING:
    from rich.console import Console

    from hippo import Answer, AnswerStream, Hippo

__all__ = ["EXAMPLES", "ask"]

EXAMPLES = (
    'hippo ask my-index "Who founded the company that built the bridge?" --llm openai:gpt-4o-mini',
    'hippo ask my-index "Where was her teacher born?" --steps 3 --reasoning',
    'hippo ask my-index "And where was she born?" --history messages.json',
    "hippo ask my-index - --json < questions.txt",
    'HIPPO_LLM__OPENAI__BASE_URL=http://localhost:11434/v1 hippo ask my-index "Who?" --llm openai:llama3.2',
)


def ask(
    index: IndexArgument,
    question: QuestionArgument,
    k: Annotated[int, typer.Option("-k", metavar="N", help="Number of passages.")] = 5,
    profile: ProfileOption = None,
    recognition: RecognitionOption = None,
    reranking: RerankingOption = None,
    steps: StepsOption = None,
    where: WhereOption = None,
    as_of: AsOfOption = None,
    recency: RecencyOption = None,
    newest_wins: NewestWinsOption = None,
    derived: DerivedOption = None,
    reasoning: Annotated[
        bool | None, typer.Option("--reasoning", help="Let the model think before it answers.", show_default=False)
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            "--history",
            metavar="FILE",
            help="JSON list of messages (role and content) that the question goes on; those of the role system say how "
            "to answer.",
            show_default=False,
        ),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(
            "--max-tokens",
            metavar="N",
            help="Most tokens of the answer. Default: the configuration's.",
            show_default=False,
        ),
    ] = None,
    llm: LLMOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Answer a question from the passages, with citations.

    A language model reads the best passages; its answer refers to them by number. A single question is answered as the
    model writes; questions from standard input are answered many at a time. Keys are read from the environment
    (OPENAI_API_KEY), replies are kept in the index and asked for once.
    """
    questions = read_questions(question)
    options: dict[str, Any] = {
        "k": k,
        "profile": as_profile(profile) if profile else None,
        "steps": steps,
        "where": where,
        "as_of": as_of,
        "recency_half_life": recency,
        "newest_wins": newest_wins,
        "derived": derived,
        "reasoning": reasoning,
        "max_tokens": max_tokens,
    }
    talk: dict[str, Any] = {} if history is None else {"history": _messages(history)}
    if talk and question == "-":
        raise InputError("--history goes with one question, not with those of standard input")
    with open_existing(index, config, llm=llm, recognition=recognition, reranking=reranking) as memory:
        if question == "-":
            with waiting(memory, as_json=json_):
                answers = memory.ask_many(questions, **options)
            _show_many(answers, questions, as_json=json_)
        elif json_:
            with waiting(memory, as_json=True):
                answer = memory.ask(question, **options, **talk)
            print_json(answer.to_dict())
        else:
            _show_live(memory, memory.ask_stream(question, **options, **talk))


def _messages(file: Path) -> list[Any]:
    """The messages of a file.

    Raises:
        InputError: It cannot be read, or is no JSON list.
    """
    try:
        messages = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"--history: {file} cannot be read as JSON: {error}") from error
    if not isinstance(messages, list):
        raise InputError(f"--history: {file} is no JSON list of messages")
    return messages


def _show_live(memory: "Hippo", stream: "AnswerStream") -> None:
    """The answer as it is written; one that breaks off still ends its line, so that the error stands on its own."""
    begun = False
    try:
        with waiting(memory, as_json=False) as end_waiting:
            for piece in stream:
                begun = True
                end_waiting()
                sys.stdout.write(printable(piece))
                sys.stdout.flush()
    finally:
        if begun:
            sys.stdout.write("\n")
            sys.stdout.flush()
    if stream.answer is not None:
        _show_sources(console(), stream.answer)


def _show_many(answers: "list[Answer | LLMError | QuestionError]", questions: list[str], *, as_json: bool) -> None:
    """All answers; the first error is raised once the others are shown."""
    if as_json:
        print_json([answer.to_dict() for answer in answers])
    else:
        out = console()
        for number, (question, answer) in enumerate(zip(questions, answers, strict=True)):
            out.print(printable(("\n" if number else "") + question), style="bold")
            if isinstance(answer, LLMError | QuestionError):
                out.print(printable(f"error: {answer}"), soft_wrap=True)
            else:
                out.print(printable(answer.text), soft_wrap=True)
                _show_sources(out, answer)
    for answer in answers:
        if isinstance(answer, LLMError | QuestionError):
            raise answer


def _show_sources(out: "Console", answer: "Answer") -> None:
    """What was cited, how it was found, and what it took."""
    from rich.text import Text

    if answer.reasoning:
        out.print(Text(f"\nthought: {printable(answer.reasoning)}", "dim"), soft_wrap=True)
    if answer.citations:
        out.print()
    hits = {hit.chunk_id: hit for hit in answer.retrieval.hits}
    for citation in answer.citations:
        line = Text.assemble(f"[{citation.number}] ", (name(hits[citation.chunk_id]), "bold"))
        out.print(line.append(f"  {printable(citation.document_id)}", "dim"), soft_wrap=True)
    show_recognition(out, answer.retrieval)
    if answer.finish == "length":
        out.print("the answer was cut off; raise reader.max_tokens", style="dim")
    out.print(taken(answer.usage), style="dim", soft_wrap=True)
