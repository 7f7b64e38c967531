"""What is true of a sound store beyond the counts of the journal: every row has its owner, every place is in range."""

from collections.abc import Collection

from hippo.errors import IndexStateError
from hippo.store.connection import Connection

__all__ = ["broken"]

_RULES = {
    "documents": {
        "documents that share an id": "SELECT count(*) - count(DISTINCT id) FROM documents",
        "documents without content hash": "SELECT count(*) FROM documents WHERE content_hash IS NULL",
    },
    "chunks": {
        "chunks that share an id": "SELECT count(*) - count(DISTINCT id) FROM chunks",
        "chunks of no document": "SELECT count(*) FROM chunks ANTI JOIN documents ON document_id = documents.id",
        "chunks that share a place in their document": (
            "SELECT count(*) - count(DISTINCT (document_id, position)) FROM chunks"
        ),
    },
    "ledger": {
        "chunks without a state": "SELECT count(*) FROM chunks ANTI JOIN ledger ON chunk_id = chunks.id",
        "states of no chunk": "SELECT count(*) FROM ledger ANTI JOIN chunks ON chunk_id = chunks.id",
        "chunks with several states": "SELECT count(*) - count(DISTINCT (chunk_id, stage)) FROM ledger",
        "unknown states": "SELECT count(*) FROM ledger WHERE state NOT IN ('pending', 'done', 'failed')",
    },
    "mentions": {
        "mentions of no chunk": "SELECT count(*) FROM mentions ANTI JOIN chunks ON chunk_id = chunks.id",
        "mentions outside their chunk": (
            "SELECT count(*) FROM mentions m JOIN chunks c ON c.id = m.chunk_id "
            'WHERE m."start" >= 0 AND (m."end" < m."start" OR m."end" > length(c.text))'
        ),
    },
    "facts": {
        "facts of no chunk": "SELECT count(*) FROM facts ANTI JOIN chunks ON chunk_id = chunks.id",
        "facts that share a place in their chunk": "SELECT count(*) - count(DISTINCT (chunk_id, ordinal)) FROM facts",
        "facts outside their chunk": (
            "SELECT count(*) FROM facts f JOIN chunks c ON c.id = f.chunk_id "
            'WHERE f."start" >= 0 AND (f."end" < f."start" OR f."end" > length(c.text))'
        ),
        "facts that relate what is not among their entities": (
            "SELECT count(*) FROM facts WHERE len(relations) % 2 = 1 OR list_max(relations) >= len(entities) "
            "OR list_min(relations) < 0"
        ),
    },
    "versions": {
        "versions that share a number": "SELECT count(*) - count(DISTINCT version) FROM versions",
        "versions that end before they start": "SELECT count(*) FROM versions WHERE ended < started",
        "versions in force at one time with the next one": (
            "SELECT count(*) FROM (SELECT started, lag(ended) OVER (PARTITION BY id ORDER BY version) AS before FROM ("
            "SELECT document_id AS id, version, started, ended FROM versions UNION ALL "
            "SELECT id, 9223372036854775807, coalesce(started, timestamp), NULL FROM documents)) "
            "WHERE coalesce(started < before, before IS NOT NULL)"
        ),
        "versions that ended in an unknown way": (
            "SELECT count(*) FROM versions WHERE ending NOT IN ('replaced', 'deleted') OR ended IS NULL"
        ),
    },
    "past_chunks": {
        "chunks of no version": "SELECT count(*) FROM past_chunks ANTI JOIN versions USING (version)",
        "chunks that share a place in their version": (
            "SELECT count(*) - count(DISTINCT (version, position)) FROM past_chunks"
        ),
    },
    "past_mentions": {
        "mentions of no chunk of their version": (
            "SELECT count(*) FROM past_mentions m "
            "ANTI JOIN past_chunks c ON c.version = m.version AND c.id = m.chunk_id"
        ),
    },
    "past_facts": {
        "facts of no chunk of their version": (
            "SELECT count(*) FROM past_facts f ANTI JOIN past_chunks c ON c.version = f.version AND c.id = f.chunk_id"
        ),
        "facts that relate what is not among their entities": (
            "SELECT count(*) FROM past_facts WHERE len(relations) % 2 = 1 OR list_max(relations) >= len(entities) "
            "OR list_min(relations) < 0"
        ),
    },
    "synonyms": {
        "pairs of names that are decided about twice": (
            "SELECT count(*) - count(DISTINCT (first, second)) FROM synonyms"
        ),
        "pairs of names that are out of order": "SELECT count(*) FROM synonyms WHERE first >= second",
        "unknown decisions": "SELECT count(*) FROM synonyms WHERE decision NOT IN ('accepted', 'rejected')",
    },
    "links": {
        "links that are there twice": "SELECT count(*) - count(DISTINCT (first, second, kind)) FROM links",
        "links whose ends are out of order": "SELECT count(*) FROM links WHERE first >= second",
        "links without a weight": "SELECT count(*) FROM links WHERE weight IS NULL OR NOT weight > 0",
    },
    "embeddings": {
        "texts embedded twice": "SELECT count(*) - count(DISTINCT (encoder, hash)) FROM embeddings",
        "vectors of another length than the others": (
            "SELECT coalesce(sum(lengths - 1), 0) FROM "
            "(SELECT count(DISTINCT len(vector)) AS lengths FROM embeddings GROUP BY encoder)"
        ),
    },
}


_OWNERS = ("documents", "chunks", "ledger")
"""Tables with rules about rows of others."""


def broken(connection: Connection, damaged: Collection[str] = ()) -> list[tuple[str, str]]:
    """Rules that do not hold: table, and how many rows break the rule.

    Args:
        connection: To a store whose documents, chunks and ledger can be read.
        damaged: Tables that are left out.

    Raises:
        IndexStateError: A table cannot be read.
    """
    found, held = [], {}
    # Rows as a whole: what no rule looks at has to be readable too.
    whole = {name: f"SELECT count(*), bit_xor(hash({name})) FROM {name}" for name in _RULES if name not in damaged}  # noqa: S608
    for table, row in connection.each(whole):
        if isinstance(row, IndexStateError):
            found.append((table, f"table {table} cannot be read: {row.args[1]}"))
        elif row[0] or table in _OWNERS:  # The rules of others are about their own rows.
            held.update({(table, rule): query for rule, query in _RULES[table].items()})
    if not held:
        return found
    [counts] = connection.rows(f"SELECT {', '.join(f'({query})' for query in held.values())}")
    found += [(table, f"{count} {rule}") for (table, rule), count in zip(held, counts, strict=True) if count]
    return found
