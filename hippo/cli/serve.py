"""`hippo serve`: an index over HTTP."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hippo.cli.options import ConfigOption, IndexArgument, LLMOption, RecognitionOption, RerankingOption
from hippo.cli.output import console

__all__ = ["EXAMPLES", "serve"]

EXAMPLES = (
    "hippo serve my-index",
    "hippo serve my-index --llm openai:gpt-4o-mini --log json",
    "hippo serve s3://bucket/index --replicas 4 --ray auto",
    "HIPPO_READ_TOKENS=$(cat read.token) hippo serve my-index --host 0.0.0.0 --token-file writers",
)


def serve(
    index: IndexArgument,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Address to listen on; one that other machines can reach needs tokens. Default: 127.0.0.1.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(metavar="N", help="Port to listen on; 0: any free one. Default: 8000.", show_default=False),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Tokens, one a line after its role: read TOKEN, write sha256:HEX. Further ones are in "
            "HIPPO_READ_TOKENS and HIPPO_WRITE_TOKENS.",
            show_default=False,
        ),
    ] = None,
    log: Annotated[
        str | None, typer.Option(metavar="KIND", help="Log lines: text or json. Default: text.", show_default=False)
    ] = None,
    replicas: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Serve by so many replicas on Ray. Default: one server, without Ray.", show_default=False
        ),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Ray cluster for the replicas: auto, HOST:PORT. Default: one is started on this machine.",
            show_default=False,
        ),
    ] = None,
    llm: LLMOption = None,
    recognition: RecognitionOption = None,
    reranking: RerankingOption = None,
    config: ConfigOption = None,
) -> None:
    """Serve an index over HTTP, also to chat clients.

    There are endpoints for questions, answers and changes, described by /openapi.json, and chat completions as OpenAI's
    API has them. The index may be a new one; documents can then be added over HTTP. The first line of the output is the
    address, the log goes to standard error. SIGTERM and Ctrl-C stop the server once requests under way are answered.
    """
    from hippo.serving import serve as run
    from hippo.storage import address_of

    def started(url: str) -> None:
        console().print(url, soft_wrap=True)

    named = {"recognition": recognition, "reranking": reranking}
    overrides = {section: {"name": name} for section, name in named.items() if name}
    options: dict[str, Any] = {"overrides": overrides} if overrides else {}
    options |= {"host": host, "port": port, "token_file": token_file, "started": started, "llm": llm, "config": config}
    path = address_of(index) or index
    if replicas is None and ray is None:
        run(path, log=log, **options)
    else:
        from hippo.serving.replicas import serve_replicas

        serve_replicas(path, replicas=2 if replicas is None else replicas, address=ray, log=log, **options)
