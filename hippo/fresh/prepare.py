"""Remembered documents, cut and searched for names by rules, laid out as an index of them alone would be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from hippo.encoding import checked, text_hashes
from hippo.extraction.dated import dated
from hippo.graph.numbering import numbered, with_ids
from hippo.protocols import Chunker, Encoder, Extractor
from hippo.search.lexical import LexicalIndex, hashes_of
from hippo.snapshot.merge import Part
from hippo.store.documents import DOCUMENTS, chunk_columns, document_row
from hippo.store.extracted import fact_columns, mention_columns
from hippo.types import Chunk, Document, Extraction, Mention, TextKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.protocols import Float32

__all__ = ["ENCODED", "Prepared", "lay_out", "lay_out_versions", "prepare", "vectors_of"]

ENCODED: tuple[TextKind, ...] = ("passage", "fact")
"""Kinds of text that are encoded at once; vectors of names follow with the merge."""


@dataclass(frozen=True)
class Prepared:
    """A document with its chunks and what rules find in them."""

    document: Document
    chunks: tuple[Chunk, ...]
    found: tuple[Extraction, ...]

    @cached_property
    def texts(self) -> Mapping[TextKind, list[str]]:
        """What is searched and encoded, by kind."""
        facts = [fact.text for one in self.found for fact in one.facts]
        return {"passage": [chunk.searched for chunk in self.chunks], "fact": facts}

    @cached_property
    def hashes(self) -> Mapping[TextKind, list[str]]:
        """Under what their vectors are known, by kind."""
        return {kind: text_hashes(kind, texts) for kind, texts in self.texts.items()}

    @cached_property
    def terms(self) -> "Mapping[TextKind, list[NDArray[np.uint64]]]":
        """Hashes of their words, by kind."""
        return {kind: [hashes_of(text) for text in texts] for kind, texts in self.texts.items()}


def prepare(document: Document, chunker: Chunker, extractor: Extractor) -> Prepared:
    """Cut a document, and find names and facts by rules."""
    chunks = chunker.chunk(document)
    outcomes = [dated(chunk, one) for chunk, one in zip(chunks, extractor.extract(chunks), strict=True)]
    found = [one for one in outcomes if isinstance(one, Extraction)]
    return Prepared(document, tuple(chunks), tuple(found))


def vectors_of(prepared: Sequence[Prepared], encoder: Encoder, known: "Mapping[str, Float32]") -> "dict[str, Float32]":
    """Vectors of the texts of documents that are not known yet, by hash; each float32 `(d,)`."""
    made: dict[str, Float32] = {}
    for kind in ENCODED:
        texts: dict[str, str] = {}
        for one in prepared:
            texts |= dict(zip(one.hashes[kind], one.texts[kind], strict=True))
        new = {key: text for key, text in texts.items() if key not in known}
        if new:
            vectors = checked(encoder, encoder.encode(list(new.values()), kind=kind), len(new))
            made |= dict(zip(new, vectors, strict=True))
    return made


def lay_out(prepared: Sequence[Prepared], vectors: "Mapping[str, Float32] | None", dimension: int, rules: str) -> Part:
    """The part that documents make, by the rules of an index.

    Args:
        prepared: The documents; their ids differ.
        vectors: By hash, those of all their passages and facts; None: for an index without encoder. Names get zeros.
        dimension: d.
        rules: `GraphConfig.rules`.
    """
    ordered = sorted(prepared, key=lambda one: one.document.id or "")
    documents = pa.Table.from_pylist([document_row(one.document, "") for one in ordered], DOCUMENTS)
    times = documents.column("timestamp").cast(pa.timestamp("us", "UTC"))
    documents = documents.select(["id", "title", "metadata"]).rename_columns(["document_id", "title", "metadata"])
    documents = documents.append_column("timestamp", times)
    documents = documents.append_column("source", pa.array([one.document.source for one in ordered], pa.string()))
    chunks = chunk_columns([chunk for one in ordered for chunk in one.chunks])
    chunks = chunks.rename_columns(["chunk_id", *chunks.column_names[1:]])
    order = ["chunk_id", "document_id", "position", "title", "text", "start", "end", "said"]
    found = [_sorted(item) for one in ordered for item in one.found]
    tables = numbered(documents, chunks.select(order), fact_columns(found), mention_columns(found), rules)
    words = {
        "passage": LexicalIndex.of_hashes([terms for one in ordered for terms in one.terms["passage"]]),
        # Facts of the published rules have other texts.
        "fact": LexicalIndex.of_hashes([terms for one in ordered for terms in one.terms["fact"]])
        if rules == "hippo"
        else LexicalIndex.build(tables.facts.column("text").to_pylist()),
    }
    if vectors is None:
        return Part(tables, words, {})
    blank = np.zeros((len(tables.keys), dimension), np.float32)
    hashes = {"passage": [key for one in ordered for key in one.hashes["passage"]]}
    hashes["fact"] = text_hashes("fact", tables.facts.column("text").to_pylist())
    none = np.zeros(dimension, np.float32)
    rows = {
        kind: np.stack([vectors.get(key, none) for key in keys]) if keys else np.empty((0, dimension), np.float32)
        for kind, keys in hashes.items()
    }
    return Part(tables, words, {**rows, "entity": blank})


def lay_out_versions(
    prepared: Sequence[Prepared], vectors: "Mapping[str, Float32] | None", dimension: int, rules: str
) -> Part:
    """The same of versions of documents, which keep their order, and whose ids may repeat."""
    numbered = [_as_version(number, one) for number, one in enumerate(prepared)]
    part = lay_out(numbered, vectors, dimension, rules)
    return replace(part, tables=with_ids(part.tables, pa.array([one.document.id for one in prepared], pa.string())))


def _as_version(number: int, one: Prepared) -> Prepared:
    """A version under an id that no other has."""
    own = f"{number:012d}"
    chunks = [replace(chunk, id=f"{number}:{chunk.id}", document_id=own) for chunk in one.chunks]
    found = [replace(each, chunk_id=f"{number}:{each.chunk_id}") for each in one.found]
    return Prepared(replace(one.document, id=own), tuple(chunks), tuple(found))


def _sorted(found: Extraction) -> Extraction:
    """Mentions in the order in which the store gives them."""

    def place(mention: Mention) -> tuple[int, str, int, str]:
        return mention.start, mention.key, mention.end, mention.surface

    return Extraction(found.chunk_id, tuple(sorted(found.mentions, key=place)), found.facts, found.dropped)
