"""Two parts of which no document is in both as one: what an index of all their documents would hold."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hippo.graph.tables import Tables, flat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hippo.protocols import Vectors
    from hippo.search.lexical import LexicalIndex

__all__ = ["Part", "merge", "rows_in", "union_of"]


@dataclass(frozen=True)
class Part:
    """What is known of some documents, without what follows from all of them together.

    Attributes:
        tables: Numbered tables.
        words: BM25 of "passage" and "fact", with counts and lengths.
        vectors: float32 or float16 by kind of text, a row for each row of its table; empty without encoder.
    """

    tables: Tables
    words: "Mapping[str, LexicalIndex]"
    vectors: "Mapping[str, Vectors]"

    def restrict(self, documents: "NDArray[np.bool_]") -> "Part":
        """Some of the documents alone: bool `(D,)`."""
        tables, rows = self.tables.restrict(documents)
        return Part(
            tables,
            {kind: words.restrict(rows[kind]) for kind, words in self.words.items()},
            {kind: vectors[rows[kind]] for kind, vectors in self.vectors.items()},
        )

    def stored_like(self, vectors: "Mapping[str, Vectors]") -> "Part":
        """The part with vectors of the types of others, so that equal texts are as similar to a question."""
        own = {kind: mine.astype(vectors.get(kind, mine).dtype, copy=False) for kind, mine in self.vectors.items()}
        return replace(self, vectors=own)


def merge(first: Part, second: Part) -> Part:
    """Both together, in canonical order.

    Args:
        first: Some documents.
        second: Others, made by the same rules and encoder; their vectors become of the type of those of `first`.
    """
    one, two = first.tables, second.tables
    second = second.stored_like(first.vectors)
    keys = union_of(one.keys, two.keys)
    entities = rows_in(one.keys, keys), rows_in(two.keys, keys)
    both = pa.concat_tables([one.documents, two.documents])
    by_id = np.asarray(pc.sort_indices(both, sort_keys=[("document_id", "ascending")]), np.int64)
    # A snapshot of an older format does not know when turns were said.
    names = [name for name in one.chunks.column_names if name in two.chunks.column_names]
    parts = one.chunks.select(names), two.chunks.select(names)
    chunks, of_chunks = _joined(*parts, "document", by_id, one.documents.num_rows)
    facts, of_facts = _joined(one.facts, two.facts, "chunk", of_chunks, one.chunks.num_rows)
    spelled = _spelled(one.mentions, two.mentions, entities)
    mentions, _ = _joined(*spelled, "chunk", of_chunks, one.chunks.num_rows)
    indptr, indices = _fact_entities(one, two, entities)
    sizes = np.diff(indptr)[of_facts]
    ends = np.cumsum(sizes)
    places = np.repeat(indptr[:-1][of_facts] - (ends - sizes), sizes) + np.arange(len(indices))
    fact_entities = np.concatenate([[0], ends]).astype(np.int64), indices[places]
    documents = both.take(pa.array(by_id)).combine_chunks()
    orders = {"passage": of_chunks, "fact": of_facts, "entity": _first_of(np.concatenate(entities))}
    return Part(
        Tables(documents, chunks, facts, mentions, keys, fact_entities, first.tables.decisions, first.tables.links),
        {kind: words.joined(second.words[kind], orders[kind]) for kind, words in first.words.items()},
        {
            kind: np.concatenate([vectors, second.vectors[kind]])[orders[kind]]
            for kind, vectors in first.vectors.items()
        },
    )


def union_of(first: pa.Array, second: pa.Array) -> pa.Array:
    """The different texts of two arrays, in code point order."""
    both = pc.unique(pa.chunked_array([first, second], pa.string()))
    return both.take(pc.sort_indices(both))


def rows_in(values: pa.Array, known: pa.Array) -> "NDArray[np.int64]":
    """Row of each value among the known ones, -1 where it is none of them."""
    return np.asarray(pc.fill_null(pc.index_in(values, value_set=known), -1), np.int64)


def _joined(
    first: pa.Table, second: pa.Table, owner: str, owners: "NDArray[np.int64]", count: int
) -> "tuple[pa.Table, NDArray[np.int64]]":
    """Rows of two tables in the order of what owns them.

    Args:
        first: Of the first part.
        second: Of the second one.
        owner: Column with the row of the owner.
        owners: The rows, of the first part and then of the second, that the owners had, in their new order.
        count: Number of owners in the first part.

    Returns:
        The table, and the rows that its rows had.
    """
    place = np.empty(len(owners), np.int32)
    place[owners] = np.arange(len(owners), dtype=np.int32)
    rows = place[np.concatenate([first.column(owner).to_numpy(), second.column(owner).to_numpy() + count])]
    order = np.argsort(rows, kind="stable")
    both = pa.concat_tables([first, second])
    both = both.set_column(both.column_names.index(owner), owner, pa.array(rows))
    return both.take(pa.array(order)).combine_chunks(), order


def _spelled(
    first: pa.Table, second: pa.Table, entities: "tuple[NDArray[np.int64], NDArray[np.int64]]"
) -> tuple[pa.Table, pa.Table]:
    """Mentions of both with entities and spellings numbered alike."""
    columns = [flat(table.column("surface")) for table in (first, second)]
    surfaces = union_of(columns[0].dictionary, columns[1].dictionary)
    made = []
    for table, spelled, rows in zip((first, second), columns, entities, strict=True):
        numbers = rows_in(spelled.dictionary, surfaces).astype(np.int32)[_numbers(spelled)]
        named = rows.astype(np.int32)[table.column("entity").to_numpy()]
        surface = pa.DictionaryArray.from_arrays(pa.array(numbers), surfaces)
        made.append(pa.table({"chunk": table.column("chunk"), "entity": pa.array(named), "surface": surface}))
    return made[0], made[1]


def _numbers(spelled: pa.DictionaryArray) -> "NDArray[np.int32]":
    numbers: NDArray[np.int32] = spelled.indices.to_numpy(zero_copy_only=False)
    return numbers


def _fact_entities(
    one: Tables, two: Tables, entities: "tuple[NDArray[np.int64], NDArray[np.int64]]"
) -> "tuple[NDArray[np.int64], NDArray[np.int32]]":
    """Entities of the facts of the first part and then of the second, in rows of both together."""
    (first, mine), (second, its) = one.fact_entities, two.fact_entities
    indices = np.concatenate([entities[0][mine], entities[1][its]]).astype(np.int32)
    return np.concatenate([first, second[1:] + first[-1]]), indices


def _first_of(rows: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Where each row occurs first."""
    _, first = np.unique(rows, return_index=True)
    return first
