"""What a snapshot of hippo holds, by name: the one place where writer and reader agree.

A snapshot of format 1 lacks what only `hippo.snapshot.restrict` needs: mentions, relations of facts, counts of terms.
It is read without them. Until format 3 it did not know when turns were said. What was known at an earlier time is
beside all this, in `hippo.snapshot.history`.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hippo.backends.scoring.codes import Codes
from hippo.errors import IndexCorruptError, IndexMismatchError
from hippo.graph.decisions import DECISIONS
from hippo.graph.links import LINKS
from hippo.graph.model import Graph
from hippo.graph.synonyms import Similar
from hippo.search.layered import LayeredIndex
from hippo.search.lexical import LexicalIndex
from hippo.search.moments import Moments
from hippo.snapshot.cells import reader
from hippo.snapshot.manifest import FORMAT
from hippo.snapshot.read import Snapshot
from hippo.snapshot.write import SnapshotWriter
from hippo.types import TextKind

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from hippo.graph.tables import Tables
    from hippo.protocols import Vectors
    from hippo.snapshot.history import History
    from hippo.snapshot.merge import Part

__all__ = [
    "ASKED",
    "EMBEDDED",
    "SEARCH",
    "SEARCHES",
    "SIMILAR",
    "STORAGE",
    "Contents",
    "compose",
    "read_contents",
    "read_decisions",
    "read_links",
    "read_words",
    "write_contents",
    "write_words",
]

EMBEDDED: tuple[TextKind, ...] = ("passage", "fact", "entity")
"""Kinds of text that have vectors, in the order of their rows in the tables."""

_TABLES = ("documents", "chunks", "facts", "entities")
_WORDS = ("passage", "fact")
_WORD_ARRAYS = ("vocabulary", "indptr", "texts", "weights")
_WORD_SOURCES = ("counts", "lengths")
WORDS = (*_WORD_ARRAYS, *_WORD_SOURCES)
"""What arrays of an index of words are called, after its name."""
_CODE_ARRAYS = ("codes", "scales", "bounds")
_SIMILAR_ARRAYS = ("low", "high", "similarity")
SIMILAR = tuple(f"similar.{part}" for part in _SIMILAR_ARRAYS)
"""Arrays of similar names."""
SEARCH, SEARCHES = "search", "vector_search"
"""Name of the folder of a search, before its kind; key of a manifest that says what searches there are, by kind."""
STORAGE = "storage"
"""Key of a manifest that says what vectors are kept as; where it is missing: float32."""
ASKED = (
    *("documents", "entities", "vectors.passage", "words", "search.fact", "codes.fact", "graph", "vectors.fact"),
    *("fact_entities", "facts", "chunks"),
)
"""What questions read, in about that order, for `Snapshot.read_ahead`."""
_RESTRICTABLE = 2
"""The first format that holds what parts are made from."""


@dataclass(frozen=True)
class Contents:
    """Tables and arrays of an index. Rows are in canonical order, so equal content gives equal arrays.

    Attributes:
        documents: Columns document_id, title, metadata (JSON), timestamp, source; by document_id.
        chunks: chunk_id, document (int32 row), document_id, position, title, text, start, end, said (of turns: when,
            UTC; from format 4 on); by document and position.
        facts: text, start, end, subject, predicate, object, relations (pairs of positions in the fact's entities, one
            after another), chunk (int32 row); by chunk and order of extraction.
        entities: key, name (its commonest spelling), chunks (int32, how many mention it); by key.
        fact_entities: Rows of each fact's entities: indptr int64 `(F + 1,)`, indices int32.
        graph: The graph; entity row i is node i, chunk row j is node E + j.
        words: BM25 over passages and over fact texts.
        vectors: Unit vectors by kind (`EMBEDDED`), float32 or float16; empty for an index without encoder.
        moments: Moments of the vectors of passages and facts.
        similar: All similar pairs of entities, before the limit per entity: what the next snapshot starts from.
        info: Counts and fingerprints, as in the manifest.
        mentions: chunk, entity (int32 rows), surface (as it is written there; dictionary in code point order); by chunk
            and place. None: the snapshot has the older format.
        decisions: What was decided about synonyms, by entity key: first, second, decision; by both keys.
        links: Edges that people made: first, second, kind, weight; by the first three.
        fresh: What lies beside a snapshot until it is merged (`hippo.fresh`). Its rows come after those of the snapshot
            in all tables, and as nodes in the graph; `words` and `vectors` are of the snapshot's rows alone, and its
            synonyms are not looked for. None: this is an index as it was built.
        hidden: Documents that are to be forgotten or have a newer version in `fresh`, bool `(D,)`; None: none are.
        searches: Folders in which approximate searches of vectors are kept (`hippo.backends.vectors.build_search`), by
            kind; where there is none, vectors are few, or all are compared.
        codes: Vectors in 8 bits by kind, for facts that are compared by them (`hippo.backends.scoring.build_codes`).
            Where there are none, whoever needs them makes them.
        ordered: How many entities, from the first, are in the order of their keys; the others are in order too. None:
            all.
    """

    documents: "pa.Table"
    chunks: "pa.Table"
    facts: "pa.Table"
    entities: "pa.Table"
    fact_entities: "tuple[NDArray[np.int64], NDArray[np.int32]]"
    graph: Graph
    words: Mapping[str, LexicalIndex]
    vectors: "Mapping[str, Vectors]" = field(default_factory=dict)
    moments: Mapping[str, Moments] = field(default_factory=dict)
    similar: Similar = field(default_factory=Similar.none)
    info: Mapping[str, Any] = field(default_factory=dict)
    mentions: "pa.Table | None" = None
    decisions: "pa.Table" = field(default_factory=DECISIONS.empty_table)
    links: "pa.Table" = field(default_factory=LINKS.empty_table)
    fresh: "Part | None" = None
    hidden: "NDArray[np.bool_] | None" = None
    ordered: int | None = None
    searches: "Mapping[str, Path]" = field(default_factory=dict)
    codes: Mapping[str, Codes] = field(default_factory=dict)

    def words_of(self, kind: str) -> LexicalIndex | LayeredIndex:
        """BM25 over all passages or facts."""
        words = self.words[kind]
        return words if self.fresh is None else LayeredIndex(words, self.fresh.words[kind])

    def entity_row(self, key: str) -> int | None:
        """Row of the entity of a key; None: there is none."""
        read, count = reader(self.entities.column("key")), self.entities.num_rows
        ordered = count if self.ordered is None else self.ordered
        # No table of all keys is needed where they are in ascending order.
        for first, last in ((0, ordered), (ordered, count)):
            row = bisect_left(range(count), key, first, last, key=read)
            if row < last and read(row) == key:
                return row
        return None

    @property
    def hidden_passages(self) -> "NDArray[np.bool_] | None":
        """Passages of hidden documents, bool `(P,)`; None: there are none."""
        return None if self.hidden is None else self.hidden[self.chunks.column("document").to_numpy()]

    @property
    def nbytes(self) -> int:
        """Size of all tables and arrays, about: what they take in memory where they are not mapped."""
        graph, similar = self.graph, self.similar
        arrays: list[NDArray[Any]] = [*self.fact_entities, graph.indptr, graph.indices, *graph.weights.values()]
        arrays += [*self.vectors.values(), similar.low, similar.high, similar.similarity]
        arrays += [part for codes in self.codes.values() for part in (codes.codes, codes.scales)]
        arrays += [part for moments in self.moments.values() for part in (moments.mean, moments.covariance)]
        for words in self.words.values():
            parts = (getattr(words, part) for part in (*_WORD_ARRAYS, *_WORD_SOURCES))
            arrays += [part for part in parts if part is not None]
        tables = [self.documents, self.chunks, self.facts, self.entities, self.decisions, self.links]
        tables += [] if self.mentions is None else [self.mentions]
        return sum(array.nbytes for array in arrays) + sum(int(table.nbytes) for table in tables)

    @property
    def n_chunks(self) -> int:
        """Number of passages."""
        return self.graph.n_passages

    @property
    def tables(self) -> "Tables":
        """The numbered tables that all else follows from.

        Raises:
            IndexMismatchError: The snapshot has an older format, which lacks some of them.
        """
        from hippo.graph.tables import Tables, flat

        if self.mentions is None:
            remedy = "Run `hippo index` once on the index: it is then published anew, from what it holds"
            raise IndexMismatchError("the open snapshot", "snapshot format", "1", str(FORMAT), remedy)
        keys = flat(self.entities.column("key"))
        return Tables(
            self.documents,
            self.chunks,
            self.facts,
            self.mentions,
            keys,
            self.fact_entities,
            self.decisions,
            self.links,
        )


def compose(
    tables: "Tables",
    graph: Graph,
    words: Mapping[str, LexicalIndex],
    vectors: "Mapping[str, Vectors]",
    similar: Similar,
    info: Mapping[str, Any],
) -> Contents:
    """Contents of parts that fit together; moments and counts are added."""
    counts = {
        "documents": tables.documents.num_rows,
        "chunks": tables.chunks.num_rows,
        "facts": tables.facts.num_rows,
        "entities": len(tables.keys),
        "edges": graph.edge_counts,
    }
    return Contents(
        tables.documents,
        tables.chunks,
        tables.facts,
        tables.entities,
        tables.fact_entities,
        graph,
        words,
        vectors,
        {kind: Moments.of(vectors[kind]) for kind in _WORDS if kind in vectors},
        similar,
        {**info, **counts},
        tables.mentions,
        tables.decisions,
        tables.links,
    )


def write_contents(writer: SnapshotWriter, contents: Contents, history: "History | None" = None) -> str:
    """Write everything and publish it.

    Args:
        writer: Where to.
        contents: What readers open.
        history: What is mapped when an earlier time is asked for.

    Returns:
        Name of the snapshot.

    Raises:
        IndexMismatchError: The contents were read from a snapshot of an older format.
    """
    writer.table("mentions", contents.tables.mentions)
    writer.table("decisions", contents.decisions)
    writer.table("links", contents.links)
    for name in _TABLES:
        writer.table(name, getattr(contents, name))
    writer.array("fact_entities.indptr", contents.fact_entities[0])
    writer.array("fact_entities.indices", contents.fact_entities[1])
    graph = contents.graph
    writer.array("graph.indptr", graph.indptr)
    writer.array("graph.indices", graph.indices)
    for kind, weights in graph.weights.items():
        writer.array(f"graph.{kind}", weights)
    for name, words in contents.words.items():
        write_words(writer, f"words.{name}", words)
    for name, vectors in contents.vectors.items():
        writer.array(f"vectors.{name}", vectors)
    for name, codes in contents.codes.items():
        for part in _CODE_ARRAYS:
            writer.array(f"codes.{name}.{part}", getattr(codes, part))
    for name, moments in contents.moments.items():
        writer.array(f"moments.{name}.mean", moments.mean)
        writer.array(f"moments.{name}.covariance", moments.covariance)
    for name, part in zip(SIMILAR, _SIMILAR_ARRAYS, strict=True):
        writer.array(name, getattr(contents.similar, part))
    if history is not None:
        history.write(writer)
    return writer.publish({**contents.info, "kinds": sorted(graph.weights), "vectors": sorted(contents.vectors)})


def write_words(writer: SnapshotWriter, name: str, words: LexicalIndex) -> None:
    """Write an index of words."""
    for part in (*_WORD_ARRAYS, *_WORD_SOURCES):
        writer.array(f"{name}.{part}", getattr(words, part))


def read_words(snapshot: Snapshot, name: str, size: int) -> LexicalIndex:
    """Map an index of words of `size` texts."""
    whole = snapshot.format >= _RESTRICTABLE
    parts = (*_WORD_ARRAYS, *_WORD_SOURCES) if whole else _WORD_ARRAYS
    return LexicalIndex(**{part: snapshot.array(f"{name}.{part}") for part in parts}, size=size)


def read_decisions(snapshot: Snapshot) -> "pa.Table":
    """Decisions about synonyms; a snapshot without any may lack the table."""
    return snapshot.table("decisions") if snapshot.has("decisions") else DECISIONS.empty_table()


def read_links(snapshot: Snapshot) -> "pa.Table":
    """Links; a snapshot without any may lack the table."""
    return snapshot.table("links") if snapshot.has("links") else LINKS.empty_table()


def read_contents(snapshot: Snapshot) -> Contents:
    """Map everything into memory; nothing is read before it is used."""
    tables = {name: snapshot.table(name) for name in _TABLES}
    weights = {kind: snapshot.array(f"graph.{kind}") for kind in snapshot.info["kinds"]}
    graph = Graph(
        tables["entities"].num_rows,
        tables["chunks"].num_rows,
        snapshot.array("graph.indptr"),
        snapshot.array("graph.indices"),
        weights,
    )
    sizes = {"passage": tables["chunks"].num_rows, "fact": tables["facts"].num_rows}
    words = {name: read_words(snapshot, f"words.{name}", sizes[name]) for name in _WORDS}
    vectors = {name: snapshot.array(f"vectors.{name}") for name in snapshot.info["vectors"]}
    moments = {
        name: Moments(snapshot.array(f"moments.{name}.mean"), snapshot.array(f"moments.{name}.covariance"))
        for name in _WORDS
        if name in vectors
    }
    return Contents(
        **tables,
        fact_entities=(snapshot.array("fact_entities.indptr"), snapshot.array("fact_entities.indices")),
        graph=graph,
        words=words,
        vectors=vectors,
        moments=moments,
        similar=Similar(*map(snapshot.array, SIMILAR)),
        info=snapshot.info,
        mentions=snapshot.table("mentions") if snapshot.format >= _RESTRICTABLE else None,
        decisions=read_decisions(snapshot),
        links=read_links(snapshot),
        searches={kind: snapshot.file(f"{SEARCH}.{kind}") for kind in snapshot.info.get(SEARCHES, ())},
        codes={
            name: _read_codes(snapshot, name) for name in vectors if snapshot.has(f"codes.{name}.{_CODE_ARRAYS[0]}")
        },
    )


def _read_codes(snapshot: Snapshot, name: str) -> Codes:
    parts = {part: snapshot.array(f"codes.{name}.{part}") for part in _CODE_ARRAYS}
    if parts["bounds"].shape != (2,):
        raise IndexCorruptError(str(snapshot.file(f"codes.{name}.bounds.npy")), "it should hold two numbers")
    return Codes(**parts)
