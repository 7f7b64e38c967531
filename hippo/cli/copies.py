"""`hippo backup`, `hippo restore` and `hippo publish`: copies of an index."""

from pathlib import Path
from typing import Annotated

import typer

from hippo.cli.options import IndexArgument, JsonOption
from hippo.cli.output import console, print_json, printable, warn

__all__ = [
    "BACKUP_EXAMPLES",
    "PUBLISH_EXAMPLES",
    "RESTORE_EXAMPLES",
    "backup",
    "publish",
    "restore",
]

BACKUP_EXAMPLES = ("hippo backup my-index backups/monday",)
RESTORE_EXAMPLES = ("hippo restore backups/monday my-index",)
PUBLISH_EXAMPLES = (
    "hippo publish my-index s3://bucket/index",
    'hippo query s3://bucket/index "Who founded the company that built the bridge?"',
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


def _say(text: str) -> None:
    console().print(printable(text), soft_wrap=True)
