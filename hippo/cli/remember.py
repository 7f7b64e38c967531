"""`hippo remember`, `recall`, `forget` and `merge`: a memory as agents use it."""

import json
import sys
from typing import Annotated, Any

import typer

from hippo.cli.change import json_object
from hippo.cli.evidence import show_path, show_retrieval
from hippo.cli.options import (
    AsOfOption,
    ConfigOption,
    DerivedOption,
    IndexArgument,
    JsonOption,
    LLMOption,
    MissingOkOption,
    NewestWinsOption,
    ProfileOption,
    QuietOption,
    RecencyOption,
    WaitOption,
    WhereOption,
    open_existing,
)
from hippo.cli.output import console, counted, print_json, printable, progress_bars
from hippo.cli.report import check_extraction, show_report
from hippo.errors import InputError

__all__ = [
    "FORGET_EXAMPLES",
    "MERGE_EXAMPLES",
    "RECALL_EXAMPLES",
    "REMEMBER_EXAMPLES",
    "forget",
    "merge",
    "recall",
    "remember",
]

REMEMBER_EXAMPLES = (
    'hippo remember my-index "Ann moved to Rome." --session chat-7 --metadata \'{"speaker": "Ann"}\'',
    "hippo remember my-index - --session chat-7 < messages.json",
)
RECALL_EXAMPLES = (
    'hippo recall my-index "Where does Ann live?"',
    'hippo recall my-index "Where does Ann live?" --session chat-7 -k 3 --explain',
)
FORGET_EXAMPLES = (
    "hippo forget my-index chat-7/000000012",
    "hippo forget my-index --session chat-7 --dry-run",
)
MERGE_EXAMPLES = ("hippo merge my-index", "hippo merge my-index --json")

SessionOption = Annotated[
    str | None,
    typer.Option("--session", metavar="NAME", help="Name of a conversation. Default: none.", show_default=False),
]
_LISTED = 10


def remember(
    index: IndexArgument,
    text: Annotated[
        str,
        typer.Argument(
            metavar="TEXT",
            help="What to remember; - reads a JSON list of messages (role and content) from standard input.",
            show_default=False,
        ),
    ],
    session: SessionOption = None,
    timestamp: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="When it was said: a date or time, ISO 8601. Default: now.", show_default=False
        ),
    ] = None,
    metadata: Annotated[
        str | None, typer.Option(metavar="JSON", help="JSON object of its metadata.", show_default=False)
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(metavar="NAME", help="Encoder of a new index. Default: minilm.", show_default=False)
    ] = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Remember a text or the messages of a conversation.

    It is on disk when the command ends, and can be recalled at once, also while another process changes the index. The
    next change brings it into the index, or `hippo merge`. The index is made if need be.
    """
    from hippo import Hippo

    what: Any = _messages() if text == "-" else text
    known = {} if metadata is None else json_object(metadata)
    with Hippo.open(index, encoder=encoder, config=config) as memory:
        ids = memory.remember(what, session=session, timestamp=timestamp, metadata=known)
    if json_:
        print_json({"documents": ids})
        return
    out = console()
    for one in ids:
        out.print(printable(one), soft_wrap=True)


def recall(
    index: IndexArgument,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="The question.", show_default=False)],
    k: Annotated[int, typer.Option("-k", metavar="N", help="Number of passages.")] = 5,
    session: SessionOption = None,
    profile: ProfileOption = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show the path of evidence to every passage.")] = False,
    where: WhereOption = None,
    as_of: AsOfOption = None,
    recency: RecencyOption = None,
    newest_wins: NewestWinsOption = None,
    derived: DerivedOption = None,
    llm: LLMOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Find what answers a question, in one conversation or in all.

    What was remembered a moment ago is found, too. `hippo query` does the same and has more options.
    """
    with open_existing(index, config, llm=llm) as memory:
        found = memory.recall(
            question,
            k=k,
            session=session,
            profile=profile,
            explain=explain,
            where=where,
            as_of=as_of,
            recency_half_life=recency,
            newest_wins=newest_wins,
            derived=derived,
        )
    if json_:
        print_json(found.to_dict())
        return
    out = console()
    show_retrieval(out, found)
    if explain:
        for hit in found.hits:
            show_path(out, hit)


def forget(
    index: IndexArgument,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids of documents.", show_default=False)] = None,
    session: SessionOption = None,
    where: WhereOption = None,
    missing_ok: MissingOkOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be forgotten.")] = False,
    wait: WaitOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Forget documents, and leave nothing of them on disk.

    What was remembered counts as well. No question is answered from them any more, even while the index is being
    published without them.
    """
    with open_existing(index, config, wait=wait) as memory, progress_bars(quiet=quiet, as_json=json_) as progress:
        gone = memory.forget(*ids or (), session=session, where=where, missing_ok=missing_ok, dry_run=dry_run)
        if gone and not dry_run:
            memory.finish_forgetting(progress=progress)
    if json_:
        print_json({"documents": gone})
        return
    out = console()
    out.print(f"{counted(len(gone), 'document')} {'would be ' if dry_run else ''}forgotten" + (":" if gone else ""))
    for one in gone[:_LISTED]:
        out.print(printable(f"  {one}"), soft_wrap=True)
    if len(gone) > _LISTED:
        out.print(f"  and {len(gone) - _LISTED} more")


def merge(
    index: IndexArgument,
    llm: LLMOption = None,
    wait: WaitOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Bring what was remembered into an index, and publish it.

    So does every other change, before anything else. What was forgotten leaves the disk.
    """
    with open_existing(index, config, llm=llm, wait=wait) as memory:
        with progress_bars(quiet=quiet, as_json=json_) as progress:
            report = memory.merge(progress=progress)
        extractor = memory.config.extractor.name
    if json_:
        print_json(report.to_dict())
    else:
        show_report(report, index)
    check_extraction(report, extractor)


def _messages() -> Any:
    try:
        value = json.loads(sys.stdin.buffer.read().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"standard input is no JSON: {error}") from error
    if not isinstance(value, list):
        raise InputError('standard input must be a JSON list of messages: [{"role": "user", "content": "…"}]')
    return value
