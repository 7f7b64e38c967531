"""`hippo prune`: documents that a policy no longer keeps, and what nothing needs any more."""

from typing import Annotated

import typer

from hippo.cli.options import ConfigOption, IndexArgument, JsonOption, ProfileOption, WhereOption, open_existing
from hippo.cli.output import console, counted, print_json, printable
from hippo.cli.remember import SessionOption

__all__ = ["EXAMPLES", "prune"]

EXAMPLES = (
    "hippo prune my-index --keep 2",
    "hippo prune my-index --history 2024-01-01",
    "hippo prune my-index --older-than 365 --keep-newest 100",
    "hippo prune my-index --retention-below 0.05 --config agent.toml --profile agent --yes",
)
_LISTED = 20


def prune(
    index: IndexArgument,
    keep: Annotated[int, typer.Option(metavar="N", help="Newest snapshots to keep in any case.")] = 1,
    wait: Annotated[float, typer.Option(metavar="SECONDS", help="Wait so long for a writer.")] = 0.0,
    history: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Also older versions of documents that ended by then, ISO 8601; or all of them: all.",
            show_default=False,
        ),
    ] = None,
    older_than: Annotated[
        float | None,
        typer.Option(metavar="DAYS", help="A policy: documents that are older than this.", show_default=False),
    ] = None,
    retention_below: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="A policy: documents of which the profile's forgetting curve leaves less than this, 0 to 1.",
            show_default=False,
        ),
    ] = None,
    where: WhereOption = None,
    session: SessionOption = None,
    keep_newest: Annotated[
        int, typer.Option(metavar="N", help="Newest documents of each session that a policy keeps in any case.")
    ] = 0,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    forget: Annotated[bool, typer.Option("--forget", help="Leave nothing of what a policy deletes.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete what a policy chooses; else it is listed.")] = False,
    json_: JsonOption = False,
) -> None:
    """Remove what the index no longer needs.

    Without a policy that is old snapshots, vectors of texts that are gone, and the gaps that deletes left in the store.
    Snapshots that a reader holds stay, and so do the replies of language models, and older versions unless --history is
    given. A policy (--older-than, --retention-below, --where, --session, all of which have to hold) chooses documents:
    they are listed, and with --yes deleted. --retention-below needs a profile with half-lives (retention).
    """
    if older_than is not None or retention_below is not None or where is not None or session is not None:
        with open_existing(index, config, wait=wait) as memory:
            gone = memory.prune(
                older_than=older_than,
                retention_below=retention_below,
                where=where,
                session=session,
                keep_newest=keep_newest,
                profile=profile,
                dry_run=not yes,
                forget=forget,
            )
        if json_:
            print_json([one.to_dict() for one in gone])
            return
        _say(f"{counted(len(gone), 'document')} {'deleted' if yes else 'would be deleted; say --yes to delete them'}")
        for one in gone[:_LISTED]:
            age = "no date" if one.days is None else f"{one.days:,.0f} days, {one.retention:.2f} retained"
            _say(f"  {one.document_id}: {age}")
        if len(gone) > _LISTED:
            _say(f"  and {len(gone) - _LISTED} more")
        return
    from hippo.maintenance import prune as make_smaller

    pruned = make_smaller(index, keep=keep, history=history, wait=wait)
    if json_:
        print_json(pruned.to_dict())
        return
    before, after = sum(pruned.before.values()), sum(pruned.after.values())
    text = f"{counted(len(pruned.snapshots), 'snapshot')} and {pruned.embeddings:,} vectors removed"
    if history is not None:
        text = f"{pruned.versions:,} older versions, {text}"
    _say(f"{text}; {before / 2**20:,.1f} MiB before, {after / 2**20:,.1f} MiB now")


def _say(text: str) -> None:
    console().print(printable(text), soft_wrap=True)
