"""From names to objects: the parts that a configuration asks for. Errors name the place of the value at fault."""

from typing import TYPE_CHECKING, Any, cast

from hippo import registry
from hippo.config import KEYWORD, Config
from hippo.documents import WordCounter
from hippo.errors import ConfigError, UnknownNameError
from hippo.protocols import Chunker, Encoder, Extractor, PageRank, TokenCounter
from hippo.retrieval.profiles import resolve_profile

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NO_ENCODER", "check_retrieval", "make_chunker", "make_encoder", "make_engine", "make_extractor"]

_SPECIAL_TOKENS = 2
NO_ENCODER = "none"
"""Name that stands for an index without vectors."""


def make_encoder(config: Config) -> Encoder | None:
    """The encoder, or None for `NO_ENCODER`. `NAME:MODEL` hands the model to the encoder of that name."""
    if config.encoder.name == NO_ENCODER:
        return None
    return cast("Encoder", _by_spec(config, "encoder", config.encoder.name, config.encoder.options))


def make_extractor(config: Config) -> Extractor:
    """The extractor. `NAME:MODEL` hands the model to the extractor of that name."""
    return cast("Extractor", _by_spec(config, "extractor", config.extractor.name, config.extractor.options))


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


def make_engine(config: Config) -> PageRank:
    """The PageRank engine."""
    return cast("PageRank", _create(config, "pagerank", "retrieval.engine", config.retrieval.engine, {}, {}))


def check_retrieval(config: Config) -> None:
    """Check profiles and names of a configuration, so that a mistake shows when it is read and not when one is used.

    Raises:
        ConfigError: A profile has an unknown option, a value out of range or an unknown base.
        UnknownNameError: The caller named the profile to use by keyword, and there is no such profile.
    """
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
    vectors = config.retrieval.vectors
    if vectors != "auto" and vectors not in registry.names("vectors"):
        unknown = UnknownNameError("vector index", vectors, ["auto", *registry.names("vectors")])
        raise _placed(config, "retrieval.vectors", unknown)


def _by_spec(config: Config, kind: registry.Kind, spec: str, options: "Mapping[str, Mapping[str, Any]]") -> Any:
    name, colon, model = spec.partition(":")
    own = dict(options.get(name, {}))
    keys = {option: f"{kind}.{name}.{option}" for option in own}
    if colon:
        own["model"], keys["model"] = model, f"{kind}.name"
    return _create(config, kind, f"{kind}.name", name, own, keys)


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
