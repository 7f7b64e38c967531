"""What work on an index does, did, or would take."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hippo.types.documents import ExtractionFailure, Skipped
from hippo.types.models import Usage
from hippo.types.plain import Plain

__all__ = ["AddReport", "Estimate", "Progress", "Status"]


@dataclass(frozen=True, slots=True)
class Progress:
    """A step of long work. `total` is None while unknown; `done == total` ends the stage."""

    stage: str
    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class AddReport(Plain):
    """What an `add` did.

    Attributes:
        added: Documents that were new.
        changed: Documents whose id was known and whose text, title or metadata differs; the new version
            replaced the old.
        unchanged: Documents that the index already held.
        skipped: Inputs that held no usable document, each with its reason.
        failed: Chunks that could not be extracted, each with its reason; the next run tries them again.
        chunks: Chunks now in the index.
        facts: Facts now in the index.
        entities: Entities now in the index.
        embedded: Texts that had to be embedded; the rest came from the cache.
        dropped: What extraction threw away, by reason.
        seconds: Wall time by stage.
        snapshot: Name of the snapshot that readers now open.
        usage: What language models took, by use.
        pending: Chunks left for the next run, because this one was told to stop.
        stopped: Why it stopped early; None: it did not.
    """

    added: int
    changed: int
    unchanged: int
    skipped: tuple[Skipped, ...]
    failed: tuple[ExtractionFailure, ...]
    chunks: int
    facts: int
    entities: int
    embedded: int
    dropped: Mapping[str, int]
    seconds: Mapping[str, float]
    snapshot: str
    usage: Mapping[str, Usage] = field(default_factory=dict)
    pending: int = 0
    stopped: str | None = None


@dataclass(frozen=True, slots=True)
class Estimate(Plain):
    """What an `add` would take.

    Attributes:
        added: Documents that are new.
        changed: Documents whose text, title or metadata differs from what the index holds.
        unchanged: Documents that it holds already.
        skipped: Inputs that hold no usable document, each with its reason.
        chunks: Chunks to be extracted, those left over from earlier runs included.
        calls: Requests to the language model; 0 for an extractor without one.
        replayed: Further replies that are cached and cost nothing.
        input_tokens: Tokens that the calls send, estimated from words.
        output_tokens: Tokens that they bring back, estimated from the length of the passages.
        cost: US dollars; None: the model's price is not known.
        texts: Texts to embed, about: passages exactly, facts and entities by what is usual.
        seconds: Wall time by stage, about: of a sample for embedding, of a usual provider for calls.
    """

    added: int
    changed: int
    unchanged: int
    skipped: tuple[Skipped, ...]
    chunks: int
    calls: int
    replayed: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    texts: int
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Status(Plain):
    """What an index holds.

    Attributes:
        path: Its folder.
        snapshot: Name of the newest published snapshot; None before the first.
        documents: Documents in the snapshot; the other counts likewise.
        chunks: Passages.
        facts: Facts.
        entities: Entities.
        edges: Unordered pairs of nodes by kind of edge.
        failed: Chunks whose extraction failed and will be tried again by the next run, by reason.
        encoder: Fingerprint of the encoder; None for an index without vectors.
        extractor: Fingerprint of the extractor that made the newest facts.
        bytes: Size on disk by part.
    """

    path: str
    snapshot: str | None
    documents: int
    chunks: int
    facts: int
    entities: int
    edges: Mapping[str, int]
    failed: Mapping[str, int]
    encoder: str | None
    extractor: str | None
    bytes: Mapping[str, int]
