"""The settings of each stage: frozen dataclasses with defaults that work, which check their ranges; and all as one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from hippo.config.model_sections import LLMConfig, ReaderConfig, RecognitionConfig, RerankingConfig
from hippo.config.options import checked, options
from hippo.config.places import Places

__all__ = [
    "SECTIONS",
    "ChunkingConfig",
    "Config",
    "DocumentsConfig",
    "EncoderConfig",
    "ExtractorConfig",
    "GraphConfig",
    "IndexingConfig",
    "RetrievalConfig",
    "ServeConfig",
]


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
        checked(self.max_tokens >= 16, "chunking.max_tokens", f"must be at least 16, got {self.max_tokens}")


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

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", options(self.options))


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """Which encoder makes vectors.

    Attributes:
        name: Name of an encoder, or "none": no vectors, BM25 and the graph alone. `NAME:MODEL` gives its model.
        options: Keywords of each encoder, by its name.
        storage: What snapshots keep vectors as, "float32" or "float16": half the disk. The store keeps
            float32, so that it can be changed at any time, and the next snapshot has it, without encoding anew.
    """

    name: str = "minilm"
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    storage: str = "float32"

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", options(self.options))
        known = self.storage in ("float32", "float16")
        checked(known, "encoder.storage", f"must be float32 or float16, got {self.storage!r}")


@dataclass(frozen=True, slots=True)
class GraphConfig:
    """How facts become a graph.

    Attributes:
        synonym_threshold: Least cosine similarity of two entity names for a synonym edge, in (0, 1].
        synonym_max: Most synonym edges of an entity, nearest first; 0: none at all.
        rules: "hippo", or "hipporag" for the graph of the published systems: names in lower-case ASCII, entities from
            facts alone, triples as tuples, synonym edges in place of relation edges. For the profiles `hipporag2` and
            `hipporag1`.
        follow_distance: Passages of one document or session that are at most so many places apart are joined by an edge
            of the kind `follows`; 0: none are.
        synonym_exact: Names up to which every pair is compared. Of more names those are that fall into one bucket of
            fixed random projections, which misses a few pairs: `hippo status` says how many were found.
    """

    synonym_threshold: float = 0.8
    synonym_max: int = 100
    rules: str = "hippo"
    follow_distance: int = 3
    synonym_exact: int = 100_000

    def __post_init__(self) -> None:
        checked(self.rules in ("hippo", "hipporag"), "graph.rules", f"must be hippo or hipporag, got {self.rules!r}")
        threshold = self.synonym_threshold
        checked(0 < threshold <= 1, "graph.synonym_threshold", f"must be in (0, 1], got {threshold}")
        checked(self.synonym_max >= 0, "graph.synonym_max", f"must be 0 or more, got {self.synonym_max}")
        for name in ("follow_distance", "synonym_exact"):
            checked(getattr(self, name) >= 0, f"graph.{name}", f"must be 0 or more, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class DocumentsConfig:
    """What reading one file may take; one that takes more is skipped.

    Attributes:
        max_bytes: Largest file that is read whole, longest row of a table, and longest text that a file may unpack to,
            in bytes; 1 to 2**40.
        memory: Bytes of memory for a file that a third-party package parses, besides 32 for each byte of the file;
            268435456 (256 MiB) to 2**50.
        seconds: Seconds for the same, and as many more for each MiB of the file; above 0, at most 86400.
    """

    max_bytes: int = 268_435_456
    memory: int = 1_073_741_824
    seconds: float = 60.0

    def __post_init__(self) -> None:
        for name, least, most in (("max_bytes", 1, 2**40), ("memory", 256 * 2**20, 2**50)):
            value = getattr(self, name)
            checked(least <= value <= most, f"documents.{name}", f"must be {least} to {most} bytes, got {value}")
        fits = 0 < self.seconds <= 86_400
        checked(fits, "documents.seconds", f"must be above 0 and at most 86400, got {self.seconds}")


@dataclass(frozen=True, slots=True)
class IndexingConfig:
    """How the work of indexing is cut up.

    Attributes:
        batch_chunks: Chunks extracted and committed at a time.
        batch_texts: Texts embedded and committed at a time; a crash loses at most these.
        keep_snapshots: Older snapshots kept beside the newest, on top of those that readers hold.
        wait_seconds: How long a change waits for another writer; 0: it is an error at once, `inf`: there is no limit.
        keep_versions: Whether versions of documents that are replaced or deleted are kept, for questions as of an
            earlier time.
        keep_runs: Manifests of runs kept in the index, the newest; 0: none are written.
        merge_after: Remembered documents after which they are merged into the index in the background, and not before
            they are a fiftieth of it; 0: only `merge` and other changes do so.
        consolidate_after: Remembered documents after which a merge in the background is followed by a consolidation
            (`Hippo.consolidate`), and not before they are a twentieth of the index; 0: only `consolidate` does it.
        consolidate_abstractive: Whether a language model then tells gists in its own words.
        memory: Bytes that the steps of a change aim to hold at most; what is larger lies in files of the index until it
            is done. 67108864 (64 MiB) to 2**50.
    """

    batch_chunks: int = 256
    batch_texts: int = 2048
    keep_snapshots: int = 0
    wait_seconds: float = 0.0
    keep_versions: bool = True
    keep_runs: int = 50
    merge_after: int = 256
    consolidate_after: int = 0
    consolidate_abstractive: bool = False
    memory: int = 1_073_741_824

    def __post_init__(self) -> None:
        for name in ("batch_chunks", "batch_texts"):
            checked(getattr(self, name) >= 1, f"indexing.{name}", f"must be at least 1, got {getattr(self, name)}")
        fits = 64 * 2**20 <= self.memory <= 2**50
        checked(fits, "indexing.memory", f"must be 67108864 to {2**50} bytes, got {self.memory}")
        for name in ("keep_snapshots", "wait_seconds", "keep_runs", "merge_after", "consolidate_after"):
            checked(getattr(self, name) >= 0, f"indexing.{name}", f"must be 0 or more, got {getattr(self, name)}")
        problem = "needs merges in the background, which indexing.merge_after = 0 turns off"
        checked(self.merge_after > 0 or not self.consolidate_after, "indexing.consolidate_after", problem)


@dataclass(frozen=True, slots=True)
class RetrievalConfig:
    """How questions are answered.

    Attributes:
        profile: Name of the profile used when the caller names none.
        engine: PageRank engine: "auto", "power", "push" or "igraph".
        tolerance: Bound on the L1 error of a walk where the order is not proven earlier.
        vectors: Vector search: "auto", or the name of one ("numpy", "faiss", "torch", a plug-in).
        profiles: Profiles of your own: `{"mine": {"base": "hippo", "damping": 0.7}}`; in TOML
            `[retrieval.profiles.mine]`.
        count_recalls: Whether it is written down which passages were recalled, for profiles with `retention`.
    """

    profile: str = "hippo"
    engine: str = "auto"
    tolerance: float = 1e-7
    vectors: str = "auto"
    count_recalls: bool = False
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checked(0 < self.tolerance < 1, "retrieval.tolerance", f"must be in (0, 1), got {self.tolerance}")


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """How `hippo serve` answers over HTTP, and within which limits.

    Attributes:
        host: Address to listen on. One that other machines can reach needs tokens.
        port: Port to listen on; 0: any free one.
        token_file: File of tokens, one a line, each after its role: `read TOKEN` or `write sha256:HEX`; not set: only
            those of the variables HIPPO_READ_TOKENS and HIPPO_WRITE_TOKENS.
        concurrency: Requests under way at a time; further ones are answered with status 503.
        max_changes: Changes under way or waiting for their turn; further ones are answered with status 429.
        max_body: Most bytes of a request.
        max_k: Most passages for a question.
        max_questions: Most questions of a request.
        timeout: Seconds that a question may take; then the answer is status 504.
        change_timeout: The same for a change.
        grace: Seconds that requests under way may still take when the server is told to stop.
        refresh: Seconds between looks for a newer snapshot; 0: never.
        block: Most questions that are ranked together when they wait at the same time; 1: each alone.
        log: "text" or "json".
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token_file: str | None = None
    concurrency: int = 256
    max_changes: int = 16
    max_body: int = 8_388_608
    max_k: int = 100
    max_questions: int = 256
    timeout: float = 60.0
    change_timeout: float = 600.0
    grace: float = 30.0
    refresh: float = 1.0
    block: int = 32
    log: str = "text"

    def __post_init__(self) -> None:
        object.__setattr__(self, "token_file", self.token_file or None)
        for name in ("concurrency", "max_changes", "max_body", "max_k", "max_questions", "block"):
            checked(getattr(self, name) >= 1, f"serve.{name}", f"must be at least 1, got {getattr(self, name)}")
        for name in ("timeout", "change_timeout"):
            value = getattr(self, name)
            checked(0 < value < float("inf"), f"serve.{name}", f"must be above 0, got {value}")
        for name in ("grace", "refresh"):
            value = getattr(self, name)
            checked(0 <= value < float("inf"), f"serve.{name}", f"must be 0 or more, got {value}")
        checked(0 <= self.port <= 65_535, "serve.port", f"must be 0 to 65535, got {self.port}")
        checked(self.log in ("text", "json"), "serve.log", f"must be text or json, got {self.log!r}")


@dataclass(frozen=True)
class Config:
    """The whole configuration. Every field has a default that works."""

    chunking: ChunkingConfig = field(default_factory=ChunkingConfig)
    extractor: ExtractorConfig = field(default_factory=ExtractorConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    graph: GraphConfig = field(default_factory=GraphConfig)
    documents: DocumentsConfig = field(default_factory=DocumentsConfig)
    indexing: IndexingConfig = field(default_factory=IndexingConfig)
    retrieval: RetrievalConfig = field(default_factory=RetrievalConfig)
    llm: LLMConfig = field(default_factory=LLMConfig)
    recognition: RecognitionConfig = field(default_factory=RecognitionConfig)
    reranking: RerankingConfig = field(default_factory=RerankingConfig)
    reader: ReaderConfig = field(default_factory=ReaderConfig)
    serve: ServeConfig = field(default_factory=ServeConfig)

    @property
    def places(self) -> Places:
        """Where the values come from; nothing is known of a `Config` that was not made by `load_config`."""
        known: Places = self.__dict__.get("_places", Places())
        return known


SECTIONS: dict[str, type[Any]] = {item.name: type(getattr(Config(), item.name)) for item in fields(Config)}
"""The class of each section."""
