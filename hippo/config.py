"""Configuration: one frozen dataclass per stage, read from TOML, environment and keywords, in this order of strength.

    config = load_config("hippo.toml", {"chunking": {"max_tokens": 128}})

Environment variables are `HIPPO_SECTION__KEY`, for example `HIPPO_CHUNKING__MAX_TOKENS=128`; their values are read as
TOML. A mistake is a `ConfigError` that names the place (file and line, variable or keyword), the key and what it takes.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from hippo.errors import ConfigError

__all__ = [
    "KEYWORD",
    "ChunkingConfig",
    "Config",
    "EncoderConfig",
    "ExtractorConfig",
    "GraphConfig",
    "IndexingConfig",
    "Places",
    "RetrievalConfig",
    "load_config",
]

KEYWORD = "keyword"
"""Place of values that the caller handed over as an argument."""
_ENVIRONMENT_PREFIX = "HIPPO_"
_STORED = "index"
"""Place of settings that an index stored, which were checked when it was made."""


@dataclass(frozen=True, slots=True)
class ChunkingConfig:
    """How documents become chunks.

    Attributes:
        method: "sentences" (whole sentences up to a budget) or "document" (one chunk each).
        max_tokens: Budget of a chunk with its title, in the encoder's tokens; at least 16. An encoder that reads fewer
            tokens lowers it.
        language: ISO 639-1 code of the documents, whose abbreviations are then known when sentences are split; None:
            rules made for English.
    """

    method: str = "sentences"
    max_tokens: int = 256
    language: str | None = None

    def __post_init__(self) -> None:
        # TOML knows no null: an empty text stands for it.
        object.__setattr__(self, "language", self.language or None)
        _check(self.max_tokens >= 16, "chunking.max_tokens", f"must be at least 16, got {self.max_tokens}")


@dataclass(frozen=True, slots=True)
class ExtractorConfig:
    """Which extractor finds facts.

    Attributes:
        name: Name of an extractor: see `hippo.registry.names("extractor")`.
        options: Keywords of each extractor, by its name: `{"spacy": {"model": "en_core_web_sm"}}`. In TOML and in
            `config=` they stand beside `name`: `[extractor.spacy]`.
    """

    name: str = "pattern"
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """Which encoder makes vectors.

    Attributes:
        name: Name of an encoder, or "none": no vectors, BM25 and the graph alone. `NAME:MODEL` gives its model.
        options: Keywords of each encoder, by its name.
    """

    name: str = "minilm"
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GraphConfig:
    """How facts become a graph.

    Attributes:
        synonym_threshold: Least cosine similarity of two entity names for a synonym edge, in (0, 1].
        synonym_max: Most synonym edges of an entity, nearest first; 0: none at all.
    """

    synonym_threshold: float = 0.8
    synonym_max: int = 100

    def __post_init__(self) -> None:
        threshold = self.synonym_threshold
        _check(0 < threshold <= 1, "graph.synonym_threshold", f"must be in (0, 1], got {threshold}")
        _check(self.synonym_max >= 0, "graph.synonym_max", f"must be 0 or more, got {self.synonym_max}")


@dataclass(frozen=True, slots=True)
class IndexingConfig:
    """How the work of indexing is cut up.

    Attributes:
        batch_chunks: Chunks extracted and committed at a time.
        batch_texts: Texts embedded and committed at a time; a crash loses at most these.
        keep_snapshots: Older snapshots kept beside the newest, on top of those that readers hold.
    """

    batch_chunks: int = 256
    batch_texts: int = 2048
    keep_snapshots: int = 0

    def __post_init__(self) -> None:
        for name in ("batch_chunks", "batch_texts"):
            _check(getattr(self, name) >= 1, f"indexing.{name}", f"must be at least 1, got {getattr(self, name)}")
        _check(self.keep_snapshots >= 0, "indexing.keep_snapshots", f"must be 0 or more, got {self.keep_snapshots}")


@dataclass(frozen=True, slots=True)
class RetrievalConfig:
    """How questions are answered.

    Attributes:
        profile: Name of the profile used when the caller names none.
        engine: PageRank engine: "auto", "power", "push" or "igraph".
        tolerance: Bound on the L1 error of a walk where the order is not proven earlier.
        vectors: Vector search: "auto", or the name of one ("numpy", "faiss", a plug-in).
        profiles: Profiles of your own: `{"mine": {"base": "hippo", "damping": 0.7}}`; in TOML
            `[retrieval.profiles.mine]`.
    """

    profile: str = "hippo"
    engine: str = "auto"
    tolerance: float = 1e-7
    vectors: str = "auto"
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check(0 < self.tolerance < 1, "retrieval.tolerance", f"must be in (0, 1), got {self.tolerance}")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where values come from, to say so in an error."""

    name: str
    text: str = ""

    def at(self, key: str) -> str:
        line = _line_of(self.text, key) if self.text else None
        return self.name if line is None else f"{self.name}, line {line}"


