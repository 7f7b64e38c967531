"""What the sections share: tables of options, and how a value that is wrong is told."""

from collections.abc import Mapping
from typing import Any

from hippo.errors import ConfigError
from hippo.redact import redacted

__all__ = ["Options", "checked", "options"]


class Options(dict[str, Any]):
    """Options as they were given, whose secrets are not shown when they are printed."""

    def __repr__(self) -> str:
        return repr(redacted(dict(self)))


def checked(holds: bool, key: str, problem: str) -> None:
    """Raise a `ConfigError` about a key unless its value holds."""
    if not holds:
        raise ConfigError("config", key, problem)


def options(tables: Mapping[str, Any]) -> Options:
    """Tables of options by name, as `Options`."""
    return Options({name: Options(own) if isinstance(own, Mapping) else own for name, own in tables.items()})
