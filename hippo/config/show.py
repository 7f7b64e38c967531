"""Every value of a configuration, with the place that it comes from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hippo.config.places import holds
from hippo.config.read import from_config
from hippo.config.sections import Config
from hippo.redact import redacted
from hippo.types.plain import Plain

__all__ = ["Setting", "settings_of"]


@dataclass(frozen=True, slots=True)
class Setting(Plain):
    """One value.

    Attributes:
        key: Its dotted key, as in a TOML file: "llm.openai.base_url".
        value: The value; secrets are masked.
        source: File and line, variable, "keyword", "config" (an object or mapping), "index" (what an index keeps), or
            "default".
    """

    key: str
    value: Any
    source: str


def settings_of(config: Config) -> list[Setting]:
    """Every key of a configuration, in the order of its sections.

    Examples:
        >>> from hippo.config import load_config
        >>> found = {one.key: one for one in settings_of(load_config(None, {"llm": {"attempts": 3}}, environment={}))}
        >>> found["llm.attempts"].value, found["llm.attempts"].source, found["llm.timeout"].source
        (3, 'keyword', 'default')
    """
    _, sections = from_config(config)
    return [
        Setting(key, redacted(value, key.rpartition(".")[2]), _source(config, key))
        for key, value in _leaves(sections, "")
    ]


def _leaves(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _source(config: Config, key: str) -> str:
    """The strongest place that holds the very key."""
    for place, layer in config.places.layers[::-1]:
        if holds(layer, key):
            return place.at(key)
    return "default"
