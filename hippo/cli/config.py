"""`hippo config show`: every setting, and where its value comes from."""

import json
from pathlib import Path
from typing import Annotated

import typer

from hippo.cli.options import ConfigOption, JsonOption
from hippo.cli.output import console, print_json, printable

__all__ = ["EXAMPLES", "show"]

EXAMPLES = (
    "hippo config show",
    "hippo config show my-index --config hippo.toml",
    "HIPPO_LLM__ATTEMPTS=3 hippo config show --json",
)


def show(
    path: Annotated[
        Path | None,
        typer.Argument(metavar="INDEX", help="Folder of an index, whose own settings count too.", show_default=False),
    ] = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Print every setting with its value and where that comes from.

    That is a file and its line, a variable of the environment, the index, or the default. Of two places the stronger
    one counts: the index is weaker than the file, the file weaker than the environment, and options of a command win
    over all. Secrets are masked.
    """
    from hippo.config import load_config, settings_of
    from hippo.identity import Identity
    from hippo.snapshot.current import check_root

    stored = None
    if path is not None:
        check_root(path)
        identity = Identity.read(path)
        stored = identity.settings if identity else None
    found = settings_of(load_config(config, stored=stored))
    if json_:
        print_json([one.to_dict() for one in found])
        return
    lines = [(f"{one.key} = {json.dumps(one.value, ensure_ascii=False)}", one.source) for one in found]
    width = min(60, max(len(left) for left, _ in lines))
    out = console()
    for left, source in lines:
        out.print(printable(f"{left:<{width}}  # {source}"), soft_wrap=True)
