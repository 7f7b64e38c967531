"""One layer of a configuration: names and types of its keys, and no secret where secrets do not belong."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any, cast

from hippo.config.places import Place
from hippo.config.sections import SECTIONS
from hippo.errors import ConfigError
from hippo.redact import is_secret, redacted

__all__ = ["check", "refuse_secrets", "sections_of"]

_OPTIONAL = ("language", "max_cost", "input_price", "output_price", "token_file")
"""Keys that may be without a value. TOML knows no null: an empty text stands for it."""
_PLAIN = (str, int, float)
"""Types that need no look by pydantic, whose import takes longer than opening an index."""
_KEPT = ("encoder", "extractor")
"""Sections with options that are kept in the index."""


def sections_of(place: Place, layer: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The keys of each section as its class has them: `[encoder.NAME]` is an entry of the encoder's `options`.

    Raises:
        ConfigError: An unknown section, or one that is no table.
    """
    found = {}
    for name, values in layer.items():
        if name not in SECTIONS:
            raise ConfigError(place.at(name), name, f"unknown section. Known: {', '.join(SECTIONS)}")
        if not isinstance(values, Mapping):
            raise ConfigError(place.at(name), name, f"must be a table of keys, got {redacted(values, name)!r}")
        options = {key: value for key, value in values.items() if _is_back_end(name, key, value)}
        keys = _with_none({key: value for key, value in values.items() if key not in options})
        found[name] = {**keys, "options": options} if options else keys
    return found


def _is_back_end(section: str, key: str, value: object) -> bool:
    own = _types(section).keys() - {"options"}
    return "options" in _types(section) and isinstance(value, Mapping) and key not in own


def check(place: Place, section: str, values: Mapping[str, Any]) -> None:
    """Check one section of a layer; ranges are checked once all layers are one.

    Raises:
        ConfigError: A key is unknown, or its value has another type.
    """
    for key, value in values.items():
        _check_key(place, f"{section}.{key}", section, key, value)
    uses = values.get("uses", {}) if section == "llm" else {}
    for use, own in uses.items():  # Which uses and keys there are is known to `LLMConfig`.
        for key, value in own.items():
            if key in _types(section):
                _check_key(place, f"{section}.uses.{use}.{key}", section, key, value)


def refuse_secrets(place: Place, layer: Mapping[str, Any]) -> None:
    """Refuse secrets in files, and in the options that an index keeps, wherever they come from.

    Raises:
        ConfigError: There is one.
    """
    for section, values in layer.items():
        for path in _secrets(section, values):
            if place.text or section in _KEPT:
                where = "a file" if place.text else "an index, which keeps its options"
                remedy = "Put it into an environment variable, and name that with api_key_env"
                raise ConfigError(place.at(path), path, f"a secret must not stand in {where}. {remedy}")


def _secrets(path: str, value: Any) -> Iterator[str]:
    """Dotted keys of the secrets below a dotted key. Headers are judged one by one."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _secrets(f"{path}.{key}", item)
    elif isinstance(value, str | list) and value and is_secret(path.rpartition(".")[2]):
        yield path


def _with_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """Keys of a section, or of a use of language models, with None for an empty text that means it."""
    found = {key: None if key in _OPTIONAL and value == "" else value for key, value in values.items()}
    if isinstance(uses := values.get("uses"), Mapping):
        found["uses"] = {use: _with_none(own) if isinstance(own, Mapping) else own for use, own in uses.items()}
    return found


def _check_key(place: Place, path: str, section: str, key: str, value: Any) -> None:
    problem: str | None
    if key not in _types(section):
        problem = f"unknown key. Known: {', '.join(name for name in _types(section) if name != 'options')}"
    else:
        problem = _type_problem(section, key, value)
    if problem:
        raise ConfigError(place.at(path), path, problem)


def _type_problem(section: str, key: str, value: Any) -> str | None:
    if (type(value) in _PLAIN and type(value) is _types(section)[key]) or (value is None and key in _OPTIONAL):
        return None
    from pydantic import ValidationError

    try:
        _adapters(section)[key].validate_python(value, strict=True)
    except ValidationError as error:
        return f"{error.errors()[0]['msg'].lower()}, got {redacted(value, key)!r}"
    return None


@lru_cache
def _types(section: str) -> dict[str, Any]:
    return {item.name: item.type for item in fields(SECTIONS[section])}


@lru_cache
def _adapters(section: str) -> dict[str, Any]:
    from pydantic import TypeAdapter

    return {key: TypeAdapter(cast("type[Any]", kind)) for key, kind in _types(section).items()}
