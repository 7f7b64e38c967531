"""`hippo mcp`: a memory for assistants, over the Model Context Protocol."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from hippo.cli.options import ConfigOption, IndexArgument, LLMOption, open_existing
from hippo.cli.output import warn

__all__ = ["EXAMPLES", "mcp"]

EXAMPLES = (
    "hippo mcp my-index",
    "hippo mcp my-index --write --max-tokens 8000",
    "hippo mcp my-index --http --port 8765",
)


def mcp(
    index: IndexArgument,
    write: Annotated[bool, typer.Option("--write", help="Have tools that add and delete documents, too.")] = False,
    max_tokens: Annotated[
        int, typer.Option("--max-tokens", metavar="N", help="Most tokens of an answer, about.")
    ] = 4000,
    http: Annotated[bool, typer.Option("--http", help="Serve streamable HTTP at /mcp.")] = False,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="Port; 0: any.")] = 8765,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="NAME",
            help="Name by which clients on other machines reach the server; can be repeated.",
            show_default=False,
        ),
    ] = None,
    llm: LLMOption = None,
    config: ConfigOption = None,
) -> None:
    """Serve an index to assistants, by the Model Context Protocol.

    Without --http it speaks over standard input and output, as most clients start a server; nothing else is written
    there. With --write the index may be a new one. Changes by other processes are seen within half a second.
    """
    from hippo import Hippo
    from hippo.integrations.mcp import make_server, serve_http, serve_stdio

    opened = Hippo.open(Path(index), config=config, llm=llm) if write else open_existing(index, config, llm=llm)
    with opened as memory, suppress(KeyboardInterrupt):
        server = make_server(memory, write=write, max_tokens=max_tokens)
        if http:
            said = "listening on {}; Ctrl-C ends it"
            serve_http(
                server, host=host, port=port, allowed_hosts=allow_host or (), ready=lambda at: warn(said.format(at))
            )
        else:
            serve_stdio(server)
