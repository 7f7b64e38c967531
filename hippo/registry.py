"""Back-ends by name, found through entry points: hippo's own and those of any installed plug-in.

A distribution offers a back-end with, for example,

```toml
[project.entry-points."hippo.encoders"]
my-encoder = "my_package.encoder:MyEncoder"
```

Looking up names reads package metadata only; a back-end's module is imported when it is loaded.
"""

import inspect
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from hippo.errors import ConfigError, MissingExtraError, UnknownNameError

__all__ = ["GROUPS", "Kind", "create", "load", "names"]

Kind = Literal["encoder", "extractor", "chunker", "vectors", "pagerank"]
"""What a back-end is."""

GROUPS: dict[str, str] = {
    "encoder": "hippo.encoders",
    "extractor": "hippo.extractors",
    "chunker": "hippo.chunkers",
    "vectors": "hippo.vectors",
    "pagerank": "hippo.pagerank",
}
"""Entry point group of each kind."""

_DISTRIBUTION = "hippo-memory"


def names(kind: Kind) -> list[str]:
    """Names of the installed back-ends of a kind, sorted.

    Raises:
        UnknownNameError: `kind` is none of `GROUPS`.

    Examples:
        >>> "hashing" in names("encoder")
        True
    """
    return sorted({entry.name for entry in _entries(kind)})


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
                f"no {kind} of hippo itself is registered, so its package metadata is missing or out of date. "
                f"Reinstall it: pip install {_DISTRIBUTION}, or pip install --no-deps -e . in a checkout"
            )
            raise ConfigError(f"entry points {GROUPS[kind]!r}", name, problem)
        raise UnknownNameError(kind, name, sorted({entry.name for entry in entries}))
    if len(found) > 1:
        owners = ", ".join(sorted(f"{_distribution(entry)} ({entry.value})" for entry in found.values()))
        raise ConfigError(f"entry points {GROUPS[kind]!r}", name, f"claimed more than once, uninstall one: {owners}")
    return _import(kind, next(iter(found.values())))


def create(kind: Kind, name: str, **options: Any) -> Any:
    """Make a back-end: `load(kind, name)(**options)`, with the options checked against its signature.

    Raises:
        ConfigError: The class takes no such option, or needs one that is not given. See also `load`.

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
    where = f"{kind} {name!r}"
    open_ended = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    named = {key: item for key, item in parameters.items() if item.kind is not inspect.Parameter.VAR_KEYWORD}
    for option in options:
        if option not in named and not open_ended:
            known = ", ".join(sorted(named)) or "none"
            raise ConfigError(where, option, f"no such option. Known: {known}")
    for option, parameter in named.items():
        if parameter.default is inspect.Parameter.empty and option not in options:
            raise ConfigError(where, option, "required, but not given")
    return back_end(**options)


def _entries(kind: str) -> list[EntryPoint]:
    if kind not in GROUPS:
        raise UnknownNameError("kind of back-end", kind, sorted(GROUPS))
    return list(entry_points(group=GROUPS[kind]))


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name.lower().replace("_", "-") if entry.dist else "unknown"


def _import(kind: str, entry: EntryPoint) -> type[Any]:
    what, owner = f"{kind} {entry.name!r}", _distribution(entry)
    try:
        loaded = entry.load()
    except ModuleNotFoundError as error:
        missing = error.name or str(error)
        if owner == _DISTRIBUTION and not missing.startswith("hippo"):
            raise MissingExtraError(what, missing, "all") from error
        raise ConfigError(what, entry.value, f"the distribution {owner!r} cannot be imported: {error}") from error
    except (ImportError, AttributeError) as error:
        raise ConfigError(what, entry.value, f"the distribution {owner!r} cannot be imported: {error}") from error
    if not isinstance(loaded, type):
        raise ConfigError(what, entry.value, f"must be a class, got {type(loaded).__name__}")
    return loaded
