"""Building a configuration from its layers."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from hippo.config.places import Place, Places
from hippo.config.sections import (
    ChunkingConfig,
    EncoderConfig,
    ExtractorConfig,
    GraphConfig,
    IndexingConfig,
    LLMConfig,
    ReaderConfig,
    RecognitionConfig,
    RetrievalConfig,
)
from hippo.errors import ConfigError

__all__ = ["KEYWORD", "Config", "load_config"]

KEYWORD = "keyword"
"""Place of values that the caller handed over as an argument."""
_ENVIRONMENT_PREFIX = "HIPPO_"
_STORED = "index"
"""Place of settings that an index stored, which were checked when it was made."""


@dataclass(frozen=True)
class Config:
    """The whole configuration. Every field has a default that works."""

    chunking: ChunkingConfig = field(default_factory=ChunkingConfig)
    extractor: ExtractorConfig = field(default_factory=ExtractorConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    graph: GraphConfig = field(default_factory=GraphConfig)
    indexing: IndexingConfig = field(default_factory=IndexingConfig)
    retrieval: RetrievalConfig = field(default_factory=RetrievalConfig)
    llm: LLMConfig = field(default_factory=LLMConfig)
    recognition: RecognitionConfig = field(default_factory=RecognitionConfig)
    reader: ReaderConfig = field(default_factory=ReaderConfig)

    @property
    def places(self) -> Places:
        """Where the values come from; nothing is known of a `Config` that was not made by `load_config`."""
        known: Places = self.__dict__.get("_places", Places())
        return known


_SECTIONS: dict[str, type] = {
    "chunking": ChunkingConfig,
    "extractor": ExtractorConfig,
    "encoder": EncoderConfig,
    "graph": GraphConfig,
    "indexing": IndexingConfig,
    "retrieval": RetrievalConfig,
    "llm": LLMConfig,
    "recognition": RecognitionConfig,
    "reader": ReaderConfig,
}
_BACK_ENDS = ("extractor", "encoder", "llm", "recognition")
_OPTIONAL = ("language", "max_cost", "input_price", "output_price")
"""Keys that may be without a value. TOML knows no null: an empty text stands for it."""
_PLAIN = (str, int, float)
"""Types that need no look by pydantic, whose import takes longer than opening an index."""


def load_config(
    source: "Config | Mapping[str, Any] | str | os.PathLike[str] | None" = None,
    overrides: Mapping[str, Any] | None = None,
    *,
    stored: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Config:
    """Build a configuration.

    Args:
        source: The path of a TOML file, which the environment may change; or a mapping like it or a `Config`, which it
            may not.
        overrides: A mapping like the TOML, stronger than everything else.
        stored: Settings of an existing index, a mapping like the TOML, weaker than everything else.
        environment: Variables to read `HIPPO_SECTION__KEY` from; None: the process's.

    Raises:
        ConfigError: On an unknown key or a value that its key does not take.
    """
    layers: list[tuple[Place, Mapping[str, Any]]] = [(Place(_STORED), stored)] if stored else []
    if isinstance(source, str | os.PathLike):
        layers.append(_read_toml(Path(source)))
    layers += _read_environment(os.environ if environment is None else environment)
    if isinstance(source, Config):
        layers.append((Place("config"), _as_mapping(source)))
    elif isinstance(source, Mapping):
        layers.append((Place("config"), source))
    elif source is not None and not isinstance(source, str | os.PathLike):
        raise ConfigError("config", "config", f"must be a Config, a mapping or a path, got {type(source).__name__}")
    origins = [*layers, *(source.places.layers if isinstance(source, Config) else ())]
    if overrides:
        layers.append((Place(KEYWORD), overrides))
        origins.append(layers[-1])
    merged: dict[str, dict[str, Any]] = {}
    for place, layer in layers:
        for section, values in _sections(place, layer).items():
            checked = values if place.name == _STORED else _validate(place, section, values)
            target = merged.setdefault(section, {})
            for key, value in checked.items():
                both_maps = isinstance(value, dict) and isinstance(target.get(key), dict)
                target[key] = {**target[key], **value} if both_maps else value
    places = Places(tuple(origins))
    try:
        config = Config(**{name: _SECTIONS[name](**values) for name, values in merged.items()})
    except ConfigError as error:
        _, key, problem = error.args
        raise ConfigError(places.of(key) or "config", key, problem) from None
    # No field: where values come from makes no difference to what they are, nor to whether two are equal.
    object.__setattr__(config, "_places", places)
    return config


def _as_mapping(config: Config) -> dict[str, Any]:
    data = asdict(config)
    for name in _BACK_ENDS:
        options = data[name].pop("options")
        data[name].update(options)
    return data


def _read_toml(path: Path) -> tuple[Place, Mapping[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
        return Place(str(path), text), tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"\(at (.*)\)$", str(error))
        line = re.search(r"line (\d+)", where.group(1)) if where else None
        number = int(line.group(1)) if line else len(text.splitlines())
        culprit = text.splitlines()[number - 1].strip() if 0 < number <= len(text.splitlines()) else ""
        key = culprit.split("=")[0].strip() or "(end of file)"
        problem = re.sub(r"\s*\(at .*\)$", "", str(error))
        raise ConfigError(f"{path}, line {number}", key, f"not valid TOML: {problem}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), "file", f"cannot be read: {error}") from error


def _read_environment(environment: Mapping[str, str]) -> list[tuple[Place, Mapping[str, Any]]]:
    layers = []
    for variable, raw in sorted(environment.items()):
        if not variable.startswith(_ENVIRONMENT_PREFIX) or "__" not in variable:
            continue
        path = [part.lower() for part in variable.removeprefix(_ENVIRONMENT_PREFIX).split("__")]
        try:
            value = tomllib.loads(f"value = {raw}")["value"]
        except tomllib.TOMLDecodeError:
            value = raw
        nested: Any = value
        for part in reversed(path):
            nested = {part: nested}
        layers.append((Place(variable), nested))
    return layers


def _sections(place: Place, layer: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    for name, values in layer.items():
        if name not in _SECTIONS:
            raise ConfigError(place.at(name), name, f"unknown section. Known: {', '.join(_SECTIONS)}")
        if not isinstance(values, Mapping):
            raise ConfigError(place.at(name), name, f"must be a table of keys, got {values!r}")
    sections = {name: dict(values) for name, values in layer.items()}
    for name in _BACK_ENDS:
        if name in sections:
            own = _types(name).keys() - {"options"}
            options = {
                key: dict(value)
                for key, value in sections[name].items()
                if isinstance(value, Mapping) and key not in own
            }
            rest = {key: value for key, value in sections[name].items() if key not in options}
            sections[name] = {**rest, **({"options": options} if options else {})}
    return sections


def _validate(place: Place, section: str, values: dict[str, Any]) -> dict[str, Any]:
    """Check names and types of the keys of one section; ranges are checked once all layers are merged."""
    known = [item.name for item in fields(_SECTIONS[section]) if item.name != "options"]
    values = {key: None if key in _OPTIONAL and value == "" else value for key, value in values.items()}
    for key, value in values.items():
        if key not in _types(section):
            problem: str | None = f"unknown key. Known: {', '.join(known)}"
        else:
            problem = _type_problem(section, key, value)
        if problem:
            raise ConfigError(place.at(f"{section}.{key}"), f"{section}.{key}", problem)
    if section == "llm":
        _validate_uses(place, values.get("uses", {}))
    return values


def _validate_uses(place: Place, uses: Mapping[str, Any]) -> None:
    """Check the types of what `[llm.uses.NAME]` sets; which names and keys there are is known to `LLMConfig`."""
    for use, values in uses.items():
        for key, value in values.items() if isinstance(values, Mapping) else ():
            problem = _type_problem("llm", key, value) if key in _types("llm") else None
            if problem:
                raise ConfigError(place.at(f"llm.uses.{use}.{key}"), f"llm.uses.{use}.{key}", problem)


def _type_problem(section: str, key: str, value: Any) -> str | None:
    if (type(value) in _PLAIN and type(value) is _types(section)[key]) or (value is None and key in _OPTIONAL):
        return None
    from pydantic import ValidationError

    try:
        _adapters(section)[key].validate_python(value, strict=True)
    except ValidationError as error:
        return f"{error.errors()[0]['msg'].lower()}, got {value!r}"
    return None


@lru_cache
def _types(section: str) -> dict[str, Any]:
    return {item.name: item.type for item in fields(_SECTIONS[section])}


@lru_cache
def _adapters(section: str) -> dict[str, Any]:
    from pydantic import TypeAdapter

    return {key: TypeAdapter(cast("type[Any]", kind)) for key, kind in _types(section).items()}
