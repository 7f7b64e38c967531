"""Configuration: one frozen dataclass per stage, read from TOML, environment and keywords, in this order of strength.

    config = load_config("hippo.toml", {"chunking": {"max_tokens": 128}})

Environment variables are `HIPPO_SECTION__KEY`, for example `HIPPO_CHUNKING__MAX_TOKENS=128`; their values are read as
TOML. A mistake is a `ConfigError` that names the place (file and line, variable or keyword), the key and what it takes.
"""

from hippo.config.load import KEYWORD, load_config
from hippo.config.model_sections import USES, LLMConfig, ReaderConfig, RecognitionConfig, RerankingConfig
from hippo.config.places import Places
from hippo.config.sections import (
    ChunkingConfig,
    Config,
    DocumentsConfig,
    EncoderConfig,
    ExtractorConfig,
    GraphConfig,
    IndexingConfig,
    RetrievalConfig,
    ServeConfig,
)
from hippo.config.show import Setting, settings_of

__all__ = [
    "KEYWORD",
    "USES",
    "ChunkingConfig",
    "Config",
    "DocumentsConfig",
    "EncoderConfig",
    "ExtractorConfig",
    "GraphConfig",
    "IndexingConfig",
    "LLMConfig",
    "Places",
    "ReaderConfig",
    "RecognitionConfig",
    "RerankingConfig",
    "RetrievalConfig",
    "ServeConfig",
    "Setting",
    "load_config",
    "settings_of",
]
