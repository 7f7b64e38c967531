"""From names to objects: the parts that a configuration asks for."""

from typing import TYPE_CHECKING, Any, cast

from hippo import registry
from hippo.config import Config
from hippo.documents import WordCounter
from hippo.protocols import Chunker, Encoder, Extractor, PageRank, TokenCounter

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NO_ENCODER", "make_chunker", "make_encoder", "make_engine", "make_extractor"]

NO_ENCODER = "none"
"""Name that stands for an index without vectors."""


def make_encoder(config: Config) -> Encoder | None:
    """The encoder, or None for `NO_ENCODER`. `NAME:MODEL` hands the model to the encoder of that name."""
    if config.encoder.name == NO_ENCODER:
        return None
    return cast("Encoder", _create("encoder", config.encoder.name, config.encoder.options))


def make_extractor(config: Config) -> Extractor:
    """The extractor. `NAME:MODEL` hands the model to the extractor of that name."""
    return cast("Extractor", _create("extractor", config.extractor.name, config.extractor.options))


def make_chunker(config: Config, encoder: Encoder | None) -> Chunker:
    """The chunker. Tokens are counted by the encoder where it can, else estimated from words."""
    options: dict[str, Any] = {}
    if config.chunking.method == "sentences":
        counter: TokenCounter = encoder if isinstance(encoder, TokenCounter) else WordCounter()
        options = {"max_tokens": config.chunking.max_tokens, "counter": counter, "language": config.chunking.language}
    return cast("Chunker", registry.create("chunker", config.chunking.method, **options))


def make_engine(config: Config) -> PageRank:
    """The PageRank engine."""
    return cast("PageRank", registry.create("pagerank", config.retrieval.engine))


def _create(kind: registry.Kind, spec: str, options: "Mapping[str, Mapping[str, Any]]") -> Any:
    name, colon, model = spec.partition(":")
    own = dict(options.get(name, {}))
    if colon:
        own["model"] = model
    return registry.create(kind, name, **own)
