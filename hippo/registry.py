"""Back-ends by name, found through entry points: hippo's own and those of any installed plug-in.

A distribution offers a back-end with, for example,

```toml
[project.entry-points."hippo.encoders"]
my-encoder = "my_package.encoder:MyEncoder"
```

Looking up names reads package metadata only; a back-end's module is imported when it is loaded.
"""

import inspect
import sys
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import NoneType, SimpleNamespace, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hippo.errors import ConfigError, MissingExtraError, UnknownNameError
from hippo.redact import redacted, told_by

__all__ = ["GROUPS", "Kind", "check", "create", "load", "names"]

Kind = Literal["encoder", "extractor", "chunker", "vectors", "pagerank", "llm", "recognition", "reranking"]
"""What a back-end is."""

GROUPS: dict[str, str] = {
    "encoder": "hippo.encoders",
    "extractor": "hippo.extractors",
    "chunker": "hippo.chunkers",
    "vectors": "hippo.vectors",
    "pagerank": "hippo.pagerank",
    "llm": "hippo.llms",
    "recognition": "hippo.recognition",
    "reranking": "hippo.reranking",
}
"""Entry point group of each kind."""

_LABELS = {
    "vectors": "vector index",
    "pagerank": "PageRank engine",
    "llm": "language model",
    "recognition": "fact filter",
    "reranking": "re-ranker",
}
"""What messages call a kind, where not by its own name."""
_DISTRIBUTION = "hippo-memory"
_PLAIN = (str, int, float, bool, NoneType, list, dict)
"""Types of values in a configuration; any other value was made by code and is left to the back-end to judge."""


def names(kind: Kind) -> list[str]:
    """Names of the installed back-ends of a kind, sorted.

    Raises:
        UnknownNameError: `kind` is none of `GROUPS`.

    Examples:
        >>> "hashing" in names("encoder")
        True
    """
    return sorted({entry.name for entry in _entries(kind)})


def check(kind: Kind, name: str, *, also: Sequence[str] = ()) -> None:
    """Make sure that a name is that of an installed back-end, or one of `also`. Nothing is imported.

    Raises:
        UnknownNameError: It is none; the known ones are listed.
    """
    if name not in also and name not in names(kind):
        raise UnknownNameError(_label(kind), name, sorted({*also, *names(kind)}))


def load(kind: Kind, name: str) -> type[Any]:
    """Import the class behind a name.

    Raises:
        UnknownNameError: No back-end of that name; the known ones are listed.
        ConfigError: hippo's metadata is missing, two distributions claim the name, or a plug-in cannot be imported.
        MissingExtraError: A module of hippo needs a package that is not installed.
    """
    entries = _entries(kind)
    found = {entry.value: entry for entry in entries if entry.name == name}
    if not found:
        if not any(_distribution(entry) == _DISTRIBUTION for entry in entries):
            problem = (
                f"no {_label(kind)} of hippo itself is registered, so its package metadata is missing or out of date. "
                f"Reinstall it: pip install {_DISTRIBUTION}, or pip install --no-deps -e . in a checkout"
            )
            raise ConfigError(f"entry points {GROUPS[kind]!r}", name, problem)
        raise UnknownNameError(_label(kind), name, sorted({entry.name for entry in entries}))
    if len(found) > 1:
        owners = ", ".join(sorted(f"{_distribution(entry)} ({entry.value})" for entry in found.values()))
        raise ConfigError(f"entry points {GROUPS[kind]!r}", name, f"claimed more than once, uninstall one: {owners}")
    return _import(kind, next(iter(found.values())))


