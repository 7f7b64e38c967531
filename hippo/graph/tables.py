"""What was added, as numbered tables; and what follows from it: names and counts of entities, pairs of nodes.

Every table is in canonical order and refers to others by row, so that a part of the documents is a part of every
table, in the same order.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hippo.extraction.mentions import title_mentions
from hippo.graph.build import Pairs, count_pairs, distinct_pairs
from hippo.graph.decisions import DECISIONS
from hippo.graph.links import LINKS, link_pairs
from hippo.graph.sequence import follow_pairs, in_sequence
from hippo.scratch import Scratch
from hippo.types import passage_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Tables", "flat"]

_BATCH = 65_536


@dataclass(frozen=True)
class Tables:
    """Numbered tables.

    Attributes:
        documents: As in `hippo.snapshot.contents.Contents`, and so are the next three.
        chunks: Of documents, by `document` and position.
        facts: Of chunks, by `chunk` and order of extraction.
        mentions: Of entities in chunks, by `chunk`.
        keys: Key of each entity, string, ascending. Each is in a fact or a mention.
        fact_entities: Rows of each fact's entities: indptr int64 `(F + 1,)`, indices int32.
        decisions: What was decided about synonyms, by key: `hippo.graph.decisions.DECISIONS`.
        links: Edges that people made: `hippo.graph.links.LINKS`.
        scratch: Limits the memory of what is computed; None: all is in memory.
    """

    documents: pa.Table
    chunks: pa.Table
    facts: pa.Table
    mentions: pa.Table
    keys: pa.Array
    fact_entities: "tuple[NDArray[np.int64], NDArray[np.int32]]"
    decisions: pa.Table = field(default_factory=DECISIONS.empty_table)
    links: pa.Table = field(default_factory=LINKS.empty_table)
    scratch: Scratch | None = field(default=None, repr=False, compare=False)

    @property
    def passages(self) -> pa.ChunkedArray:
        """What is embedded and searched of each chunk: `passage_of` it."""

        def batches() -> Iterator[pa.RecordBatch]:
            for part in self.chunks.select(["title", "said", "text"]).to_batches(_BATCH):
                columns = (column.to_pylist() for column in part.columns)
                texts = [passage_of(*parts) for parts in zip(*columns, strict=True)]
                yield pa.record_batch({"text": pa.array(texts, pa.string())})

        schema = pa.schema({"text": pa.string()})
        return (self.scratch or Scratch()).table(schema, batches()).column("text")

    @cached_property
    def entities(self) -> pa.Table:
        """Columns key, name and chunks, as in `hippo.snapshot.contents.Contents`."""
        counts = np.bincount(self.pairs["contains"][0], minlength=len(self.keys))
        return pa.table({"key": self.keys, "name": self._names(), "chunks": pa.array(counts.astype(np.int32))})

    @cached_property
    def pairs(self) -> Mapping[str, Pairs]:
        """Pairs of nodes by kind of edge, but `synonym` and `follows`. Entity i is node i, chunk j is node E + j."""
        n_entities, n_nodes = len(self.keys), len(self.keys) + self.chunks.num_rows
        indptr, indices = self.fact_entities
        said_in = np.repeat(_column(self.facts, "chunk"), np.diff(indptr))
        return {
            "relation": count_pairs(*self._related(), n_nodes, self.scratch),
            "contains": distinct_pairs(
                np.concatenate([indices, _column(self.mentions, "entity")]).astype(np.int64),
                np.concatenate([said_in, _column(self.mentions, "chunk")]).astype(np.int64) + n_entities,
                n_nodes,
                self.scratch,
            ),
            "titles": distinct_pairs(*self._titled(), n_nodes, self.scratch),
            **link_pairs(self.links, self.documents, self.chunks, self.keys),
        }

    def follows(self, distance: int) -> Pairs:
        """Pairs of passages of which one follows the other, at most `distance` places away: see `follow_pairs`."""
        return follow_pairs(_column(self.chunks, "document"), in_sequence(self.documents), len(self.keys), distance)

    def _related(self) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """Both entities of every relation of every fact."""
        indptr, indices = self.fact_entities
        lists = flat(self.facts.column("relations"))
        positions = lists.flatten().to_numpy(zero_copy_only=False).astype(np.int64)
        begins = np.repeat(indptr[:-1], np.diff(lists.offsets.to_numpy())) if len(lists) else positions
        related = indices[begins + positions].astype(np.int64)
        return related[0::2], related[1::2]

    def _titled(self) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """Each entity that is the title of a chunk, and the node of that chunk."""
        titles = flat(self.chunks.column("title")).dictionary_encode()
        keys = [title_keys(title) for title in titles.dictionary.to_pylist()]
        sizes = np.fromiter(map(len, keys), np.int64, len(keys))
        named = pa.array([key for some in keys for key in some], pa.string())
        found = np.asarray(pc.fill_null(pc.index_in(named, value_set=self.keys), -1), np.int64)
        rows = np.asarray(pc.fill_null(titles.indices, -1), np.int64)
        chunks = np.flatnonzero(rows >= 0)
        rows = rows[chunks]
        begins = np.cumsum(sizes) - sizes
        counts = sizes[rows]
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        entities = found[np.repeat(begins[rows], counts) + within]
        nodes = np.repeat(chunks, counts) + len(self.keys)
        return entities[entities >= 0], nodes[entities >= 0]

    def _names(self) -> pa.Array:
        """The commonest spelling of each entity (ties: first in code point order), its key where nothing spells it.

        White space is one space, since a text may break a line within a name.
        """
        spelled = flat(self.mentions.column("surface"))
        surfaces = spelled.dictionary
        size = max(len(surfaces), 1)
        spellings = _column(self.mentions, "entity").astype(np.int64) * size + _numbers(spelled)
        distinct, counts = np.unique(spellings, return_counts=True)
        entities = distinct // size
        best = np.lexsort((distinct, -counts, entities))
        best = best[np.diff(entities[best], prepend=-1) > 0]
        rows = np.full(len(self.keys), -1)
        rows[entities[best]] = distinct[best] % size
        names = surfaces.take(pa.array(rows, mask=rows < 0))
        return pc.coalesce(pc.replace_substring_regex(names, r"\s+", " "), self.keys)

    def restrict(self, documents: "NDArray[np.bool_]") -> "tuple[Tables, dict[str, NDArray[np.int64]]]":
        """The tables of some documents alone.

        Args:
            documents: Which of them, bool `(D,)`.

        Returns:
            Tables, and which rows of chunks ("passage"), facts and entities they hold, ascending.
        """
        chunks = documents[_column(self.chunks, "document")]
        facts = chunks[_column(self.facts, "chunk")]
        mentions = self.mentions.filter(pa.array(chunks[_column(self.mentions, "chunk")])).combine_chunks()
        indptr, indices = self.fact_entities
        sizes = np.diff(indptr)
        indices = indices[np.repeat(facts, sizes)]
        entities = np.zeros(len(self.keys), bool)
        entities[indices] = True
        entities[_column(mentions, "entity")] = True
        mentions = _renumber(_renumber(mentions, "chunk", chunks), "entity", entities)
        tables = Tables(
            self.documents.filter(pa.array(documents)).combine_chunks(),
            _renumber(self.chunks.filter(pa.array(chunks)).combine_chunks(), "document", documents),
            _renumber(self.facts.filter(pa.array(facts)).combine_chunks(), "chunk", chunks),
            mentions.set_column(2, "surface", _only_used(flat(mentions.column("surface")))),
            self.keys.filter(pa.array(entities)),
            (np.concatenate([[0], np.cumsum(sizes[facts])]).astype(np.int64), _numbering(entities)[indices]),
            self.decisions,
            self.links,
        )
        kept = {"passage": chunks, "fact": facts, "entity": entities}
        return tables, {kind: np.flatnonzero(rows) for kind, rows in kept.items()}


@lru_cache(maxsize=1 << 16)
def title_keys(title: str) -> tuple[str, ...]:
    """Keys of a title: as it stands, and without a closing parenthesis."""
    return tuple(mention.key for mention in title_mentions(title))


def flat(column: pa.ChunkedArray) -> pa.Array:
    """One contiguous array without offset."""
    array = column.combine_chunks()
    return pa.concat_arrays([array]) if not isinstance(array, pa.ChunkedArray) else pa.concat_arrays(array.chunks)


def _column(table: pa.Table, name: str) -> "NDArray[np.int32]":
    rows: NDArray[np.int32] = table.column(name).to_numpy()
    return rows


def _numbers(spelled: pa.DictionaryArray) -> "NDArray[np.int32]":
    numbers: NDArray[np.int32] = spelled.indices.to_numpy(zero_copy_only=False)
    return numbers


def _numbering(kept: "NDArray[np.bool_]") -> "NDArray[np.int32]":
    """New row of each row that is kept; meaningless for the others."""
    return np.cumsum(kept, dtype=np.int32) - 1


def _renumber(table: pa.Table, name: str, kept: "NDArray[np.bool_]") -> pa.Table:
    """The table with a column that refers to kept rows, in their new numbers."""
    rows = _numbering(kept)[_column(table, name)]
    return table.set_column(table.column_names.index(name), name, pa.array(rows))


def _only_used(spelled: pa.DictionaryArray) -> pa.DictionaryArray:
    """The same texts with a dictionary of no others."""
    numbers = _numbers(spelled)
    used = np.zeros(len(spelled.dictionary), bool)
    used[numbers] = True
    return pa.DictionaryArray.from_arrays(
        pa.array(_numbering(used)[numbers]), spelled.dictionary.filter(pa.array(used))
    )
