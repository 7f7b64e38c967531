"""Building a configuration from its layers."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hippo.config.check import check, refuse_secrets, sections_of
from hippo.config.places import Place, Places
from hippo.config.read import FILE_VARIABLE, Given, from_config, from_environment, from_toml
from hippo.config.sections import SECTIONS, Config
from hippo.errors import ConfigError

__all__ = ["KEYWORD", "load_config"]

KEYWORD = "keyword"
"""Place of values that the caller handed over as an argument."""
_STORED = "index"
"""Place of settings that an index stored, which were checked when it was made."""


def load_config(
    source: "Config | Mapping[str, Any] | str | os.PathLike[str] | None" = None,
    overrides: Mapping[str, Any] | None = None,
    *,
    stored: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Config:
    """Build a configuration from layers: of two values for a key that of the stronger layer counts.

    From the weakest: what the index stored, the file, the environment, a mapping, the overrides. What a layer says of
    all language models (`llm.max_cost`) also counts more than what weaker ones say of a single use of them
    (`llm.uses.reader.max_cost`). A `Config` has a value for every key, so that only overrides change it.

    Args:
        source: The path of a TOML file, which the environment may change; or a mapping like it or a `Config`, which it
            may not. None: the file that the variable `HIPPO_CONFIG` names, if there is one.
        overrides: A mapping like the TOML, stronger than everything else.
        stored: Settings of an existing index, a mapping like the TOML, weaker than everything else.
        environment: Variables to read `HIPPO_SECTION__KEY` from; None: the process's.

    Raises:
        ConfigError: On an unknown key, a value that its key does not take, or a secret in a file.
    """
    variables = os.environ if environment is None else environment
    if source is None and FILE_VARIABLE in variables:
        source = _named_file(variables[FILE_VARIABLE])
    layers: list[list[Given]]
    if isinstance(source, Config):
        layers, before = [[from_config(source)]], source.places.layers
    else:
        layers, before = _layers(source, stored or {}, from_environment(variables)), ()
    changes: Given = (Place(KEYWORD), overrides or {})
    merged: dict[str, Any] = {}
    for layer in [*layers, [changes]]:
        merged = _over(merged, _checked(layer))
    # What is known of a `Config` says more than that it was one.
    places = Places((*(given for layer in layers for given in layer), *before, changes))
    try:
        config = Config(**{name: SECTIONS[name](**values) for name, values in merged.items()})
    except ConfigError as error:
        _, key, problem = error.args
        raise ConfigError(places.of(key) or "config", key, problem) from None
    # No field: where values come from makes no difference to what they are, nor to whether two are equal.
    object.__setattr__(config, "_places", places)
    return config


def _named_file(name: str) -> Path:
    if not name:
        raise ConfigError(FILE_VARIABLE, "file", "names no file; unset it, or give it a path")
    return Path(name)


def _layers(source: object, stored: Mapping[str, Any], environment: list[Given]) -> list[list[Given]]:
    """All but the overrides, weakest first. The variables of the environment are one layer together."""
    index: list[Given] = [(Place(_STORED), stored)]
    if source is None:
        return [index, environment]
    if isinstance(source, str | os.PathLike):
        return [index, [from_toml(Path(source))], environment]
    if isinstance(source, Mapping):
        return [index, environment, [(Place("config"), source)]]
    raise ConfigError("config", "config", f"must be a Config, a mapping or a path, got {type(source).__name__}")


def _checked(layer: list[Given]) -> dict[str, Any]:
    """The sections of a layer as one table."""
    merged: dict[str, Any] = {}
    for place, values in layer:
        sections = sections_of(place, values)
        if place.name != _STORED:
            refuse_secrets(place, values)
            for name, keys in sections.items():
                check(place, name, keys)
        merged = _merged(merged, sections)
    return merged


def _over(weaker: Mapping[str, Any], stronger: Mapping[str, Any]) -> dict[str, Any]:
    """Two layers as one."""
    below, above = weaker.get("llm", {}), stronger.get("llm", {})
    if "uses" in below:
        for_all = {**above, **above.get("options", {})}  # In a use, options stand beside the keys.
        uses = {use: _without(own, for_all) for use, own in below["uses"].items()}
        weaker = {**weaker, "llm": {**below, "uses": uses}}
    return _merged(weaker, stronger)


def _merged(weaker: Mapping[str, Any], stronger: Mapping[str, Any]) -> dict[str, Any]:
    """Two tables as one, with the tables in them likewise."""
    merged = dict(weaker)
    for key, value in stronger.items():
        merged[key] = _merged(merged[key], value) if _both_tables(merged.get(key), value) else value
    return merged


def _without(weaker: Mapping[str, Any], stronger: Mapping[str, Any]) -> dict[str, Any]:
    """A table without the keys that another one sets, and the tables in it likewise."""
    left = {}
    for key, value in weaker.items():
        if _both_tables(value, stronger.get(key)):
            left[key] = _without(value, stronger[key])
        elif key not in stronger:
            left[key] = value
    return left


def _both_tables(one: object, other: object) -> bool:
    return isinstance(one, Mapping) and isinstance(other, Mapping)
