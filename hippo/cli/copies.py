"""`hippo backup`, `hippo restore`, `hippo publish` and `hippo prune`: copies of an index, and its size."""

from pathlib import Path
from typing import Annotated

import typer

from hippo.cli.options import IndexArgument, JsonOption
from hippo.cli.output import console, print_json, printable, warn

__all__ = [
    "BACKUP_EXAMPLES",
    "PRUNE_EXAMPLES",
    "PUBLISH_EXAMPLES",
    "RESTORE_EXAMPLES",
    "backup",
    "prune",
    "publish",
    "restore",
]

BACKUP_EXAMPLES = ("hippo backup my-index backups/monday",)
RESTORE_EXAMPLES = ("hippo restore backups/monday my-index",)
PUBLISH_EXAMPLES = (
    "hippo publish my-index s3://bucket/index",
    'hippo query s3://bucket/index "Who founded the company that built the bridge?"',
)
PRUNE_EXAMPLES = (
    "hippo prune my-index",
    "hippo prune my-index --keep 2 --json",
    "hippo prune my-index --history 2024-01-01",
)

_Target = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Folder that does not exist or is empty.", show_default=False)
]


def backup(index: IndexArgument, target: _Target, json_: JsonOption = False) -> None:
    """Copy an index into a new folder, even in use.

    Readers and a writer may be at work. The copy is an index itself, and knows the sums of its files. Namespaces are
    copied one by one, with --namespace.
    """
    from hippo.maintenance import backup as copy

    made = copy(index, target)
    if json_:
        print_json(made.to_dict())
    else:
        what = f"snapshot {made.snapshot}" if made.snapshot else "no snapshot yet"
        _say(f"{made.path}: {what}, {made.files} files, {made.bytes / 2**20:,.1f} MiB")
        if made.left_out:
            names = printable(", ".join(made.left_out))
            warn(f"its namespaces are indexes of their own and not in it; copy each with --namespace: {names}")


def restore(
    source: Annotated[Path, typer.Argument(metavar="BACKUP", help="What `hippo backup` made.", show_default=False)],
    index: _Target,
    json_: JsonOption = False,
) -> None:
    """Make an index from a backup.

    Every file is compared with its sum, so a damaged backup is told from a sound one.
    """
    from hippo.maintenance import restore as make

    made = make(source, index)
    if json_:
        print_json(made.to_dict())
    else:
        _say(f"{made.path}: {made.files} files, {made.bytes / 2**20:,.1f} MiB")


def publish(
    index: IndexArgument,
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Where to: s3://bucket/folder, or a shared folder.", show_default=False)
    ],
    keep: Annotated[int, typer.Option(metavar="N", help="Newest snapshots that stay there.")] = 2,
    json_: JsonOption = False,
) -> None:
    """Publish the newest snapshot to an object store.

    Readers on other machines name the URL in place of a folder, and follow what is published there. Files that an older
    snapshot has too are not copied again; every file is compared with its sum, here and by readers.
    """
    from hippo.snapshot.remote import publish_to

    made = publish_to(index, url, keep=keep)
    if json_:
        print_json(made.to_dict())
    else:
        _say(
            f"{made.url}: snapshot {made.snapshot}, {made.uploaded} of {made.files} files new, "
            f"{made.bytes / 2**20:,.1f} MiB"
        )


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
    json_: JsonOption = False,
) -> None:
    """Remove what the index no longer needs.

    That is: old snapshots, vectors of texts that are gone, and the gaps that deletes left in the store. Snapshots that
    a reader holds stay, and so do the replies of language models, and older versions unless --history is given.
    """
    from hippo.maintenance import prune as make_smaller

    pruned = make_smaller(index, keep=keep, history=history, wait=wait)
    if json_:
        print_json(pruned.to_dict())
        return
    before, after = sum(pruned.before.values()), sum(pruned.after.values())
    text = f"{len(pruned.snapshots)} snapshots and {pruned.embeddings:,} vectors removed"
    if history is not None:
        text = f"{pruned.versions:,} older versions, {text}"
    _say(f"{text}; {before / 2**20:,.1f} MiB before, {after / 2**20:,.1f} MiB now")


def _say(text: str) -> None:
    console().print(printable(text), soft_wrap=True)
