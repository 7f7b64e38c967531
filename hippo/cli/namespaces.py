"""`hippo namespaces`: the namespaces of an index, listed, copied, deleted."""

from typing import Annotated

import typer

from hippo.cli.options import IndexArgument, JsonOption
from hippo.cli.output import console, print_json, printable

__all__ = ["COPY_EXAMPLES", "DELETE_EXAMPLES", "LIST_EXAMPLES", "copy_namespace", "delete_namespace", "list_namespaces"]

LIST_EXAMPLES = ("hippo namespaces list my-index", "hippo namespaces list my-index --json")
COPY_EXAMPLES = ("hippo namespaces copy my-index tenant-a tenant-a-trial",)
DELETE_EXAMPLES = ("hippo namespaces delete my-index tenant-a",)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the namespace.", show_default=False)]


def list_namespaces(path: IndexArgument, json_: JsonOption = False) -> None:
    """List the namespaces of an index.

    Each is an index of its own; `--namespace` names it to the other commands.
    """
    from hippo import namespaces

    found = namespaces.names(path)
    if json_:
        print_json({"namespaces": found})
        return
    for name in found:
        console().print(printable(name), soft_wrap=True)


def copy_namespace(
    path: IndexArgument,
    source: _Name,
    target: Annotated[str, typer.Argument(metavar="NEW", help="Name of the copy.", show_default=False)],
    json_: JsonOption = False,
) -> None:
    """Copy a namespace under a new name, even in use.

    The copy has what was committed by then, and goes its own way from there.
    """
    from hippo import namespaces

    made = namespaces.copy(path, source, target)
    if json_:
        print_json(made.to_dict())
    else:
        text = f"{target}: {made.files} files, {made.bytes / 2**20:,.1f} MiB"
        console().print(printable(text), soft_wrap=True)


def delete_namespace(path: IndexArgument, name: _Name, json_: JsonOption = False) -> None:
    """Delete a namespace with everything in it.

    Refused while a writer is in it. Readers that have asked it something go on with what they have in memory.
    """
    from hippo import namespaces

    namespaces.delete(path, name)
    if json_:
        print_json({"deleted": name})
    else:
        console().print(printable(f"{name} deleted"), soft_wrap=True)
