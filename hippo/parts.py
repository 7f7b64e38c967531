"""From names to objects: the parts that a configuration asks for. Errors name the place of the value at fault."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, cast

from hippo import registry
from hippo.config import KEYWORD, Config
from hippo.documents import WordCounter
from hippo.errors import ConfigError, UnknownNameError
from hippo.protocols import (
    LLM,
    Chunker,
    DialogueExtractor,
    Encoder,
    Extractor,
    FactFilter,
    PageRank,
    Reranker,
    TokenCounter,
)
from hippo.retrieval.profiles import resolve_profile

__all__ = [
    "NONE",
    "as_encoder",
    "as_llm",
    "by_section",
    "check_retrieval",
    "filter_takes_llm",
    "make_chunker",
    "make_encoder",
    "make_engine",
    "make_extractor",
    "make_filter",
    "make_llm",
    "make_reranker",
    "make_tools",
    "make_unasking",
]

_SPECIAL_TOKENS = 2
NONE = "none"
"""Name that stands for no encoder (an index without vectors), no language model, no fact filter, no re-ranker."""

_PROTOCOLS: dict[str, tuple[Any, str]] = {
    "encoder": (Encoder, "encode, or embeddings of LangChain"),
    "extractor": (Extractor, "extract"),
    "llm": (LLM, "complete, or a LangChain chat model"),
    "recognition": (FactFilter, "recognize"),
    "reranking": (Reranker, "rerank"),
}


def by_section(overrides: Mapping[str, Any] | None, **parts: object) -> dict[str, Any]:
    """Overrides, with the names of parts in their sections.

    Raises:
        ConfigError: A part is neither a name nor an object of its kind.
    """
    sections = {
        key: dict(values) if isinstance(values, Mapping) else values for key, values in (overrides or {}).items()
    }
    for key, part in parts.items():
        protocol, method = _PROTOCOLS[key]
        if isinstance(part, str):
            section = sections.setdefault(key, {})
            if isinstance(section, dict):  # `load_config` says what is wrong with it if it is none
                section["name"] = part
        elif not isinstance(part, protocol | None):
            problem = f"must be a name or an object with {method}, got {type(part).__name__}"
            raise ConfigError(KEYWORD, key, problem)
    return sections


def as_llm(given: object) -> "str | LLM | None":
    """A language model as it was handed over; a LangChain chat model is wrapped."""
    if given is None or isinstance(given, str | LLM):
        return given
    if hasattr(given, "ainvoke") and hasattr(given, "astream"):
        return cast("LLM", registry.create("llm", "langchain", model=given))
    return cast("LLM", given)  # `by_section` says what is wrong with it


def as_encoder(given: object) -> "str | Encoder | None":
    """An encoder as it was handed over; embeddings of LangChain are wrapped."""
    if given is None or isinstance(given, str | Encoder):
        return given
    if hasattr(given, "embed_documents") and hasattr(given, "embed_query"):
        return cast("Encoder", registry.create("encoder", "langchain", model=given))
    return cast("Encoder", given)  # `by_section` says what is wrong with it


def make_encoder(config: Config) -> Encoder | None:
    """The encoder, or None for `NONE`. `NAME:MODEL` hands the model to the encoder of that name."""
    if config.encoder.name == NONE:
        return None
    return cast("Encoder", _by_spec(config, "encoder", config.encoder.name, config.encoder.options))


def make_extractor(config: Config, llm: Callable[[], LLM] | None = None) -> Extractor:
    """The extractor. `NAME:MODEL` hands the model to the extractor of that name; `A+B` is both as one.

    Args:
        config: The configuration.
        llm: Makes a language model for an extractor that needs one; None: that of the configuration.
    """
    from hippo.extraction.combined import combine

    specs = config.extractor.name.split("+")
    return combine(
        [cast("Extractor", _by_spec(config, "extractor", spec, config.extractor.options, llm)) for spec in specs]
    )


def make_llm(config: Config, use: str) -> LLM:
    """The language model for a use, one of `hippo.config.USES`.

    Raises:
        ConfigError: None is configured.
    """
    settings = config.llm.of(use)
    if settings.name == NONE:
        missing = f"{use} needs a language model, and none is set"
        instead = ". `hippo query` without --steps needs none" if use == "reader" else ""
        problem = f"{missing}. Set llm.name (`--llm openai:MODEL`), or hand one over{instead}"
        raise ConfigError("configuration", "llm.name", problem)
    return cast("LLM", _by_spec(config, "llm", settings.name, settings.options))


def make_filter(config: Config, name: str, llm: Callable[[], LLM]) -> FactFilter | None:
    """The fact filter of a name, or None for `NONE`.

    Args:
        config: The configuration, for its options.
        name: Name of a fact filter; `NAME:MODEL` gives its model.
        llm: Makes a language model for a filter that needs one.
    """
    if name == NONE:
        return None
    return cast("FactFilter", _by_spec(config, "recognition", name, config.recognition.options, llm))


def filter_takes_llm(config: Config, name: str) -> bool:
    """Whether the fact filter of a name, or of none, asks a language model; it is not made."""
    return name != NONE and _takes_llm(config, "recognition", name.partition(":")[0])


def make_reranker(config: Config, name: str) -> Reranker | None:
    """The re-ranker of a name, or None for `NONE`. `NAME:MODEL` gives its model."""
    if name == NONE:
        return None
    return cast("Reranker", _by_spec(config, "reranking", name, config.reranking.options))


def make_chunker(config: Config, encoder: Encoder | None) -> Chunker:
    """The chunker. Tokens are counted by the encoder where it can, else estimated from words.

    An encoder that reads only so many tokens says so by an attribute `max_tokens`; the budget of a chunk is then at
    most that less two special tokens, so that nothing of a chunk stays unread.
    """
    options: dict[str, Any] = {}
    if config.chunking.method == "sentences":
        counter: TokenCounter = encoder if isinstance(encoder, TokenCounter) else WordCounter()
        limit = getattr(encoder, "max_tokens", None)
        budget = (
            config.chunking.max_tokens if limit is None else min(config.chunking.max_tokens, limit - _SPECIAL_TOKENS)
        )
        options = {"max_tokens": budget, "counter": counter, "language": config.chunking.language}
    keys = {option: f"chunking.{option}" for option in options}
    return cast("Chunker", _create(config, "chunker", "chunking.method", config.chunking.method, options, keys))


def make_tools(config: Config, encoder: Encoder | None) -> tuple[Chunker, Extractor]:
    """What remembered documents are made ready with at once: the chunker, and the extractor by rules.

    Another extractor has its say when they are merged.
    """
    return make_chunker(config, encoder), _by_rules(config)


def _by_rules(config: Config) -> Extractor:
    return cast("Extractor", _by_spec(config, "extractor", "pattern", config.extractor.options, None))


def make_unasking(config: Config, given: Extractor | None) -> Extractor:
    """An extractor that asks no language model: that of the index, or where it asks one, the one by rules.

    Args:
        config: The configuration.
        given: The extractor of the index, if it was made or handed over.
    """
    specs = config.extractor.name.split("+")
    if given is None and not any(_takes_llm(config, "extractor", spec.partition(":")[0]) for spec in specs):
        return make_extractor(config)
    if given is None or isinstance(given, DialogueExtractor):
        return _by_rules(config)
    return given


def make_engine(config: Config) -> PageRank:
    """The PageRank engine."""
    return cast("PageRank", _create(config, "pagerank", "retrieval.engine", config.retrieval.engine, {}, {}))


def check_retrieval(config: Config) -> None:
    """Check profiles and names of a configuration, so that a mistake shows when it is read and not when one is used.

    Raises:
        ConfigError: A profile has an unknown option, a value out of range or an unknown base, or a name is unknown.
        UnknownNameError: The caller gave by keyword the name that is unknown.
    """
    _check_profiles(config)
    _check_name(config, "vectors", "retrieval.vectors", config.retrieval.vectors, "auto")
    _check_name(config, "recognition", "recognition.name", config.recognition.name.partition(":")[0], NONE)
    _check_name(config, "reranking", "reranking.name", config.reranking.name.partition(":")[0], NONE)


def _check_profiles(config: Config) -> None:
    """Resolve every profile; the fault of one may lie in another, its base."""
    profiles = config.retrieval.profiles
    for name in profiles:
        try:
            resolve_profile(name, profiles)
        except ConfigError as error:
            owner = next((item for item in profiles if error.args[0] == f"profile {item!r}"), name)
            raise _placed(config, f"retrieval.profiles.{owner}.{error.args[1]}", error) from None
        except UnknownNameError as error:
            owner = next((item for item in profiles if profiles[item].get("base") == error.args[1]), name)
            raise _placed(config, f"retrieval.profiles.{owner}.base", error) from None
    try:
        resolve_profile(config.retrieval.profile, profiles)
    except UnknownNameError as error:
        raise _placed(config, "retrieval.profile", error) from None


def _check_name(config: Config, kind: registry.Kind, key: str, name: str, also: str) -> None:
    try:
        registry.check(kind, name, also=[also])
    except UnknownNameError as error:
        raise _placed(config, key, error) from None


def _by_spec(
    config: Config,
    kind: registry.Kind,
    spec: str,
    options: Mapping[str, Mapping[str, Any]],
    llm: Callable[[], LLM] | None = None,
) -> Any:
    """Make a part by `NAME` or `NAME:MODEL`; one whose constructor takes `llm` gets a language model."""
    name, colon, model = spec.partition(":")
    own = dict(options.get(name, {}))
    keys = {option: f"{kind}.{name}.{option}" for option in own}
    if colon:
        own["model"], keys["model"] = model, f"{kind}.name"
    if llm is not None and _takes_llm(config, kind, name):
        own["llm"] = llm()
    return _create(config, kind, f"{kind}.name", name, own, keys)


def _takes_llm(config: Config, kind: registry.Kind, name: str) -> bool:
    try:
        return "llm" in inspect.signature(registry.load(kind, name)).parameters
    except UnknownNameError as error:
        raise _placed(config, f"{kind}.name", error) from None


def _create(
    config: Config, kind: registry.Kind, key: str, name: str, options: dict[str, Any], keys: dict[str, str]
) -> Any:
    """Make a part; `key` holds its name, `keys` are those of its options."""
    try:
        return registry.create(kind, name, **options)
    except UnknownNameError as error:
        raise _placed(config, key, error) from None
    except ConfigError as error:
        raise _placed(config, keys.get(error.args[1], key), error) from error.__cause__


def _placed(config: Config, key: str, error: ConfigError | UnknownNameError) -> ConfigError | UnknownNameError:
    """The error with the place of the key at fault, where it is known and says more than the caller's own call."""
    place = config.places.of(key)
    if place is None or (place == KEYWORD and isinstance(error, UnknownNameError)):
        return error
    if isinstance(error, UnknownNameError):
        return ConfigError(place, key, str(error))
    where, option, problem = error.args
    return ConfigError(place, key, problem if key.endswith(f".{option}") else f"{where}: {option}: {problem}")
