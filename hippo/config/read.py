"""What a configuration is read from: a TOML file, the environment, a `Config`."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from hippo.config.places import Place
from hippo.config.sections import SECTIONS, Config
from hippo.errors import ConfigError

__all__ = ["FILE_VARIABLE", "Given", "from_config", "from_environment", "from_toml"]

Given = tuple[Place, Mapping[str, Any]]
"""Values, by section, and the place that they come from."""

_PREFIX = "HIPPO_"
_LINKED = re.compile(r"(?:tcp|udp|sctp)://")
"""What Kubernetes and Docker set of themselves: `HIPPO_SERVE_PORT` of a service that is called hippo-serve."""
FILE_VARIABLE = "HIPPO_CONFIG"
"""Names the file, unless the caller does."""
_MOST_KEYS = 16
"""Parts of the name of a variable."""
_SHOWN = 60
_MOST_LEVELS = 64
_TOO_DEEP = f"tables and lists nest deeper than {_MOST_LEVELS} levels"


def from_toml(path: Path) -> Given:
    """The values of a file.

    Raises:
        ConfigError: It cannot be read, or is no TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return Place(str(path), text), _parsed(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"\(at (.*)\)$", str(error))
        line = re.search(r"line (\d+)", where.group(1)) if where else None
        number = int(line.group(1)) if line else len(text.splitlines())
        culprit = text.splitlines()[number - 1].strip() if 0 < number <= len(text.splitlines()) else ""
        # The first word alone: what follows may be a secret.
        key = next(iter(culprit.split("=")[0].split()), "(end of file)")
        problem = re.sub(r"\s*\(at .*\)$", "", str(error))
        raise ConfigError(f"{path}, line {number}", key, f"not valid TOML: {problem}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), "file", f"cannot be read: {error}") from error
    except ValueError as error:
        raise ConfigError(str(path), "file", f"not valid TOML: {error}") from error


def _parsed(text: str) -> dict[str, Any]:
    """Values of TOML.

    Raises:
        ValueError: It is none, or holds tables in tables without end, or numbers of thousands of digits.
    """
    try:
        values = tomllib.loads(text)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    level: list[Any] = [values]
    for _ in range(_MOST_LEVELS):
        parts = (part for whole in level for part in (whole.values() if isinstance(whole, dict) else whole))
        level = [part for part in parts if isinstance(part, dict | list)]
    if level:
        raise ValueError(_TOO_DEEP)
    return values


def from_environment(environment: Mapping[str, str]) -> list[Given]:
    """The value of each variable `HIPPO_SECTION__KEY`, in order of their names.

    Raises:
        ConfigError: A name has too many parts, or is that of an option with one underscore in place of two.
    """
    found: list[Given] = []
    for variable, raw in sorted(environment.items()):
        if not variable.startswith(_PREFIX):
            continue
        if "__" not in variable:
            if not _LINKED.match(raw):
                _refuse_misspelt(variable)
            continue
        keys = variable.removeprefix(_PREFIX).split("__")
        if len(keys) > _MOST_KEYS:
            raise ConfigError(f"{variable[:_SHOWN]}…", keys[0].lower(), f"{len(keys)} keys within one another")
        try:
            value = _parsed(f"value = {raw}")["value"]
        except ValueError:  # no TOML: a text, whose type is checked later
            value = raw
        for key in reversed(keys):
            value = {key.lower(): value}
        found.append((Place(variable), value))
    return found


def _refuse_misspelt(variable: str) -> None:
    """Refuse a variable that nobody would read, and that somebody meant as an option."""
    name = variable.removeprefix(_PREFIX).lower()
    for section, kind in SECTIONS.items():
        key = name.removeprefix(f"{section}_")
        if key != name and key in {one.name for one in fields(kind)}:
            meant = f"{_PREFIX}{section}__{key}".upper()
            raise ConfigError(variable, f"{section}.{key}", f"is set by {meant}, with two underscores")


def from_config(config: Config) -> Given:
    """The values of a `Config`, with the options of each back-end under its name, as in TOML."""
    sections = asdict(config)
    for values in sections.values():
        values.update(values.pop("options", {}))
    return Place("config"), sections
