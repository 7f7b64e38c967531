"""The application: all commands under one name."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from hippo import __version__
from hippo.cli import namespaces
from hippo.cli.ask import EXAMPLES as ASK_EXAMPLES
from hippo.cli.ask import ask
from hippo.cli.bench import EXAMPLES as BENCH_EXAMPLES
from hippo.cli.bench import bench
from hippo.cli.change import DELETE_EXAMPLES, UPDATE_EXAMPLES, delete, update
from hippo.cli.config import EXAMPLES as CONFIG_EXAMPLES
from hippo.cli.config import show as show_config
from hippo.cli.consolidate import EXAMPLES as CONSOLIDATE_EXAMPLES
from hippo.cli.consolidate import consolidate
from hippo.cli.context import EXAMPLES as CONTEXT_EXAMPLES
from hippo.cli.context import context
from hippo.cli.convert import EXAMPLES as CONVERT_EXAMPLES
from hippo.cli.convert import convert
from hippo.cli.copies import (
    BACKUP_EXAMPLES,
    PUBLISH_EXAMPLES,
    RESTORE_EXAMPLES,
    backup,
    publish,
    restore,
)
from hippo.cli.demo import EXAMPLES as DEMO_EXAMPLES
from hippo.cli.demo import demo
from hippo.cli.doctor import EXAMPLES as DOCTOR_EXAMPLES
from hippo.cli.doctor import doctor
from hippo.cli.evaluate import EXAMPLES as EVAL_EXAMPLES
from hippo.cli.evaluate import evaluate
from hippo.cli.explore import (
    ENTITIES_EXAMPLES,
    NEIGHBORS_EXAMPLES,
    PASSAGES_EXAMPLES,
    PATHS_EXAMPLES,
    entities,
    neighbors,
    passages,
    paths,
)
from hippo.cli.explorer import EXAMPLES as EXPLORE_EXAMPLES
from hippo.cli.explorer import explore
from hippo.cli.export import EXAMPLES as EXPORT_EXAMPLES
from hippo.cli.export import export
from hippo.cli.history import EXAMPLES as HISTORY_EXAMPLES
from hippo.cli.history import history
from hippo.cli.index import EXAMPLES as INDEX_EXAMPLES
from hippo.cli.index import index
from hippo.cli.init import EXAMPLES as INIT_EXAMPLES
from hippo.cli.init import init
from hippo.cli.link import LINK_EXAMPLES, LINKS_EXAMPLES, link, links
from hippo.cli.look import GET_EXAMPLES, LIST_EXAMPLES, get, list_documents
from hippo.cli.mcp import EXAMPLES as MCP_EXAMPLES
from hippo.cli.mcp import mcp
from hippo.cli.namespaced import namespaced
from hippo.cli.output import reported
from hippo.cli.plot import EXAMPLES as PLOT_EXAMPLES
from hippo.cli.plot import plot
from hippo.cli.prune import EXAMPLES as PRUNE_EXAMPLES
from hippo.cli.prune import prune
from hippo.cli.query import EXAMPLES as QUERY_EXAMPLES
from hippo.cli.query import query
from hippo.cli.remember import (
    FORGET_EXAMPLES,
    MERGE_EXAMPLES,
    RECALL_EXAMPLES,
    REMEMBER_EXAMPLES,
    forget,
    merge,
    recall,
    remember,
)
from hippo.cli.serve import EXAMPLES as SERVE_EXAMPLES
from hippo.cli.serve import serve
from hippo.cli.status import EXAMPLES as STATUS_EXAMPLES
from hippo.cli.status import status
from hippo.cli.synonyms import EXAMPLES as SYNONYMS_EXAMPLES
from hippo.cli.synonyms import synonyms
from hippo.cli.tune import EXAMPLES as TUNE_EXAMPLES
from hippo.cli.tune import tune

__all__ = ["COMMANDS", "app", "run"]

COMMANDS: dict[str, tuple[Callable[..., None], tuple[str, ...]]] = {
    "index": (index, INDEX_EXAMPLES),
    "update": (update, UPDATE_EXAMPLES),
    "delete": (delete, DELETE_EXAMPLES),
    "remember": (remember, REMEMBER_EXAMPLES),
    "recall": (recall, RECALL_EXAMPLES),
    "forget": (forget, FORGET_EXAMPLES),
    "merge": (merge, MERGE_EXAMPLES),
    "consolidate": (consolidate, CONSOLIDATE_EXAMPLES),
    "link": (link, LINK_EXAMPLES),
    "links": (links, LINKS_EXAMPLES),
    "context": (context, CONTEXT_EXAMPLES),
    "query": (query, QUERY_EXAMPLES),
    "ask": (ask, ASK_EXAMPLES),
    "explore": (explore, EXPLORE_EXAMPLES),
    "entities": (entities, ENTITIES_EXAMPLES),
    "neighbors": (neighbors, NEIGHBORS_EXAMPLES),
    "paths": (paths, PATHS_EXAMPLES),
    "passages": (passages, PASSAGES_EXAMPLES),
    "serve": (serve, SERVE_EXAMPLES),
    "synonyms": (synonyms, SYNONYMS_EXAMPLES),
    "status": (status, STATUS_EXAMPLES),
    "list": (list_documents, LIST_EXAMPLES),
    "get": (get, GET_EXAMPLES),
    "eval": (evaluate, EVAL_EXAMPLES),
    "bench": (bench, BENCH_EXAMPLES),
    "tune": (tune, TUNE_EXAMPLES),
    "plot": (plot, PLOT_EXAMPLES),
    "history": (history, HISTORY_EXAMPLES),
    "export": (export, EXPORT_EXAMPLES),
    "convert": (convert, CONVERT_EXAMPLES),
    "mcp": (mcp, MCP_EXAMPLES),
    "doctor": (doctor, DOCTOR_EXAMPLES),
    "backup": (backup, BACKUP_EXAMPLES),
    "restore": (restore, RESTORE_EXAMPLES),
    "publish": (publish, PUBLISH_EXAMPLES),
    "prune": (prune, PRUNE_EXAMPLES),
    "demo": (demo, DEMO_EXAMPLES),
    "init": (init, INIT_EXAMPLES),
    "namespaces list": (namespaces.list_namespaces, namespaces.LIST_EXAMPLES),
    "namespaces copy": (namespaces.copy_namespace, namespaces.COPY_EXAMPLES),
    "namespaces delete": (namespaces.delete_namespace, namespaces.DELETE_EXAMPLES),
    "config show": (show_config, CONFIG_EXAMPLES),
}
"""What runs, and examples, by name."""

_GROUPS = {
    "namespaces": "List, copy and delete the namespaces of an index.",
    "config": "See the settings, and where their values come from.",
}
"""What the commands of two words have in common, by the first one."""

_EXAMPLES = (
    "hippo demo",
    "hippo index my-index notes/",
    'hippo query my-index "Who founded the company that built the bridge?" --explain',
)


def _epilog(examples: tuple[str, ...]) -> str:
    r"""Examples as the last section of a help text; `\b` keeps their lines as they are."""
    return "\n".join(["\b", "Examples:", *(f"  {example}" for example in examples)])


def _new(name: str, text: str, examples: tuple[str, ...]) -> typer.Typer:
    return typer.Typer(
        name=name,
        help=text,
        epilog=_epilog(examples),
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )


app = _new(
    "hippo",
    "Graph-based long-term memory for language models: index documents, ask questions, see the evidence.",
    _EXAMPLES,
)
_groups: dict[str, typer.Typer] = {}
for _names, (_command, _examples) in COMMANDS.items():
    *_group, _name = _names.split()
    for _first in _group:
        if _first not in _groups:
            _groups[_first] = _new(_first, _GROUPS[_first], _examples)
            app.add_typer(_groups[_first])
    _home = _groups[_group[0]] if _group else app
    _home.command(_name, epilog=_epilog(_examples))(reported(namespaced(_command)))


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hippo {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def run() -> None:
    """Run the command that `sys.argv` names."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that cannot show a character shows its code instead of ending the program.
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="hippo")
