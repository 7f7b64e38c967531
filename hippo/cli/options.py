"""Arguments and options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hippo import Hippo

__all__ = ["ConfigOption", "IndexArgument", "JsonOption", "QuietOption", "open_existing"]

IndexArgument = Annotated[Path, typer.Argument(metavar="INDEX", help="Folder of the index.", show_default=False)]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="TOML file of settings; see `hippo init`.", show_default=False),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document; errors become one on standard error.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]


def open_existing(path: Path, config: Path | None = None) -> "Hippo":
    """Open an index that is there already; nothing is made on disk.

    Raises:
        IndexPathError: There is no index at `path`. See also `Hippo.open`.
    """
    from hippo import Hippo
    from hippo.snapshot.current import check_root

    check_root(path)
    return Hippo.open(path, config=config)
