"""Facts as the published systems keep them, made from the stored ones: nothing has to be extracted again.

A triple's subject and object, normalised by `hippo.ids.ascii_key`, are its entities, and nothing else is one. Its text
is that of a Python tuple of the three normalised parts. Facts without a triple keep their text; their entities are the
stored keys, normalised in the same way.
"""

from dataclasses import dataclass, field

import pyarrow as pa

from hippo.ids import ascii_key

__all__ = ["published_tables"]


@dataclass(slots=True)
class _Facts:
    """Columns that change, row by row."""

    rows: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    entities: list[list[str]] = field(default_factory=list)
    relations: list[list[int]] = field(default_factory=list)


def published_tables(facts: pa.Table, mentions: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Facts and mentions of the store, as the published systems would have them.

    A triple that a chunk says twice in the same spelling counts once; one that it says in two spellings counts twice.
    Every triple has two entities, which may be the same, and the key "" is an entity like any other.

    Args:
        facts: From `Store.facts_table`.
        mentions: From `Store.mentions_table`.

    Returns:
        Tables of the same columns. Of the mentions those are left that spell an entity of a fact of their chunk, since
        only facts make entities.
    """
    made = _facts(facts)
    kept = facts.take(pa.array(made.rows, pa.int64()))
    columns = {
        "text": pa.array(made.texts, pa.string()),
        "entities": pa.array(made.entities, pa.list_(pa.string())),
        "relations": pa.array(made.relations, pa.list_(pa.int32())),
    }
    for name, column in columns.items():
        kept = kept.set_column(kept.column_names.index(name), name, column)
    chunk_ids = kept.column("chunk_id").to_pylist()
    said = {(chunk, key) for chunk, keys in zip(chunk_ids, made.entities, strict=True) for key in keys}
    return kept, _spellings(mentions, said)


def _facts(facts: pa.Table) -> _Facts:
    made = _Facts()
    seen: set[tuple[str, ...]] = set()
    names = ("chunk_id", "subject", "predicate", "object", "text", "entities", "relations")
    columns = [facts.column(name).to_pylist() for name in names]
    for row, (chunk, subject, predicate, object_, text, entities, relations) in enumerate(zip(*columns, strict=True)):
        if subject is None:
            keys, related = [ascii_key(key) for key in entities], relations
        elif (chunk, subject, predicate, object_) in seen:
            continue
        else:
            seen.add((chunk, subject, predicate, object_))
            triple = ascii_key(subject), ascii_key(predicate), ascii_key(object_)
            text, keys, related = repr(triple), [triple[0], triple[2]], [0, 1]
        made.rows.append(row)
        made.texts.append(text)
        made.entities.append(keys)
        made.relations.append(related)
    return made


def _spellings(mentions: pa.Table, said: set[tuple[str, str]]) -> pa.Table:
    keys = [ascii_key(surface) for surface in mentions.column("surface").to_pylist()]
    chunk_ids = mentions.column("chunk_id").to_pylist()
    rows = [row for row, pair in enumerate(zip(chunk_ids, keys, strict=True)) if pair in said]
    kept = mentions.take(pa.array(rows, pa.int64()))
    column = pa.array([keys[row] for row in rows], pa.string())
    return kept.set_column(kept.column_names.index("key"), "key", column)
