"""`hippo explore`: an index in a browser."""

import os
import sys
import webbrowser
from typing import Annotated

import typer

from hippo.cli.options import ConfigOption, IndexArgument, LLMOption, RecognitionOption
from hippo.cli.output import console

__all__ = ["EXAMPLES", "explore"]

EXAMPLES = ("hippo explore my-index", "hippo explore my-index --write", "hippo explore my-index --port 0 --no-open")


def explore(
    index: IndexArgument,
    write: Annotated[bool, typer.Option("--write", help="Let the page accept and reject synonyms.")] = False,
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="Port to listen on; 0: any free one.")
    ] = 8787,
    open_: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in a browser, where there is a screen.")
    ] = True,
    llm: LLMOption = None,
    recognition: RecognitionOption = None,
    config: ConfigOption = None,
) -> None:
    """Show an index in a browser, and how activation spreads.

    The page shows ranked passages with their evidence, the graph around them sweep by sweep, two profiles side by side,
    and what the index holds: entities, synonyms, documents, its health. The first line of the output is its address,
    which holds a token and is reached from this machine alone. Ctrl-C ends it.
    """
    from hippo.serving import explore as run

    def started(url: str) -> None:
        console().print(url, soft_wrap=True)
        if open_ and _has_screen():
            webbrowser.open(url)

    overrides = {"recognition": {"name": recognition}} if recognition else None
    run(index, port=port, write=write, started=started, llm=llm, config=config, overrides=overrides)


def _has_screen() -> bool:
    """Whether a browser would open in a window, and not in this terminal, or nowhere."""
    graphical = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return sys.stdout.isatty() and bool(graphical)
