"""What work on an index does, did, or would take."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hippo.types.documents import ExtractionFailure, Skipped
from hippo.types.models import Usage
from hippo.types.plain import Plain

__all__ = [
    "BackgroundWork",
    "Backup",
    "ChangeReport",
    "Estimate",
    "Health",
    "Problem",
    "Progress",
    "Pruned",
    "Run",
    "Status",
]


@dataclass(frozen=True, slots=True)
class Progress:
    """A step of long work. `total` is None while unknown; `done == total` ends the stage."""

    stage: str
    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class ChangeReport(Plain):
    """What adding, updating, deleting or synchronising did.

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
        seconds: Wall time by stage; stages follow each other, so it adds up to the whole.
        snapshot: Name of the snapshot that readers now open.
        usage: What language models took, by use.
        pending: Chunks left for the next run, because this one was told to stop.
        stopped: Why it stopped early; None: it did not.
        outage: Whether a language model was asked for facts and answered nothing at all.
        deleted: Documents that are gone.
        forgotten: Documents of which no version is left either.
        remembered: Documents that had been remembered before, and came into the index with this change.
        beside: Wall time of what was done of a stage while an earlier one went on: "embed" while a language model was
            asked for facts. It is part of the earlier one's `seconds`.
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
    outage: bool = False
    deleted: int = 0
    forgotten: int = 0
    remembered: int = 0
    beside: Mapping[str, float] = field(default_factory=dict)


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
        texts: Texts to embed, about: passages exactly, facts and entities by a sample, or by what was found so far.
        seconds: Wall time by stage, about: of a sample for embedding, of a usual provider for calls.
        deleted: Documents that `sync` would delete.
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
    deleted: int = 0


@dataclass(frozen=True, slots=True)
class BackgroundWork(Plain):
    """Work of one kind that a memory has done by itself since it was opened.

    Attributes:
        done: How often it came to its end.
        failed: How often it did not.
        seconds: How long the last one took, or went until it failed.
        problem: Why the last one failed; None: it did not.
    """

    done: int = 0
    failed: int = 0
    seconds: float = 0.0
    problem: str | None = None


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
        pending: Chunks that wait for extraction, because the run before the snapshot was told to stop.
        encoder: Fingerprint of the encoder; None for an index without vectors.
        extractor: Fingerprint of the extractor that made the newest facts.
        bytes: Size on disk by part.
        versions: Versions of documents that are kept and not in force any more.
        waiting: Documents that were remembered or forgotten since, and wait to be merged.
        synonym_search: How similar names were searched for: `method`, "exact" or "buckets"; `recall`, the share of
            similar pairs that were found; `pairs`, on how many it was measured. Empty where they were not.
        vector_search: Of "fact", where there are too many to compare all: `kind` of the search, `effort`,
            and `recall`, the share of the nearest 100 that it finds.
        background: What the memory that was asked has done by itself since it was opened, by kind: "merge" and
            "consolidate".
        storage: What the snapshot keeps vectors as, "float32" or "float16"; None without any.
    """

    path: str
    snapshot: str | None
    documents: int
    chunks: int
    facts: int
    entities: int
    edges: Mapping[str, int]
    failed: Mapping[str, int]
    pending: int
    encoder: str | None
    extractor: str | None
    bytes: Mapping[str, int]
    versions: int = 0
    waiting: int = 0
    synonym_search: Mapping[str, Any] = field(default_factory=dict)
    vector_search: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    background: Mapping[str, BackgroundWork] = field(default_factory=dict)
    storage: str | None = None


@dataclass(frozen=True, slots=True)
class Problem(Plain):
    """Something that is wrong with an index.

    Attributes:
        part: What is damaged: "store", "replies", "fresh" (what was remembered), "identity", "current" or "snapshot
            000042".
        problem: What is wrong with it.
        repair: What `hippo doctor --repair` does about it; None: it takes a backup.
    """

    part: str
    problem: str
    repair: str | None


@dataclass(frozen=True, slots=True)
class Health(Plain):
    """What an examination of an index found.

    Attributes:
        path: Its folder.
        checked: Parts that were examined.
        problems: What is wrong.
        notes: What is worth knowing and no damage: parts that could not be examined, leftovers of crashes, work to do.
        repaired: What was done about problems.
    """

    path: str
    checked: tuple[str, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    repaired: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class Backup(Plain):
    """A copy of an index.

    Attributes:
        path: Its folder.
        snapshot: Name of the snapshot in it; None for an index that has none.
        files: Number of files.
        bytes: Their size.
        left_out: Namespaces of the index: each is an index of its own, and not in the copy.
    """

    path: str
    snapshot: str | None
    files: int
    bytes: int
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pruned(Plain):
    """What was removed from an index because nothing needs it any more.

    Attributes:
        snapshots: Names of removed snapshots.
        embeddings: Number of removed vectors.
        before: Bytes on disk by part, before.
        after: The same, after.
        versions: Number of removed versions of documents.
    """

    snapshots: tuple[str, ...]
    embeddings: int
    before: Mapping[str, int]
    after: Mapping[str, int]
    versions: int = 0


@dataclass(frozen=True, slots=True)
class Run(Plain):
    """One run that changed an index, or tried to, as its folder keeps it.

    Attributes:
        id: Name of its file: when it began, in UTC.
        command: "add", "add_files", "update", "delete", "sync" or "merge".
        outcome: "done", "stopped" (before all was extracted) or "failed".
        problem: Why it stopped or failed; None: it did neither.
        seconds: Wall time.
        report: What it did: a `ChangeReport` as plain data, with seconds by stage and the use and cost of language
            models; of skipped and failed items only the reasons, counted. None where it failed.
        versions: hippo, Python, the system, and the packages that took part.
        encoder: Fingerprint of the encoder; None: no vectors.
        extractor: Fingerprint of the extractor; None: nothing was extracted.
        fingerprint: Hash of the configuration: runs of equal ones did the same.
        configuration: The configuration, without secrets.
    """

    id: str
    command: str
    outcome: str
    problem: str | None
    seconds: float
    report: Mapping[str, Any] | None
    versions: Mapping[str, str]
    encoder: str | None
    extractor: str | None
    fingerprint: str
    configuration: Mapping[str, Any]
