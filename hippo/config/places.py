"""Where the values of a configuration come from: file and line, variable or keyword, so that errors can say so."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Place", "Places", "holds"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where values come from, to say so in an error.

    Attributes:
        name: File, variable or "keyword".
        text: What a file holds; "": it is no file.
    """

    name: str
    text: str = field(default="", repr=False)

    def at(self, key: str) -> str:
        """Name of the place, with the line of a dotted key where the text is known."""
        line = _line_of(self.text, key) if self.text else None
        return self.name if line is None else f"{self.name}, line {line}"


@dataclass(frozen=True, slots=True)
class Places:
    """Where the values of a configuration come from, so that errors can say so.

    Attributes:
        layers: Places with the values that each holds, weakest first.
    """

    layers: tuple[tuple[Place, Mapping[str, Any]], ...] = field(default=(), repr=False)

    def of(self, key: str) -> str | None:
        """File and line, variable or "keyword" that gave a dotted key, else the nearest table around it.

        None: no layer has even its section.
        """
        for path in _prefixes(key):
            for place, layer in self.layers[::-1]:
                if holds(layer, path):
                    return place.at(key)
        return None


def _prefixes(key: str) -> list[str]:
    """A dotted key and the tables around it, innermost first."""
    parts = key.split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]


def holds(layer: Any, key: str) -> bool:
    """Whether a table holds a dotted key."""
    for part in key.split("."):
        if not isinstance(layer, Mapping) or part not in layer:
            return False
        layer = layer[part]
    return True


def _line_of(text: str, key: str) -> int | None:
    """Line of a dotted key in a TOML text, or of the nearest table around it, counted from 1."""
    return next((line for path in _prefixes(key) if (line := _line_of_exactly(text, path))), None)


def _line_of_exactly(text: str, key: str) -> int | None:
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line)
        if header:
            current = re.sub(r"[\"']", "", header.group(1))
            if f"{current}.".startswith(f"{key}."):
                return number
            continue
        entry = re.match(r"""\s*([\w.\-"']+)\s*=""", line)
        name = re.sub(r"[\"']", "", entry.group(1)) if entry else ""
        if name and f"{current}.{name}".lstrip(".") == key:
            return number
    return None
