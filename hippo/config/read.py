"""What a configuration is read from: a TOML file, the environment, a `Config`."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hippo.config.places import Place
from hippo.config.sections import Config
from hippo.errors import ConfigError

__all__ = ["Given", "from_config", "from_environment", "from_toml"]

Given = tuple[Place, Mapping[str, Any]]
"""Values, by section, and the place that they come from."""

_PREFIX = "HIPPO_"


def from_toml(path: Path) -> Given:
    """The values of a file.

    Raises:
        ConfigError: It cannot be read, or is no TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return Place(str(path), text), tomllib.loads(text)
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


def from_environment(environment: Mapping[str, str]) -> list[Given]:
    """The value of each variable `HIPPO_SECTION__KEY`, in order of their names."""
    found: list[Given] = []
    for variable, raw in sorted(environment.items()):
        if not variable.startswith(_PREFIX) or "__" not in variable:
            continue
        try:
            value = tomllib.loads(f"value = {raw}")["value"]
        except tomllib.TOMLDecodeError:
            value = raw
        for key in reversed(variable.removeprefix(_PREFIX).split("__")):
            value = {key.lower(): value}
        found.append((Place(variable), value))
    return found


def from_config(config: Config) -> Given:
    """The values of a `Config`, with the options of each back-end under its name, as in TOML."""
    sections = asdict(config)
    for values in sections.values():
        values.update(values.pop("options", {}))
    return Place("config"), sections
