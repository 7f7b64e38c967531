"""The stages of indexing that need no store: chunk, extract, embed. Each reads shards and writes one per row.

A row that holds no part (what a reader left out) passes through. Nothing is done twice: what a shard holds is not made
again, but for chunks whose extraction failed.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hippo.config import Config
from hippo.encoding import checked, text_hashes
from hippo.errors import HippoError
from hippo.execution.shards import (
    chunks_of,
    chunks_table,
    documents_of,
    extracted_of,
    extracted_table,
    key_of,
    read_shard,
    vectors_table,
    write_shard,
)
from hippo.execution.stage import Plan, Row, Work
from hippo.indexing.extract import outcomes_of
from hippo.indexing.tables import embedded_of
from hippo.llm import Caller
from hippo.parts import make_chunker, make_encoder, make_extractor, make_llm
from hippo.protocols import Encoder, Extractor
from hippo.store.extracted import Extracted
from hippo.types import Chunk, TextKind, Usage

__all__ = ["chunk", "embed", "embed_names", "extract", "extractor_of"]

_CHUNK, _EXTRACT, _EMBED = 1, 1, 1
"""Versions of the stages: raised whenever the same input gives something else."""


def chunk(plan: Plan) -> Work:
    """The stage that cuts documents. Needs `read` and `part`; adds `chunk` (key of its shard)."""
    encoder = make_encoder(plan.config)
    chunker = make_chunker(plan.config, encoder)
    settings = plan.config.chunking
    made_with = [settings.method, settings.max_tokens, settings.language, encoder.fingerprint if encoder else None]

    def work(row: Row) -> Iterator[Row]:
        if "part" not in row:
            yield {**row, "made": False}
            return
        key = key_of("chunk", _CHUNK, row["part"], made_with)
        made = not plan.work.exists(f"chunk/{key}.parquet")
        if made:
            documents = documents_of(read_shard(plan.work, row["read"]))
            _write(plan, "chunk", key, chunks_table([one for document in documents for one in chunker.chunk(document)]))
        yield {**row, "chunk": key, "made": made}

    return work


def extractor_of(config: Config, callers: list[Caller] | None = None) -> Extractor:
    """The extractor of a configuration, with a language model that keeps no replies: shards keep what came of them.

    Args:
        config: The configuration.
        callers: Takes the language model, if one is made, so that its use can be counted.
    """

    def caller() -> Caller:
        made = Caller(make_llm(config, "extraction"), config.llm, use="extraction")
        if callers is not None:
            callers.append(made)
        return made

    return make_extractor(config, caller)


def extract(plan: Plan) -> Work:
    """The stage that finds facts. Needs `chunk`; adds `extract` (key of its shard), `failed` (ids), `chunks`, `usage`.

    Chunks that failed are tried again whenever the stage comes by, and the shard is then replaced.
    """
    callers: list[Caller] = []
    extractor = extractor_of(plan.config, callers)

    def work(row: Row) -> Iterator[Row]:
        if "part" not in row:
            yield {**row, "made": False}
            return
        key = key_of("extract", _EXTRACT, row["chunk"], extractor.fingerprint)
        name = f"extract/{key}.parquet"
        known = extracted_of(read_shard(plan.work, name)) if plan.work.exists(name) else None
        made = known is None or bool(known.failed())
        usage = Usage()
        if known is None or made:
            chunks = chunks_of(read_shard(plan.work, f"chunk/{row['chunk']}.parquet"))
            before = sum((one.usage for one in callers), Usage())
            known = _extracted(extractor, chunks, known, plan.config.indexing.batch_chunks)
            usage = _difference(sum((one.usage for one in callers), Usage()), before)
            _write(plan, "extract", key, extracted_table(known))
        counts = {"chunks": known.outcomes.num_rows, "facts": known.facts.num_rows, "failed": known.failed()}
        yield {**row, "extract": key, **counts, "usage": usage.to_dict(), "made": made}

    return work


def _extracted(extractor: Extractor, chunks: Sequence[Chunk], known: Extracted | None, batch: int) -> Extracted:
    """Outcomes of chunks, of which those that are known and did not fail stay as they are."""
    wanted = None if known is None else set(known.failed())
    outcomes = []
    open_ = [one for one in chunks if wanted is None or one.id in wanted]
    for start in range(0, len(open_), batch):
        outcomes += outcomes_of(extractor, open_[start : start + batch])
    new = Extracted.of(outcomes, extractor.fingerprint)
    if known is None:
        return new
    done = known.outcomes.filter(pc.equal(known.outcomes.column("state"), "done")).column("chunk_id")
    return Extracted.joined([known.only(done.combine_chunks()), new])


def _difference(after: Usage, before: Usage) -> Usage:
    return Usage(*(getattr(after, name) - getattr(before, name) for name in Usage.__slots__))


def embed(plan: Plan) -> Work:
    """The stage that makes vectors of passages and facts. Needs `chunk`, `extract`, `failed`; adds `embed`, `names`.

    Both are keys of shards: vectors by text hash, and the keys of the entities that the part names.
    """
    encoder = _encoder(plan.config)
    rules = plan.config.graph.rules

    def work(row: Row) -> Iterator[Row]:
        if "part" not in row:
            yield {**row, "made": False}
            return
        key = key_of("embed", _EMBED, row["extract"], sorted(row["failed"]), rules, encoder.fingerprint)
        made = not plan.work.exists(f"embed/{key}.parquet")
        if made:
            chunks = chunks_of(read_shard(plan.work, f"chunk/{row['chunk']}.parquet"))
            found = extracted_of(read_shard(plan.work, f"extract/{row['extract']}.parquet"))
            facts, names = embedded_of(found, rules)
            _write(plan, "names", key, pa.table({"key": names}))
            texts: list[tuple[TextKind, Sequence[str]]] = [
                ("passage", [one.searched for one in chunks]),
                ("fact", facts.to_pylist()),
            ]
            _write(plan, "embed", key, _vectors(encoder, texts, plan.config.indexing.batch_texts))
        yield {**row, "embed": key, "names": key, "made": made}

    return work


def embed_names(plan: Plan) -> Work:
    """The stage that makes vectors of entities. Takes rows with `keys`; yields `embed` (key of the shard)."""
    encoder = _encoder(plan.config)

    def work(row: Row) -> Iterator[Row]:
        key = key_of("names", _EMBED, row["keys"], encoder.fingerprint)
        made = not plan.work.exists(f"embed/{key}.parquet")
        if made:
            _write(plan, "embed", key, _vectors(encoder, [("entity", row["keys"])], plan.config.indexing.batch_texts))
        yield {"embed": key, "made": made}

    return work


def _encoder(config: Config) -> Encoder:
    encoder = make_encoder(config)
    if encoder is None:
        raise HippoError("a stage that embeds needs an encoder")
    return encoder


def _vectors(encoder: Encoder, kinds: Sequence[tuple[TextKind, Sequence[str]]], batch: int) -> pa.Table:
    """Vectors of texts, each once, in batches of one kind and about one length."""
    hashes: list[str] = []
    parts: list[Any] = [np.empty((0, encoder.dimension), np.float32)]
    for kind, texts in kinds:
        known = dict(zip(text_hashes(kind, texts), texts, strict=True))
        ordered = sorted(known.items(), key=lambda item: (len(item[1]), item[0]))
        for start in range(0, len(ordered), batch):
            some = ordered[start : start + batch]
            parts.append(checked(encoder, encoder.encode([text for _, text in some], kind=kind), len(some)))
            hashes += [one for one, _ in some]
    return vectors_table(hashes, np.concatenate(parts))


def _write(plan: Plan, stage: str, key: str, table: pa.Table) -> None:
    write_shard(plan.work, f"{stage}/{key}.parquet", table)
    plan.count(stage, key)
