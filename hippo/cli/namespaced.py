"""`--namespace`, which every command with an index has: a namespace's folder stands for the index's."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["namespaced"]

_Option = Annotated[
    str | None,
    typer.Option(
        "--namespace", metavar="NAME", help="Work on this namespace of the index. Default: none.", show_default=False
    ),
]


def namespaced(command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes `--namespace` too, if it has an argument `index`."""
    signature = inspect.signature(command)
    if "index" not in signature.parameters:
        return command

    @functools.wraps(command)
    def run(*, namespace: str | None = None, index: Path, **options: Any) -> None:
        if namespace is not None:
            from hippo.namespaces import folder

            index = folder(index, namespace)
        command(index=index, **options)

    added = inspect.Parameter("namespace", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_Option)
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), added])  # type: ignore[attr-defined]
    return run