@dataclass(frozen=True, slots=True)
class Places:
    """Where the values of a configuration come from, so that errors can say so.

    Attributes:
        layers: Places with the values that each holds, weakest first.
    """

    layers: tuple[tuple[_Place, Mapping[str, Any]], ...] = ()

    def of(self, key: str) -> str | None:
        """File and line, variable or "keyword" that gave a dotted key, else the nearest table around it.

        None: no layer has even its section.
        """
        for path in _prefixes(key):
            for place, layer in self.layers[::-1]:
                if _holds(layer, path):
                    return place.at(key)
        return None


@dataclass(frozen=True)
class Config:
    """The whole configuration. Every field has a default that works."""

    chunking: ChunkingConfig = field(default_factory=ChunkingConfig)
    extractor: ExtractorConfig = field(default_factory=ExtractorConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    graph: GraphConfig = field(default_factory=GraphConfig)
    indexing: IndexingConfig = field(default_factory=IndexingConfig)
    retrieval: RetrievalConfig = field(default_factory=RetrievalConfig)

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
}
_BACK_ENDS = ("extractor", "encoder")
_OPTIONAL = ("language",)
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
    layers: list[tuple[_Place, Mapping[str, Any]]] = [(_Place(_STORED), stored)] if stored else []
    if isinstance(source, str | os.PathLike):
        layers.append(_read_toml(Path(source)))
    layers += _read_environment(os.environ if environment is None else environment)
    if isinstance(source, Config):
        layers.append((_Place("config"), _as_mapping(source)))
    elif isinstance(source, Mapping):
        layers.append((_Place("config"), source))
    elif source is not None and not isinstance(source, str | os.PathLike):
        raise ConfigError("config", "config", f"must be a Config, a mapping or a path, got {type(source).__name__}")
    origins = [*layers, *(source.places.layers if isinstance(source, Config) else ())]
    if overrides:
        layers.append((_Place(KEYWORD), overrides))
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


def _check(holds: bool, key: str, problem: str) -> None:
    if not holds:
        raise ConfigError("config", key, problem)


def _as_mapping(config: Config) -> dict[str, Any]:
    data = asdict(config)
    for name in _BACK_ENDS:
        options = data[name].pop("options")
        data[name].update(options)
    return data


def _read_toml(path: Path) -> tuple[_Place, Mapping[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
        return _Place(str(path), text), tomllib.loads(text)
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


def _read_environment(environment: Mapping[str, str]) -> list[tuple[_Place, Mapping[str, Any]]]:
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
        layers.append((_Place(variable), nested))
    return layers


def _sections(place: _Place, layer: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    for name, values in layer.items():
        if name not in _SECTIONS:
            raise ConfigError(place.at(name), name, f"unknown section. Known: {', '.join(_SECTIONS)}")
        if not isinstance(values, Mapping):
            raise ConfigError(place.at(name), name, f"must be a table of keys, got {values!r}")
    sections = {name: dict(values) for name, values in layer.items()}
    for name in _BACK_ENDS:
        if name in sections:
            options = {key: dict(value) for key, value in sections[name].items() if isinstance(value, Mapping)}
            rest = {key: value for key, value in sections[name].items() if not isinstance(value, Mapping)}
            sections[name] = {**rest, **({"options": options} if options else {})}
    return sections


def _validate(place: _Place, section: str, values: dict[str, Any]) -> dict[str, Any]:
    """Check names and types of the keys of one section; ranges are checked once all layers are merged."""
    known = [item.name for item in fields(_SECTIONS[section]) if item.name != "options"]
    for key, value in values.items():
        if key not in _types(section):
            problem: str | None = f"unknown key. Known: {', '.join(known)}"
        else:
            problem = _type_problem(section, key, value)
        if problem:
            raise ConfigError(place.at(f"{section}.{key}"), f"{section}.{key}", problem)
    return values


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


def _prefixes(key: str) -> list[str]:
    """A dotted key and the tables around it, innermost first."""
    parts = key.split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _holds(layer: Any, key: str) -> bool:
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
