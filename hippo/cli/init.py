"""`hippo init`: a configuration file with every key, its default and its meaning, made from the code that reads it."""

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import Field, fields
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hippo.cli.output import console, printable
from hippo.errors import InputError

if TYPE_CHECKING:
    from hippo.registry import Kind

__all__ = ["EXAMPLES", "attribute_meanings", "default_toml", "init"]

EXAMPLES = ("hippo init", "hippo init settings/hippo.toml --force", "hippo index my-index notes/ --config hippo.toml")

_HEADER = """\
# Configuration of hippo. Every key stands here with its default; remove the # in front of a key to set it.
#
# An index keeps the sections chunking, encoder, extractor and graph that it was made with; they are needed once.
# The environment wins over this file (HIPPO_CHUNKING__MAX_TOKENS=128), options of a command win over both.
"""
_BACK_ENDS: "dict[str, Kind]" = {
    "encoder": "encoder",
    "extractor": "extractor",
    "llm": "llm",
    "recognition": "recognition",
    "reranking": "reranking",
}
_ATTRIBUTE = re.compile(r"    (\w+): (.*)")


def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write.")] = Path("hippo.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
) -> None:
    """Write a configuration file with all keys, explained.

    Every key stands there as a comment with its default and its meaning, ready to be edited. Use the file with the
    option --config of the other commands.
    """
    if file.exists() and not force:
        raise InputError(f"{file}: exists already; use --force to replace it, or name another file")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(default_toml(), encoding="utf-8")
    console().print(printable(f"wrote {file}; use it with: hippo index INDEX PATH --config {file}"), soft_wrap=True)


def default_toml() -> str:
    """The configuration file: all keys of `hippo.config.Config` and `Profile`, commented out, with their defaults."""
    from hippo.config import Config
    from hippo.retrieval.profiles import PROFILES, Profile

    lines = [_HEADER.rstrip()]
    for section in fields(Config):
        kind = type(getattr(Config(), section.name))
        lines += ["", f"# {_first_line(kind)}", f"[{section.name}]"]
        meanings = attribute_meanings(kind)
        for item in fields(kind):
            if item.name != "options" and not _is_mapping(item):
                lines += _key(item, meanings, getattr(getattr(Config(), section.name), item.name))
        if section.name in _BACK_ENDS:
            lines += _back_ends(section.name)
    meanings = attribute_meanings(Profile)
    lines += [
        "",
        "# A profile of your own: a known one (base) with some options changed. Remove the # of the next line too.",
        "# [retrieval.profiles.mine]",
    ]
    lines += ['# base = "hippo"']
    for item in fields(Profile):
        if item.name != "name":
            lines += _key(item, meanings, getattr(PROFILES["hippo"], item.name))
    return "\n".join(lines) + "\n"


def _key(item: "Field[Any]", meanings: dict[str, str], default: object) -> Iterator[str]:
    """The meaning of a key, wrapped, and the key with its default; an empty text where nothing is set."""
    yield from (f"#   {line}" for line in wrap(meanings.get(item.name, ""), 116))
    yield f"# {item.name} = {_toml('' if default is None else default)}"


def _back_ends(section: str) -> Iterator[str]:
    """Which names there are, and where their options go."""
    from hippo import registry

    names = registry.names(_BACK_ENDS[section])
    yield f"#   Installed: {', '.join([*names, *(['none'] if section != 'extractor' else [])])}."
    yield f"#   Options of each go into a table of its own, [{section}.NAME]."


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_toml(item)}' for key, item in value.items())} }}"
    return json.dumps(value)


def _is_mapping(item: "Field[Any]") -> bool:
    return item.default_factory is dict


def _first_line(kind: type) -> str:
    return (inspect.getdoc(kind) or kind.__name__).splitlines()[0]


def attribute_meanings(kind: type) -> dict[str, str]:
    """What the docstring of a dataclass says about each attribute, in one line each."""
    found: dict[str, str] = {}
    name = ""
    for line in (inspect.getdoc(kind) or "").partition("Attributes:\n")[2].splitlines():
        if match := _ATTRIBUTE.fullmatch(line):
            name, found[match[1]] = match[1], match[2]
        elif name and line.strip():
            found[name] += f" {line.strip()}"
    return found