def create(kind: Kind, name: str, **options: Any) -> Any:
    """Make a back-end: `load(kind, name)(**options)`, with the options checked against its signature.

    Raises:
        ConfigError: The class takes no such option, not with this value, or needs one that is not given. See also
            `load`.

    Examples:
        >>> create("encoder", "hashing", dimension=64).dimension
        64
    """
    back_end = load(kind, name)
    parameters = {
        parameter.name: parameter
        for parameter in inspect.signature(back_end).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_POSITIONAL
    }
    where = f"{_label(kind)} {name!r}"
    open_ended = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    named = {key: item for key, item in parameters.items() if item.kind is not inspect.Parameter.VAR_KEYWORD}
    for option in options:
        if option not in named and not open_ended:
            known = ", ".join(sorted(named)) or "none"
            raise ConfigError(where, option, f"no such option. Known: {known}")
    for option, parameter in named.items():
        if parameter.default is inspect.Parameter.empty and option not in options:
            raise ConfigError(where, option, "required, but not given")
    for option in options.keys() & named.keys():
        kind_of_value = _annotation(back_end, named[option])
        if type(options[option]) in _PLAIN and not _fits(options[option], kind_of_value):
            shown = redacted(options[option], option)
            raise ConfigError(where, option, f"must be {_words(kind_of_value)}, got {shown!r}")
    try:
        return back_end(**options)
    except (AttributeError, TypeError, ValueError) as error:
        if not options:
            raise
        problem, cause = told_by(error, options)
        raise ConfigError(where, ", ".join(options), f"not taken: {problem}") from cause


def _annotation(back_end: type[Any], parameter: inspect.Parameter) -> Any:
    """The type of a parameter; `Any` where it has none or names one that is imported for type checkers only."""
    if parameter.annotation is inspect.Parameter.empty:
        return Any
    holder = SimpleNamespace(__annotations__={parameter.name: parameter.annotation})
    try:
        return get_type_hints(holder, getattr(back_end.__init__, "__globals__", {}))[parameter.name]
    except (NameError, TypeError):
        return Any


def _fits(value: Any, kind: Any) -> bool:
    """Whether a plain value is of a plain type. Types that are not plain are left to the back-end."""
    if get_origin(kind) in (Union, UnionType):
        return any(_fits(value, part) for part in get_args(kind))
    if get_origin(kind) is Literal:
        return any(type(value) is type(part) and value == part for part in get_args(kind))
    if kind is float:
        return type(value) in (int, float)
    return type(value) is kind if kind in (str, int, bool, NoneType) else True


def _words(kind: Any) -> str:
    if get_origin(kind) in (Union, UnionType):
        return " or ".join(_words(part) for part in get_args(kind) if part is not NoneType)
    if get_origin(kind) is Literal:
        return " or ".join(repr(part) for part in get_args(kind))
    return {str: "text", int: "a whole number", float: "a number", bool: "true or false"}.get(kind, str(kind))


def _label(kind: str) -> str:
    return _LABELS.get(kind, kind)


def _entries(kind: str) -> list[EntryPoint]:
    if kind not in GROUPS:
        raise UnknownNameError("kind of back-end", kind, sorted(GROUPS))
    return _installed(tuple((path, _changed(path)) for path in sys.path))[GROUPS[kind]]


@lru_cache(maxsize=1)
def _installed(places: tuple[tuple[str, int], ...]) -> dict[str, list[EntryPoint]]:  # noqa: ARG001 - the key
    """Entry points of all distributions, by group. Reading their files takes longer than opening an index."""
    found = entry_points()
    return {group: list(found.select(group=group)) for group in GROUPS.values()}


def _changed(path: str) -> int:
    """When something was last installed in a folder of modules: nanoseconds, 0 where there is none."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0


def _distribution(entry: EntryPoint) -> str:
    """Whose it is: for messages alone, since that reads the whole description of a distribution."""
    return entry.dist.name.lower().replace("_", "-") if entry.dist else "unknown"


def _import(kind: str, entry: EntryPoint) -> type[Any]:
    what = f"{_label(kind)} {entry.name!r}"
    try:
        loaded = entry.load()
    except ModuleNotFoundError as error:
        missing, owner = error.name or str(error), _distribution(entry)
        if owner == _DISTRIBUTION and not missing.startswith("hippo"):
            raise MissingExtraError(what, missing, "all") from error
        raise ConfigError(what, entry.value, f"the distribution {owner!r} cannot be imported: {error}") from error
    except (ImportError, AttributeError) as error:
        problem = f"the distribution {_distribution(entry)!r} cannot be imported: {error}"
        raise ConfigError(what, entry.value, problem) from error
    if not isinstance(loaded, type):
        raise ConfigError(what, entry.value, f"must be a class, got {type(loaded).__name__}")
    return loaded
